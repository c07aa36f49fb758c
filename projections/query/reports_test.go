package query_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/money"
	"goniec/eventstore"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/query"
)

var (
	warsaw, _ = time.LoadLocation("Europe/Warsaw")
	day16     = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
)

// ofDay is a report of the day of the stories.
func ofDay(by ...query.Dimension) query.Report {
	return query.Report{Account: pt.Account, From: day16, To: day16, Zone: warsaw, By: by}
}

func TestTheTrafficReport(t *testing.T) {
	t.Parallel()
	r := reader(t, 2)
	ask := func(f query.Report) []query.TrafficRow {
		t.Helper()
		rows, err := r.TrafficReport(t.Context(), f)
		require.NoError(t, err)
		return rows
	}
	all := query.TrafficRow{
		Accepted: 10, Sent: 6, Delivered: 6, DeliveredViber: 4, DeliveredSMS: 2, Read: 4, Fallbacks: 2, Late: 2, Double: 2, Failed: 2, Unknown: 2,
		Replies: 1, OptOuts: 1, FallbackBy: map[string]int64{message.ReasonDeadline: 2}, Cost: map[string]string{"PLN": "0.900000"},
	}
	require.Equal(t, []query.TrafficRow{all}, ask(ofDay()))

	goniec, nobody := all, query.TrafficRow{Accepted: 2, Failed: 2, FallbackBy: map[string]int64{}, Cost: map[string]string{}}
	goniec.Key, nobody.Key = query.Key{Day: "2026-11-16", Sender: "GONIEC"}, query.Key{Day: "2026-11-16", Sender: "NOBODY"}
	goniec.Accepted, goniec.Failed = 8, 0
	require.Equal(t, []query.TrafficRow{goniec, nobody}, ask(ofDay(query.ByDay, query.BySender)))

	hour := ask(ofDay(query.ByHour))
	require.Len(t, hour, 1)
	require.Equal(t, "2026-11-16T10:00:00+01:00", hour[0].Hour)

	tags := ask(ofDay(query.ByTag))
	require.Len(t, tags, 2)
	require.Equal(t, []string{"autumn", "orders"}, []string{tags[0].Tag, tags[1].Tag})
	require.Equal(t, tags[0].Cost, tags[1].Cost)
	require.EqualValues(t, 6, tags[0].Accepted, "those without tags are in no row")
	require.EqualValues(t, 1, tags[0].Replies)

	for name, change := range map[string]func(*query.Report){
		"sender":   func(f *query.Report) { f.Sender = "NOBODY" },
		"country":  func(f *query.Report) { f.Country = "CZ" },
		"category": func(f *query.Report) { f.Category = "promotional" },
		"tag":      func(f *query.Report) { f.Tag = "orders" },
		"account":  func(f *query.Report) { f.Account = stranger },
		"range":    func(f *query.Report) { f.From, f.To = day16.AddDate(0, 0, 1), day16.AddDate(0, 0, 300) },
	} {
		f := ofDay()
		change(&f)
		want := map[string]int{"sender": 2, "tag": 6}[name]
		rows := ask(f)
		if want == 0 {
			require.Empty(t, rows, name)
			continue
		}
		require.EqualValues(t, want, rows[0].Accepted, name)
	}
}

// What the messages cost is what the ledger says, to the last place.
func TestTheReportsCostIsTheLedgers(t *testing.T) {
	t.Parallel()
	r := reader(t, 3)
	var ledger money.Amount
	lines, err := r.Billing(t.Context(), pt.Account, "2026-11")
	require.NoError(t, err)
	for _, l := range lines {
		a, err := money.Parse(l.Amount)
		require.NoError(t, err)
		ledger += a
	}
	rows, err := r.TrafficReport(t.Context(), ofDay(query.ByHour, query.BySender, query.ByCountry, query.ByCategory))
	require.NoError(t, err)
	var sum money.Amount
	for _, row := range rows {
		if c, ok := row.Cost["PLN"]; ok {
			a, err := money.Parse(c)
			require.NoError(t, err)
			sum += a
		}
	}
	require.Equal(t, ledger, sum)
}

func TestTheReportOfTimes(t *testing.T) {
	t.Parallel()
	r := reader(t, 2)
	rows, err := r.TimesReport(t.Context(), ofDay(query.ByDay, query.ByChannel))
	require.NoError(t, err)
	near := func(want, got time.Duration) {
		t.Helper()
		require.InDelta(t, want.Seconds(), got.Seconds(), want.Seconds()/20)
	}
	require.Len(t, rows, 3)
	for i, want := range []struct {
		key  query.Key
		what string
		n    int64
		took time.Duration
	}{
		{query.Key{Day: "2026-11-16"}, "fallback", 2, 15 * time.Second},
		{query.Key{Day: "2026-11-16", Channel: "sms"}, "delivery", 2, 16 * time.Second},
		{query.Key{Day: "2026-11-16", Channel: "viber"}, "delivery", 4, time.Second},
	} {
		require.Equal(t, want.key, rows[i].Key)
		require.Equal(t, want.what, rows[i].What)
		require.Equal(t, want.n, rows[i].Messages)
		near(want.took, rows[i].P50)
		near(want.took, rows[i].Max)
	}
	all, err := r.TimesReport(t.Context(), ofDay())
	require.NoError(t, err)
	require.Len(t, all, 2)
	near(time.Second, all[0].P50)
	near(16*time.Second, all[0].P90)
}

