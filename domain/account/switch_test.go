package account_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
)

var november = calendar.Month{Year: 2026, Month: time.November}

// life leads one sender through the calendar of the billing zone.
type life struct {
	t   require.TestingT
	s   account.State
	now time.Time
	f   account.Facts // but for Now
}

func newLife(t require.TestingT, at string, commands ...account.Command) *life {
	l := &life{t: t, s: account.State{Stream: goniecStream()}, f: facts(now)}
	l.at(at).do(commands...)
	return l
}

// activeSince is a sender that was approved then.
func activeSince(t require.TestingT, at string) *life {
	return newLife(t, at, goniec(), complete(), account.SubmitSender{}, account.ApproveSender{ServiceID: 7})
}

// at moves the clock to a time in the billing zone; what falls due until then is fired.
func (l *life) at(when string) *life {
	to, err := time.ParseInLocation("2006-01-02 15:04:05", when, l.f.Zone)
	require.NoError(l.t, err)
	return l.to(to.UTC())
}

func (l *life) to(to time.Time) *life {
	for {
		due := account.Timers(l.s)
		slices.SortFunc(due, func(a, b domain.Timer) int { return a.Due.Compare(b.Due) })
		if len(due) == 0 || due[0].Due.After(to) {
			l.now = to
			return l
		}
		l.now = due[0].Due
		l.do(account.Fire{Timer: due[0].Name, Due: due[0].Due})
	}
}

func (l *life) decide(c account.Command) ([]account.Event, error) {
	l.f.Now = l.now
	return account.Decide(l.s, l.f, c)
}

// do is for commands that change something.
func (l *life) do(commands ...account.Command) *life {
	for _, c := range commands {
		events, err := l.decide(c)
		require.NoError(l.t, err, "%s at %s", c.CommandType(), l.now)
		require.NotEmpty(l.t, events, "%s at %s", c.CommandType(), l.now)
		for _, e := range events {
			l.s = account.Evolve(l.s, e, l.now)
		}
	}
	return l
}

// refused returns what the refusal says.
func (l *life) refused(code string, c account.Command) string {
	_, err := l.decide(c)
	require.Equal(l.t, code, domain.CodeOf(err), "%s at %s", c.CommandType(), l.now)
	return err.Error()
}

func (l *life) sender() account.SenderState { return *l.s.Sender }

func disable(month string) account.DisableSender {
	c := account.DisableSender{Reason: "asked"}
	if month != "" {
		c.Month, _ = calendar.ParseMonth(month)
	}
	return c
}

func on(month string) account.EnableSender {
	m, _ := calendar.ParseMonth(month)
	return account.EnableSender{Month: m}
}

// rules.md F5: 7 days, counted in dates or full days, to the second; the end of a
// month is the beginning of the next in the billing zone.
func TestNoticeInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, effect string // effect in UTC; "" = too late
		count         calendar.NoticeCount
	}{
		{"2026-11-24 23:59:59", "2026-11-30T23:00:00Z", ""},
		{"2026-11-25 00:00:00", "", ""},
		{"2026-11-23 23:59:59", "2026-11-30T23:00:00Z", calendar.NoticeFullDays},
		{"2026-11-24 00:00:00", "", calendar.NoticeFullDays},
		{"2026-12-25 23:59:59", "2026-12-31T23:00:00Z", ""}, // a holiday
		{"2026-02-22 23:59:59", "2026-02-28T23:00:00Z", ""},
		{"2028-02-23 23:59:59", "2028-02-29T23:00:00Z", ""}, // leap day
		{"2028-02-24 00:00:00", "", ""},
		{"2026-03-25 12:00:00", "2026-03-31T22:00:00Z", ""}, // summer time begins on the 29th
		{"2026-10-25 23:59:59", "2026-10-31T23:00:00Z", ""}, // and ends on the 25th
		{"2026-09-23 23:59:59", "2026-09-30T22:00:00Z", ""},
	} {
		l := activeSince(t, "2025-12-01 10:00:00")
		l.f.Notice.Count = c.count
		l.at(c.asked)
		if c.effect == "" {
			l.refused("notice_too_late", disable(""))
			continue
		}
		l.do(disable(""))
		require.Equal(t, c.effect, l.sender().Notice.Effect.Format(time.RFC3339), c.asked)
	}
}

