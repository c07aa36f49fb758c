package demo

import "goniec/internal/suffixes"

// Report is what a run found.
type Report struct {
	OK       bool           `json:"ok"`
	Messages int            `json:"messages"`
	Events   int64          `json:"events"`
	Seconds  float64        `json:"seconds"`
	Took     Took           `json:"took"`
	Latency  Latency        `json:"accepted"` // from a request to its 202
	States   map[string]int `json:"states"`
	Totals   []Total        `json:"totals"`
	Lines    []*Line        `json:"lines"` // of the month's total
	Stories  []Story        `json:"stories"`
	Calls    Calls          `json:"carriers"`
	Checks   []Check        `json:"checks"`
	Kills    []Outage       `json:"kills"`
	Touched  *Touched       `json:"touched_by_kills,omitempty"`
	Rows     []Row          `json:"suffixes"`
	Search   Searched       `json:"searched"`
	Data     string         `json:"data"`
	Look     string         `json:"look"`
	Notes    []string       `json:"notes,omitempty"`

	Verdicts []Verdict `json:"-"`
}

// Took is how long what took, in seconds.
type Took struct {
	Start float64 `json:"start"`
	Send  float64 `json:"send"`
	Live  float64 `json:"end"` // from the last 202 to the last report
	Check float64 `json:"check"`
}

// Total sums a month by channel.
type Total struct {
	Month    string `json:"month"`
	Channel  string `json:"channel"`
	Count    int64  `json:"count"`
	Parts    int64  `json:"parts"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// Touched counts the messages into whose life a kill came.
type Touched struct {
	Messages int `json:"messages"`
	AsUsual  int `json:"ended_as_usual"`
	Unknown  int `json:"claimed_before_crash"` // of which the journal says that nobody knows whether a call was made
	Other    int `json:"ended_otherwise"`
}

// Check is one question and its answer.
type Check struct {
	Name   string   `json:"name"`
	OK     bool     `json:"ok"`
	Detail string   `json:"detail"`
	Faults []string `json:"faults,omitempty"` // at most maxFaults
	More   int      `json:"more_faults,omitempty"`
}

// Row is what became of a suffix's messages.
type Row struct {
	suffixes.Expectation
	Messages int            `json:"messages"`
	As       int            `json:"as_required"`
	Ended    map[string]int `json:"ended"` // how, and how many
}

const maxFaults = 20

func (r *Report) note(s string) { r.Notes = append(r.Notes, s) }

// add notes a check's answer.
func (r *Report) add(name, detail string, faults []string) {
	r.Checks = append(r.Checks, newCheck(name, detail, faults))
}

func newCheck(name, detail string, faults []string) Check {
	c := Check{Name: name, OK: len(faults) == 0, Detail: detail, Faults: faults}
	if len(faults) > maxFaults {
		c.Faults, c.More = faults[:maxFaults], len(faults)-maxFaults
	}
	return c
}

// checks is how many questions a whole report answers.
const checks = 9

func (r *Report) finish() {
	r.OK = len(r.Checks) == checks && len(r.Notes) == 0 && allOK(r.Checks)
}
