package demo

import (
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
)

// When the story begins and ends, in the billing zone. What comes before November
// is only there for November: two of the three ends of a sender in one year, and the
// months in which the others were active for the first time.
const (
	monthBegins = "2026-09-01 08:00:00"
	monthEnds   = "2027-01-10 12:00:00"
)

// scene is one happening of the story.
type scene struct {
	at  string // in the billing zone
	who string
	do  verb
}

// cast is who plays in the story.
type cast struct {
	market, pharmacy           *party
	targ, fiolek, apteka, lipa *named
}

func newCast() cast {
	market := &party{id: "00000000-0000-8000-8000-00000000a001", name: "Zielony Targ"}
	pharmacy := &party{id: "00000000-0000-8000-8000-00000000a002", name: "Apteka Lipowa"}
	return cast{
		market: market, pharmacy: pharmacy,
		targ: &named{of: market, name: "TARG", service: 2001}, fiolek: &named{of: market, name: "FIOLEK", service: 2002},
		apteka: &named{of: pharmacy, name: "APTEKA", service: 2003}, lipa: &named{of: pharmacy, name: "LIPA", service: 2004},
	}
}

func (c cast) party(name string) *party {
	if name == c.market.name {
		return c.market
	}
	return c.pharmacy
}

// operator is who runs the installation.
const operator = "operator"

// creditID is fixed, since it stands in a statement.
const creditID = "00000000-0000-4000-8000-00000000c001"

func (m *month) story() []scene {
	return append(append(m.before(), m.november()...), m.december()...)
}

func (m *month) before() []scene {
	c := m.cast
	market, pharmacy := c.market.name, c.pharmacy.name
	return []scene{
		{"2026-09-01 09:00:00", operator, m.regulations("Regulations 1", "2026-09-01", "10.00")},
		{"2026-09-01 09:10:00", operator, m.prices("", "0.255", "0.09")},
		{"2026-09-01 09:20:00", operator, m.second},
		{"2026-09-01 10:00:00", market, all(m.open(c.market), m.accept(c.market, "1"), m.register(c.targ), m.submit(c.targ))},
		{"2026-09-15 12:00:00", operator, m.approve(c.targ)},
		{"2026-09-24 12:00:00", market, m.notice(c.targ, "")},
		{"2026-10-01 00:00:00", market, m.off(c.targ, "off, the first time this year")},
		{"2026-10-02 09:00:00", operator, m.confirm(c.targ, "switched off at Viber")},
		{"2026-10-05 08:00:00", operator, m.closeMonth("2026-09")},
		{"2026-10-05 09:00:00", market, m.enable(c.targ)},
		{"2026-10-05 15:00:00", operator, m.confirm(c.targ, "switched on at Viber: on, the first time this year")},
		{"2026-10-12 10:00:00", pharmacy, all(m.open(c.pharmacy), m.accept(c.pharmacy, "1"))},
		{"2026-10-12 10:10:00", pharmacy, all(m.register(c.apteka), m.submit(c.apteka), m.register(c.lipa), m.submit(c.lipa))},
		{"2026-10-20 12:00:00", operator, all(m.approve(c.apteka), m.approve(c.lipa))},
		{"2026-10-23 12:00:00", market, m.notice(c.targ, "")},
	}
}

func (m *month) november() []scene {
	c := m.cast
	market, pharmacy := c.market.name, c.pharmacy.name
	return []scene{
		{"2026-11-01 00:00:00", market, m.off(c.targ, "off, the second time this year")},
		{"2026-11-01 00:00:00", operator, m.regulations("Regulations 2", "2026-12-01", "12.00")},
		{"2026-11-02 09:00:00", operator, m.confirm(c.targ, "switched off at Viber")},
		{"2026-11-02 09:30:00", market, m.enable(c.targ)},
		{"2026-11-02 10:00:00", market, m.create(c.fiolek)},
		{"2026-11-02 10:01:00", market, m.refused(account.CodeFormIncomplete, "submitting FIOLEK", m.submit(c.fiolek))},
		{"2026-11-02 10:20:00", market, all(m.fill(c.fiolek, "orders"), m.submit(c.fiolek))},
		{"2026-11-03 11:00:00", operator, m.confirm(c.targ, "switched on at Viber: on, the second time this year")},
		{"2026-11-05 08:00:00", operator, m.closeMonth("2026-10")},
		{"2026-11-05 12:00:00", operator, m.giveBack(c.fiolek, "the samples are promotions, and the kind says orders")},
		{"2026-11-06 10:00:00", market, all(m.fill(c.fiolek, "promotions"), m.submit(c.fiolek))},
		{"2026-11-09 09:00:00", operator, m.pass(c.fiolek)},
		{"2026-11-10 10:00:00", pharmacy, all(m.send(c.apteka, 20, delivered, "go to Viber"), m.send(c.apteka, 3, asSMS, "go as SMS"), m.send(c.lipa, 30, delivered, "go to Viber"))},
		{"2026-11-10 10:00:00", market, m.send(c.targ, 10, delivered, "go to Viber")},
		{"2026-11-12 09:00:00", market, m.accept(c.market, "2")},
		{"2026-11-12 12:00:00", operator, m.prices("2026-11-16 00:00:00", "0.285", "0.095")},
		{"2026-11-18 10:00:00", pharmacy, all(m.send(c.apteka, 5, delivered, "go to Viber"), m.send(c.lipa, 15, delivered, "go to Viber"))},
		{"2026-11-18 10:00:00", market, m.send(c.targ, 10, delivered, "go to Viber")},
		{"2026-11-20 12:00:00", operator, m.approve(c.fiolek)},
		{"2026-11-23 10:00:00", market, m.send(c.fiolek, 6, delivered, "go to Viber")},
		{"2026-11-24 12:00:00", market, m.refused(account.CodeToggledTwice, "a third end of TARG", m.notice(c.targ, ""))},
		{"2026-11-24 23:59:59", pharmacy, m.notice(c.apteka, "")},
		{"2026-11-25 00:00:00", pharmacy, m.refused(account.CodeNoticeTooLate, "notice for LIPA", m.notice(c.lipa, ""))},
		{"2026-11-25 09:00:00", pharmacy, m.notice(c.lipa, "2026-12")},
		{"2026-11-28 18:00:00", pharmacy, m.send(c.apteka, 4, reportedLate, "go out; Viber keeps silent, and SMS follow")},
		{"2026-11-30 15:00:00", operator, m.suspend(c.fiolek, "Viber has blocked the service by mistake")},
		{"2026-11-30 15:01:00", market, m.refused(message.CodeSenderSuspended, "a message by FIOLEK", m.sendOne(c.fiolek))},
	}
}

