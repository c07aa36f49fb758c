package simulator

// The answers.
var (
	taken    = Answer{Taken: true}
	silent   = Answer{Fault: FaultSilent}
	broken   = Answer{Fault: FaultInternal}
	garbled  = Answer{Fault: FaultGarbled}
	rejected = Answer{Status: 0x0B} // ESME_RINVDSTADR
	tryAgain = Answer{Status: 0x64} // ESME_RX_T_APPN
)

// The steps.
var (
	delivered = Step{Do: Delivered, At: Wait{Deliver: 1}}
	seen      = Step{Do: Seen, At: Wait{Deliver: 1, Seen: 1}}
	expired   = Step{Do: Expired, At: Wait{Validity: 1. / 3}}
	onPhone   = Step{Do: Delivered, At: Wait{SMS: 1}}
)

// after is something the recipient does once the message is there.
func after(do Report, text string) Step {
	return Step{Do: do, At: Wait{Deliver: 1, Reply: 1}, Text: text}
}

// The sides that many rows share.
var (
	read      = Side{Answer: taken, Steps: []Step{delivered, seen}}
	expires   = Side{Answer: taken, Steps: []Step{expired}}
	quiet     = Side{Answer: taken}
	arrives   = Side{Answer: taken, Steps: []Step{onPhone}}
	onlyThere = Side{Answer: taken, Steps: []Step{delivered}}
)

// with is a taken message with these steps.
func with(steps ...Step) Side { return Side{Answer: taken, Steps: steps} }

// says is a refusal.
func says(status int) Side { return Side{Answer: Answer{Status: status}} }

// Every other number: read if the third-last digit is even.
var (
	otherRead      = Script{Viber: read, SMS: arrives}
	otherDelivered = Script{Viber: onlyThere, SMS: arrives}
)

var scripts = bySuffix([]Script{
	{"01", read, arrives},
	{"02", with(seen), arrives},
	{"03", expires, arrives},
	{"04", with(Step{Do: Delivered, WithSMS: true, At: Wait{Margin: 1}}), arrives},
	{"05", with(expired, Step{Do: Seen, WithSMS: true, NotBefore: Wait{Validity: 1}, At: Wait{Margin: 1}}), arrives},
	{"06", quiet, arrives},
	{"07", with(delivered, expired), arrives},
	{"08", with(delivered, after(Subscribe, "")), arrives},
	{"09", with(delivered, after(Unsubscribe, "")), arrives},
	{"10", threeDevices, with(onPhone, Step{Do: Delivered, At: Wait{SMS: 1}, Late: Wait{Gap: 1}})},
	{"11", with(delivered, after(Reply, "TAK")), arrives},
	{"12", with(delivered, after(Reply, "STOP")), with(onPhone, Step{Do: Reply, At: Wait{SMS: 1, Reply: 1}, Text: "STOP"})},
	{"13", Side{Answer: taken, First: true, Steps: []Step{{Do: Delivered}}}, Side{Answer: taken, First: true, Steps: []Step{{Do: Delivered}}}},
	{"14", with(Step{Do: Delivered, At: Wait{Validity: 1, Margin: -1}, Late: Wait{Margin: 2}}), arrives},

	{"20", Side{Before: []Answer{broken, broken}, Answer: taken, Steps: read.Steps}, Side{Before: []Answer{tryAgain, tryAgain}, Answer: taken, Steps: arrives.Steps}},
	{"21", Side{Answer: Answer{Fault: FaultSilent, Taken: true}, Steps: onlyThere.Steps}, Side{Answer: Answer{Fault: FaultSilent, Taken: true}, Steps: arrives.Steps}},
	{"22", Side{Answer: silent}, Side{Answer: silent}},
	{"23", Side{Answer: Answer{Fault: FaultCut, Taken: true}, Steps: onlyThere.Steps}, Side{Answer: Answer{Fault: FaultCut, Taken: true}, Steps: arrives.Steps}},
	{"24", Side{Answer: garbled}, Side{Answer: garbled}},

	{"30", says(1), arrives},
	{"31", says(2), arrives},
	{"32", says(4), arrives},
	{"33", says(5), arrives},
	{"34", says(6), arrives},
	{"35", says(7), arrives},
	{"36", says(8), arrives},
	{"37", says(9), arrives},
	{"38", says(10), arrives},
	{"39", says(11), arrives},
	{"40", says(13), arrives},
	{"41", says(14), arrives},
	{"42", says(18), arrives},
	{"43", says(20), arrives},
	{"44", says(21), arrives},
	{"45", says(3), arrives},
	{"46", says(12), arrives},
	{"47", says(17), arrives},
	{"48", says(27), Side{Answer: rejected}},
	{"49", says(43), arrives},

	{"60", expires, with(Step{Do: Undelivered, At: Wait{SMS: 1}})},
	{"61", expires, with(Step{Do: Expired, At: Wait{SMS: 1}})},
	{"62", expires, Side{Answer: rejected}},
	{"63", expires, quiet},
})

// threeDevices report on their own, and each report overtakes another.
var threeDevices = with(
	Step{Do: Seen, At: Wait{Deliver: 1, Seen: 1}},
	Step{Do: Delivered, At: Wait{Deliver: 1}, Late: Wait{Seen: 1, Gap: 1}},
	Step{Do: Seen, At: Wait{Deliver: 1, Seen: 1, Gap: 1}, Late: Wait{Gap: 1}},
	Step{Do: Delivered, At: Wait{Deliver: 1, Gap: 1}, Late: Wait{Seen: 1, Gap: 2}},
	Step{Do: Seen, At: Wait{Deliver: 1, Seen: 1, Gap: 2}, Late: Wait{Gap: 2}},
	Step{Do: Delivered, At: Wait{Deliver: 1, Gap: 2}, Late: Wait{Seen: 1, Gap: 3}},
)

func bySuffix(rows []Script) map[string]Script {
	m := make(map[string]Script, len(rows))
	for _, r := range rows {
		m[r.Suffix] = r
	}
	return m
}

// Suffixes lists the suffixes that have a script of their own, in no order.
func Suffixes() []string {
	list := make([]string, 0, len(scripts))
	for s := range scripts {
		list = append(list, s)
	}
	return list
}
