package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/message"
)

// F1, F8: what a charge says, for Viber at the carrier's time.
func TestChargeOfViber(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.after(time.Second).accept("1")
	at := b.after(3 * time.Second).now.Add(-2 * time.Second)
	b.do(message.Report{Attempt: b.attempt(), CarrierID: "1", Status: message.ReportDelivered, At: at, Received: b.now})
	last := b.all[len(b.all)-1]
	require.Equal(t, at, last.At)
	require.Equal(t, message.Charged{
		Channel: domain.Viber, Attempt: "a-0-0", Parts: 1, UnitPrice: "0.120000", Amount: "0.120000", Currency: "PLN",
		PriceVersion: "default@1", PricedCategory: domain.Transactional, Content: domain.PlainText, Country: "PL", Sender: "GONIEC",
		Account: "acc", At: at, Month: "2026-11",
	}, last.Event)
}

// F1: an SMS is charged per part, on submission, by its time.
func TestChargeOfSMS(t *testing.T) {
	t.Parallel()
	b := smsBench(t, func(r *message.Request) { r.SMSParts = 3 })
	at := b.after(time.Second).now
	events := b.after(time.Second).do(message.Answer{Attempt: b.attempt(), Outcome: message.OutcomeAccepted, CarrierIDs: []string{"1", "2", "3"}, Parts: 3, At: at})
	require.Equal(t, message.AttemptAccepted{Attempt: b.attempt(), CarrierIDs: []string{"1", "2", "3"}, Parts: 3, At: at}, events[0])
	c := find[message.Charged](t, events)
	require.Equal(t, []any{3, "0.090000", "0.270000", at}, []any{c.Parts, c.UnitPrice, c.Amount, c.At})
}

// Design, section 5: of a partly accepted long SMS only the accepted parts are
// charged, and it is never a delivered message.
func TestPartlyAccepted(t *testing.T) {
	t.Parallel()
	b := smsBench(t, func(r *message.Request) { r.SMSParts = 3 })
	require.Equal(t, "0.180000", find[message.Charged](t, b.accept("1", "2")).Amount)
	require.Equal(t, []string{"part_reported"}, types(b.reported(b.attempt(), "1", message.ReportDelivered)))
	events := b.reported(b.attempt(), "2", message.ReportDelivered)
	require.Equal(t, []string{"part_reported", "undelivered", "failed"}, types(events))
	require.Equal(t, message.Failed{Reason: "incomplete"}, events[2])

	b = smsBench(t, func(r *message.Request) { r.SMSParts = 2 })
	require.Equal(t, "0.090000", find[message.Charged](t, b.accept("1")).Amount)
	require.Equal(t, []string{"undelivered", "failed"}, types(b.reported(b.attempt(), "1", message.ReportDelivered)))
}

// The parts of a long SMS are tracked one by one; ids are compared tolerantly.
func TestParts(t *testing.T) {
	t.Parallel()
	b := smsBench(t, func(r *message.Request) { r.SMSParts = 2 })
	b.accept("0A", "0B")
	require.Equal(t, []string{"part_reported"}, types(b.reported(b.attempt(), "a", message.ReportDelivered)))
	require.Empty(t, b.reported(b.attempt(), "A", message.ReportDelivered))
	require.Empty(t, b.reported(b.attempt(), "A", message.ReportExpired))
	require.Empty(t, b.reported(b.attempt(), "C", message.ReportDelivered))
	require.Equal(t, message.StatusSent, b.s.Status)
	require.Equal(t, []string{"part_reported", "undelivered", "failed"}, types(b.reported(b.attempt(), "b", message.ReportExpired)))
	require.Equal(t, message.Failed{Reason: "expired"}, b.all[len(b.all)-1].Event)
	require.Equal(t, []string{"part_reported", "delivered"}, types(b.reported(b.attempt(), "B", message.ReportDelivered)))
	require.Equal(t, message.StatusDelivered, b.s.Status)
}

