package webhooks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

func TestEveryEventIsToldSignedAndExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	_, secret := w.add(r.URL + "/hook")
	w.run()
	msg, viber, sms := uuid.NewString(), uuid.NewString(), uuid.NewString()
	stream, person := "message/"+msg, "recipient/"+uuid.NewString()
	w.tell(0, stream, message.Accepted{Account: w.account, ClientRef: "order-7", Tags: []string{"a", "b"}})
	w.tell(0, stream, message.AttemptStarted{Attempt: viber, Channel: domain.Viber})
	w.tell(0, stream, message.Released{})
	about := `{"message_id":"` + msg + `",`
	ref := `"client_ref":"order-7","tags":["a","b"]`
	cases := []struct {
		stream string
		fact   domain.Event
		typ    string
		data   string
	}{
		{stream, message.AttemptAccepted{Attempt: viber, CarrierIDs: []string{"1"}, Parts: 1}, "message.sent", about + `"state":"sent","channel":"viber",` + ref + `,"parts":1}`},
		{stream, message.AttemptStarted{Attempt: sms, Channel: domain.SMS}, "", ""},
		{stream, message.AttemptAccepted{Attempt: sms, CarrierIDs: []string{"1", "2"}, Parts: 2}, "message.sent", about + `"state":"sent","channel":"sms",` + ref + `,"parts":2}`},
		{stream, message.AttemptResolved{Attempt: sms, Parts: 2, Inferred: true}, "message.sent", about + `"state":"sent","channel":"sms",` + ref + `,"parts":2,"inferred":true}`},
		{stream, message.Delivered{Attempt: viber, Channel: domain.Viber}, "message.delivered", about + `"state":"delivered","channel":"viber",` + ref + `}`},
		{stream, message.Delivered{Attempt: viber, Channel: domain.Viber, Late: true}, "message.late", about + `"state":"delivered","channel":"viber",` + ref + `,"late":true}`},
		{stream, message.Delivered{Attempt: sms, Channel: domain.SMS, Double: true, Inferred: true}, "message.late", about + `"state":"delivered","channel":"sms",` + ref + `,"double":true,"inferred":true}`},
		{stream, message.Read{Attempt: viber}, "message.read", about + `"state":"read","channel":"viber",` + ref + `}`},
		{stream, message.Failed{Reason: "rejected", Code: "0x0000000b"}, "message.failed", about + `"state":"failed",` + ref + `,"reason":"rejected","code":"0x0000000b"}`},
		{stream, message.Refused{Reason: "sender_not_active", ClientRef: "own"}, "message.failed", about + `"state":"failed","client_ref":"own","reason":"sender_not_active"}`},
		{stream, message.Cancelled{}, "message.failed", about + `"state":"cancelled",` + ref + `,"reason":"cancelled"}`},
		{stream, message.Unknown{Reason: "no_report"}, "message.unknown", about + `"state":"unknown",` + ref + `,"reason":"no_report"}`},
		{stream, message.Charged{Amount: "0.180000"}, "", ""},
		{person, recipient.ReplyReceived{ID: "r1", Account: w.account, Channel: domain.Viber, Sender: "GONIEC", Message: msg, Digest: "d", Length: 4, Keyword: "stop", TwoWay: true}, "recipient.reply", `{"reply_id":"r1","recipient":"` + person[10:] + `","channel":"viber","sender":"GONIEC","message_id":"` + msg + `",` + ref + `,"length":4,"keyword":"stop","two_way":true}`},
		{person, recipient.OptOutRecorded{Account: w.account, Number: "secret", Origin: "api", Stops: []recipient.Scope{{Channel: domain.SMS, Category: domain.Promotional}}}, "recipient.opt_out", `{"recipient":"` + person[10:] + `","origin":"api","stops":[{"channel":"sms","category":"promotional"}]}`},
		{person, recipient.OptOutLifted{Account: w.account}, "", ""},
	}
	want := map[string]string{}
	for _, c := range cases {
		id := w.tell(0, c.stream, c.fact)
		if c.typ != "" {
			want[id] = fmt.Sprintf(`{"id":"%s","type":"%s","timestamp":"2026-11-16T09:30:00.123456Z","data":%s}`, id, c.typ, c.data)
		}
	}
	r.waitFor(t, len(want))
	got := map[string]string{}
	for _, h := range r.all() {
		verify(t, secret, h)
		require.Equal(t, "application/json", h.head.Get("Content-Type"))
		require.Equal(t, "goniec-webhooks/1", h.head.Get("User-Agent"))
		got[h.id] = h.body
	}
	require.Equal(t, want, got)
}

func TestOnlyWhatAnEndpointWantsAndOnlyItsAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL, MessageRead)
	w.run()
	stream := "message/" + uuid.NewString()
	w.tell(0, stream, message.Unknown{Reason: "no_report"})
	other := w.event(stream, message.Read{Attempt: "a"})
	other.Account = uuid.NewString()
	w.write(0, other)
	id := w.tell(0, stream, message.Read{Attempt: "a"})
	r.waitFor(t, 1)
	require.Equal(t, []string{id}, r.ids())
	require.Equal(t, 1, w.count("SELECT count(*) FROM goniec_webhooks.deliveries"))
}

func TestARepeatedEventIsQueuedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.run()
	stream := "message/" + uuid.NewString()
	e := w.event(stream, message.Unknown{})
	w.write(0, e, e, e)
	end := w.tell(0, stream, message.Cancelled{})
	r.waitFor(t, 2)
	w.eventually(2, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'delivered'")
	require.Equal(t, 2, w.count("SELECT count(*) FROM goniec_webhooks.river_job"))
	require.ElementsMatch(t, []string{e.ID, end}, r.ids())
	require.Len(t, r.all(), 2)
}

