package message

import (
	"slices"

	"goniec/domain"
	"goniec/domain/recipient"
)

// MatchKind says what became of the search for a report's attempt.
type MatchKind string

// The kinds.
const (
	Matched   MatchKind = "matched"   // by the carrier's id
	Inferred  MatchKind = "inferred"  // by exclusion: the only attempt of unknown outcome
	Pending   MatchKind = "pending"   // an attempt is in flight whose answer may name the id
	Unmatched MatchKind = "unmatched" // tried again when an answer arrives
)

// Match is the attempt of a report; Message and Attempt are set for Matched and
// Inferred, Why (a constant of package recipient) for the others.
type Match struct {
	Kind    MatchKind
	Message string
	Attempt string
	Why     string
}

// MatchReport looks for the attempt of a report that names no reference of ours
// (Viber's callback and an SMPP receipt hold the carrier's id and the number).
// Candidates are the states found under CarrierKey and NumberKey; repeats and
// others do no harm. A report is inferred only when exactly one attempt of
// unknown outcome (or one that an operator said was sent; else one that he said was not), to that number on that route and service, had begun when it
// was received, and none is in flight (rules.md, suffixes 13, 21 and 23).
func MatchReport(r recipient.StoredReport, candidates []State) Match {
	id := NormaliseCarrierID(r.CarrierID)
	var lost, denied []Match // denied: an operator said that it was not sent
	flying := false
	for _, s := range candidates {
		for _, a := range s.Attempts {
			m := Match{Message: s.ID, Attempt: a.ID}
			switch {
			case a.Channel != r.Channel || a.Route != r.Route:
			case slices.ContainsFunc(a.CarrierIDs, func(c string) bool { return NormaliseCarrierID(c) == id }):
				m.Kind = Matched // the id is proof enough: clocks of two processes may differ
				return m
			case a.Started.After(r.Received):
			case a.Channel == domain.Viber && a.ServiceID != r.ServiceID:
			case a.Status == AttemptInFlight:
				flying = true
			case a.doubtful() && a.Status == AttemptUnsent && !slices.Contains(denied, m):
				denied = append(denied, m)
			case a.doubtful() && a.Status != AttemptUnsent && !slices.Contains(lost, m):
				lost = append(lost, m)
			}
		}
	}
	if len(lost) == 0 {
		lost = denied
	}
	switch {
	case flying:
		return Match{Kind: Pending, Why: recipient.WhyInFlight}
	case len(lost) == 1:
		lost[0].Kind = Inferred
		return lost[0]
	}
	if len(lost) > 1 {
		return Match{Kind: Unmatched, Why: recipient.WhySeveral}
	}
	return Match{Kind: Unmatched, Why: recipient.WhyNone}
}

// Report is the command that takes r to the attempt of m, which is Matched or Inferred.
func (m Match) Report(r recipient.StoredReport) Report {
	return Report{
		Attempt: m.Attempt, CarrierID: r.CarrierID, Status: ReportStatus(r.Status), Code: r.Code,
		At: r.At, Received: r.Received, Inferred: m.Kind == Inferred,
	}
}

// OptOutOf is the command that tells a live message of an opt-out; ok is false
// when the opt-out closes no channel to a message of that category.
func OptOutOf(s State, o recipient.OptOutRecorded) (c OptOut, ok bool) {
	closed := recipient.Closed(o.Stops, s.Accepted.Category)
	return OptOut{Channels: closed, Origin: o.Origin}, len(closed) > 0
}