func (m *month) december() []scene {
	c := m.cast
	market, pharmacy := c.market.name, c.pharmacy.name
	return []scene{
		{"2026-12-01 00:00:00", pharmacy, m.off(c.apteka, "off, a week after the notice")},
		{"2026-12-01 09:00:00", pharmacy, m.refused(message.CodeNotAccepted, "a message by LIPA", m.sendOne(c.lipa))},
		{"2026-12-02 09:00:00", pharmacy, m.accept(c.pharmacy, "2")},
		{"2026-12-02 09:01:00", pharmacy, m.refused(message.CodeSenderNotActive, "a message by APTEKA", m.sendOne(c.apteka))},
		{"2026-12-02 09:02:00", pharmacy, m.send(c.lipa, 50, delivered, "go to Viber")},
		{"2026-12-02 10:00:00", operator, m.confirm(c.apteka, "switched off at Viber")},
		{"2026-12-03 12:00:00", operator, m.notClosed("2026-11", billing.CodeNotSealed)},
		{"2026-12-03 12:30:00", operator, m.credit(c.market, "2026-11", creditID, "2.50")},
		{"2026-12-03 12:31:00", operator, m.refused(billing.CodeSamePerson, "approving it alone", m.approveCredit(m.office, c.market, "2026-11", creditID))},
		{"2026-12-03 12:40:00", operator, m.approveCredit(m.other, c.market, "2026-11", creditID)},
		{"2026-12-04 08:00:00", operator, m.closeMonth("2026-11")},
		{"2026-12-07 09:00:00", pharmacy, m.enable(c.apteka)},
		{"2026-12-08 10:00:00", operator, m.confirm(c.apteka, "switched on at Viber: on again")},
		{"2026-12-08 18:30:00", operator, m.late(c.pharmacy, "2026-12", "2026-11")},
		{"2026-12-10 10:00:00", market, m.send(c.targ, 45, delivered, "go to Viber")},
		{"2026-12-10 10:00:00", pharmacy, m.send(c.apteka, 10, delivered, "go to Viber")},
		{"2026-12-23 12:00:00", market, m.notice(c.targ, "2026-12")},
		{"2027-01-01 00:00:00", market, m.off(c.targ, "off, the first time in the new year")},
		{"2027-01-01 00:00:00", pharmacy, m.off(c.lipa, "off, a month later than it was asked for")},
		{"2027-01-02 09:00:00", operator, all(m.confirm(c.targ, "switched off at Viber"), m.confirm(c.lipa, "switched off at Viber"))},
		{"2027-01-04 09:00:00", pharmacy, m.closeForGood(c.lipa)},
		{"2027-01-04 09:05:00", pharmacy, m.refused(account.CodeSenderClosed, "switching LIPA on", m.enable(c.lipa))},
		{"2027-01-04 10:00:00", operator, all(m.lift(c.fiolek), m.waive(c.fiolek, "2026-12"))},
		{"2027-01-05 08:00:00", operator, m.closeMonth("2026-12")},
		{"2027-01-08 10:00:00", market, m.send(c.fiolek, 5, delivered, "go to Viber")},
		{"2027-01-08 11:00:00", operator, m.closedBefore("2026-12")},
	}
}

// monthTotal is what a closed month has to come to, worked out by hand.
type monthTotal struct{ month, account, amount string }

// monthTotals: Viber 0.255, from 16 November 0.285; SMS 0.09, then 0.095; a minimum of
// 10.00, from December 12.00.
func monthTotals() []monthTotal {
	return []monthTotal{
		{"2026-09", "Zielony Targ", "0.00"},   // free
		{"2026-10", "Apteka Lipowa", "0.00"},  // free
		{"2026-10", "Zielony Targ", "10.00"},  // TARG was on from the 5th: a whole minimum
		{"2026-11", "Apteka Lipowa", "22.58"}, // APTEKA 5.10 + 1.43 + 3.47 to the minimum, SMS 0.27 + 0.38; LIPA 7.65 + 4.28
		{"2026-11", "Zielony Targ", "9.21"},   // TARG 2.55 + 2.85 + 4.60 to the minimum; FIOLEK 1.71, free; a credit of 2.50
		{"2026-12", "Apteka Lipowa", "26.25"}, // LIPA 14.25; APTEKA 2.85 + 9.15; late of November 1.14, which was paid for as minimum
		{"2026-12", "Zielony Targ", "12.83"},  // TARG; FIOLEK waived
	}
}

// standing is how the senders have to stand in the end.
func standing() map[string]string {
	return map[string]string{"TARG": "disabled", "FIOLEK": "active", "APTEKA": "active", "LIPA": "closed"}
}
