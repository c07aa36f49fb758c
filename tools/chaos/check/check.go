// Package check judges an installation from the outside after a bad time: it
// reads the topics, the read models and the simulated carriers' log, and says
// what is lost, doubled, out of order, or not as the journal tells it.
//
// It is independent on purpose: it knows the formats that docs/events and
// docs/audit.md publish, and nothing of goniec's own code. Only the standard
// library, kgo (with kmsg) and pgx are imported; the linter holds that.
package check

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Sent is one message that was asked for.
type Sent struct {
	Number string // E.164, as the carriers' log names it
	ID     string // what the 202 said; "" when there never was one
}

// Config says where everything is, and what was asked for.
type Config struct {
	Brokers      []string
	Prefix       string // of topics and groups
	Partitions   int32
	Installation string // id of the installation: root of the hash chains
	Carriers     string // URL of the simulated carriers' log; "" = not compared
	Postgres     string // URL of the read models; "" = not compared
	Sent         []Sent
	From, To     time.Time // between these somebody was always waiting for a decision
}

// The kinds of finding.
const (
	Lost       = "lost"        // a 202 without a story, a gap in a stream, a report that nobody knows of
	Doubled    = "doubled"     // an event, a story, a fallback, a delivery or a charge that is there twice
	Reordered  = "reordered"   // the chain or the versions do not follow one another
	Zombie     = "zombie"      // a former owner's write
	Premature  = "premature"   // a committed offset beyond a command that was not decided
	Unfinished = "unfinished"  // a story without an end
	Unannounce = "unannounced" // a call at a carrier without its event before it
	Silent     = "silent"      // a carrier's double that the journal does not know of
	Parked     = "parked"      // a command that could not be processed
	Model      = "read model"  // Postgres says something else than the journal
	Unexpected = "unexpected"  // what nobody asked for
	Unreadable = "unreadable"  // not in the documented format

	maxOfKind = 20 // findings kept of a kind
)

// Finding is something that must not be.
type Finding struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
}

// Report is what a check found and counted.
type Report struct {
	Findings []Finding      `json:"findings"`
	More     map[string]int `json:"more,omitempty"` // findings of a kind beyond those listed
	Stats    Stats          `json:"stats"`
}

// Stats of a run.
type Stats struct {
	Events    int            `json:"events"`
	Commands  int            `json:"commands"` // in the inboxes
	Messages  int            `json:"messages"`
	Ended     int            `json:"ended"`
	States    map[string]int `json:"states"`
	Fallbacks int            `json:"fallbacks"`
	Charges   int            `json:"charges"`
	Owners    int            `json:"ownerships"`
	Takeovers int            `json:"takeovers"`      // by another process than before
	Aborted   int            `json:"aborted_events"` // written in a transaction that did not count
	Unknown   int            `json:"unknown_attempts"`
	Crashed   int            `json:"claimed_before_crash"`
	Calls     map[string]int `json:"calls"`
	Doubles   int            `json:"doubles_at_carriers"` // taken twice on one channel
	BothTook  int            `json:"taken_by_both"`
	Longest   time.Duration  `json:"longest_silence_ns"` // without a decision
	LongestAt time.Time      `json:"longest_silence_at"`
	Premature int            `json:"undecided_below_offset"`
}

// OK says whether nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) find(kind, format string, args ...any) {
	n := 0
	for _, f := range r.Findings {
		if f.Kind == kind {
			n++
		}
	}
	if n >= maxOfKind {
		r.More[kind]++
		return
	}
	r.Findings = append(r.Findings, Finding{kind, fmt.Sprintf(format, args...)})
}

// Has says whether something of that kind was found.
func (r *Report) Has(kind string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == kind })
}

// Run asks all questions. An error means that one could not be asked.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	r := &Report{More: map[string]int{}, Stats: Stats{States: map[string]int{}, Calls: map[string]int{}}}
	b, err := read(ctx, cfg, r)
	if err != nil {
		return nil, err
	}
	b.checkJournal()
	b.checkZombies()
	b.checkStories()
	if err := b.checkOffsets(ctx); err != nil {
		return nil, err
	}
	b.checkSilence()
	if cfg.Carriers != "" {
		if err := b.checkCarriers(ctx); err != nil {
			return nil, err
		}
	}
	if cfg.Postgres != "" {
		if err := b.checkModels(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}
