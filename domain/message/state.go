package message

import (
	"slices"
	"time"

	"goniec/domain"
)

// Status is the state of a message as its users see it.
type Status string

// The statuses. "Ended" is a flag of its own: nothing more is planned.
const (
	StatusAccepted  Status = "accepted"
	StatusWaiting   Status = "waiting"
	StatusSending   Status = "sending" // an attempt is under way or will be retried
	StatusSent      Status = "sent"    // a carrier accepted it
	StatusDelivered Status = "delivered"
	StatusRead      Status = "read"
	StatusFailed    Status = "failed"
	StatusUnknown   Status = "unknown"
	StatusCancelled Status = "cancelled"
)

// AttemptStatus is the state of one attempt.
type AttemptStatus string

// The states of an attempt.
const (
	AttemptInFlight AttemptStatus = "in_flight" // instruction written, no answer yet
	AttemptTaken    AttemptStatus = "taken"     // accepted by the carrier
	AttemptRejected AttemptStatus = "refused"
	AttemptLost     AttemptStatus = "unknown" // outcome unknown
	AttemptUnsent   AttemptStatus = "not_sent"
	AttemptArrived  AttemptStatus = "delivered"
	AttemptDied     AttemptStatus = "undelivered"
)

// Attempt is one call to one carrier.
type Attempt struct {
	ID         string         `json:"id"`
	Channel    domain.Channel `json:"ch"`
	Route      string         `json:"rt"`
	ServiceID  int64          `json:"sv,omitempty"`
	From       string         `json:"fr,omitempty"`
	Status     AttemptStatus  `json:"st"`
	Started    time.Time      `json:"at"`
	CarrierIDs []string       `json:"ids,omitempty"`
	Parts      int            `json:"p,omitempty"`   // accepted parts
	PartsDone  []string       `json:"pd,omitempty"`  // carrier ids of the parts reported delivered
	PartsDead  []string       `json:"px,omitempty"`  // … and of those given up
	Try        int            `json:"try,omitempty"` // 1, 2, … on this channel
	Settled    Resolution     `json:"se,omitempty"`  // what an operator said of it (D18)
}

// Terms are what a message was accepted with, as far as later decisions regard
// it; digests of the content, tags and the client's reference stay in the journal.
type Terms struct {
	Account        string          `json:"ac,omitempty"`
	Recipient      string          `json:"rc,omitempty"`
	Number         string          `json:"nr,omitempty"`
	Country        string          `json:"co,omitempty"`
	Sender         string          `json:"se,omitempty"`
	Category       domain.Category `json:"ca,omitempty"`
	PricedCategory domain.Category `json:"pc,omitempty"` // when it differs from Category
	Content        domain.Content  `json:"ct,omitempty"`
	BodyDigest     string          `json:"bd,omitempty"`
	SMSParts       int             `json:"sp,omitempty"`
	ServiceID      int64           `json:"sv,omitempty"`
	SMSFrom        string          `json:"sf,omitempty"`
	Fallback       bool            `json:"fb,omitempty"`
	FallbackAtOnce bool            `json:"fo,omitempty"`
	LatePolicy     string          `json:"lp,omitempty"`
	ValidityMS     int64           `json:"va,omitempty"`
	SMSValidityMS  int64           `json:"sy,omitempty"`
	ReportWaitMS   int64           `json:"rw,omitempty"`
	Test           bool            `json:"te,omitempty"`
}

// State of a message: what Evolve keeps of its stream. Small, since a million
// of them may be alive. Treat it as immutable: Evolve returns a new one and
// shares what has not changed. Make a new one with New, which sets ID.
type State struct {
	ID       string    `json:"id,omitempty"`
	Status   Status    `json:"s,omitempty"` // "" = no such message yet
	Accepted Terms     `json:"a,omitzero"`
	Step     int       `json:"step,omitempty"` // index into Plan()
	Count    int       `json:"n,omitempty"`    // attempts so far, over all channels
	Attempts []Attempt `json:"t,omitempty"`    // of refused and unsent ones only the last of a channel
	Deadline time.Time `json:"dl,omitzero"`    // of the validity period on Viber; zero before release
	SMSUntil time.Time `json:"su,omitzero"`    // end of the SMS's retries
	Release  time.Time `json:"rel,omitzero"`
	Hold     string    `json:"h,omitempty"` // the switch that the current step waits for (D17)
	HeldAt   time.Time `json:"ha,omitzero"`
	RetryAt  time.Time `json:"ra,omitzero"`
	NoReport time.Time `json:"nr,omitzero"`

	FallbackReason string           `json:"fb,omitempty"`
	Why            string           `json:"w,omitempty"` // why the last attempt came to nothing
	WhyCode        string           `json:"wc,omitempty"`
	Delivered      []domain.Channel `json:"d,omitempty"`  // in the order decided
	FirstChannel   domain.Channel   `json:"fc,omitempty"` // first delivered by ce_time
	FirstAt        time.Time        `json:"fa,omitzero"`
	ReadSeen       bool             `json:"r,omitempty"`
	Charged        []domain.Channel `json:"c,omitempty"`
	Closed         []domain.Channel `json:"x,omitempty"` // closed by opt-out
	CancelAsked    bool             `json:"ca,omitempty"`
	CancelAt       time.Time        `json:"cx,omitzero"` // of a cancel that came before its request
	EndedAt        time.Time        `json:"e,omitzero"`  // when Ended first held
}

