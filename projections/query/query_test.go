package query_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/query"
)

const stranger = "0b5e3f2c-0000-8000-8000-0000000000bb"

// reader returns a reader of a database in which n stories of each kind have been projected.
func reader(t *testing.T, n int) *query.Reader {
	t.Helper()
	link, j := pt.Database(t, nil), pt.NewJournal()
	pt.Write(t, j, 0, 0, 5*n)
	for stream, facts := range pt.RecipientFacts(pt.Epoch) {
		for _, f := range facts {
			j.Add(t, eventstore.Messages, 0, stream, f.At, f.Fact)
		}
	}
	for i, e := range []partition.Event{
		partition.Parked{Command: "c1", Type: "message.request.v1", Stream: "message/1", Reason: "unreadable_data", Lane: "inbox.urgent", Offset: 7, Sealed: []byte("s1"), Account: pt.Account},
		partition.Parked{Command: "c2", Type: "message.cancel.v1", Stream: "message/1", Position: 1, Reason: "behind_parked", Lane: "inbox.urgent", Offset: 8, Sealed: []byte("s2")},
		partition.Parked{Command: "c3", Type: "carrier.reply.v1", Reason: "unreadable_data", Lane: "inbox.urgent", Offset: 9, Sealed: []byte("s3")},
		partition.Parked{Command: "c4", Type: "carrier.reply.v1", Reason: "unreadable_data", Lane: "inbox.urgent", Offset: 10, Sealed: []byte("s4")},
	} {
		j.Add(t, eventstore.Messages, 1, fmt.Sprint("parked/", i), pt.Epoch.Add(time.Duration(i)*time.Second), e)
	}
	j.Add(t, eventstore.Messages, 1, "partition/1", pt.Epoch, partition.Parked{Command: "c0", Reason: "unreadable_data"}) // as early builds did
	j.Add(t, eventstore.Messages, 1, "parked/2", pt.Epoch.Add(time.Minute), partition.Dropped{By: "key:1", Reason: "no reply"})
	j.Add(t, eventstore.Messages, 1, "parked/3", pt.Epoch.Add(time.Minute), partition.Retried{By: "key:1", Refused: "opted_out"})
	j.Add(t, eventstore.Messages, 1, "parked/0", pt.Epoch.Add(time.Minute), partition.RetryFailed{By: "key:1", Reason: "decision_failed", Detail: "*x"})
	j.Add(t, eventstore.Messages, 1, "parked/0", pt.Epoch.Add(time.Minute), partition.ContentRead{By: "key:1"})
	for _, f := range pt.SenderFacts(pt.Epoch) {
		j.Add(t, eventstore.Accounts, 1, "sender/"+pt.ID("sender", 1), f.At, f.Fact)
	}
	p := pt.Projector(t, link, j, nil)
	stop := pt.Start(t, p)
	pt.CaughtUp(t, p, j)
	stop()
	r, err := query.Open(link, 4)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.NoError(t, r.Ping(t.Context()))
	return r
}

