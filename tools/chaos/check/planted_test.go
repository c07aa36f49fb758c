package check

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// whole is a journal in which all is well: three messages, one of them by SMS.
func whole(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.delivered(0, "1001")
	r.delivered(1, "1002")
	r.sms(0, "1003")
	return r
}

// sms is the whole life of a message that fell back.
func (r *rig) sms(p int32, id string) {
	r.t.Helper()
	number := "+4850000" + id
	r.sent = append(r.sent, Sent{Number: number, ID: id})
	r.command(p, "message.request.v1", "message/"+id, map[string]any{})
	r.message(p, id, "accepted", map[string]any{})
	r.message(p, id, "released", map[string]any{})
	r.attempt(p, id, "viber", number)
	r.message(p, id, "fell_back", map[string]any{"reason": "deadline"})
	r.attempt(p, id, "sms", number)
	r.command(p, "carrier.report.v1", "number/x", map[string]any{"channel": "sms", "carrier_id": "c-SMS-" + id, "status": "delivered"})
	r.message(p, id, "delivered", map[string]any{"attempt": "sms-" + id, "channel": "sms"})
}

func (r *rig) part(p int32) []*event { return r.journal[lanePart(topicMessages, p)] }

func (r *rig) set(p int32, events []*event) { r.journal[lanePart(topicMessages, p)] = events }

// find is the place of an event of a message in its partition.
func (r *rig) find(p int32, id, what string) int {
	r.t.Helper()
	i := slices.IndexFunc(r.part(p), func(e *event) bool {
		return e.stream == "message/"+id && e.kind == "goniec.message."+what+".v1"
	})
	require.GreaterOrEqual(r.t, i, 0)
	return i
}

func TestAWholeJournalHasNoFindings(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.link()
	report := r.check()
	requireOnly(t, report)
	require.Equal(t, 3, report.Stats.Ended)
	require.Equal(t, map[string]int{"delivered": 3}, report.Stats.States)
	require.Equal(t, map[string]int{"viber": 3, "sms": 1}, report.Stats.Calls)
	require.Equal(t, 1, report.Stats.Fallbacks)
	require.Equal(t, 2, report.Stats.Owners)
	require.Positive(t, report.Stats.Longest)
	require.Equal(t, 8, report.Stats.Commands)
}

func TestALostEventIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.link()
	i := r.find(0, "1001", "delivered")
	r.set(0, slices.Delete(slices.Clone(r.part(0)), i, i+1)) // the version and the chain tell
	requireOnly(t, r.check(), Lost, Reordered, Unfinished)
}

func TestALostEventIsReportedThoughTheChainWasMadeAnew(t *testing.T) {
	t.Parallel()
	r := whole(t)
	i := r.find(0, "1001", "released")
	r.set(0, slices.Delete(slices.Clone(r.part(0)), i, i+1))
	r.link()
	requireOnly(t, r.check(), Lost, Unfinished)
}

func TestALostStoryIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.sent = append(r.sent, Sent{Number: "+48500009999", ID: "9999"})
	r.link()
	requireOnly(t, r.check(), Lost)
}

func TestALostReportIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.carriers = append(r.carriers, entry{Seq: 5, Kind: "acked", Channel: "viber", ID: "C-viber-1003", Number: "+48500001003", Report: "delivered"})
	r.link()
	requireOnly(t, r.check(), Lost)
}

func TestADoubledEventIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	again := *r.part(1)[r.find(1, "1002", "charged")]
	r.set(1, append(r.part(1), &again))
	r.link()
	requireOnly(t, r.check(), Doubled)
}

func TestASecondFallbackIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.message(0, "1003", "fell_back", map[string]any{})
	r.link()
	requireOnly(t, r.check(), Doubled)
}

func TestAReorderedJournalIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.link()
	events := slices.Clone(r.part(0))
	i, j := r.find(0, "1001", "delivered"), r.find(0, "1003", "accepted")
	events[i], events[j] = events[j], events[i] // of two streams: only the chain tells
	r.set(0, events)
	report := r.check()
	require.True(t, report.Has(Reordered), report.Findings)
}

func TestAReorderedStreamIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	events := slices.Clone(r.part(0))
	i := r.find(0, "1001", "delivered")
	events[i], events[i+1] = events[i+1], events[i]
	r.set(0, events)
	r.link()
	requireOnly(t, r.check(), Lost, Doubled, Reordered)
}

func TestAChangedEventIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.link()
	r.part(1)[r.find(1, "1002", "charged")].value = []byte(`{"channel":"viber","amount":"5.00"}`)
	requireOnly(t, r.check(), Unreadable)
}

func TestAPrematureOffsetIsReported(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(*rig){
		"a request": func(r *rig) { r.command(0, "message.request.v1", "message/7777", map[string]any{}) },
		"an answer": func(r *rig) { r.command(0, "message.answer.v1", "message/1001", map[string]any{"attempt": "none"}) },
		"a report": func(r *rig) {
			r.command(1, "carrier.report.v1", "number/x", map[string]any{"channel": "viber", "carrier_id": "none", "status": "delivered"})
		},
		"a reply":                   func(r *rig) { r.command(1, "carrier.reply.v1", "number/x", map[string]any{"id": "reply"}) },
		"a command of another kind": func(r *rig) { r.command(0, "account.create.v1", "account/x", map[string]any{}) },
		"an unsubscription":         func(r *rig) { r.command(0, "carrier.subscription.v1", "number/x", map[string]any{}) },
		"a report that says it first": func(r *rig) {
			r.command(0, "carrier.report.v1", "number/x", map[string]any{"channel": "viber", "carrier_id": "C-viber-1003", "status": "read"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := whole(t)
			plant(r)
			r.link()
			report := r.check()
			requireOnly(t, report, Premature)
			require.Equal(t, 1, report.Stats.Premature)
		})
	}
}

func TestAnUndecidedCommandBeyondTheOffsetIsNoFault(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.command(0, "message.request.v1", "message/7777", map[string]any{})
	r.offsets[lanePart(lanes[0], 0)]--
	r.link()
	requireOnly(t, r.check())
}

func TestAZombiesWriteIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.epoch = 2
	r.owned(0, "b")
	r.epoch = 1
	r.message(0, "1001", "read", map[string]any{"attempt": "viber-1001"})
	r.link()
	report := r.check()
	requireOnly(t, report, Zombie)
	require.Equal(t, 1, report.Stats.Takeovers)
}

func TestAStoryWithoutAnEndIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.set(1, r.part(1)[:r.find(1, "1002", "delivered")])
	r.link()
	requireOnly(t, r.check(), Unfinished)
}

func TestACallBeforeItsEventIsReported(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(*rig){
		"too early":       func(r *rig) { r.carriers[0].At = noon },
		"another attempt": func(r *rig) { r.carriers[0].Submit.Tag = "another" },
		"one more, by SMS": func(r *rig) {
			r.call("sms", "+48500001002", "none", noon.Add(time.Hour))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := whole(t)
			plant(r)
			r.link()
			requireOnly(t, r.check(), Unannounce)
		})
	}
}

func TestADoubleThatTheJournalDoesNotKnowIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.call("viber", "+48500001002", "viber-1002", noon.Add(time.Hour))
	r.link()
	report := r.check()
	requireOnly(t, report, Silent, Unannounce)
	require.Equal(t, 1, report.Stats.Doubles)
}

func TestADoubleThatTheJournalCallsUnknownIsCounted(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.message(1, "1002", "attempt_unknown", map[string]any{"attempt": "viber-1002", "reason": "claimed_before_crash"})
	r.call("viber", "+48500001002", "viber-1002", noon.Add(time.Hour))
	r.link()
	report := r.check()
	requireOnly(t, report)
	require.Equal(t, 1, report.Stats.Doubles)
	require.Equal(t, 1, report.Stats.Crashed)
}

func TestAParkedCommandIsReported(t *testing.T) {
	t.Parallel()
	r := whole(t)
	r.event(topicMessages, 0, "partition/0", "goniec.partition.parked.v1", map[string]any{"lane": lanes[0], "offset": 0, "reason": "decision_failed"})
	r.link()
	requireOnly(t, r.check(), Parked)
}