// rules.md F5: a later month is never taken silently; naming it confirms its minimum.
func TestLaterMonthIsConfirmed(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-10-05 10:00:00").at("2026-11-25 00:00:00")
	said := l.refused("notice_too_late", disable(""))
	require.Contains(t, said, "2026-11-24")
	require.Contains(t, said, "confirm the end of 2026-12")
	require.Contains(t, l.refused("notice_too_late", disable("2026-11")), "earliest end now is that of 2026-12")
	l.refused("notice_too_late", disable("2026-05"))
	l.refused("invalid_value", disable("2029-01"))
	l.do(disable("2027-02"))
	require.Equal(t, "2027-02", l.sender().Notice.Month.String())
	l.refused("already_exists", disable("2026-12"))
	events, err := l.decide(disable("2027-02"))
	require.NoError(t, err)
	require.Empty(t, events, "a repeat")
	l.do(account.WithdrawDisable{})
	l.refused("no_notice", account.WithdrawDisable{})
	l.at("2027-03-05 00:00:00")
	require.Equal(t, account.SenderActive, l.sender().Status, "withdrawn: it goes on")
	require.Empty(t, l.sender().Offs, "a withdrawn request does not count")
}

// rules.md F5: it works until the last second, then the operator has two working days.
func TestNoticeTakesEffect(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-10-05 10:00:00").at("2026-12-20 10:00:00").do(disable("")).at("2026-12-31 23:59:59")
	require.Equal(t, account.SenderActive, l.sender().Status)
	l.at("2027-01-01 00:00:00")
	require.Equal(t, account.SenderOff, l.sender().Status)
	require.Nil(t, l.sender().Notice)
	require.Equal(t, []calendar.Date{{Year: 2027, Month: 1, Day: 1}}, l.sender().Offs)
	require.Equal(t, []account.Task{{Kind: account.SwitchOff, Due: time.Date(2027, 1, 5, 23, 0, 0, 0, time.UTC)}}, l.sender().OpenTasks(), "Monday and Tuesday")
	l.at("2027-01-06 00:00:00")
	require.True(t, l.sender().OpenTasks()[0].Overdue, "the alarm")
	l.do(account.ConfirmSender{})
	require.Empty(t, l.sender().OpenTasks())
	events, err := l.decide(account.ConfirmSender{})
	require.NoError(t, err)
	require.Empty(t, events)
	require.Equal(t, []account.Spell{{From: l.sender().ActiveOn, To: time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)}}, l.sender().Active)
}

