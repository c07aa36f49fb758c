package audit

import (
	"context"
	"slices"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// The sections of a Digest, in their order.
const (
	SectionParked     = "parked"
	SectionUnknown    = "unknown"
	SectionInferred   = "inferred"
	SectionUnmatched  = "unmatched"
	SectionLate       = "late"
	SectionAdjusted   = "adjusted"
	SectionCredits    = "credits"
	SectionPauses     = "pauses"
	SectionChanges    = "changes"
	SectionBills      = "bills"
	SectionReads      = "reads"
	SectionErased     = "erased"
	sectionNothingNew = "" // what happens all the time
)

// Sections are those of every Digest, in their order.
func Sections() []string {
	return []string{
		SectionParked, SectionUnknown, SectionInferred, SectionUnmatched, SectionLate, SectionAdjusted, SectionCredits,
		SectionPauses, SectionChanges, SectionBills, SectionReads, SectionErased,
	}
}

// Digest is what was not ordinary in a period.
type Digest struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Events   int64     `json:"events"` // of the period
	Sections []Section `json:"sections"`
}

// Section is one kind of what was not ordinary.
type Section struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
	First []Step `json:"first"` // by recorded time, as many as were asked for
}

// Exceptions looks through what was recorded from from on and before to for what
// an auditor looks at first, at most limit steps of each section. The journal is
// checked from its beginning to the period's end on the way; a broken one is a
// *BrokenError.
func Exceptions(ctx context.Context, cfg Config, from, to time.Time, limit int) (Digest, error) {
	var parts []*digest
	_, err := Walk(ctx, cfg, to, func(Extent) (Visitor, error) {
		d := &digest{from: from, limit: limit, sections: map[string]*Section{}}
		parts = append(parts, d)
		return d.take, nil
	})
	if err != nil {
		return Digest{}, err
	}
	return merge(from, to, limit, parts), nil
}

func merge(from, to time.Time, limit int, parts []*digest) Digest {
	out := Digest{From: from.UTC(), To: to.UTC()}
	for _, p := range parts {
		out.Events += p.events
	}
	for _, name := range Sections() {
		all := Section{Name: name, First: []Step{}}
		for _, p := range parts {
			if s := p.sections[name]; s != nil {
				all.Count += s.Count
				all.First = append(all.First, s.First...)
			}
		}
		slices.SortStableFunc(all.First, func(a, b Step) int { return a.Recorded.Compare(b.Recorded) })
		all.First = all.First[:min(limit, len(all.First))]
		out.Sections = append(out.Sections, all)
	}
	return out
}

// digest is that of one partition.
type digest struct {
	from     time.Time
	limit    int
	events   int64
	sections map[string]*Section
}

func (d *digest) take(e *eventstore.Event, fact domain.Event) error {
	if e.Recorded.Before(d.from) {
		return nil
	}
	d.events++
	name := sectionOf(fact)
	if name == sectionNothingNew {
		return nil
	}
	s := d.sections[name]
	if s == nil {
		s = &Section{}
		d.sections[name] = s
	}
	if s.Count++; len(s.First) < d.limit {
		step := stepOf(e, false)
		step.Data = slices.Clone(step.Data) // the record's memory is the reader's
		s.First = append(s.First, step)
	}
	return nil
}

// sectionOf says where an event is told of.
func sectionOf(e domain.Event) string {
	switch f := e.(type) {
	case message.AttemptUnknown, message.Unknown, message.OutcomeDecided:
		return SectionUnknown
	case message.AttemptResolved:
		return when(f.Inferred, SectionInferred)
	case message.Delivered:
		if f.Late || f.Double {
			return SectionLate
		}
		return when(f.Inferred, SectionInferred)
	case message.Charged:
		return when(f.Adjusts != "", SectionAdjusted)
	case recipient.ReportStored:
		return SectionUnmatched
	case partition.Parked, partition.Retried, partition.RetryFailed, partition.Dropped:
		return SectionParked
	case partition.ContentRead, account.AccessNoted:
		return SectionReads
	case recipient.Erased, partition.KeysDestroyed:
		return SectionErased
	case account.PauseBegun, account.PauseEnded:
		return SectionPauses
	case billing.CreditRequested, billing.CreditApproved, billing.CreditRejected, billing.MinimumWaived:
		return SectionCredits
	case billing.MonthClosed, partition.PeriodSealed:
		return SectionBills
	case account.Event:
		return SectionChanges
	}
	return sectionNothingNew
}

func when(is bool, section string) string {
	if is {
		return section
	}
	return sectionNothingNew
}
