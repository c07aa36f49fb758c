package reactor

import (
	"sync/atomic"

	"goniec/eventstore"
)

// Waits keeps what a reactor waits for: Config.State tells it, and whoever answers for
// the process asks. Zero = nothing. Safe for concurrent use.
type Waits struct{ what atomic.Pointer[string] }

// Set says what is waited for, "" = nothing.
func (w *Waits) Set(what string) { w.what.Store(&what) }

// Waiting names it for the part of the process; none when nothing is waited for.
func (w *Waits) Waiting(part string) []eventstore.Waiting {
	if what := w.what.Load(); what != nil && *what != "" {
		return []eventstore.Waiting{{Part: part, Why: *what}}
	}
	return nil
}
