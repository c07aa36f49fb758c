package projections_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
)

// A message that was forgotten and asked for again takes its former one's row,
// wherever the batches are cut; what was counted and charged stays.
func TestAMessageThatBeginsAgain(t *testing.T) {
	t.Parallel()
	link := pt.Database(t, nil)
	conn := connect(t, link)
	p := pt.Projector(t, link, pt.NewJournal(), nil)
	ctx := t.Context()
	require.NoError(t, p.AddCheckpoints(ctx))
	r := p.NewRunner(eventstore.Messages, 0)
	require.NoError(t, r.Claim(ctx))
	j := pt.NewJournal()
	var events []projections.Event
	live := func(suffix string, story []pt.Fact) {
		for i, f := range story {
			data, err := json.Marshal(f.Fact)
			require.NoError(t, err)
			e := j.AddRaw(t, eventstore.Messages, 0, &eventstore.Event{Type: f.Fact.EventType(), Stream: pt.Message(1), Time: f.At, Version: int64(i + 1), Data: data})
			e.ID += suffix
			fact, err := catalog.Decode(e.Type, e.Data)
			require.NoError(t, err)
			events = append(events, projections.Event{Event: e, Fact: fact})
		}
	}
	live("", pt.Ordinary(1, pt.Epoch))
	live("/2", pt.Ordinary(1, pt.Epoch.Add(50*24*time.Hour)))

	var want map[string]projections.Fingerprint
	for cut := range events {
		forget(t, conn)
		r.Begin()
		require.NoError(t, r.Write(ctx, 0, int64(2*cut), events[:cut]))
		require.NoError(t, r.Write(ctx, int64(2*cut), int64(2*len(events)), events[cut:]))
		if cut == 0 {
			want = pt.Digests(t, p)
			require.Equal(t, int64(1), count64(t, conn, "SELECT count(*) FROM goniec.messages"))
			require.Equal(t, int64(2), count64(t, conn, "SELECT sum(messages) FROM goniec.traffic WHERE tag = '' AND state = 'read'"))
			require.Equal(t, int64(2), count64(t, conn, "SELECT count(*) FROM goniec.ledger"))
			require.Equal(t, int64(2), count64(t, conn, "SELECT sum(charges)::bigint FROM goniec.cost_cells WHERE tag = '' AND amount = 0.09"))
			require.Equal(t, int64(2), count64(t, conn, "SELECT sum(messages)::bigint FROM goniec.time_cells WHERE what = 'delivery'"))
		}
		require.Equal(t, want, pt.Digests(t, p), "cut at %d", cut)
	}
}
