package calendar

// TogglesAYear is how often a sender can be switched off, and how often on, in one
// calendar year (rules.md F6).
const TogglesAYear = 2

// MayToggle says whether a change of one kind (off, or on) may begin on the day on,
// when others of its kind began on the days before: at most TogglesAYear of them in
// a calendar year. If not, from is the first day on which one may begin. First
// activations, suspensions and withdrawn requests are none of them (rules.md F6).
func MayToggle(before []Date, on Date) (ok bool, from Date) {
	for from = on; toggled(before, from.Year) >= TogglesAYear; {
		from = Date{from.Year + 1, 1, 1}
	}
	return from == on, from
}

// TogglesLeft is how many changes of one kind may still begin in the year.
func TogglesLeft(before []Date, year int) int { return max(0, TogglesAYear-toggled(before, year)) }

func toggled(days []Date, year int) (n int) {
	for _, d := range days {
		if d.Year == year {
			n++
		}
	}
	return n
}
