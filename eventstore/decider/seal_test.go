package decider_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/internal/testkit"
)

// monthEnd is the end of November 2026 in the tests' billing zone.
var monthEnd = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// sealAfter sets the grace.
func sealAfter(grace time.Duration) func(*decider.Config) {
	return func(c *decider.Config) { c.SealGrace = grace }
}

// newBenchOn is newBench with the clock at now.
func newBenchOn(t *testing.T, now time.Time) *bench {
	t.Helper()
	b := newBench(t)
	b.clock = testkit.NewClock(now)
	return b
}

// seals are the months that partition p has sealed, in the journal's order.
func (b *bench) seals(p eventstore.Partition) (months []string) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Messages, p) {
		if ev.Type != partition.TypePeriodSealed {
			continue
		}
		var s partition.PeriodSealed
		require.NoError(b.t, json.Unmarshal(ev.Data, &s))
		require.Equal(b.t, fmt.Sprint("partition/", p), ev.Stream)
		require.Equal(b.t, "timer/seal", ev.Actor)
		months = append(months, s.Month)
	}
	return months
}

// awaitSeals waits until partition p has sealed the months, and no others.
func (b *bench) awaitSeals(p eventstore.Partition, months ...string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return len(b.seals(p)) >= len(months) }, time.Minute, 20*time.Millisecond)
	b.decidedNow(p)
	require.Equal(b.t, months, b.seals(p))
}

// decidedNow waits until the owner has decided one more command, with a look at
// what is due before it.
func (b *bench) decidedNow(p eventstore.Partition) {
	b.t.Helper()
	b.story(p, "message/"+b.request(p, func(r *message.Request) { r.Sender = "NOBODY" }), message.TypeRefused)
}

// taken is a message of partition 0 that the carrier has taken on Viber, and has not reported yet.
func (b *bench) taken(adjust ...func(*message.Request)) (stream string, in message.SendInstruction, carrier string) {
	b.t.Helper()
	stream = "message/" + b.request(0, append(adjust, func(r *message.Request) { r.Fallback, r.ValidityMS = false, 600_000 })...)
	b.story(0, stream, message.TypeAttemptStarted)
	sends := b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)
	require.NoError(b.t, json.Unmarshal(sends[len(sends)-1].Value, &in))
	carrier = strings.ReplaceAll(in.Attempt, "-", "")
	b.answer(0, in, carrier, b.clock.Now())
	b.story(0, stream, message.TypeAttemptAccepted)
	return stream, in, carrier
}

// charge is what a message of partition 0 was charged.
func (b *bench) charge(stream string) (c message.Charged) {
	b.t.Helper()
	b.story(0, stream, message.TypeCharged)
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Stream == stream && ev.Type == message.TypeCharged {
			require.NoError(b.t, json.Unmarshal(ev.Data, &c))
		}
	}
	return c
}

// rules.md F4: every partition gets its seal, also one in which nothing happens; it
// comes when the grace is over in the billing zone, and once.
func TestIdlePartitionsAreSealed(t *testing.T) {
	t.Parallel()
	for zone, at := range map[string]string{
		"UTC": "2026-12-04T00:00:00Z", "Europe/Warsaw": "2026-12-03T23:00:00Z", "Asia/Tokyo": "2026-12-03T15:00:00Z", "America/New_York": "2026-12-04T05:00:00Z",
	} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			place, err := time.LoadLocation(zone)
			require.NoError(t, err)
			due, err := time.Parse(time.RFC3339, at)
			require.NoError(t, err)
			b := newBenchOn(t, due.Add(-time.Microsecond))
			b.start(t.TempDir(), sealAfter(72*time.Hour), func(c *decider.Config) { c.Zone = place })
			for p := range eventstore.Partition(testPartitions) {
				b.awaitSeals(p, "2026-10") // the first one is of the latest month that is due
			}
			b.clock.Advance(time.Microsecond)
			for p := range eventstore.Partition(testPartitions) {
				b.awaitSeals(p, "2026-10", "2026-11")
			}
			b.clock.Advance(time.Hour)
			b.decidedNow(0)
			require.Equal(t, []string{"2026-10", "2026-11"}, b.seals(0))
		})
	}
}

