package demo

// When the story begins and ends, in the billing zone.
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

func (m *month) story() []scene {
	market := &party{id: "00000000-0000-8000-8000-00000000a001", name: "Zielony Targ"}
	targ := &named{of: market, name: "TARG", service: 2001}
	const office = "office"
	return []scene{
		{"2026-09-01 09:00:00", office, m.regulations("Regulations 1", "2026-09-01", "10.00")},
		{"2026-09-01 09:00:00", office, m.prices("", "0.255", "0.09")},
		{"2026-09-01 09:00:00", office, m.second},
		{"2026-09-01 10:00:00", office, m.open(market)},
		{"2026-09-01 10:05:00", market.name, m.accept(market, "1")},
		{"2026-09-01 10:10:00", market.name, m.register(targ)},
		{"2026-09-01 10:20:00", market.name, m.submit(targ)},
		{"2026-09-15 12:00:00", office, m.approve(targ)},
		{"2026-09-24 12:00:00", market.name, m.notice(targ, "")},
		{"2026-09-28 10:00:00", market.name, m.send(targ, 10, delivered, "go out")},
		{"2026-10-01 00:00:00", market.name, m.is(targ, "disabled", "off, for the first time this year")},
		{"2026-10-05 08:00:00", office, m.closeMonth("2026-09")},
	}
}
