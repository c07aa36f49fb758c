package history

import (
	"math/bits"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	pt "goniec/projections/internal/projtest"
)

const day = 24 * time.Hour

// fair draws a number below n, each as often as the others: rapid itself prefers
// small ones.
func fair(n int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) (v int) {
		for range bits.Len(uint(n)) + 3 {
			v *= 2
			if rapid.Bool().Draw(t, "bit") {
				v++
			}
		}
		return v % n
	})
}

func (w *world) die(what string, n int) int { return fair(n).Draw(w.t, what) }

func pick[T any](w *world, what string, list []T) T { return list[w.die(what, len(list))] }

var credits = []string{pt.ID("credit", 0), pt.ID("credit", 1)}

// live draws a history from its beginning.
func live(w *world) {
	w.begin()
	for range w.die("steps", 100) {
		w.step()
	}
	w.settle()
}

// begin opens the accounts, and for some the way to their first messages.
func (w *world) begin() {
	require.NoError(w.t, w.tell(account.Installation, account.AccountStream(account.Installation), account.Create{Name: "Installation"}))
	w.publishPrices()
	if w.die("regulated", 6) > 0 {
		w.publishRegulations()
	}
	for _, c := range clients {
		w.pass(w.die("days before it came", 30))
		settings := account.DefaultSettings()
		settings.LatePolicy = pick(w, "late", []string{account.BillBoth, account.WaiveViber})
		settings.NoticeCount = pick(w, "notice", []calendar.NoticeCount{"", calendar.NoticeFullDays})
		require.NoError(w.t, w.tell(account.Installation, account.AccountStream(c), account.Create{Name: c, Settings: &settings}))
	}
	for _, c := range configs {
		w.create(c)
		if w.die("submitted", 4) > 0 {
			w.ask(c, account.SubmitSender{Elsewhere: true})
		}
		if w.die("approved", 4) > 0 {
			w.ask(c, account.ApproveSender{ServiceID: 7})
		}
	}
}

// settle ends with a time at which months can be closed, and closes what can be.
func (w *world) settle() {
	for range w.die("months at the end", 4) {
		w.now = calendar.MonthOf(w.now, w.zone).Ends(w.zone).Add(grace + time.Hour)
		w.round()
		for range w.die("late reports", 4) {
			w.report()
		}
		for _, of := range clients {
			w.closeNext(of)
		}
	}
}

func (w *world) step() {
	c := pick(w, "sender", configs)
	switch w.die("step", 20) {
	case 0, 1, 2:
		w.wait()
	case 3, 4, 5, 16:
		w.converse(c)
	case 6, 7, 8, 17:
		for range 3 { // most are of senders that work
			if s := w.sender(c); s != nil && s.Status == account.SenderActive && s.Suspension == nil {
				break
			}
			c = pick(w, "sender", configs)
		}
		w.send(c)
	case 9, 10, 18, 19:
		w.report()
	case 11:
		w.closeNext(c.account)
	case 12:
		w.month(c)
	case 13:
		w.publish()
	case 14:
		for p := range w.lag {
			w.lag[p] = int64(w.die("unread", 4))
		}
	case 15:
		w.suspension(c)
	}
}

// pass lets so many days go by.
func (w *world) pass(days int) {
	w.now = w.now.Add(time.Duration(days) * day)
	w.round()
}

// wait lets time go by: some hours or days, or to an edge of the calendar.
func (w *world) wait() {
	edge := pick(w, "edge", []time.Duration{-time.Second, -time.Microsecond, 0, time.Microsecond, time.Hour})
	to := w.now
	switch w.die("wait", 6) {
	case 0:
		to = to.Add(time.Duration(1+w.die("hours", 72)) * time.Hour)
	case 1:
		to = to.Add(time.Duration(1+w.die("days", 30)) * day)
	case 2:
		to = calendar.MonthOf(to, w.zone).Ends(w.zone).Add(edge)
	case 3:
		to = w.view.Notice(clients[0]).LastDay(calendar.MonthOf(to, w.zone)).Add(1).Begins(w.zone).Add(edge)
	case 4:
		to = calendar.MonthOf(to.Add(-grace), w.zone).Ends(w.zone).Add(grace).Add(edge)
	case 5:
		to = w.nextTimer().Add(edge)
	}
	if to.After(w.now) {
		w.now = to
	}
	w.round()
}

// nextTimer is when the next timer of a sender is due.
func (w *world) nextTimer() time.Time {
	next := w.now
	for _, c := range configs {
		for _, t := range account.Timers(w.streams[account.SenderStream(c.id())]) {
			if next.Equal(w.now) || t.Due.Before(next) {
				next = t.Due
			}
		}
	}
	return next
}

// round lets the owners go on that are not away.
func (w *world) round() {
	for p := range int32(partitions) {
		if w.die("away", 6) > 0 {
			w.owner(p)
		}
	}
}