// rules.md F6: twice a year off and twice on, by the day on which the state begins; a
// closing is always possible and final.
func TestTwiceAYear(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2025-12-01 10:00:00")
	off := func(asked string) { l.at(asked).do(disable("")) }
	back := func(asked string) {
		l.at(asked).do(account.EnableSender{AsSoonAsPossible: true}, account.ConfirmSender{})
	}
	off("2026-01-10 10:00:00")  // off on 1 February
	back("2026-02-10 10:00:00") // on on 10 February
	off("2026-03-10 10:00:00")  // off on 1 April
	back("2026-04-10 10:00:00")
	said := l.at("2026-06-01 10:00:00").refused("toggled_twice", disable("2026-07"))
	require.Contains(t, said, "off from 2027-01-01")
	require.Contains(t, said, "end of 2026-12 or later")
	l.at("2026-12-20 10:00:00").do(disable("2026-12")) // acts in January: of the next year
	l.at("2027-01-01 00:00:00")
	require.Equal(t, account.SenderOff, l.sender().Status)

	m := activeSince(t, "2025-12-01 10:00:00")
	for _, at := range []string{"2026-01-10 10:00:00", "2026-03-10 10:00:00"} {
		m.at(at).do(disable("")).at(at[:5]+map[string]string{"01": "02", "03": "04"}[at[5:7]]+at[7:]).do(account.EnableSender{AsSoonAsPossible: true}, account.ConfirmSender{})
	}
	closing := disable("2026-07")
	closing.Close = true
	m.at("2026-06-01 10:00:00").do(closing).at("2026-08-01 00:00:00")
	require.True(t, m.sender().Closed)
	m.refused("sender_closed", account.EnableSender{})
	m.refused("sender_closed", disable(""))
	require.Equal(t, account.SenderOff, m.sender().Status)
	events, err := m.decide(account.DisableSender{Reason: "again", Close: true})
	require.NoError(t, err)
	require.Empty(t, events)
}

// rules.md F6: a third on is refused too, with the month to ask for.
func TestThirdOn(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2025-10-01 10:00:00")
	for _, step := range [][2]string{{"2025-11-10 10:00:00", "2026-01-10 10:00:00"}, {"2026-02-10 10:00:00", "2026-03-10 10:00:00"}, {"2026-05-10 10:00:00", ""}} {
		l.at(step[0]).do(disable(""))
		if step[1] != "" {
			l.at(step[1]).do(account.EnableSender{AsSoonAsPossible: true}, account.ConfirmSender{})
		}
	}
	said := l.at("2026-07-01 10:00:00").refused("toggled_twice", account.EnableSender{})
	require.Contains(t, said, "on again from 2027-01-01; ask for month 2027-01")
	l.do(on("2027-01"), account.ConfirmSender{}).at("2026-12-31 23:59:59")
	require.Equal(t, account.SenderOff, l.sender().Status, "asked for before, it acts in January")
	l.at("2027-01-01 00:00:00")
	require.Equal(t, account.SenderActive, l.sender().Status)
	require.Equal(t, calendar.Date{Year: 2027, Month: 1, Day: 1}, l.sender().Ons[2])
}

// rules.md F7: from the 1st of a month, or as soon as the operator has confirmed.
func TestEnable(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00").at("2026-05-05 10:00:00").do(disable("")).at("2026-06-10 10:00:00")
	l.refused("not_enabling", account.WithdrawEnable{})
	l.refused("backdated", on("2026-06"))
	l.refused("invalid_value", account.EnableSender{Month: november, AsSoonAsPossible: true})
	l.do(account.EnableSender{})
	require.Equal(t, "2026-07-01", l.sender().Enabling.From.String())
	require.Equal(t, account.SwitchOn, l.sender().OpenTasks()[0].Kind)
	l.do(account.WithdrawEnable{})
	require.Empty(t, l.sender().OpenTasks())
	l.do(account.EnableSender{}).at("2026-07-03 12:00:00")
	require.Equal(t, account.SenderOff, l.sender().Status, "nobody has confirmed")
	l.do(account.ConfirmSender{})
	require.Equal(t, account.SenderActive, l.sender().Status)
	require.Equal(t, []calendar.Date{{Year: 2026, Month: 7, Day: 3}}, l.sender().Ons, "active when the operator confirms")
	require.Equal(t, l.now.UTC(), l.sender().Active[1].From)
}

// rules.md F3: a month counts in which it was active for however short.
func TestActiveIn(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-31 23:59:59").at("2026-02-10 10:00:00").do(disable("")).at("2026-03-31 23:59:59").
		do(account.EnableSender{AsSoonAsPossible: true}, account.ConfirmSender{})
	got := map[string]bool{}
	for m := (calendar.Month{Year: 2025, Month: 12}); m.Before(calendar.Month{Year: 2026, Month: 5}); m = m.Add(1) {
		got[m.String()] = l.sender().ActiveIn(m, warsaw)
	}
	require.Equal(t, map[string]bool{"2025-12": false, "2026-01": true, "2026-02": true, "2026-03": true, "2026-04": true}, got)
}