func TestAMessageAsItsAccountSeesIt(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	m, err := r.Message(t.Context(), pt.Account, pt.ID("message", 1))
	require.NoError(t, err)
	got, err := json.Marshal(m)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"id": "`+pt.ID("message", 1)+`", "state": "delivered", "ended": true, "channel": "sms", "sender": "GONIEC", "country": "PL",
		"category": "transactional", "priced_category": "transactional", "content": "text", "client_ref": "order-`+pt.ID("ref", 1)[:8]+`",
		"tags": ["orders", "autumn"], "sms_parts": 2, "accepted_at": "2026-11-16T09:31:00Z", "updated_at": "2026-11-16T09:31:17Z",
		"deadline": "2026-11-16T09:31:15Z", "ended_at": "2026-11-16T09:31:16Z", "fallback_reason": "deadline",
		"late_delivery": true, "double_delivery": true, "version": 13,
		"charges": [
			{"channel": "sms", "parts": 2, "amount": "0.180000", "currency": "PLN", "unit_price": "0.090000", "price_version": "default@1", "month": "2026-11", "at": "2026-11-16T09:31:15.1Z"},
			{"channel": "viber", "parts": 1, "amount": "0.090000", "currency": "PLN", "unit_price": "0.090000", "price_version": "default@1", "month": "2026-11", "at": "2026-11-16T09:31:17Z"}],
		"timeline": [
			{"at": "2026-11-16T09:31:00Z", "type": "accepted"},
			{"at": "2026-11-16T09:31:00Z", "type": "released", "until": "2026-11-16T09:31:15Z"},
			{"at": "2026-11-16T09:31:00.001Z", "type": "attempt_started", "channel": "viber"},
			{"at": "2026-11-16T09:31:00.09Z", "type": "attempt_accepted", "channel": "viber", "parts": 1},
			{"at": "2026-11-16T09:31:15Z", "type": "fell_back", "channel": "sms", "reason": "deadline", "rule": "D3", "until": "2026-11-17T09:31:15Z"},
			{"at": "2026-11-16T09:31:15.001Z", "type": "attempt_started", "channel": "sms"},
			{"at": "2026-11-16T09:31:15.1Z", "type": "attempt_accepted", "channel": "sms", "parts": 2},
			{"at": "2026-11-16T09:31:15.1Z", "type": "charged", "channel": "sms", "parts": 2},
			{"at": "2026-11-16T09:31:16Z", "type": "part_reported", "channel": "sms", "reason": "delivered"},
			{"at": "2026-11-16T09:31:16Z", "type": "part_reported", "channel": "sms", "reason": "delivered"},
			{"at": "2026-11-16T09:31:16Z", "type": "delivered", "channel": "sms"},
			{"at": "2026-11-16T09:31:17Z", "type": "delivered", "channel": "viber", "late": true, "double": true},
			{"at": "2026-11-16T09:31:17Z", "type": "charged", "channel": "viber", "parts": 1}]
	}`, string(got))
}

// A message that has not ended says what it waits for, and a scheduled one when
// it goes, also once it has gone.
func TestWhatAMessageWaitsFor(t *testing.T) {
	t.Parallel()
	link, j := pt.Database(t, nil), pt.NewJournal()
	at, id := pt.Epoch.Add(time.Hour), pt.ID("message", 1)
	add := func(when time.Time, e domain.Event) { j.Add(t, eventstore.Messages, 0, "message/"+id, when, e) }
	p := pt.Projector(t, link, j, nil)
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	look := func(state message.Status, wait message.Wait) {
		t.Helper()
		stop := pt.Start(t, p)
		pt.CaughtUp(t, p, j)
		stop()
		m, err := r.Message(t.Context(), pt.Account, id)
		require.NoError(t, err)
		require.Equal(t, state, m.State)
		require.Equal(t, wait, m.WaitsFor)
		require.Equal(t, at, *m.SendAt)
		require.Equal(t, wait == message.WaitNothing, m.Ended)
	}
	add(pt.Epoch, pt.Accepted(1))
	add(pt.Epoch, message.Waiting{Until: at, Reason: message.ReasonScheduled})
	look(message.StatusWaiting, message.WaitRelease)
	add(at, message.Released{Deadline: at.Add(time.Minute)})
	add(at, message.AttemptStarted{Attempt: pt.ID("viber", 1), Number: 1, Channel: domain.Viber})
	look(message.StatusSending, message.WaitAnswer)
	add(at, message.AttemptAccepted{Attempt: pt.ID("viber", 1), CarrierIDs: []string{"c"}, Parts: 1, At: at})
	add(at, message.CancelRequested{By: "client"})
	look(message.StatusSent, message.WaitReport)
	add(at.Add(time.Minute), message.Cancelled{})
	look(message.StatusCancelled, message.WaitNothing)
}

func TestTheOtherEndings(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	ended := map[int]struct {
		state   message.Status
		channel string
		reason  string
	}{
		0: {message.StatusRead, "viber", ""},
		2: {message.StatusUnknown, "", message.ReasonOutcomeUnknown},
		3: {message.StatusFailed, "", message.CodeSenderUnknown},
	}
	for n, want := range ended {
		m, err := r.Message(t.Context(), pt.Account, pt.ID("message", n))
		require.NoError(t, err)
		require.True(t, m.Ended, n)
		require.Equal(t, want.state, m.State, n)
		require.Equal(t, want.channel, m.Channel, n)
		require.Equal(t, want.reason, m.Reason, n)
	}
}

func TestNothingOfAnotherAccountIsFound(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	for _, c := range [][2]string{
		{stranger, pt.ID("message", 1)},
		{pt.Account, pt.ID("message", 999)},
		{pt.Account, "x"},
		{"x", pt.ID("message", 1)},
		{pt.Account, "{" + pt.ID("message", 1) + "}"},
	} {
		_, err := r.Message(t.Context(), c[0], c[1])
		require.ErrorIs(t, err, query.ErrNotFound, c)
	}
	list, err := r.Messages(t.Context(), query.Filter{Account: stranger})
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = r.Messages(t.Context(), query.Filter{})
	require.ErrorIs(t, err, query.ErrNotFound, "never without an account")
	lines, err := r.Billing(t.Context(), stranger, "2026-11")
	require.NoError(t, err)
	require.Empty(t, lines)
}

func TestListsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	r := reader(t, 4) // 20 messages, a minute apart
	var seen []string
	f := query.Filter{Account: pt.Account, Limit: 7}
	for {
		page, err := r.Messages(t.Context(), f)
		require.NoError(t, err)
		for _, m := range page {
			require.Nil(t, m.Timeline)
			seen = append(seen, m.ID)
		}
		if len(page) < f.Limit {
			break
		}
		after := query.CursorOf(page[len(page)-1])
		f.After = &after
	}
	var want []string
	for n := 19; n >= 0; n-- {
		want = append(want, pt.ID("message", n))
	}
	require.Equal(t, want, seen)

	minute := func(n int) time.Time { return pt.Epoch.Add(time.Duration(n) * time.Minute) }
	for name, c := range map[string]struct {
		f query.Filter
		n int
	}{
		"state":      {query.Filter{State: message.StatusRead}, 8},
		"sender":     {query.Filter{Sender: "NOBODY"}, 4},
		"from to":    {query.Filter{From: minute(3), To: minute(6)}, 3},
		"client_ref": {query.Filter{ClientRef: "order-" + pt.ID("ref", 1)[:8]}, 1},
		"together":   {query.Filter{State: message.StatusRead, From: minute(10)}, 4},
		"id":         {query.Filter{ID: pt.ID("message", 1)}, 1},
		"recipient":  {query.Filter{Recipient: pt.ID("recipient", 1)}, 1},
		"no such":    {query.Filter{Recipient: pt.ID("recipient", 1), Sender: "NOBODY"}, 0},
		"nothing":    {query.Filter{State: message.StatusWaiting}, 0},
	} {
		c.f.Account = pt.Account
		page, err := r.Messages(t.Context(), c.f)
		require.NoError(t, err, name)
		require.Len(t, page, c.n, name)
	}
}

func TestTheMonthsTotals(t *testing.T) {
	t.Parallel()
	r := reader(t, 2) // of each: two late (both channels), four ordinary (Viber)
	lines, err := r.Billing(t.Context(), pt.Account, "2026-11")
	require.NoError(t, err)
	line := query.BillingLine{
		Account: pt.Account, Sender: "GONIEC", Country: "PL", Category: "transactional", Content: "text", Month: "2026-11",
		Currency: "PLN", PriceVersion: "default@1",
	}
	sms, viber := line, line
	sms.Channel, sms.Count, sms.Parts, sms.Amount, sms.LineAmount = "sms", 2, 4, "0.360000", "0.36"
	viber.Channel, viber.Count, viber.Parts, viber.Amount, viber.LineAmount = "viber", 6, 6, "0.540000", "0.54"
	require.Equal(t, []query.BillingLine{sms, viber}, lines)
	all, err := r.BillingOfAll(t.Context(), "2026-11")
	require.NoError(t, err)
	require.Equal(t, lines, all)
	none, err := r.Billing(t.Context(), pt.Account, "2026-10")
	require.NoError(t, err)
	require.Empty(t, none)
}

// rules.md D6, D7: who has not read is counted as delivered, nowhere as unread.
func TestTrafficCountsMessagesByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	r := reader(t, 2)
	day := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	lines, err := r.Traffic(t.Context(), pt.Account, day, day, false)
	require.NoError(t, err)
	line := query.TrafficLine{Day: day, Country: "PL", Category: "transactional"}
	goniec, nobody := line, line
	goniec.Sender, goniec.Accepted, goniec.Sent, goniec.Delivered, goniec.DeliveredViber, goniec.DeliveredSMS = "GONIEC", 8, 6, 6, 4, 2
	goniec.Read, goniec.Fallbacks, goniec.Late, goniec.Double, goniec.Unknown = 4, 2, 2, 2, 2
	nobody.Sender, nobody.Accepted, nobody.Failed = "NOBODY", 2, 2
	require.Equal(t, []query.TrafficLine{goniec, nobody}, lines)

	tagged, err := r.Traffic(t.Context(), pt.Account, day, day, true)
	require.NoError(t, err)
	require.Len(t, tagged, 2)
	require.Equal(t, "autumn", tagged[0].Tag)
	require.EqualValues(t, 6, tagged[0].Accepted)

	states, err := r.States(t.Context(), pt.Account, pt.Epoch)
	require.NoError(t, err)
	require.Equal(t, []query.StateCount{{"delivered", true, 2}, {"failed", true, 2}, {"read", true, 4}, {"unknown", true, 2}}, states)
}

func TestTheOtherReadModels(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	senders, err := r.Senders(t.Context(), pt.Account)
	require.NoError(t, err)
	require.Len(t, senders, 1)
	require.Equal(t, "active", senders[0].State)
	require.EqualValues(t, 4711, senders[0].ServiceID)
	var steps []string
	for _, h := range senders[0].History {
		steps = append(steps, h.Type+":"+string(h.State))
	}
	require.Equal(t, []string{"created:new", "submitted:submitted", "returned:new", "submitted:submitted", "approved:active"}, steps)

	outs, err := r.OptOuts(t.Context(), pt.Account, 10)
	require.NoError(t, err)
	require.Len(t, outs, 2)
	require.Equal(t, string(domain.Viber), outs[0].Channel)
	require.False(t, outs[0].Stopped, "lifted")
	require.True(t, outs[1].Stopped)
	require.Equal(t, pt.ID("message", 1), outs[1].Message)

	replies, err := r.Replies(t.Context(), pt.Account, 10)
	require.NoError(t, err)
	require.Len(t, replies, 1)
	require.Equal(t, "reply-1", replies[0].ID)

	unmatched, err := r.UnmatchedReports(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, unmatched, 1)
	require.Equal(t, "rep-2", unmatched[0].ID)
	require.Equal(t, recipient.WhySeveral, unmatched[0].Why)
}

func TestWhatIsParkedAndWhatBecameOfTheRest(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	ids := func(list []query.Parked, err error) (out []string) {
		require.NoError(t, err)
		for _, p := range list {
			out = append(out, p.ID)
		}
		return out
	}
	require.Equal(t, []string{"1", "0"}, ids(r.Parked(t.Context(), false, 10, nil)))
	require.Equal(t, []string{"3", "2"}, ids(r.Parked(t.Context(), true, 2, nil)))
	require.Equal(t, []string{"1", "0"}, ids(r.Parked(t.Context(), true, 2, &query.ParkedCursor{At: pt.Epoch.Add(2 * time.Second), ID: "2"})))
	first, err := r.ParkedThing(t.Context(), "0")
	require.NoError(t, err)
	at := pt.Epoch
	first.Received = nil
	require.Equal(t, query.Parked{
		ID: "0", Partition: 1, Command: "c1", Type: "message.request.v1", Stream: "message/1", Account: pt.Account, Reason: "decision_failed", Detail: "*x",
		Lane: "inbox.urgent", Offset: 7, At: at, State: "parked", Retries: 1, Shown: 1, Behind: 1,
	}, utc(first))
	require.Equal(t, []string{"1"}, ids(r.ParkedBehind(t.Context(), "0", 10)))
	require.Empty(t, ids(r.ParkedBehind(t.Context(), "2", 10)))
	content, err := r.ParkedContent(t.Context(), "0")
	require.NoError(t, err)
	require.Equal(t, "s1", string(content))

	dropped, err := r.ParkedThing(t.Context(), "2")
	require.NoError(t, err)
	require.Equal(t, []string{"dropped", "key:1", "no reply"}, []string{dropped.State, dropped.EndedBy, dropped.Note})
	retried, err := r.ParkedThing(t.Context(), "3")
	require.NoError(t, err)
	require.Equal(t, []string{"retried", "key:1", "opted_out"}, []string{retried.State, retried.EndedBy, retried.Note})
	_, err = r.ParkedContent(t.Context(), "2")
	require.ErrorIs(t, err, query.ErrNotFound, "what is over is not kept")
	_, err = r.ParkedThing(t.Context(), "4")
	require.ErrorIs(t, err, query.ErrNotFound)
}

func utc(p query.Parked) query.Parked {
	p.At = p.At.UTC()
	return p
}

func TestWithoutPostgresReadModelsAreUnavailable(t *testing.T) {
	t.Parallel()
	r, err := query.Open("postgres://nobody@127.0.0.1:1/none?sslmode=disable", 1)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Message(t.Context(), pt.Account, pt.ID("message", 1))
	require.ErrorIs(t, err, query.ErrUnavailable)
	require.ErrorIs(t, r.Ping(t.Context()), query.ErrUnavailable)
	_, err = query.Open("postgres://user:secret@%zz", 1)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}

func TestAwaitMessageWaitsForItsVersion(t *testing.T) {
	t.Parallel()
	r := reader(t, 1)
	m, err := r.AwaitMessage(t.Context(), pt.Account, pt.ID("message", 0), 7, time.Second)
	require.NoError(t, err)
	require.EqualValues(t, 7, m.Version)
	_, err = r.AwaitMessage(t.Context(), pt.Account, pt.ID("message", 999), 0, 30*time.Millisecond)
	require.ErrorIs(t, err, query.ErrNotFound)
}
