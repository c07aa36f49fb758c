//go:build goniec_next

package decider

import (
	"goniec/domain/catalog"
	"goniec/eventstore"
)

// The command "note" and its event are known to this build alone; see catalog.Noted.
func init() {
	ofNextBuild["note"] = func(g *group, c *eventstore.Command) error {
		return g.emit(c.Stream, "", fact{catalog.Noted{}, g.now})
	}
}
