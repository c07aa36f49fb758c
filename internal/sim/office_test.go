package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/money"
	"goniec/eventstore"
)

// office is where, in the seeds near a month's end, a client and an operator lead a
// sender through its life, and months are closed. Whoever is not sure that a word
// was heard says it again, as the same command or as another. It has chance of its
// own, so that the other seeds' stories are what they are without it.
type office struct {
	rng    *rand.Rand
	end    time.Time // shortly before the month's end: domain time jumps there
	next   time.Time // nothing is said before
	said   []word
	sender string // stream
}

// word is something that was said.
type word struct {
	eventstore.Command
	data any
}

const (
	minimum   = "1.00" // of the sender that the messages have
	second    = "key/2"
	firstPart = 12 * calendarDay // notice is given in time
)

// nearMonthEnd is for some seeds: it begins some days before a month's end, and says
// how long after that the month is sealed.
func (w *world) nearMonthEnd(seed uint64) (grace time.Duration) {
	rng := rand.New(rand.NewPCG(seed, 2))
	if rng.IntN(3) > 0 {
		return 0
	}
	ahead := 31*calendarDay - time.Duration(rng.Int64N(int64(20*time.Second))) // virtual time begins with the year
	w.ahead.Store(int64(ahead - firstPart))
	w.office = &office{
		rng: rand.New(rand.NewPCG(seed, 3)), end: w.began.UTC().Add(ahead), sender: account.SenderStream(account.SenderID(accountID, "OTHER", "PL")),
	}
	return time.Millisecond + time.Duration(rng.Int64N(int64(6*time.Second)))
}

// early says that the month's end is not near yet: half of the messages wait for it.
func (w *world) early() bool { return w.office != nil && w.Now().Before(w.office.end) && !w.healthy }

// toAsk is how many messages are asked for by now.
func (w *world) toAsk() int {
	if w.early() {
		return w.plan.messages / 2
	}
	return w.plan.messages
}

// soon is when the sender ends, or a month is sealed, if that is near.
func (w *world) soon() (next time.Time) {
	if w.office == nil || w.early() || w.office.rng.IntN(2) == 0 {
		return next
	}
	if next = w.check.noticeDue(); next.IsZero() {
		next = w.soonSealed()
	}
	return next
}

// atWork lets the office do something. It says whether it did.
func (w *world) atWork(now time.Time) bool {
	o := w.office
	if o == nil || now.Before(o.next) {
		return false
	}
	o.next = now.Add(10*time.Millisecond + time.Duration(o.rng.Int64N(int64(150*time.Millisecond))))
	if w.early() && w.check.sender.noticed && o.rng.IntN(2) == 0 {
		w.jump(o.end.Sub(w.Now()))
		return true
	}
	if len(o.said) > 0 && !w.healthy && o.rng.IntN(3) == 0 {
		w.sayAgain(o.said[o.rng.IntN(len(o.said))])
		return true
	}
	c, data := w.wanted()
	if c.Type == "" {
		return false
	}
	c.ID, c.Account = w.officeID(), accountID
	w.say(word{c, data})
	return true
}

func (w *world) officeID() string {
	return eventstore.DerivedID(0, []byte(fmt.Sprintf("%016x%016x", w.office.rng.Uint64(), w.office.rng.Uint64()))).String()
}

func (w *world) say(x word) {
	w.office.said = append(w.office.said, x)
	w.put(eventstore.InboxUrgent, "office", x.Type, x.Command, x.data)
}

func (w *world) sayAgain(x word) {
	if w.office.rng.IntN(2) == 0 {
		x.ID = w.officeID()
	}
	w.put(eventstore.InboxUrgent, "office", x.Type+" again", x.Command, x.data)
}