// New returns the state of a message without events.
func New(id string) State { return State{ID: id} }

// Plan is the list of channels that the message may take, in order.
func (s State) Plan() []domain.Channel { return planOf(s.Accepted.Fallback) }

func planOf(fallback bool) []domain.Channel {
	if fallback {
		return []domain.Channel{domain.Viber, domain.SMS}
	}
	return []domain.Channel{domain.Viber}
}

// Channel is the channel of the current step.
func (s State) Channel() domain.Channel { return s.Plan()[s.Step] }

// Urgent says whether the message goes through the urgent lane (rules.md D2, D10).
func (s State) Urgent() bool {
	return s.Accepted.Category == domain.Transactional || s.Accepted.Category == domain.OneTimeCode
}

// Label is the priced category, which is also what Viber is told (rules.md D2).
func (s State) Label() domain.Category {
	if s.Accepted.PricedCategory != "" {
		return s.Accepted.PricedCategory
	}
	return s.Accepted.Category
}

// Attempt returns the attempt with that id. Refused and unsent attempts are
// forgotten when the next one on their channel starts.
func (s State) Attempt(id string) (Attempt, bool) {
	for _, a := range s.Attempts {
		if a.ID == id {
			return a, true
		}
	}
	return Attempt{}, false
}

// Ended says that nothing more is planned: the outcome is decided, no timer is
// set and no attempt is in flight. Late reports may still raise the status. Once
// true it stays true. After every decision, a message that exists and has not
// ended has a timer, an attempt in flight, or waits for a switch (Hold).
func (s State) Ended() bool { return s.over() && len(Timers(s)) == 0 && len(s.flying()) == 0 }

// over says that the outcome is decided: only reports may change it, upwards.
func (s State) over() bool {
	switch s.Status {
	case StatusDelivered, StatusRead, StatusFailed, StatusUnknown, StatusCancelled:
		return true
	case none, StatusAccepted, StatusWaiting, StatusSending, StatusSent:
	}
	return s.Accepted.Test
}

// flying returns the ids of the attempts in flight.
func (s State) flying() []string {
	return s.with(func(a Attempt) bool { return a.Status == AttemptInFlight })
}

func (s State) with(is func(Attempt) bool) []string {
	var ids []string
	for _, a := range s.Attempts {
		if is(a) {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// has says whether an attempt on ch is in one of the statuses.
func (s State) has(ch domain.Channel, statuses ...AttemptStatus) bool {
	return slices.ContainsFunc(s.Attempts, func(a Attempt) bool {
		return a.Channel == ch && slices.Contains(statuses, a.Status)
	})
}

// lost says whether an attempt's outcome is unknown.
func (s State) lost() bool { return s.has(domain.Viber, AttemptLost) || s.has(domain.SMS, AttemptLost) }

func (s State) closed(ch domain.Channel) bool { return slices.Contains(s.Closed, ch) }

func (s State) delivered(ch domain.Channel) bool { return slices.Contains(s.Delivered, ch) }

// next returns the step that a fallback would go to; ok is false when there is
// none: not wanted, closed by an opt-out, cancelled, or taken already.
func (s State) next() (step int, ok bool) {
	plan := s.Plan()
	for i := s.Step + 1; i < len(plan); i++ {
		if !s.CancelAsked && !s.closed(plan[i]) {
			return i, true
		}
	}
	return 0, false
}

// until is when the retries on ch stop.
func (s State) until(ch domain.Channel) time.Time {
	if policies[ch].validity {
		return s.Deadline
	}
	return s.SMSUntil
}

func (s State) reportWait() time.Duration {
	return time.Duration(s.Accepted.ReportWaitMS) * time.Millisecond
}

func (s State) smsValidity() time.Duration {
	return time.Duration(s.Accepted.SMSValidityMS) * time.Millisecond
}

// policy is what distinguishes one channel from another in decisions.
type policy struct {
	validity     bool // the step ends at the message's deadline (D3); else at sms_validity
	needsSender  bool // only an active sender may use it (D12)
	onSubmission bool // charged when the carrier takes it, per part; else on delivery, once (F1)
	awaitsReport bool // its last word is awaited after sms_validity (D3b)
	remembered   bool // "not on the app" is known of a number beforehand (E6)
	minTTL       int  // seconds, the least the carrier takes (D3)
}

var policies = map[domain.Channel]policy{
	domain.Viber: {validity: true, needsSender: true, remembered: true, minTTL: 30},
	domain.SMS:   {onSubmission: true, awaitsReport: true, minTTL: 1},
}