// rules.md B13, F3: a suspension is no toggle and stops at once; a month spent in it can be waived.
func TestSuspension(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00")
	suspend := account.SuspendSender{Reason: "complaints", By: account.ByOperator}
	l.refused("not_suspended", account.LiftSuspension{Reason: "x"})
	l.refused("invalid_value", account.SuspendSender{Reason: "x", By: "client"})
	l.at("2026-01-31 10:00:00").do(suspend)
	events, err := l.decide(account.SuspendSender{Reason: "more", By: account.ByCarrier})
	require.NoError(t, err)
	require.Empty(t, events)
	require.Equal(t, account.SenderActive, l.sender().Status)
	l.at("2026-03-01 00:00:00").do(account.LiftSuspension{Reason: "settled"})
	require.False(t, l.sender().SuspendedThroughout(calendar.Month{Year: 2026, Month: 1}, warsaw))
	require.True(t, l.sender().SuspendedThroughout(calendar.Month{Year: 2026, Month: 2}, warsaw))
	require.False(t, l.sender().SuspendedThroughout(calendar.Month{Year: 2026, Month: 3}, warsaw))
	require.Empty(t, l.sender().Offs)
	l.do(suspend, disable("")).at("2026-04-01 00:00:00")
	require.Equal(t, account.SenderOff, l.sender().Status, "the notice runs on")
	l.do(account.LiftSuspension{Reason: "settled"})
}

func TestSuspendedInView(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	j.sender("GONIEC", "PL", 7)
	j.do(goniecStream(), account.SuspendSender{Reason: "x", By: account.ByCarrier})
	f := j.view.SenderFacts(acc, "GONIEC", "PL")
	require.Equal(t, []bool{false, true}, []bool{f.Active, f.Suspended})
	j.do(goniecStream(), account.LiftSuspension{Reason: "x"})
	f = j.view.SenderFacts(acc, "GONIEC", "PL")
	require.Equal(t, []bool{true, false}, []bool{f.Active, f.Suspended})
}

// rules.md B7: expectations in Polish working days, from the day it was passed on; a
// reminder at the end of each, and no change of state.
func TestReminders(t *testing.T) {
	t.Parallel()
	l := newLife(t, "2026-12-01 10:00:00", goniec(), complete(), account.SubmitSender{})
	require.Equal(t, []account.Task{{Kind: account.PassOn}}, l.sender().OpenTasks())
	l.at("2026-12-14 10:00:00").do(account.PassSender{Reference: "V-17"})
	require.Equal(t, "2027-01-07T23:00:00Z", l.sender().VerifiedBy.Format(time.RFC3339), "14 working days, without Christmas, New Year and Epiphany")
	require.Equal(t, "2027-01-11T23:00:00Z", l.sender().PrefixBy.Format(time.RFC3339), "four weeks")
	l.at("2027-01-07 23:59:59")
	require.False(t, l.sender().OpenTasks()[0].Overdue)
	l.at("2027-01-08 00:00:00")
	require.True(t, l.sender().OpenTasks()[0].Overdue)
	l.at("2027-01-20 00:00:00")
	require.Len(t, l.sender().OpenTasks(), 2)
	require.Equal(t, account.SenderInReview, l.sender().Status)
	require.Empty(t, account.Timers(l.s))
	l.do(account.ReturnSender{Reasons: []string{"x"}})
	require.Empty(t, l.sender().OpenTasks())
}

