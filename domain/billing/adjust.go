package billing

import (
	"cmp"
	"fmt"
	"slices"
)

// recomputed raises the traffic of closed months by the late facts that came in
// for them, and credits what their minimums were charged too much (F4). It
// returns the obligations as they stand now, for the next close.
func recomputed(in Inputs, t traffics) ([]Obligation, []Line, error) {
	var out []Obligation
	var lines []Line
	for _, o := range in.Closed { // those that are adjusted: see normal
		late, err := t.of(o)
		if err != nil {
			return nil, nil, err
		}
		before := o.Charged
		if err := o.raise(late); err != nil {
			return nil, nil, err
		}
		out = append(out, o)
		if o.Charged < before {
			line := o.line(KindMinimumCredit, "F4", o.Charged-before)
			line.Adjusts, line.Note = o.Month, note(NoteRaised, "Viber traffic of %s: %s", o.Month, o.progress())
			lines = append(lines, line)
		}
	}
	return out, lines, nil
}

// raise adds late traffic. What is charged can only fall.
func (o *Obligation) raise(late traffic) error {
	sum, err := traffic{o.Traffic, o.Messages}.plus(late)
	if err != nil {
		return err
	}
	o.Traffic, o.Messages = sum.amount, sum.messages
	if o.Charged == 0 {
		return nil
	}
	owed, err := o.Minimum.topUp(sum)
	o.Charged = min(o.Charged, owed.Round())
	if o.Charged == 0 {
		o.Reason = ReasonReached
	}
	return err
}

// progress is the traffic against the minimum, in words.
func (o Obligation) progress() string {
	if o.Minimum.Unit == UnitMessages {
		return fmt.Sprintf("%d of %d messages, %s of %s", o.Messages, o.Minimum.Messages, o.Traffic, o.Minimum.Amount.Cents())
	}
	return fmt.Sprintf("%s of %s", o.Traffic, o.Minimum.Amount.Cents())
}

// inOrder sorts obligations by month, sender and country.
func inOrder(list []Obligation) []Obligation {
	slices.SortFunc(list, func(a, b Obligation) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Country, b.Country),
			cmp.Compare(a.SenderID, b.SenderID))
	})
	return list
}
