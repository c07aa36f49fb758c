// Package models lists the read models. It is the one place that knows them all.
package models

import (
	"goniec/projections"
	"goniec/projections/bills"
	"goniec/projections/ledger"
	"goniec/projections/messages"
	"goniec/projections/optouts"
	"goniec/projections/parked"
	"goniec/projections/periods"
	"goniec/projections/replies"
	"goniec/projections/reports"
	"goniec/projections/senders"
	"goniec/projections/terms"
)

// All returns every read model, in the order in which they are listed.
func All() []projections.Projection {
	return []projections.Projection{
		messages.New(),
		ledger.New(),
		senders.New(),
		optouts.New(),
		replies.New(),
		reports.New(),
		parked.Projection{},
		periods.New(),
		bills.New(),
		terms.New(), // behind those whose views its own read
	}
}
