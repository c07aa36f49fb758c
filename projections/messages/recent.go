package messages

import (
	"time"

	"github.com/google/uuid"
)

// recentMessages bounds what a session remembers, in messages; each takes some 1.5 KB.
const recentMessages = 8_000

// recent remembers messages as they were written last, so that they need not be
// read and parsed again. The older half is forgotten when the newer is full.
type recent struct{ newer, older map[uuid.UUID]*row }

func newRecent() *recent { return &recent{newer: map[uuid.UUID]*row{}} }

// take returns a message and forgets it, or nil.
func (c *recent) take(id uuid.UUID) *row {
	for _, half := range []map[uuid.UUID]*row{c.newer, c.older} {
		if r := half[id]; r != nil {
			delete(half, id)
			return r
		}
	}
	return nil
}

// keep remembers rows that were written.
func (c *recent) keep(rows []*row) {
	for _, r := range rows {
		if len(c.newer) >= recentMessages/2 {
			c.older, c.newer = c.newer, make(map[uuid.UUID]*row, recentMessages/2)
		}
		r.charged = r.charged || len(r.charges) > 0
		r.base, r.stored, r.delivered, r.fellBack = r.version, r.place(), r.first(), time.Time{}
		r.events, r.steps, r.charges = nil, nil, nil
		c.newer[r.id] = r
	}
}