// D3c: the time decides what is late, not the moment of the report; clamped to
// [attempt started, received]. The deadline itself is in time.
func TestLate(t *testing.T) {
	t.Parallel()
	deadline := start.Add(15 * time.Second)
	for _, tc := range []struct {
		name string
		at   time.Time
		want time.Time
		late bool
	}{
		{"in time, reported late", deadline.Add(-time.Second), deadline.Add(-time.Second), false},
		{"at the deadline", deadline, deadline, false},
		{"after it", deadline.Add(time.Microsecond), deadline.Add(time.Microsecond), true},
		{"before the attempt", start.Add(-time.Hour), start, false},
		{"after the receipt", deadline.Add(time.Hour), deadline.Add(5 * time.Second), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.do(request())
			b.accept("1")
			viber := b.attempt()
			b.fire(message.TimerDeadline)
			b.accept("7")
			b.reported(b.attempt(), "7", message.ReportDelivered)
			received := b.after(5 * time.Second).now
			b.do(message.Report{Attempt: viber, CarrierID: "1", Status: message.ReportDelivered, At: tc.at, Received: received})
			e := b.all[len(b.all)-2]
			d := e.Event.(message.Delivered)
			require.Equal(t, tc.want, e.At)
			require.Equal(t, tc.at, d.CarrierTime)
			require.Equal(t, tc.late, d.Late)
			require.True(t, d.Double)
			first := domain.SMS
			if tc.want.Before(deadline) {
				first = domain.Viber // first delivered by ce_time
			}
			require.Equal(t, first, b.s.FirstChannel)
		})
	}
}

// D3: late_policy waive_viber waives late deliveries on Viber, only those (D3c).
func TestWaiveLate(t *testing.T) {
	t.Parallel()
	for late, want := range map[bool][]string{true: {"0.000000", "late_policy"}, false: {"0.120000", ""}} {
		b := newBench(t)
		b.set = func(f *message.Facts) { f.Account.LatePolicy = "waive_viber" }
		b.do(request())
		b.accept("1")
		viber := b.attempt()
		b.fire(message.TimerDeadline)
		at := start.Add(14 * time.Second)
		if late {
			at = start.Add(16 * time.Second)
		}
		b.after(5 * time.Second)
		c := find[message.Charged](t, b.do(message.Report{Attempt: viber, CarrierID: "1", Status: message.ReportRead, At: at, Received: b.now}))
		require.Equal(t, want, []string{c.Amount, c.Waived})
		require.Equal(t, "0.120000", c.UnitPrice)
		require.Equal(t, "default@1", c.PriceVersion)
	}
}

// F4: what belongs to a sealed month counts in the next open one, as its adjustment.
func TestSealedMonth(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.set = func(f *message.Facts) {
		f.Sealed = func(m calendar.Month) bool { return m.String() == "2026-11" || m.String() == "2026-12" }
	}
	b.do(request())
	b.accept("1")
	c := find[message.Charged](t, b.reported(b.attempt(), "1", message.ReportDelivered))
	require.Equal(t, []string{"2027-01", "2026-11"}, []string{c.Month, c.Adjusts})
}

// F8: the price in force at the charge's time; one that is gone or unreadable is
// not invented, and the delivery is not lost.
func TestNoPriceLeft(t *testing.T) {
	t.Parallel()
	for _, price := range []string{"", "dear", "-1", "0.1234567"} {
		b := newBench(t)
		b.do(request())
		b.accept("1")
		b.set = func(f *message.Facts) {
			f.Prices = func(time.Time, string, domain.Channel, domain.Category, domain.Content) (string, string, bool) {
				return price, "v2", price != ""
			}
		}
		c := find[message.Charged](t, b.reported(b.attempt(), "1", message.ReportDelivered))
		require.Equal(t, []string{"0.000000", "0.000000", "", "no_price"}, []string{c.UnitPrice, c.Amount, c.PriceVersion, c.Waived})
	}
	b := newBench(t)
	b.set = func(f *message.Facts) { f.Prices = nil }
	require.Equal(t, "no_price", find[message.Refused](t, b.do(request())).Reason)
}

func TestPriceIsAskedAtTheChargesTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do(request())
	b.accept("1")
	var asked time.Time
	b.set = func(f *message.Facts) {
		f.Prices = func(at time.Time, _ string, _ domain.Channel, _ domain.Category, _ domain.Content) (string, string, bool) {
			asked = at
			return "0.12", "v", true
		}
	}
	at := b.after(10 * time.Second).now.Add(-4 * time.Second)
	b.do(message.Report{Attempt: b.attempt(), CarrierID: "1", Status: message.ReportDelivered, At: at, Received: b.now})
	require.Equal(t, at, asked)
}