func TestTheReportOfDoubles(t *testing.T) {
	t.Parallel()
	r := reader(t, 2)
	rows, err := r.DoublesReport(t.Context(), ofDay(query.ByDay, query.BySender))
	require.NoError(t, err)
	require.Equal(t, []query.DoublesRow{{
		Key: query.Key{Day: "2026-11-16", Sender: "GONIEC"}, Messages: 2, Currency: "PLN", Viber: "0.180000", SMS: "0.360000", Cost: "0.540000",
	}}, rows)
	none, err := r.DoublesReport(t.Context(), query.Report{Account: stranger, From: day16, To: day16, Zone: warsaw})
	require.NoError(t, err)
	require.Empty(t, none)
}

// Days are the zone's, also on the day on which the clocks change.
func TestDaysOfAReportAreTheZones(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	for i, at := range []time.Time{
		time.Date(2026, 10, 24, 21, 59, 59, 0, time.UTC), // 23:59:59 in Warsaw
		time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC),   // midnight
		time.Date(2026, 10, 25, 22, 59, 59, 0, time.UTC), // the day has 25 hours
		time.Date(2026, 10, 25, 23, 0, 0, 0, time.UTC),
	} {
		j.Add(t, eventstore.Messages, 0, pt.Message(i), at, pt.Accepted(i))
	}
	p := pt.Projector(t, link, j, nil)
	stop := pt.Start(t, p)
	pt.CaughtUp(t, p, j)
	stop()
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	f := query.Report{Account: pt.Account, From: day16.AddDate(0, -1, 8), To: day16.AddDate(0, -1, 9), Zone: warsaw, By: []query.Dimension{query.ByDay}}
	counted := func(f query.Report) map[string]int64 {
		rows, err := r.TrafficReport(t.Context(), f)
		require.NoError(t, err)
		out := map[string]int64{}
		for _, row := range rows {
			out[row.Day] = row.Accepted
		}
		return out
	}
	require.Equal(t, map[string]int64{"2026-10-24": 1, "2026-10-25": 2}, counted(f))
	f.Zone = time.UTC
	require.Equal(t, map[string]int64{"2026-10-24": 2, "2026-10-25": 2}, counted(f))
}

// Whatever a report is put together of (hours of all senders, months mended by cells at
// both ends, cells), it says the same as the rows of a finer one together.
func TestACoarseReportIsTheSumOfAFineOne(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	for n := range 60 {
		at := time.Date(2026, 9, 29, 22, 30, 0, 0, time.UTC).Add(time.Duration(n) * 37 * time.Hour)
		for _, f := range pt.Story(n, at) {
			j.Add(t, eventstore.Messages, int32(n%2), pt.Message(n), f.At, f.Fact)
		}
	}
	p := pt.Projector(t, link, j, nil)
	stop := pt.Start(t, p)
	pt.CaughtUp(t, p, j)
	stop()
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)

	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	for _, days := range [][2]time.Time{
		{day(10, 1), day(10, 31)}, {day(10, 1), day(11, 30)}, {day(9, 28), day(11, 3)}, {day(10, 5), day(12, 20)}, {day(10, 12), day(10, 14)}, {day(10, 20), day(11, 10)},
	} {
		for _, by := range [][]query.Dimension{
			{}, {query.ByDay}, {query.ByCategory}, {query.ByCountry, query.ByHour}, {query.BySender}, {query.BySender, query.ByCategory}, {query.ByTag}, {query.ByTag, query.BySender},
		} {
			for _, sender := range []string{"", "GONIEC"} {
				f := query.Report{Account: pt.Account, From: days[0], To: days[1], Zone: warsaw, By: by, Sender: sender}
				fine := f
				fine.By = append([]query.Dimension{query.ByHour, query.BySender}, by...) // of cells
				compare(t, r, f, fine)
			}
		}
	}
}