// rules.md F4: who was away for long fires all timers that were due before it seals,
// also when they are more than one transaction takes: the end of a sender, which
// counts in the month that is sealed next, is one of them.
func TestTimersThatWereDueComeBeforeTheSeal(t *testing.T) {
	t.Parallel()
	const messages = 600
	b := newBenchOn(t, monthEnd)
	stop := b.start(t.TempDir(), sealAfter(72*time.Hour))
	var last string
	for range messages {
		at := monthEnd.Add(time.Hour)
		last = b.request(0, func(r *message.Request) { r.SendAt = &at })
	}
	b.story(0, "message/"+last, message.TypeAccepted)
	stop()
	b.clock.Advance(4 * 24 * time.Hour)
	b.start(t.TempDir(), sealAfter(72*time.Hour))
	b.awaitSeals(0, "2026-10", "2026-11")
	released := 0
	for _, ev := range b.journal(eventstore.Messages, 0) {
		switch {
		case ev.Type == message.TypeReleased:
			released++
		case ev.Type == partition.TypePeriodSealed && strings.Contains(string(ev.Data), "2026-11"):
			require.Equal(t, messages, released)
		}
	}
	require.Equal(t, messages, released)
}

// A seal waits as timers do while nobody who takes reports is heard, and it is told since when.
func TestASealThatWaitsIsTold(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, monthEnd)
	var ahead atomic.Int64
	m := &told{stand: map[eventstore.Partition]decider.Measurement{}}
	b.start(t.TempDir(), sealAfter(5*time.Second), func(c *decider.Config) {
		c.Metrics, c.BeatGap, c.Grace = m, time.Second, time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	b.awaitSeals(0, "2026-10")
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: eventstore.CommandBeat, Stream: "beat"}, eventstore.Beat{Process: "p", At: time.Now()})
	b.decidedNow(0)
	ahead.Store(int64(time.Minute)) // nothing was heard since
	b.clock.Advance(7 * time.Second)
	waits := func(behind time.Duration) func() bool {
		return m.saw(func(_ []string, stand map[eventstore.Partition]decider.Measurement) bool {
			return stand[0].SealBehind == behind
		})
	}
	require.Eventually(t, waits(2*time.Second), time.Minute, 20*time.Millisecond)
	require.Equal(t, []string{"2026-10"}, b.seals(0))
	ahead.Store(int64(2 * time.Hour)) // the carriers' retries are over
	b.awaitSeals(0, "2026-10", "2026-11")
	ahead.Store(int64(2*time.Hour + time.Minute))
	require.Eventually(t, waits(0), time.Minute, 20*time.Millisecond)
}

func TestMonthsAreNotSealedWithoutGrace(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, monthEnd)
	b.start(t.TempDir())
	b.decidedNow(0)
	b.clock.Advance(40 * 24 * time.Hour)
	b.decidedNow(0)
	b.decidedNow(0)
	require.Empty(t, b.seals(0))
}

