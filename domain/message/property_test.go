package message_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/message"
)

// chaos is a message to which anything is said in any order.
type chaos struct {
	*bench
	r        *rapid.T
	attempts []string // every attempt ever started
	open     map[domain.Channel]bool
	disabled bool
	notOnApp bool
	pauses   message.Pauses
}

// Whatever a carrier, a dispatcher, a recipient and a client say, however often
// and in whatever order, and whatever gets lost: at most one fallback, at most
// one charge per channel, at most one delivery per channel and one reading, no
// attempt after the outcome is decided, no attempt on a closed or paused channel;
// after the end the status only rises; and once nobody says anything any more and
// nothing is paused, the message's own timers end it.
func TestMessageHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		c := newChaos(r)
		for range rapid.IntRange(0, 40).Draw(r, "steps") {
			c.step()
			c.check()
		}
		c.drain()
		c.check()
	})
}

func newChaos(r *rapid.T) *chaos {
	c := &chaos{bench: newBench(r), r: r, open: map[domain.Channel]bool{domain.Viber: true, domain.SMS: true}}
	atOnce := rapid.Bool().Draw(r, "fallback_at_once")
	policy := rapid.SampledFrom([]string{"bill_both", "waive_viber", ""}).Draw(r, "late_policy")
	c.set = func(f *message.Facts) {
		f.Account.FallbackAtOnce, f.Account.LatePolicy = atOnce, policy
		f.Sender.Active = !c.disabled
		f.NotOnApp = c.notOnApp
		f.Pauses = c.pauses
		f.Allowed = func(ch domain.Channel, _ domain.Category) bool { return c.open[ch] }
		f.Sealed = func(calendar.Month) bool { return false }
		f.Jitter = func(try int) float64 { return float64(try%3-1) * 0.2 }
	}
	req := request()
	req.Category = rapid.SampledFrom([]domain.Category{domain.Transactional, domain.Promotional, domain.OneTimeCode}).Draw(r, "category")
	req.Fallback = rapid.Bool().Draw(r, "fallback")
	req.SMSParts = rapid.IntRange(1, 3).Draw(r, "parts")
	if rapid.Bool().Draw(r, "scheduled") {
		at := start.Add(time.Minute)
		req.SendAt = &at
	}
	c.say(req)
	return c
}

// say decides a command; a refusal is fine, but has no events.
func (c *chaos) say(cmd message.Command) {
	cancelled := c.s.CancelAsked
	events, err := c.try(cmd)
	if err != nil {
		require.Empty(c.t, events)
	}
	for _, e := range events {
		if ev, ok := e.(message.AttemptStarted); ok {
			require.NotContains(c.t, c.attempts, ev.Attempt)
			require.False(c.t, cancelled, "an attempt after a cancel")
			require.True(c.t, c.open[ev.Channel], "an attempt on a closed channel")
			require.Empty(c.t, c.pauses.Of(ev.Channel), "an attempt on a paused channel")
			require.True(c.t, ev.NotAfter.After(c.now), "an attempt that is too late already")
			c.attempts = append(c.attempts, ev.Attempt)
		}
	}
}

func (c *chaos) step() {
	c.now = c.now.Add(time.Duration(rapid.Int64Range(0, 9_000).Draw(c.r, "ms")) * time.Millisecond)
	switch rapid.IntRange(0, 14).Draw(c.r, "what") {
	case 0, 1, 2:
		c.answer()
	case 3, 4, 5:
		c.report()
	case 6, 7:
		c.timer()
	case 8:
		c.say(message.Fire{Timer: rapid.SampledFrom([]domain.TimerName{"release", "retry", "deadline", "no_report"}).Draw(c.r, "stale"), Due: c.now})
	case 9:
		c.say(message.Cancel{By: "client"})
	case 10:
		c.optOut()
	case 11:
		c.world()
	case 12:
		c.pause()
	case 13:
		c.resume()
	case 14:
		c.settle()
	}
}