// rules.md B8, F4: nothing is dated into a sealed month.
func TestActivationInSealedMonth(t *testing.T) {
	t.Parallel()
	l := newLife(t, "2026-10-20 10:00:00", goniec(), complete(), account.SubmitSender{}).at("2026-11-10 10:00:00")
	l.f.Sealed = func(m calendar.Month) bool { return m.Before(november) }
	require.Contains(t, l.refused("month_sealed", account.ApproveSender{ServiceID: 7, ActiveOn: time.Date(2026, 10, 31, 22, 59, 59, 0, time.UTC)}), "2026-10")
	l.do(account.ApproveSender{ServiceID: 7, ActiveOn: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC)})
}

// rules.md B11: what works goes on working while its next version is written and reviewed.
func TestChangeAfterActivation(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-11-10 10:00:00")
	before := l.sender().Filled()
	save := account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr("promotions"), Communication: ptr("2way"), NoticeEmail: ptr("new@example.com")}}
	l.refused("no_change", account.SubmitSender{})
	l.refused("sender_state", account.ApproveSender{ServiceID: 7})
	l.refused("required", account.SaveSender{Changes: account.SenderDraftSaved{NoticeEmail: ptr("")}})
	l.do(save)
	before.NoticeEmail = "new@example.com" // at once
	require.Equal(t, before, l.sender().Filled())
	require.Equal(t, []string{"kind", "communication"}, account.Differences(l.sender().Filled(), l.sender().Draft()))
	events, err := l.decide(save)
	require.NoError(t, err)
	require.Empty(t, events, "a repeat")
	l.do(account.SubmitSender{})
	require.Equal(t, 2, l.sender().Submission.Number)
	l.refused("sender_state", account.SubmitSender{})
	l.refused("sender_state", account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr("other")}})
	l.do(account.WithdrawSender{}, account.SubmitSender{}, account.PassSender{})
	l.refused("passed_on", account.WithdrawSender{})
	l.do(account.ReturnSender{Reasons: []string{"unclear"}})
	require.Equal(t, []string{"unclear"}, l.sender().Change.Reasons)
	require.Equal(t, account.SenderActive, l.sender().Status)
	require.False(t, l.sender().TwoWay)
	l.do(account.SubmitSender{}, account.PassSender{}, account.ApproveSender{})
	require.Equal(t, "promotions", l.sender().Filled().Kind)
	require.Equal(t, []any{true, int64(7), account.SenderActive}, []any{l.sender().TwoWay, l.sender().ServiceID, l.sender().Status})
	require.Nil(t, l.sender().Change)
	require.Len(t, l.sender().Active, 1)
}

// Each step of the table happens, and nothing else does.
func TestSenderTransitions(t *testing.T) {
	t.Parallel()
	rows := map[account.Transition]bool{}
	for _, tr := range account.SenderTransitions() {
		tr.Rule = ""
		rows[tr] = false
	}
	at := "2026-05-05 10:00:00"
	submit := account.SubmitSender{Elsewhere: true}
	active := []account.Command{goniec(), complete(), submit, account.ApproveSender{ServiceID: 7}}
	change := account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr("promotions")}}
	newly := func(more ...account.Command) *life { return newLife(t, at, more...) }
	grown := func(more ...account.Command) *life { return newLife(t, at, slices.Concat(active, more)...) }
	off := func() *life { return grown(disable("")).at("2026-06-05 10:00:00") }
	for _, l := range []*life{
		newly(), newly(goniec()), newly(goniec(), complete(), submit), grown(), grown(change), grown(change, account.SubmitSender{}),
		grown(disable("")), grown(account.SuspendSender{Reason: "x", By: "operator"}), off(), off().do(account.EnableSender{}),
		off().do(account.EnableSender{}, account.ConfirmSender{}), off().do(account.EnableSender{AsSoonAsPossible: true}),
		grown(account.SuspendSender{Reason: "x", By: "operator"}, disable("")).at("2026-06-05 10:00:00"),
		off().do(account.EnableSender{AsSoonAsPossible: true}, account.ConfirmSender{}),
	} {
		for _, c := range allCommands() {
			triesStep(t, rows, *l, c)
		}
	}
	for row, seen := range rows {
		require.True(t, seen, "no step %v", row)
	}
}

