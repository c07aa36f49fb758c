package whatif

// Assumption names something that the journal cannot tell, since it never happened.
type Assumption string

// The assumptions, in the order in which they are shown.
const (
	AssumeSMS     Assumption = "sms_never_sent"
	AssumeParts   Assumption = "sms_never_counted"
	AssumeMoved   Assumption = "sms_at_another_time"
	AssumeSilent  Assumption = "viber_silent"
	AssumeLate    Assumption = "viber_after_its_time"
	AssumeExpired Assumption = "viber_expired"
	AssumeTries   Assumption = "viber_not_tried"
	AssumeAround  Assumption = "around"
	AssumeRefused Assumption = "refused"
	AssumePrices  Assumption = "prices_of_another_currency"
	AssumeAsItWas Assumption = "as_it_was"
)

// Assumptions lists them all.
func Assumptions() []Assumption {
	return []Assumption{
		AssumeSMS, AssumeParts, AssumeMoved, AssumeSilent, AssumeLate, AssumeExpired, AssumeTries, AssumeAround, AssumeRefused, AssumePrices,
		AssumeAsItWas,
	}
}

var means = map[Assumption]string{
	AssumeSMS:     "the SMS was never sent: taken by its carrier at once, in the parts that were counted at acceptance, and delivered as often as the month's other SMS to the country",
	AssumeParts:   "no SMS was wanted, so its parts were never counted: taken as UCS-2 of the text's length",
	AssumeMoved:   "the SMS went at another time: it fares as the real one did, as long after its start",
	AssumeSilent:  "Viber never reported: it would not have delivered in a longer time either",
	AssumeLate:    "Viber delivered after the time that it would have been given: not delivered on Viber",
	AssumeExpired: "Viber gave up when the time that it was given was over: it gives up when the other time is over",
	AssumeTries:   "Viber was not tried at that time: the try ends as the last one did",
	AssumeAround:  "opt-outs, cancels, switches, suspended senders and numbers not on Viber come when the message really met them",
	AssumeRefused: "the request was refused: it stays so",
	AssumePrices:  "the account's currency is not that of the prices: it keeps its own",
	AssumeAsItWas: "what happened cannot be decided again to the same end, or would not end: it stays as it was",
}

// String says it in a sentence.
func (a Assumption) String() string { return means[a] }