func (c *chaos) anAttempt() string {
	if len(c.attempts) == 0 {
		return "none"
	}
	return rapid.SampledFrom(c.attempts).Draw(c.r, "attempt")
}

func (c *chaos) answer() {
	verdict := rapid.SampledFrom([]message.Verdict{
		{}, {Retry: true}, {AtOnce: true}, {Final: true}, {AtOnce: true, OptOut: true}, {AtOnce: true, NotOnApp: true},
	}).Draw(c.r, "verdict")
	c.say(message.Answer{
		Attempt:    c.anAttempt(),
		Outcome:    rapid.SampledFrom([]message.Outcome{"accepted", "refused", "unknown", "not_sent"}).Draw(c.r, "outcome"),
		CarrierIDs: rapid.SampledFrom([][]string{nil, {}, {"1"}, {"1", "2"}, {"1", "2", "3"}}).Draw(c.r, "ids"),
		Code:       "c", Verdict: verdict, At: c.raw(),
		Reason: rapid.SampledFrom([]string{"", "too_late", "revoked", "route_down", "throttled", "paused", "erased", "odd"}).Draw(c.r, "reason"),
	})
}

func (c *chaos) report() {
	c.say(message.Report{
		Attempt:   c.anAttempt(),
		CarrierID: rapid.SampledFrom([]string{"1", "02", "3", "x"}).Draw(c.r, "id"),
		Status: rapid.SampledFrom([]message.ReportStatus{
			"delivered", "read", "expired", "undelivered", "rejected", "deleted", "accepted", "odd",
		}).Draw(c.r, "status"),
		At: c.raw(), Received: c.raw(), Inferred: rapid.Bool().Draw(c.r, "inferred"),
	})
}

// raw is a time that a foreign clock may say.
func (c *chaos) raw() time.Time {
	return c.now.Add(time.Duration(rapid.Int64Range(-40, 40).Draw(c.r, "skew")) * time.Second)
}

func (c *chaos) timer() {
	timers := message.Timers(c.s)
	if len(timers) == 0 {
		return
	}
	t := rapid.SampledFrom(timers).Draw(c.r, "timer")
	c.now = later(c.now, t.Due)
	c.say(message.Fire{Timer: t.Name, Due: t.Due})
	require.NotContains(c.t, message.Timers(c.s), t, "a fired timer is still set")
}

func (c *chaos) optOut() {
	chs := rapid.SampledFrom([][]domain.Channel{{domain.Viber}, {domain.SMS}, {domain.Viber, domain.SMS}}).Draw(c.r, "channels")
	for _, ch := range chs {
		c.open[ch] = false
	}
	if rapid.Bool().Draw(c.r, "told") { // else the message only sees it in its facts
		c.say(message.OptOut{Channels: chs, Origin: "api"})
	}
}

func (c *chaos) world() {
	c.disabled = rapid.Bool().Draw(c.r, "disabled")
	c.notOnApp = rapid.Bool().Draw(c.r, "not_on_app")
	c.say(request()) // a repeat changes nothing
}

func (c *chaos) pause() {
	name := rapid.SampledFrom([]string{"", "on"})
	c.pauses = message.Pauses{All: name.Draw(c.r, "all"), Viber: name.Draw(c.r, "viber"), SMS: name.Draw(c.r, "sms")}
}

// resume is what the runtime does when a switch that is waited for is off.
func (c *chaos) resume() {
	if c.s.Hold != "" {
		c.say(message.Fire{Timer: message.TimerResume, Due: c.s.HeldAt})
	}
}

// settle is an operator's word on an attempt, whatever is known of it.
func (c *chaos) settle() {
	attempt := c.anAttempt()
	if rapid.Bool().Draw(c.r, "of_message") {
		attempt = ""
	}
	c.say(message.Resolve{
		Attempt: attempt, As: rapid.SampledFrom([]message.Resolution{"sent", "not_sent", "send_sms", "odd"}).Draw(c.r, "as"), Reason: "asked", By: "key:1",
	})
}

