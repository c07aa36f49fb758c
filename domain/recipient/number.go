package recipient

import (
	"slices"
	"time"
)

// Bounds of what is kept for one number.
const (
	// NotOnViberFor is how long "not on Viber" is remembered (rules.md E6).
	NotOnViberFor = 7 * 24 * time.Hour
	// MaxStored is how many unmatched reports are kept to be tried again. The
	// oldest gives way; its ReportStored stays in the journal unmatched.
	MaxStored = 32
	// StoredFor is how long a report is kept to be tried again: as long as a message
	// is kept after its end.
	StoredFor = 35 * 24 * time.Hour
)

// NumberState is what EvolveNumber keeps of a number's stream, over all accounts.
type NumberState struct {
	NotOnViberUntil time.Time      `json:"u,omitzero"`
	Reports         []StoredReport `json:"r,omitempty"` // in the order they came
	Replies         []string       `json:"p,omitempty"` // ids of the last replies that fit no recipient
}

// NotOnViber says whether the number is remembered at now as not on Viber (rules.md E6).
func (n NumberState) NotOnViber(now time.Time) bool { return now.Before(n.NotOnViberUntil) }

// EvolveNumber returns n after e, which happened at the time at. It never
// changes what n refers to. Events of a recipient's stream change nothing.
func EvolveNumber(n NumberState, e Event, at time.Time) NumberState {
	switch ev := e.(type) {
	case NotOnViber:
		n.NotOnViberUntil = ev.Until
	case ReportStored:
		n.Reports = kept(n.Reports, func(r StoredReport) bool { return at.Sub(r.Received) < StoredFor })
		n.Reports = append(slices.Clone(n.Reports), ev.StoredReport)
		n.Reports = n.Reports[max(0, len(n.Reports)-MaxStored):]
	case ReportMatched:
		n.Reports = kept(n.Reports, func(r StoredReport) bool { return r.ID != ev.ID })
	case ReplyReceived:
		n.Replies = append(slices.Clone(n.Replies), ev.ID)
		n.Replies = n.Replies[max(0, len(n.Replies)-rememberedReplies):]
	case Erased: // what it destroyed was never here
	case OptOutRecorded, OptOutLifted: // of a recipient's stream
	}
	return n
}

// NumberCommand asks a number for a decision. The interface is sealed.
type NumberCommand interface{ number() }

// Store keeps a report that fits no attempt yet, to be tried again when an
// answer arrives. Pending: one is in flight that it may belong to. Why is a Why constant.
type Store struct {
	Report  StoredReport
	Pending bool
	Why     string
}

// Matched says that the stored report ID found its attempt.
type Matched struct {
	ID       string
	Message  string
	Attempt  string
	Inferred bool
}

// Remember keeps that the carrier of Message said: not on Viber.
type Remember struct {
	Message string
}

func (Store) number()    {}
func (Matched) number()  {}
func (Remember) number() {}
func (Reply) number()    {}

// DecideNumber answers c with the events that follow. Storing a report that is
// stored already (same route, carrier id and status), matching one that is not,
// and a reply that came before change nothing. A Reply here is one that fits no
// recipient: it is recorded, and nobody can be opted out by it.
func DecideNumber(n NumberState, now time.Time, c NumberCommand) []Stamped {
	at := when(now, now)
	switch c := c.(type) {
	case Store:
		if slices.ContainsFunc(n.Reports, func(r StoredReport) bool { return same(r, c.Report) }) {
			return nil
		}
		return []Stamped{{Event: ReportStored{c.Report, c.Pending, c.Why}, At: at}}
	case Matched:
		if !slices.ContainsFunc(n.Reports, func(r StoredReport) bool { return r.ID == c.ID }) {
			return nil
		}
		return []Stamped{{Event: ReportMatched(c), At: at}}
	case Remember:
		return []Stamped{{Event: NotOnViber{Until: at.Add(NotOnViberFor), Message: c.Message}, At: at}}
	case Reply:
		if slices.Contains(n.Replies, c.ID) {
			return nil
		}
		return []Stamped{received(Facts{Now: now}, c)}
	}
	return nil
}

func same(a, b StoredReport) bool {
	return a.ID == b.ID || a.Route == b.Route && a.CarrierID == b.CarrierID && a.Status == b.Status
}
