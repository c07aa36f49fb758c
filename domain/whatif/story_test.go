package whatif_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/whatif"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const (
	viberPrice = "0.12"
	smsPrice   = "0.09"
)

// tb is what *testing.T and *rapid.T share.
type tb interface {
	require.TestingT
	Helper()
}

// story lets a message live by the rules, and keeps the facts as the journal does.
type story struct {
	t     tb
	now   time.Time
	s     message.State
	facts []whatif.Fact
	set   func(*message.Facts)
	n     int
}

func newStory(t tb) *story { return &story{t: t, now: start, s: message.New("m-1")} }

// request is a transactional text of one SMS part, fallback on, validity 60 s.
func request() message.Request {
	return message.Request{
		Recipient: "rcp", Number: "num", Country: "PL", Sender: "GONIEC", Category: domain.Transactional, Content: domain.PlainText,
		Digest: "d", BodyDigest: "b", TextLength: 5, SMSParts: 1, SMSEncoding: "gsm7", Fallback: true, ValidityMS: 60_000,
	}
}

func prices(_ time.Time, _ string, ch domain.Channel, _ domain.Category, _ domain.Content) (string, string, bool) {
	return map[domain.Channel]string{domain.Viber: viberPrice, domain.SMS: smsPrice}[ch], "default@1", true
}

func month(t time.Time) calendar.Month { return calendar.MonthOf(t, time.UTC) }

func (b *story) look() message.Facts {
	b.n++
	n := b.n
	f := message.Facts{
		Now: b.now, AccountID: "acc", NewID: func(i int) string { return fmt.Sprintf("a-%d-%d", n, i) },
		Account: message.AccountFacts{
			Known: true, Active: true, Currency: "PLN", FallbackAtOnce: true, LatePolicy: "bill_both",
			SMSValidity: time.Hour, ReportWait: 5 * time.Second, ViberRoute: "viber-1", SMSRoute: "sms-1",
		},
		Sender: message.SenderFacts{Known: true, InCountry: true, Active: true, ID: "sender", Version: 2, ServiceID: 4711, SMSFrom: "Goniec"},
		Prices: prices, Month: month, Jitter: func(try int) float64 { return 0.2 / float64(try) },
	}
	if b.set != nil {
		b.set(&f)
	}
	return f
}

// say decides a command of that actor; a refusal has no events.
func (b *story) say(actor string, c message.Command) {
	b.t.Helper()
	events, _ := message.Decide(b.s, b.look(), c)
	for _, e := range events {
		b.facts = append(b.facts, whatif.Fact{Event: e.Event, At: e.At, Recorded: b.now, Actor: actor})
		b.s = message.Evolve(b.s, e.Event, e.At)
	}
}

func (b *story) ask(change ...func(*message.Request)) *story {
	b.t.Helper()
	r := request()
	for _, fn := range change {
		fn(&r)
	}
	b.say("key/k", r)
	return b
}

// after lets time go by, and fires what is due meanwhile a little late.
func (b *story) after(d time.Duration) *story {
	b.t.Helper()
	end := b.now.Add(d)
	for {
		first, ok := b.timer()
		if !ok || first.Due.Add(lag).After(end) {
			break
		}
		if at := first.Due.Add(lag); at.After(b.now) {
			b.now = at
		}
		b.fire(first)
	}
	b.now = end
	return b
}

// lag is how late timers are fired here.
const lag = 7 * time.Millisecond

func (b *story) timer() (first domain.Timer, ok bool) {
	for _, t := range message.Timers(b.s) {
		if !ok || t.Due.Before(first.Due) {
			first, ok = t, true
		}
	}
	return first, ok
}

func (b *story) fire(t domain.Timer) {
	b.t.Helper()
	b.say("timer/"+string(t.Name), message.Fire{Timer: t.Name, Due: t.Due})
}

// over lets all timers run out.
func (b *story) over() *story {
	b.t.Helper()
	b.after(100 * 24 * time.Hour)
	require.True(b.t, b.s.Ended(), b.s.Status)
	return b
}

func (b *story) attempt() string { return b.s.Attempts[len(b.s.Attempts)-1].ID }

func (b *story) answer(a message.Answer) *story {
	b.t.Helper()
	a.Attempt, a.At = b.attempt(), b.now
	b.say("dispatcher", a)
	return b
}

func (b *story) taken(parts ...string) *story {
	b.t.Helper()
	if parts == nil {
		parts = []string{"c-" + strconv.Itoa(b.n)}
	}
	return b.answer(message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: parts})
}

func (b *story) viberSays(status int) *story {
	b.t.Helper()
	m := message.MeaningOfViber(status)
	return b.answer(message.Answer{Outcome: m.Outcome, Code: strconv.Itoa(status), Reason: m.Reason, Verdict: m.Verdict})
}

// report is the carrier's word on an attempt, the first being 0, in seconds.
func (b *story) report(attempt int, status message.ReportStatus) *story {
	b.t.Helper()
	a := b.s.Attempts[attempt]
	id := append(a.CarrierIDs, "c")[0]
	b.say("carrier", message.Report{Attempt: a.ID, CarrierID: id, Status: status, At: b.now.Truncate(time.Second), Received: b.now})
	return b
}

// pause turns a switch on, or off with "".
func (b *story) pause(p message.Pauses) *story {
	b.set = func(f *message.Facts) { f.Pauses = p }
	return b
}

func (b *story) resume() *story {
	b.t.Helper()
	b.say("timer/resume", message.Fire{Timer: message.TimerResume, Due: b.s.HeldAt})
	return b
}

func world() whatif.World {
	return whatif.World{
		Prices:   func(string) message.PriceFinder { return prices },
		Currency: func(string) string { return "PLN" }, Month: month,
	}
}

// tryWith is what settings make of stories.
func tryWith(t tb, s whatif.Settings, stories ...*story) whatif.Result {
	t.Helper()
	tally := whatif.NewTally(s, world())
	for i, b := range stories {
		require.NoError(t, tally.Add(strconv.Itoa(i), b.facts))
	}
	r, err := tally.Result()
	require.NoError(t, err)
	return r
}

func assumed(r whatif.Result) map[whatif.Assumption]int64 {
	out := map[whatif.Assumption]int64{}
	for _, a := range r.Assumed {
		out[a.Name] = a.Messages
	}
	return out
}

// deliveredOnViber arrives there after d.
func deliveredOnViber(t *testing.T, d time.Duration) *story {
	t.Helper()
	return newStory(t).ask().after(100*time.Millisecond).taken().after(d).report(0, message.ReportDelivered).over()
}

// deliveredBySMS is one of which Viber never reported.
func deliveredBySMS(t *testing.T) *story {
	t.Helper()
	b := newStory(t).ask().after(100 * time.Millisecond).taken().after(time.Minute)
	return b.taken().after(3*time.Second).report(1, message.ReportDelivered).over()
}