// Whatever a successor begins with, it knows what was sealed: it seals what is left,
// one month after the other, each once, and regards what was sealed before it.
func TestSealsOverARestart(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]func(t *testing.T, old string) string{
		"old directory":   func(_ *testing.T, old string) string { return old },
		"empty directory": func(t *testing.T, _ string) string { return t.TempDir() },
	} {
		for how, pass := range map[string]time.Duration{"from the journal": -1, "from the state topic": 50 * time.Millisecond} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				b := newBenchOn(t, monthEnd.Add(-2*time.Second))
				before := t.TempDir()
				stop := b.start(before, sealAfter(5*time.Second), passEvery(pass))
				stream, in, carrier := b.taken()
				b.clock.Advance(7 * time.Second)
				b.awaitSeals(0, "2026-10", "2026-11")
				if pass > 0 {
					b.awaitMarks()
				}
				stop()
				now := dir(t, before)
				stop = b.start(now, sealAfter(5*time.Second), passEvery(pass))
				b.report(0, in, carrier, message.ReportDelivered, monthEnd.Add(-time.Second))
				c := b.charge(stream)
				require.Equal(t, []string{"2026-12", "2026-11"}, []string{c.Month, c.Adjusts})
				require.Equal(t, []string{"2026-10", "2026-11"}, b.seals(0))
				stop()
				b.clock.Advance(90 * 24 * time.Hour) // due in between, and nobody there
				b.start(dir(t, now), sealAfter(5*time.Second))
				b.awaitSeals(0, "2026-10", "2026-11", "2026-12", "2027-01", "2027-02")
			})
		}
	}
}

// rules.md F4: what is dated into a sealed month counts in the next open one; what
// is dated into the open one does not adjust anything.
func TestALateDeliveryIsAnAdjustment(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, monthEnd.Add(-3*time.Second))
	b.start(t.TempDir(), sealAfter(5*time.Second))
	var streams []string
	var tell []func(time.Time)
	for range 3 {
		stream, in, carrier := b.taken()
		streams = append(streams, stream)
		tell = append(tell, func(at time.Time) { b.report(0, in, carrier, message.ReportDelivered, at) })
	}
	period := func(i int, at time.Time) []string {
		tell[i](at)
		c := b.charge(streams[i])
		require.Equal(t, at, c.At)
		return []string{c.Month, c.Adjusts}
	}
	b.clock.Advance(7 * time.Second) // within the grace
	require.Equal(t, []string{"2026-11", ""}, period(0, monthEnd.Add(-time.Second)))
	b.clock.Advance(time.Second)
	b.awaitSeals(0, "2026-10", "2026-11")
	require.Equal(t, []string{"2026-12", "2026-11"}, period(1, monthEnd.Add(-time.Microsecond)))
	require.Equal(t, []string{"2026-12", ""}, period(2, monthEnd))
}

// An owner that was down when the month was due reads what came before, first:
// nothing of it is an adjustment.
func TestNoSealBeforeTheInboxIsRead(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, monthEnd.Add(-3*time.Second))
	dir := t.TempDir()
	stop := b.start(dir, sealAfter(5*time.Second))
	b.awaitSeals(0, "2026-10")
	const n = 50
	for range n {
		b.request(0, func(r *message.Request) { r.Fallback, r.ValidityMS = false, 600_000 })
	}
	var sends []*eventstore.Record
	require.Eventually(t, func() bool {
		sends = b.outbox(eventstore.OutboxUrgent, 0, eventstore.InstructionSend)
		return len(sends) == n
	}, time.Minute, 20*time.Millisecond)
	stop()
	b.clock.Advance(time.Second)
	for i, s := range sends {
		var in message.SendInstruction
		require.NoError(t, json.Unmarshal(s.Value, &in))
		b.answer(0, in, fmt.Sprint(1000+i), b.clock.Now())
		b.report(0, in, fmt.Sprint(1000+i), message.ReportDelivered, b.clock.Now())
	}
	b.clock.Advance(time.Hour)
	b.start(dir, sealAfter(5*time.Second), func(c *decider.Config) { c.GroupLimit = 10 }) // the backlog takes several groups
	b.awaitSeals(0, "2026-10", "2026-11")
	charges := 0
	for _, ev := range b.journal(eventstore.Messages, 0) {
		if ev.Type == message.TypeCharged {
			var c message.Charged
			require.NoError(t, json.Unmarshal(ev.Data, &c))
			require.Equal(t, []string{"2026-11", ""}, []string{c.Month, c.Adjusts})
			charges++
		}
	}
	require.Equal(t, n, charges)
}