func allCommands() []account.Command {
	return []account.Command{
		goniec(), complete(),
		account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr("other")}},
		account.SubmitSender{Elsewhere: true},
		account.PassSender{},
		account.WithdrawSender{},
		account.ApproveSender{ServiceID: 7},
		account.ReturnSender{Reasons: []string{"x"}},
		disable(""),
		account.DisableSender{Reason: "x", Close: true},
		account.WithdrawDisable{},
		account.EnableSender{},
		account.WithdrawEnable{},
		account.ConfirmSender{},
		account.SuspendSender{Reason: "x", By: "carrier"},
		account.LiftSuspension{Reason: "x"},
		blocked("1", 0),
		account.Fire{},
	}
}

// triesStep says c to a copy of l; a Fire is of its first timer, at its time.
func triesStep(t *testing.T, rows map[account.Transition]bool, l life, c account.Command) {
	t.Helper()
	if _, ok := c.(account.Fire); ok {
		timers := account.Timers(l.s)
		if len(timers) == 0 || timers[0].Name == account.TimerTask {
			return
		}
		c, l.now = account.Fire{Timer: timers[0].Name, Due: timers[0].Due}, timers[0].Due
	}
	from := account.SenderNone
	if l.s.Sender != nil {
		from = l.sender().Status
	}
	events, err := l.decide(c)
	if err != nil {
		return
	}
	for _, e := range events {
		l.s = account.Evolve(l.s, e, l.now)
	}
	if l.s.Sender == nil {
		return
	}
	step := account.Transition{From: from, Command: c.CommandType(), To: l.sender().Status}
	_, drawn := rows[step]
	if len(events) == 0 && !drawn {
		return // a repeat
	}
	require.True(t, drawn, "%v is not in the table", step)
	rows[step] = true
}

// Whatever is asked whenever: at most two of a kind begin in a calendar year, spells
// never overlap, the timers that are due change something, and the cache gives back
// what it was given.
func TestSwitchInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := activeSince(rt, "2026-01-15 10:00:00")
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			l.to(l.now.Add(time.Duration(rapid.IntRange(0, 60*24).Draw(rt, "hours")) * time.Hour))
			c := rapid.SampledFrom(allCommands()[3:17]).Draw(rt, "command")
			if d, ok := c.(account.DisableSender); ok {
				d.Month = calendar.MonthOf(l.now, warsaw).Add(rapid.IntRange(-1, 3).Draw(rt, "month"))
				c = d
			}
			events, err := l.decide(c)
			if err != nil {
				require.NotEmpty(rt, domain.CodeOf(err))
				continue
			}
			for _, e := range events {
				l.s = account.Evolve(l.s, e, l.now)
			}
			keepsCalendar(rt, l)
		}
	})
}

func keepsCalendar(rt *rapid.T, l *life) {
	s := l.sender()
	for _, days := range [][]calendar.Date{s.Offs, s.Ons} {
		years := map[int]int{}
		for _, d := range days {
			years[d.Year]++
			require.True(rt, years[d.Year] <= calendar.TogglesAYear || s.Closed, "%v", days)
		}
	}
	for i, x := range s.Active {
		require.Equal(rt, x.To.IsZero(), i == len(s.Active)-1 && s.Status == account.SenderActive)
		require.True(rt, i == 0 || !x.From.Before(s.Active[i-1].To))
	}
	require.Equal(rt, s.Suspension != nil, len(s.Suspended) > 0 && s.Suspended[len(s.Suspended)-1].To.IsZero())
	data, err := json.Marshal(l.s)
	require.NoError(rt, err)
	var cached account.State
	require.NoError(rt, json.Unmarshal(data, &cached))
	require.Equal(rt, l.s, cached)
}