// wanted is what has to be said next, as far as the journal shows; none when it is
// the time that has to go on.
func (w *world) wanted() (eventstore.Command, any) {
	month, sealed := w.check.nextClose()
	of := func(c interface{ CommandType() string }, actor string) (eventstore.Command, any) {
		stream := w.office.sender
		if _, ok := c.(billing.Command); ok {
			stream = billing.Stream(accountID, month)
		}
		return eventstore.Command{Type: c.CommandType(), Stream: stream, Actor: actor}, c
	}
	s := w.check.sender
	switch {
	case s.status == account.SenderNone:
		return of(account.CreateSender{Account: accountID, Name: "OTHER", Company: "Other", Country: "PL"}, "key/1")
	case s.status == account.SenderNew:
		return of(account.SubmitSender{Elsewhere: true}, "key/1")
	case s.status == account.SenderInReview:
		return of(account.ApproveSender{ServiceID: 9}, "key/1")
	case s.status == account.SenderActive && !s.noticed && w.Now().Before(w.office.end):
		return of(account.DisableSender{Reason: "asked"}, "key/1")
	case s.status == account.SenderOff && !s.confirmed:
		return of(account.ConfirmSender{}, "key/1")
	case !w.healthy && len(w.check.credits) == 0 && w.office.rng.IntN(4) == 0:
		return of(billing.RequestCredit{Credit: w.officeID(), Amount: "0.50", Reason: "a fault"}, "key/1")
	case !w.healthy && len(w.check.credits) > 0 && w.office.rng.IntN(4) == 0:
		return of(billing.ApproveCredit{Credit: w.check.credits[0]}, second)
	case sealed:
		return of(w.gathered(month), pickFrom(w.office.rng, "key/1", second))
	}
	return eventstore.Command{}, nil
}