// A group that forgot its offsets starts at the journal's beginning and must
// not repeat what was told.
func TestForgottenOffsetsRepeatNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	stop := w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	stop()
	_, err := w.pool.Exec(t.Context(), "DELETE FROM goniec_webhooks.deliveries") // its retention is over
	require.NoError(t, err)
	client, err := w.kafka.NewClient()
	require.NoError(t, err)
	admin, err := sarama.NewClusterAdminFromClient(client)
	require.NoError(t, err)
	require.NoError(t, admin.DeleteConsumerGroup(w.kafka.Prefix+"webhooks"))
	require.NoError(t, admin.Close())

	w.run()
	id := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	hits := r.waitFor(t, 2)
	require.Len(t, hits, 2)
	require.Equal(t, id, hits[1].id)
}

// The reactor begins at the head, but once it has begun it misses nothing: not
// in a partition that was silent until it stopped.
func TestStartsAtTheHeadAndThenMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.tell(1, "message/"+uuid.NewString(), message.Unknown{})
	stop := w.run()
	require.Eventually(t, func() bool { // the group's too, so that it need not skip the journal
		return w.committed(0) >= 1 && w.committed(1) == 1
	}, time.Minute, 10*time.Millisecond)
	first := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	stop()
	second := w.tell(1, "message/"+uuid.NewString(), message.Unknown{})
	w.run()
	r.waitFor(t, 2)
	require.Equal(t, []string{first, second}, r.ids())
}

func TestPostgresAwayHoldsThePartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.run()
	_, err := w.pool.Exec(t.Context(), "ALTER TABLE goniec_webhooks.deliveries RENAME TO away")
	require.NoError(t, err)
	first := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	second := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "Error occurred, retrying") }, time.Minute, 5*time.Millisecond)
	_, err = w.pool.Exec(t.Context(), "ALTER TABLE goniec_webhooks.away RENAME TO deliveries")
	require.NoError(t, err)
	r.waitFor(t, 2)
	require.ElementsMatch(t, []string{first, second}, r.ids())
	require.Zero(t, w.count("SELECT count(*) FROM goniec_webhooks.poisoned"))
}

// unknownType is one that only a newer build knows.
const unknownType = "goniec.message.delivered.v2"

// hold writes an event that holds its partition; awaitHeld waits until it does.
func (w *world) hold(p int32) {
	w.t.Helper()
	newer := w.event("message/"+uuid.NewString(), message.Unknown{})
	newer.Type = unknownType
	w.write(p, newer)
}

func (w *world) awaitHeld() {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return strings.Contains(w.log.String(), unknownType) }, time.Minute, 5*time.Millisecond)
}

func TestAnUnknownTypeHoldsItsPartitionOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.run()
	w.hold(0)
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	id := w.tell(1, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	w.awaitHeld()
	require.Equal(t, []string{id}, r.ids())
	require.Zero(t, w.count("SELECT count(*) FROM goniec_webhooks.poisoned"))
}

// What holds a partition must not hold the rest when the group shares its partitions
// out again: another process comes and goes.
func TestAHeldPartitionIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.run()
	w.hold(0)
	w.awaitHeld()
	began := time.Now()
	stop := w.run()
	first := w.tell(1, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	stop()
	second := w.tell(1, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 2)
	require.Equal(t, []string{first, second}, r.ids())
	require.Less(t, time.Since(began), 30*time.Second, "nobody waited to be put out of the group")
}

func TestWhatCannotBeReadIsPoisonedAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.run()
	w.write(0, &eventstore.Event{Stream: "message/x", Data: []byte("{}")}) // no type, no version
	broken := w.event("message/"+uuid.NewString(), message.Unknown{})
	broken.Data = []byte(`{"reason":7}`)
	zero := w.event("message/"+uuid.NewString(), message.Accepted{ClientRef: "a\x00b"})
	w.write(0, broken, zero)
	id := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	require.Equal(t, []string{id}, r.ids())
	for reason, event := range map[string]string{"not_an_event": "", "unreadable_data": broken.ID, "not_storable": zero.ID} {
		require.Equal(t, 1, w.count("SELECT count(*) FROM goniec_webhooks.poisoned WHERE reason = $1 AND event = $2", reason, event), reason)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ int) { rw.WriteHeader(http.StatusInternalServerError) })
	gone := newReceiver(t, nil)
	gone.Close()
	_, secret := w.add(r.URL + "/hook?token=hunter2")
	w.add(gone.URL + "/hook?token=hunter2")
	w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(2, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'given_up'")
	sealed := w.view.Endpoints(w.account)[0].Secret
	require.Eventually(t, func() bool { return strings.Count(w.log.String(), "webhook given up") == 2 }, time.Minute, 5*time.Millisecond)
	log := w.log.String()
	for _, s := range []string{"hunter2", secret, strings.TrimPrefix(secret, "whsec_"), sealed, r.Listener.Addr().String()} {
		require.NotContains(t, log, s)
	}
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.river_job WHERE array_to_string(errors, ' ') LIKE '%attempt failed: status%'") // told later
	var errors string
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT string_agg(array_to_string(errors, ' '), ' ') FROM goniec_webhooks.river_job").Scan(&errors))
	require.Contains(t, errors, "attempt failed: status")
	require.NotContains(t, errors, "hunter2")
}
