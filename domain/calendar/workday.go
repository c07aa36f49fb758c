package calendar

import "time"

// christmasEveFree is the first year in which the 24th of December is a holiday in Poland.
const christmasEveFree = 2025

// Working says whether d is a working day in Poland: Monday to Friday, no public holiday.
func Working(d Date) bool {
	day := d.utc().Weekday()
	return day != time.Saturday && day != time.Sunday && !holiday(d)
}

// AddWorking is the n-th working day after d (rules.md B7, C1, F5); d itself does not
// count. For n = 0 it is d.
func AddWorking(d Date, n int) Date {
	for n > 0 {
		if d = d.Add(1); Working(d) {
			n--
		}
	}
	return d
}

// holiday says whether d is a public holiday in Poland that can fall on a weekday.
func holiday(d Date) bool {
	switch [2]int{int(d.Month), d.Day} {
	case [2]int{1, 1}, [2]int{1, 6}, [2]int{5, 1}, [2]int{5, 3}, [2]int{8, 15}, [2]int{11, 1}, [2]int{11, 11}, [2]int{12, 25}, [2]int{12, 26}:
		return true
	case [2]int{12, 24}:
		return d.Year >= christmasEveFree
	}
	easter := easter(d.Year)
	return d == easter.Add(1) || d == easter.Add(60) // Easter Monday, Corpus Christi
}

// easter is Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876).
func easter(year int) Date {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Date{year, time.Month(n / 31), n%31 + 1}
}