// drain fires the timers in their order until none is left. What still waits for
// a switch then is resumed.
func (c *chaos) drain() {
	if rapid.Bool().Draw(c.r, "away") { // its owner was down, and is late for every timer
		c.now = c.now.Add(24 * time.Hour)
	}
	for range 1_000 {
		timers := message.Timers(c.s)
		if len(timers) == 0 && c.s.Hold != "" {
			c.pauses = message.Pauses{}
			c.resume()
			require.Empty(c.t, c.s.Hold)
			continue
		}
		if len(timers) == 0 {
			require.True(c.t, c.s.Ended())
			return
		}
		slices.SortFunc(timers, func(a, b domain.Timer) int { return a.Due.Compare(b.Due) })
		c.now = later(c.now, timers[0].Due)
		c.say(message.Fire{Timer: timers[0].Name, Due: timers[0].Due})
		require.NotContains(c.t, message.Timers(c.s), timers[0], "a fired timer is still set")
	}
	require.FailNow(c.t, "the message never ends")
}

func (c *chaos) check() {
	counts := map[string]int{}
	for _, e := range c.all {
		switch ev := e.Event.(type) {
		case message.FellBack, message.Read, message.Accepted, message.Cancelled, message.CancelRequested:
			counts[ev.EventType()]++
		case message.Charged:
			counts["charged "+string(ev.Channel)]++
			require.False(c.t, ev.At.After(c.now))
		case message.Delivered:
			counts["delivered "+string(ev.Channel)]++
		}
	}
	for what, n := range counts {
		require.Equal(c.t, 1, n, what)
	}
	if counts["delivered viber"] > 0 {
		require.Equal(c.t, 1, counts["charged viber"])
	}
	require.Equal(c.t, counts["charged viber"], counts["delivered viber"], "Viber is charged when delivered (F1)")
	require.LessOrEqual(c.t, len(c.s.Attempts), 4, "the state does not grow with retries")
	require.Less(c.t, len(encode(c.t, c.s)), 3_000)
	require.True(c.t, c.s.Status == "" || c.s.Ended() || len(message.Timers(c.s)) > 0 || flying(c.s) || c.s.Hold != "", "neither ended nor alive: %+v", c.s)
	if c.s.Hold != "" {
		require.False(c.t, c.s.Ended(), "an ended message waits for a switch")
		require.False(c.t, c.s.CancelAsked)
		require.NotContains(c.t, c.s.Closed, c.s.Channel())
		require.Zero(c.t, c.s.RetryAt)
	}
	c.checkWait()
	names := map[domain.TimerName]bool{}
	for _, t := range message.Timers(c.s) {
		require.False(c.t, names[t.Name], "two timers of one name")
		names[t.Name] = true
	}
}

// checkWait: what it waits for is there, and a cancelled one only waits for what
// a carrier may still say.
func (c *chaos) checkWait() {
	wait := c.s.Waits()
	require.Equal(c.t, c.s.Status == "" || c.s.Ended(), wait == message.WaitNothing)
	if c.s.CancelAsked {
		require.Contains(c.t, []message.Wait{message.WaitNothing, message.WaitAnswer, message.WaitReport}, wait)
	}
	set := func(name domain.TimerName) bool {
		return slices.ContainsFunc(message.Timers(c.s), func(t domain.Timer) bool { return t.Name == name })
	}
	switch wait {
	case message.WaitNothing:
		require.Empty(c.t, message.Timers(c.s))
	case message.WaitRelease:
		require.True(c.t, set(message.TimerRelease))
	case message.WaitAnswer:
		require.True(c.t, flying(c.s))
	case message.WaitResume:
		require.NotEmpty(c.t, c.s.Hold)
	case message.WaitRetry:
		require.True(c.t, set(message.TimerRetry))
	case message.WaitReport:
		require.True(c.t, set(message.TimerDeadline) || set(message.TimerNoReport))
	case message.WaitDeadline:
		require.True(c.t, set(message.TimerDeadline))
	}
}

func flying(s message.State) bool {
	return slices.ContainsFunc(s.Attempts, func(a message.Attempt) bool { return a.Status == message.AttemptInFlight })
}