func (w *world) create(c config) {
	w.ask(c, account.CreateSender{Account: c.account, Name: c.name, Company: "Goniec", Country: c.country})
}

func (w *world) ask(c config, cmd account.Command) {
	_ = w.tell(c.account, account.SenderStream(c.id()), cmd) // refusals are a part of any history
}

// converse says something to a sender, mostly what its state is waiting for.
func (w *world) converse(c config) {
	s := w.sender(c)
	if s == nil {
		w.create(c)
		return
	}
	fits := map[account.SenderStatus][]int{
		account.SenderNew: {0, 1}, account.SenderInReview: {2, 3, 4, 5, 5, 5}, account.SenderActive: {6, 6, 6, 7, 9}, account.SenderOff: {6, 8, 8, 8, 8, 9},
	}[s.Status]
	if s.Enabling != nil {
		fits = []int{9, 9, 9, 10}
	}
	if w.die("unfitting", 4) == 0 {
		fits = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	}
	w.ask(c, w.word(s, pick(w, "word", fits)))
}

func (w *world) word(s *account.SenderState, n int) account.Command {
	month := func() calendar.Month {
		if w.die("unnamed", 2) == 0 {
			return calendar.Month{}
		}
		return calendar.MonthOf(w.now, w.zone).Add(w.die("month", 5) - 1)
	}
	switch n {
	case 0:
		company := pick(w, "company", []string{"Goniec", "Other"})
		return account.SaveSender{Changes: account.SenderDraftSaved{Company: &company}}
	case 1:
		return account.SubmitSender{Elsewhere: true}
	case 2:
		return account.PassSender{}
	case 3:
		return account.WithdrawSender{}
	case 4:
		return account.ReturnSender{Reasons: []string{"the logo"}}
	case 5:
		at := s.Submission.At.Add(w.now.Sub(s.Submission.At) / 10 * time.Duration(w.die("tenths since the submission", 11)))
		return account.ApproveSender{ServiceID: 7, ActiveOn: pick(w, "active on", []time.Time{{}, at})}
	case 6:
		return account.DisableSender{Reason: "asked", Month: month(), Close: w.die("closes", 10) == 0}
	case 7:
		return account.WithdrawDisable{}
	case 8:
		if w.die("soon", 2) == 0 {
			return account.EnableSender{AsSoonAsPossible: true}
		}
		return account.EnableSender{Month: month()}
	case 9:
		return account.ConfirmSender{}
	}
	return account.WithdrawEnable{}
}

func (w *world) suspension(c config) {
	if w.die("suspend", 2) == 0 {
		w.ask(c, account.SuspendSender{Reason: "a complaint", By: account.ByOperator})
		return
	}
	w.ask(c, account.LiftSuspension{Reason: "mended"})
}

func (w *world) publish() {
	if w.die("prices", 2) == 0 {
		w.publishPrices()
		return
	}
	w.publishRegulations()
}

func (w *world) publishPrices() {
	c := account.PublishPrices{Currency: "PLN", ValidFrom: w.now.Add(time.Duration(w.die("ahead", 41)) * day)}
	if w.streams[account.PricesStream(account.DefaultPrices)].Prices == nil {
		c.ValidFrom = w.now
	}
	for _, country := range []string{"DE", "PL"} {
		for _, ch := range []domain.Channel{domain.Viber, domain.SMS} {
			c.Prices = append(c.Prices, account.Price{
				Country: country, Channel: ch, Category: domain.Transactional, Content: domain.PlainText,
				Amount: pick(w, "price", []string{"0.09", "0.0333", "1.234567", "7.005", "12"}),
			})
		}
	}
	require.NoError(w.t, w.tell(account.Installation, account.PricesStream(account.DefaultPrices), c))
}

func (w *world) publishRegulations() {
	c := account.PublishRegulations{
		Title: "Terms", Digest: account.HashKey(w.id()), ContentType: "text/plain", NoticeDays: 1,
		ValidFrom: calendar.DateOf(w.now, w.zone).Add(w.die("ahead", 41)).Begins(w.zone),
	}
	for _, country := range []string{"DE", "PL"} {
		if w.die("no minimum", 5) == 0 {
			continue
		}
		m := account.Minimum{
			Country: country, Currency: "PLN", Amount: pick(w, "minimum", []string{"0.01", "5.00", "25.00", "250.00"}),
			Unit:  pick(w, "unit", []string{account.UnitAmount, account.UnitAmount, account.UnitMessages}),
			Mode:  pick(w, "mode", []string{account.TrueUp, account.FullMinimum}),
			Scope: pick(w, "scope", []string{account.PerCountry, account.HighestOfSender}),
		}
		if m.Unit == account.UnitMessages {
			m.Messages = 1 + w.die("messages", 3)
		}
		c.Minimums = append(c.Minimums, m)
	}
	_ = w.tell(account.Installation, account.RegulationsStream, c) // too soon after the last, perhaps
}

