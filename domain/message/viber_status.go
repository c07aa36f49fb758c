package message

// ViberMeaning is a row of rules.md D16: what a submit status of Viber means.
// Breaker: it speaks against the route, and counts for its breaker (B13).
type ViberMeaning struct {
	Outcome Outcome
	Reason  string
	Verdict Verdict
	Breaker bool
}

// Verdicts of D16's columns "retry on Viber" and "SMS".
var (
	retry       = Verdict{Retry: true}
	atOnce      = Verdict{AtOnce: true}
	atOnceAlarm = Verdict{AtOnce: true, Alarm: true}
	badSender   = Verdict{AtOnce: true, BadSender: true}
)

// viberTable is rules.md D16 as data.
var viberTable = map[int]ViberMeaning{
	0:   {Outcome: OutcomeAccepted},
	1:   {OutcomeRefused, "carrier_failure", retry, false},
	2:   {OutcomeRefused, "bad_service", badSender, false},
	3:   {OutcomeRefused, "bad_data", atOnceAlarm, false},
	4:   {OutcomeRefused, "type_blocked", atOnce, false},
	5:   {OutcomeRefused, "bad_type", atOnce, false},
	6:   {OutcomeRefused, "bad_parameters", atOnceAlarm, false},
	7:   {OutcomeUnknown, ReasonCarrierTimeout, Verdict{}, false},
	8:   {OutcomeRefused, "user_blocked", Verdict{AtOnce: true, OptOut: true}, false},
	9:   {OutcomeRefused, ReasonNotOnViber, Verdict{AtOnce: true, NotOnApp: true}, false},
	10:  {OutcomeRefused, "no_suitable_device", atOnce, false},
	11:  {OutcomeRefused, "not_authorised", atOnceAlarm, true},
	12:  {OutcomeUnknown, ReasonAlreadySent, Verdict{}, false},
	13:  {OutcomeRefused, "not_permitted", atOnceAlarm, true},
	14:  {OutcomeRefused, "billing_failure", atOnceAlarm, true},
	17:  {OutcomeRefused, "no_more_messages", atOnceAlarm, false},
	18:  {OutcomeRefused, "bad_label", atOnceAlarm, false},
	20:  {OutcomeRefused, "bad_ttl", atOnceAlarm, false},
	21:  {OutcomeRefused, "awaits_user", atOnce, false},
	27:  {OutcomeRefused, ReasonInvalidNumber, Verdict{Final: true}, false},
	28:  {OutcomeRefused, "bad_file", atOnce, false},
	29:  {OutcomeRefused, "bad_file", atOnce, false},
	30:  {OutcomeRefused, "bad_file", atOnce, false},
	31:  {OutcomeRefused, "bad_file", atOnce, false},
	32:  {OutcomeRefused, "bad_file", atOnce, false},
	38:  {OutcomeRefused, "bad_template", atOnceAlarm, false},
	39:  {OutcomeRefused, "bad_template", atOnceAlarm, false},
	40:  {OutcomeRefused, "bad_list", atOnceAlarm, false},
	41:  {OutcomeRefused, "bad_list", atOnceAlarm, false},
	43:  {OutcomeRefused, "service_blocked", badSender, false},
	401: {OutcomeRefused, "not_authorised", atOnceAlarm, true},
}

// viberOther is D16's last row of statuses: one that the table does not have.
var viberOther = ViberMeaning{OutcomeRefused, "unknown_status", atOnceAlarm, false}

// MeaningOfViber returns D16's row of a submit status in an answer of HTTP 200.
func MeaningOfViber(status int) ViberMeaning {
	if m, ok := viberTable[status]; ok {
		return m
	}
	return viberOther
}

// ViberStatus is MeaningOfViber in the shape that the Viber client takes.
func ViberStatus(status int) (Outcome, string, Verdict) {
	m := MeaningOfViber(status)
	return m.Outcome, m.Reason, m.Verdict
}

// MeaningOfViberHTTP returns what an HTTP status other than 2xx means: 5xx and 429 are
// temporary, 401 and 403 the same as status 11, any other is our fault.
func MeaningOfViberHTTP(status int) ViberMeaning {
	switch {
	case status >= 500:
		return ViberMeaning{OutcomeRefused, "route_fault", retry, true}
	case status == 429:
		return ViberMeaning{OutcomeRefused, ReasonThrottled, retry, false}
	case status == 401 || status == 403:
		return viberTable[401]
	}
	return viberOther
}

// MeaningOfViberSilence returns what it means that no readable answer came; reason is
// ReasonTimeout, ReasonConnectionCut or ReasonUnreadable.
func MeaningOfViberSilence(reason string) ViberMeaning {
	return ViberMeaning{Outcome: OutcomeUnknown, Reason: reason, Breaker: true}
}