// compare compares a report with the sums of a finer one.
func compare(t *testing.T, r *query.Reader, coarse, fine query.Report) {
	t.Helper()
	type sum struct {
		query.TrafficRow
		cost, double money.Amount
		timed        map[string]int64
		longest      map[string]time.Duration
	}
	read := func(f query.Report) map[query.Key]*sum {
		out := map[query.Key]*sum{}
		at := func(k query.Key) *sum {
			hour, err := time.Parse(time.RFC3339, k.Hour)
			switch {
			case slices.Contains(coarse.By, query.ByHour):
			case slices.Contains(coarse.By, query.ByDay) && err == nil:
				k.Day, k.Hour = hour.Format(time.DateOnly), ""
			default:
				k.Hour = ""
			}
			if !slices.Contains(coarse.By, query.BySender) {
				k.Sender = ""
			}
			if out[k] == nil {
				out[k] = &sum{timed: map[string]int64{}, longest: map[string]time.Duration{}}
			}
			return out[k]
		}
		amount := func(s string) money.Amount {
			a, err := money.Parse(s)
			require.NoError(t, err)
			return a
		}
		traffic, err := r.TrafficReport(t.Context(), f)
		require.NoError(t, err)
		for _, row := range traffic {
			one := at(row.Key)
			one.Accepted, one.Sent, one.Delivered, one.Read = one.Accepted+row.Accepted, one.Sent+row.Sent, one.Delivered+row.Delivered, one.Read+row.Read
			one.DeliveredViber, one.DeliveredSMS, one.Fallbacks = one.DeliveredViber+row.DeliveredViber, one.DeliveredSMS+row.DeliveredSMS, one.Fallbacks+row.Fallbacks
			one.Late, one.Double, one.Failed, one.Unknown = one.Late+row.Late, one.Double+row.Double, one.Failed+row.Failed, one.Unknown+row.Unknown
			for _, c := range row.Cost {
				one.cost += amount(c)
			}
		}
		doubles, err := r.DoublesReport(t.Context(), f)
		require.NoError(t, err)
		for _, row := range doubles {
			at(row.Key).double += amount(row.Cost)
		}
		f.By = slices.DeleteFunc(slices.Clone(f.By), func(d query.Dimension) bool { return d == query.ByCategory || d == query.ByTag })
		times, err := r.TimesReport(t.Context(), f)
		require.NoError(t, err)
		for _, row := range times {
			one := at(row.Key)
			one.timed[row.What] += row.Messages
			one.longest[row.What] = max(one.longest[row.What], row.Max)
		}
		return out
	}
	want := read(fine)
	require.NotEmpty(t, want)
	require.Equal(t, want, read(coarse), "%s to %s by %v", coarse.From, coarse.To, coarse.By)
}

// A late report may tell of an earlier delivery: then that is what counts. A
// message that had to wait is timed from its release.
func TestTheFirstDeliveryIsTimedFromTheRelease(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	release := pt.Epoch.Add(5 * time.Hour)
	at := func(ms int) time.Time { return release.Add(time.Duration(ms) * time.Millisecond) }
	add := func(when time.Time, e domain.Event) { j.Add(t, eventstore.Messages, 0, pt.Message(1), when, e) }
	add(pt.Epoch, pt.Accepted(1))
	add(pt.Epoch, message.Waiting{Until: release, Reason: message.ReasonScheduled})
	add(release, message.Released{Deadline: at(15_000)})
	add(at(1), message.AttemptStarted{Attempt: pt.ID("viber", 1), Number: 1, Channel: domain.Viber})
	add(at(15_000), message.FellBack{From: domain.Viber, To: domain.SMS, Reason: message.ReasonDeadline, Deadline: at(86_400_000)})
	add(at(15_001), message.AttemptStarted{Attempt: pt.ID("sms", 1), Number: 2, Channel: domain.SMS})
	add(at(20_000), message.Delivered{Attempt: pt.ID("sms", 1), Channel: domain.SMS, CarrierTime: at(20_000)})
	p := pt.Projector(t, link, j, nil)
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	look := func(channel string, took time.Duration) {
		t.Helper()
		stop := pt.Start(t, p)
		pt.CaughtUp(t, p, j)
		stop()
		rows, err := r.TimesReport(t.Context(), ofDay(query.ByChannel))
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, "fallback", rows[0].What)
		require.EqualValues(t, 1, rows[1].Messages)
		require.Equal(t, channel, rows[1].Channel)
		require.InDelta(t, took.Seconds(), rows[1].P99.Seconds(), took.Seconds()/20)
	}
	look("sms", 20*time.Second)
	add(at(10_000), message.Delivered{Attempt: pt.ID("viber", 1), Channel: domain.Viber, CarrierTime: at(10_000), Late: true, Double: true})
	look("viber", 10*time.Second)
}

func TestAReportWithoutAnAccountFindsNothing(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	_, err := r.TrafficReport(t.Context(), query.Report{From: day16, To: day16, Zone: warsaw})
	require.ErrorIs(t, err, query.ErrNotFound)
}
