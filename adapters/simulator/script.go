package simulator

import "time"

// Report is what a carrier reports, or what a recipient does.
type Report string

// The reports.
const (
	Delivered   Report = "delivered"
	Seen        Report = "seen" // Viber only
	Expired     Report = "expired"
	Undelivered Report = "undelivered" // SMS only
	Subscribe   Report = "subscribe"   // Viber only
	Unsubscribe Report = "unsubscribe" // Viber only
	Reply       Report = "reply"
)

// Script is a row of the table: what both carriers do with a number.
type Script struct {
	Suffix string // two digits; "" for every other number
	Viber  Side
	SMS    Side
}

// Side is what one carrier does.
type Side struct {
	Before []Answer // to the first tries of the same message
	Answer Answer   // to the next ones
	First  bool     // the first report goes out before the answer
	Steps  []Step   // what is reported of a message that was taken
}

// Answer is the answer to a submit, and the truth behind it.
type Answer struct {
	Status int   // Viber's status or the command_status
	Fault  Fault // instead of a status
	Taken  bool  // the carrier has the message
}

// Step is one report.
type Step struct {
	Do        Report
	At        Wait   // after the submit: the time that the report states
	Late      Wait   // after that: when the report is sent
	Text      string // of a reply
	WithSMS   bool   // At counts from when an SMS reaches the number, but not before NotBefore
	NotBefore Wait   // after the submit
}

// Wait is a duration in terms of the settings: the sum of each times its factor.
type Wait struct {
	Deliver, Seen, SMS, Reply, Gap, Margin, Validity float64
}

// of works a Wait out.
func (w Wait) of(d Delays) time.Duration {
	sum := w.Deliver*float64(d.Deliver) + w.Seen*float64(d.Seen) + w.SMS*float64(d.SMS) + w.Reply*float64(d.Reply) +
		w.Gap*float64(d.Gap) + w.Margin*float64(d.Margin) + w.Validity*float64(d.Validity)
	return time.Duration(sum)
}

// plan turns steps into dated reports. Those that wait for an SMS have no dates yet.
func (s Side) plan(submitted time.Time, d Delays) []Planned {
	plan := make([]Planned, 0, len(s.Steps))
	for i, step := range s.Steps {
		p := Planned{N: i, Do: step.Do, Text: step.Text}
		if step.WithSMS {
			p.WithSMS, p.Wait = true, step.At.of(d)
			p.NotBefore = submitted.Add(step.NotBefore.of(d))
		} else {
			p.At = submitted.Add(step.At.of(d))
			p.Due = p.At.Add(step.Late.of(d))
		}
		plan = append(plan, p)
	}
	return plan
}

// answer of the try-th try, counted from 0.
func (s Side) answer(try int) Answer {
	if try < len(s.Before) {
		return s.Before[try]
	}
	return s.Answer
}

// scriptFor chooses by the last two digits; number has at least three.
func scriptFor(number string) Script {
	n := len(number)
	if s, ok := scripts[number[n-2:]]; ok {
		return s
	}
	if (number[n-3]-'0')%2 == 0 {
		return otherRead
	}
	return otherDelivered
}
