package cli

import (
	"strings"

	"goniec/cmd/goniec/internal/words"
)

// shownBad is how many bad rows people are shown; --json has more.
const shownBad = 20

// say tells a run's report to people.
func (r *fileRun) say() {
	for i, b := range r.report.BadRows {
		if i == shownBad {
			r.a.say("… and %s more (--json lists them)", words.Count(r.report.Bad-shownBad, "bad row"))
			break
		}
		r.a.say("%s", b)
	}
	if r.report.DryRun {
		r.sayEstimate()
		return
	}
	r.sayAccepted()
	if at := r.report.SendAt; at != nil && r.report.Accepted > r.report.Repeated {
		r.a.say("they go at %s", zoned(*at))
	}
	if len(r.report.States) > 0 {
		r.a.say("%s", countsText(r.report.States))
	}
	if r.report.Accepted > 0 && r.flags.ref == "" {
		r.a.say("run %s; see its messages: goniec messages list --ref %s", r.report.Run, r.report.Run)
	}
}

// sayAccepted tells what is new of a run. How much of it is old is not known of a
// very large one, or where --ref names columns.
func (r *fileRun) sayAccepted() {
	left := words.Count(r.report.Bad, "row") + " left out"
	all := words.Count(r.report.Accepted, "message")
	if r.report.Repeated == 0 {
		r.a.say("%s accepted, %s", all, left)
		return
	}
	at := ""
	if r.report.AlreadySent != nil {
		at = " at " + words.Moment(*r.report.AlreadySent)
	}
	switch {
	case r.report.Repeated == r.report.Accepted:
		r.a.say("already sent%s, nothing new: %s, %s", at, all, left)
	case r.before.all:
		r.a.say("%s accepted, %s; this run was begun%s: %s of them were sent already, and not again",
			all, left, at, words.Thousands(int64(r.report.Repeated)))
	default:
		r.a.say("%s accepted, %s; this run was begun%s: what was accepted then was not sent again", all, left, at)
	}
	r.a.say("To send it once more: --again")
}

func (r *fileRun) sayEstimate() {
	e := r.report.Estimate
	r.a.say("%s, %s left out", words.Count(e.Recipients, "recipient"), words.Count(r.report.Bad, "row"))
	for _, c := range e.Costs {
		r.a.say("if Viber delivers all:  %s", words.Money(c.Viber, c.Currency))
		if !r.flags.noFallback {
			r.a.say("if all go as SMS:       %s (%s)", words.Money(c.SMS, c.Currency), words.Count(e.SMSParts, "part"))
		}
	}
	if at := r.report.SendAt; at != nil {
		r.a.say("they would go at %s", zoned(*at))
	}
	r.a.say("nothing was sent; the run would be %s", r.report.Run)
}

func (b badRow) String() string {
	what := b.Message
	if b.Field != "" {
		what = b.Field + " " + what
	}
	return "line " + words.Thousands(int64(b.Line)) + ": " + what + " (" + b.Code + ")"
}

func (e *estimate) highest() string {
	var out []string
	for _, c := range e.Costs {
		out = append(out, words.Money(c.Highest, c.Currency))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, " and ")
}
