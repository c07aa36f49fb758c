package message

// Codes of refused requests, the same at the edge and in Refused.Reason.
const (
	CodeAccountUnknown     = "account_unknown"
	CodeAccountNotActive   = "account_not_active"
	CodePaused             = "paused"                   // D17
	CodeNotAccepted        = "regulations_not_accepted" // B12
	CodeSenderUnknown      = "sender_unknown"
	CodeSenderNotInCountry = "sender_not_in_country" // D13
	CodeSenderNotActive    = "sender_not_active"     // D12
	CodeSenderSuspended    = "sender_suspended"      // B13
	CodeOptedOut           = "opted_out"             // E2
	CodeNoPrice            = "no_price"              // F8
	CodeInvalidCategory    = "invalid_category"      // D2
	CodeInvalidContent     = "invalid_content"       // D2
	CodeInvalidValidity    = "invalid_validity"      // D3
	CodeInvalidSendAt      = "invalid_send_at"       // D3b
	CodeInvalidSMS         = "invalid_sms"           // D8
	CodeNotFound           = "not_found"             // a command names no message
	CodeAlreadyEnded       = "already_ended"         // nothing is left to cancel
	CodeNothingOpen        = "nothing_open"          // D18: no outcome is unknown
	CodeSeveralOpen        = "several_open"          // D18: the attempt must be named
	CodeNoSMS              = "no_sms_possible"       // D18: no SMS can follow
)

// Reasons, why something happened, as they stand in events. Those of a carrier's
// refusal are in the table of ViberStatus.
const (
	ReasonOptedOut        = CodeOptedOut
	ReasonDeadline        = "deadline"             // FellBack: the validity period is over
	ReasonExpired         = "expired"              // nothing came of it in time
	ReasonUndelivered     = "undelivered"          // a report's word
	ReasonRejected        = "rejected"             // a report's word; SMS refused for good
	ReasonDeleted         = "deleted"              // a report's word
	ReasonIncomplete      = "incomplete"           // some parts of a long SMS were never taken
	ReasonNotOnViber      = "not_on_viber"         // status 9, or remembered (E6)
	ReasonSenderDisabled  = "sender_disabled"      // D12, between acceptance and attempt
	ReasonSenderSuspended = "sender_suspended"     // B13, likewise
	ReasonRouteDown       = "route_down"           // the breaker is open (B13)
	ReasonThrottled       = "throttled"            // the route's limit; tried again
	ReasonTooLate         = "too_late"             // not_after had passed
	ReasonRevoked         = "revoked"              // taken back before the call
	ReasonNotSent         = "not_sent"             // an operator found out that it was not (D18)
	ReasonErased          = "erased"               // the content is gone
	ReasonNoAnswer        = "no_answer"            // no dispatcher ever answered
	ReasonNoReport        = "no_report"            // D3b
	ReasonOutcomeUnknown  = "outcome_unknown"      // D3b
	ReasonScheduled       = "scheduled"            // Waiting
	ReasonPaused          = CodePaused             // a switch is on (D17)
	ReasonInvalidNumber   = "invalid_number"       // status 27
	ReasonTimeout         = "timeout"              // no answer to a call
	ReasonConnectionCut   = "connection_cut"       // … in the middle of it
	ReasonUnreadable      = "unreadable_answer"    // … that cannot be parsed
	ReasonCarrierTimeout  = "carrier_timeout"      // status 7
	ReasonAlreadySent     = "already_sent"         // status 12
	ReasonClaimed         = "claimed_before_crash" // a dispatcher ended between claim and answer
)

// Values of other fields of events.
const (
	WaivedLatePolicy     = "late_policy" // Charged.Waived: late_policy is waive_viber
	WaivedNoPrice        = "no_price"    // Charged.Waived: the price list has lost the price
	LatePolicyBillBoth   = "bill_both"
	LatePolicyWaiveViber = "waive_viber"
	BasisDeclaration     = "declaration" // Accepted.Basis
	OriginRecorded       = "recorded"    // OptedOut.Origin: found closed before an attempt
)