// send asks for a message, which the carrier takes or refuses.
func (w *world) send(c config) {
	if v := w.view.Unaccepted(c.account, w.now); v != 0 && w.die("unread", 5) > 0 {
		r, _ := w.view.RegulationsAt(w.now)
		require.NoError(w.t, w.tell(c.account, account.AccountStream(c.account), account.AcceptRegulations{Version: v, Digest: r.Digest, Label: "key", Address: address}))
	}
	p := int32(w.die("partition", partitions))
	l := &letter{State: message.New(w.id()), config: c, partition: p}
	w.letters = append(w.letters, l)
	w.post(l, message.Request{
		Recipient: w.id(), Number: "n", Country: c.country, Sender: c.name, Category: domain.Transactional, Content: domain.PlainText, Digest: "d",
		BodyDigest: "b", SMSParts: 1 + w.die("parts", 2), SMSEncoding: "gsm7", Fallback: w.die("fallback", 2) == 0, ValidityMS: 15_000,
	})
	w.answer(l)
}

// answer is the carriers' answer to what was sent, and to what is sent then.
func (w *world) answer(l *letter) {
	for _, a := range l.Attempts {
		if a.Status != message.AttemptInFlight {
			continue
		}
		ans := message.Answer{Attempt: a.ID, Outcome: message.OutcomeAccepted, CarrierIDs: []string{"c" + a.ID}, Parts: 1, At: w.now}
		if a.Channel == domain.SMS {
			ans.Parts = l.Accepted.SMSParts
		}
		if w.die("refused", 5) == 0 {
			ans = message.Answer{Attempt: a.ID, Outcome: message.OutcomeRefused, Code: "9", Reason: "not_on_viber", Verdict: message.Verdict{AtOnce: true}, At: w.now}
		}
		w.post(l, ans)
	}
}

// report is a carrier's word on something that it took, perhaps long ago.
func (w *world) report() {
	if len(w.letters) == 0 {
		return
	}
	l := pick(w, "letter", w.letters)
	for range 3 { // most are of what nothing was heard of yet
		if len(l.Attempts) > 0 && len(l.Delivered) == 0 {
			break
		}
		l = pick(w, "letter", w.letters)
	}
	w.answer(l)
	for _, a := range l.Attempts {
		if len(a.CarrierIDs) == 0 {
			continue
		}
		at := a.Started.Add(time.Duration(w.die("seconds", 6)) * 5 * time.Second)
		if w.die("just now", 2) == 0 {
			at = w.now
		}
		w.post(l, message.Report{
			Attempt: a.ID, CarrierID: a.CarrierIDs[0], At: at, Received: w.now,
			Status: pick(w, "status", []message.ReportStatus{message.ReportDelivered, message.ReportDelivered, message.ReportRead, message.ReportExpired}),
		})
	}
}

// open is the first month of an account that is not closed.
func (w *world) open(of string) calendar.Month {
	a, _ := w.view.AccountByID(of)
	m := calendar.MonthOf(a.Created, w.zone)
	for w.bills.Month(of, m).Closed() {
		m = m.Add(1)
	}
	return m
}

// closeNext asks for a month to be closed, mostly for the one that is next.
func (w *world) closeNext(of string) {
	m := w.open(of)
	if w.die("another", 5) == 0 {
		m = m.Add(w.die("months", 4) - 2)
	}
	for _, c := range configs {
		if c.account == of && w.die("waived", 3) == 0 {
			w.waive(c, m)
		}
	}
	_ = w.gathered(of, m) // a month may not be over, or sealed, or read, or the next
}

// month is what else is said of an account's month.
func (w *world) month(c config) {
	m := w.open(c.account).Add(max(0, w.die("months", 5)-3))
	credit := pick(w, "credit", credits)
	actor := pick(w, "who", []string{admin, "key:second"})
	var cmd billing.Command
	switch w.die("of a month", 6) {
	case 0, 4:
		cmd = billing.RequestCredit{Credit: credit, Amount: pick(w, "amount", []string{"0.01", "20.00"}), Reason: "a fault"}
	case 1, 5:
		cmd = billing.ApproveCredit{Credit: credit}
	case 2:
		cmd = billing.RejectCredit{Credit: credit, Reason: "none"}
	case 3:
		w.waive(c, m)
		return
	}
	_ = w.bill(c.account, m, actor, cmd) // what is closed, unknown or one's own is refused
}

func (w *world) waive(c config, m calendar.Month) {
	s := w.sender(c)
	whole := s != nil && s.SuspendedThroughout(m, w.zone)
	_ = w.bill(c.account, m, admin, billing.WaiveMinimum{Sender: c.id(), Reason: "a fault of ours", SuspendedWholeMonth: whole})
}
