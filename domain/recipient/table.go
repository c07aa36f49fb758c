package recipient

import (
	"slices"

	"goniec/domain"
)

// Every cell of E2's table.
var (
	viberPromo         = Scope{domain.Viber, domain.Promotional}
	smsPromo           = Scope{domain.SMS, domain.Promotional}
	viberTransactional = Scope{domain.Viber, domain.Transactional}
	smsTransactional   = Scope{domain.SMS, domain.Transactional}
	viberCode          = Scope{domain.Viber, domain.OneTimeCode}
	smsCode            = Scope{domain.SMS, domain.OneTimeCode}
)

// AllScopes returns the six cells of a row of E2's table, a new slice.
func AllScopes() []Scope {
	return []Scope{viberPromo, smsPromo, viberTransactional, smsTransactional, viberCode, smsCode}
}

// stops is the table of rules.md E2 as data: where it was said → what it stops.
// The cell "SMS" of one-time codes means that Viber is stopped and SMS is not.
var stops = map[string][]Scope{
	OriginViberUnsubscribe: {viberPromo, smsPromo, viberTransactional, viberCode},
	OriginViberBlock:       {viberPromo, smsPromo, viberTransactional, viberCode},
	OriginSMSStop:          {viberPromo, smsPromo, smsTransactional},
	OriginViberStop:        {viberPromo, smsPromo, viberTransactional, viberCode},
}

// unlessTold is what an opt-out by API or import stops when nothing was told:
// everything but one-time codes.
var unlessTold = []Scope{viberPromo, smsPromo, viberTransactional, smsTransactional}

// Scopes returns what an opt-out said at origin stops (rules.md E2), a new
// slice; told is regarded for OriginAPI and OriginImport only. It answers nil
// for an unknown origin.
func Scopes(origin string, told []Scope) []Scope {
	if origin != OriginAPI && origin != OriginImport {
		return slices.Clone(stops[origin])
	}
	if len(told) == 0 {
		return slices.Clone(unlessTold)
	}
	return slices.Clone(told)
}

// Valid says whether c is a cell of E2's table.
func (c Scope) Valid() bool {
	return (c.Channel == domain.Viber || c.Channel == domain.SMS) && c.Category.Valid()
}

// Closed returns the channels that scopes close to a message of category, in
// the order of a message's plan.
func Closed(scopes []Scope, category domain.Category) []domain.Channel {
	var out []domain.Channel
	for _, ch := range []domain.Channel{domain.Viber, domain.SMS} {
		if slices.Contains(scopes, Scope{ch, category}) {
			out = append(out, ch)
		}
	}
	return out
}
