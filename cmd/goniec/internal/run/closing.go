package run

import (
	"context"

	"goniec/adapters/closing"
	"goniec/eventstore"
	"goniec/projections/query"
)

// accountsJournal is the accounts journal as the views follow it.
type accountsJournal struct{ *Node }

// Ends implements closing.Journal.
func (j accountsJournal) Ends() ([]int64, error) {
	ends := make([]int64, j.part.N)
	for p := range ends {
		var err error
		if ends[p], err = eventstore.EndOffset(j.client, j.kafka.Topics().Name(eventstore.Accounts), int32(p)); err != nil { // fewer than 2³¹
			return nil, err
		}
	}
	return ends, nil
}

// CaughtUp implements closing.Journal.
func (j accountsJournal) CaughtUp(ctx context.Context) error { return j.accounts.CaughtUp(ctx) }

func (n *Node) closing(reader *query.Reader) *closing.Gatherer {
	return closing.New(closing.Config{
		View: n.view, Bills: n.bills, Books: reader, Journal: accountsJournal{n}, Partitions: n.part.N, Zone: n.zone, Grace: n.cfg.Billing.Grace,
	})
}