func pickFrom[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// gathered is what a month is closed with, when its seal stands in the journal.
func (w *world) gathered(month calendar.Month) billing.CloseMonth {
	amount, _ := money.Parse(minimum)
	in := billing.Inputs{
		Account: accountID, Month: month, Currency: "PLN",
		Senders: []billing.SenderMonth{{ID: "1", Name: "GONIEC", Country: "PL", Activated: calendar.Date{Year: 1999, Month: 1, Day: 1}}},
		Terms: billing.Terms{Version: "1", Minimums: []billing.Minimum{{
			Country: "PL", Currency: "PLN", Unit: billing.UnitAmount, Amount: amount, Mode: billing.TrueUp, Scope: billing.PerCountry,
		}}},
	}
	for _, f := range w.check.facts {
		if c, ok := f.(message.Charged); ok && c.Month == month.String() {
			u := billing.Usage{Count: 1, Parts: int64(c.Parts), Key: billing.Key{
				Sender: c.Sender, Country: c.Country, Channel: c.Channel, Category: c.PricedCategory, Content: c.Content, PriceVersion: c.PriceVersion,
			}}
			u.Amount, _ = money.Parse(c.Amount)            // the rules wrote it
			_ = u.Adjusts.UnmarshalText([]byte(c.Adjusts)) // as above
			in.Closed = w.check.bills.Obligations(accountID, u.Adjusts)
			in.Usage = append(in.Usage, u)
		}
	}
	return billing.CloseMonth{Inputs: in}
}

// sender is what the checker knows of the office's, in its own words.
type sender struct {
	status    account.SenderStatus
	noticed   bool
	effect    time.Time
	confirmed bool
}

// configured: an approval, an end and the operator's word each come once, in their
// place; the end not before its time.
func (c *checker) configured(ev *eventstore.Event, f account.Event) {
	s := &c.sender
	expect := func(ok bool) {
		if !ok {
			c.w.fail("%s comes to a sender that is %q", ev.Type, s.status)
		}
	}
	switch e := f.(type) {
	case account.SenderCreated:
		c.once("creation", ev.Stream)
		s.status = account.SenderNew
	case account.SenderSubmitted:
		expect(s.status == account.SenderNew)
		s.status = account.SenderInReview
	case account.SenderApproved:
		c.once("approval", ev.Stream)
		expect(s.status == account.SenderInReview)
		s.status = account.SenderActive
	case account.SenderNoticeGiven:
		c.once("notice", ev.Stream)
		expect(s.status == account.SenderActive)
		s.noticed, s.effect = true, e.Effect
	case account.SenderDisabled:
		c.once("end", ev.Stream)
		expect(s.status == account.SenderActive && s.noticed && e.At.Equal(s.effect) && !c.w.latest.Before(s.effect))
		s.status, s.noticed = account.SenderOff, false
	case account.SenderTaskDone:
		c.once("switched off", ev.Stream)
		expect(s.status == account.SenderOff)
		s.confirmed = true
	}
}

// noticeDue is when the sender ends; zero = it does not.
func (c *checker) noticeDue() time.Time {
	if !c.sender.noticed {
		return time.Time{}
	}
	return c.sender.effect
}

// nextClose is the month that has to be closed next, and whether it is sealed.
func (c *checker) nextClose() (month calendar.Month, sealed bool) {
	month = calendar.MonthOf(c.w.began, time.UTC)
	if c.closed != (calendar.Month{}) {
		month = c.closed.Add(1)
	}
	return month, month.String() <= c.sealed
}

// billed: a month is closed once, after its seal, with its charges and its minimum,
// each once, and the credits that were agreed to before; nothing comes after that.
func (c *checker) billed(ev *eventstore.Event, f billing.Event) {
	c.bills.Apply(ev.Stream, ev.Version, f, ev.Time)
	_, month, _ := billing.ParseStream(ev.Stream)
	if c.count["close "+ev.Stream] > 0 {
		c.w.fail("%s comes to %s, which is closed", ev.Type, month)
	}
	switch e := f.(type) {
	case billing.CreditRequested:
		c.credits = append(c.credits, e.Credit)
	case billing.CreditApproved:
		c.once("credit", e.Credit)
	case billing.MonthClosed:
		c.once("close", ev.Stream)
		if next, sealed := c.nextClose(); month != next || !sealed {
			c.w.fail("%s is closed, and it is %s that is next", month, next)
		}
		c.closed = month
		c.statement(month, e.Statement)
	}
}

func (c *checker) statement(month calendar.Month, s billing.Statement) {
	var charged, billed, traffic money.Amount
	for _, f := range c.facts {
		if e, ok := f.(message.Charged); ok && e.Month == month.String() {
			amount, _ := money.Parse(e.Amount) // the rules wrote it
			charged += amount
			if e.Channel == domain.Viber && e.Adjusts == "" {
				traffic += amount
			}
		}
	}
	minimums := 0
	for _, l := range s.Lines {
		switch l.Kind {
		case billing.KindUsage, billing.KindAdjustment:
			billed += l.Exact
		case billing.KindMinimum:
			minimums++
			if whole, _ := money.Parse(minimum); l.Exact != whole-traffic {
				c.w.fail("%s: a minimum of %s is charged over %s of traffic", month, l.Exact, traffic)
			}
		case billing.KindCredit:
			if c.count["credit "+l.Credit] != 1 {
				c.w.fail("%s: a credit that nobody agreed to", month)
			}
		}
	}
	if charged != billed || minimums != 1 {
		c.w.fail("%s: %s charged, %s billed, %d minimums", month, charged, billed, minimums)
	}
}

// officeLeft is what the office has not brought to its end, or "".
func (w *world) officeLeft() string {
	if w.office == nil {
		return ""
	}
	if month, sealed := w.check.nextClose(); sealed {
		return month.String() + " is not closed"
	}
	if s := w.check.sender; !s.confirmed {
		return fmt.Sprintf("the sender is %q", s.status)
	}
	return ""
}

// inOffice judges what the office's story came to.
func (c *checker) inOffice() {
	o := c.w.office
	if o == nil {
		return
	}
	for _, what := range []string{"approval", "end", "switched off"} {
		if n := c.count[what+" "+o.sender]; n != 1 {
			c.w.fail("%s of the sender: %d times", what, n)
		}
	}
	if first := billing.Stream(accountID, calendar.MonthOf(c.w.began, time.UTC)); c.count["close "+first] != 1 {
		c.w.fail("the month was closed %d times", c.count["close "+first])
	}
}
