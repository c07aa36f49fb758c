package periods_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
	"goniec/projections/periods"
	"goniec/projections/query"
)

// seal writes a partition's seal of a month, and returns the row that it makes.
func seal(t *testing.T, j *pt.Journal, p int32, month string, at time.Time) query.Seal {
	t.Helper()
	e := j.Add(t, eventstore.Messages, p, []string{"partition/0", "partition/1"}[p], at, partition.PeriodSealed{Month: month})
	return query.Seal{Month: month, Partition: p, Position: e.Offset, SealedAt: at}
}

// projected returns a projector that has read all of j, and a reader of its rows.
func projected(t *testing.T, j *pt.Journal) (*projections.Projector, *query.Reader) {
	t.Helper()
	link := pt.Database(t, nil)
	p := pt.Projector(t, link, j, nil)
	pt.Start(t, p)
	pt.CaughtUp(t, p, j)
	r, err := query.Open(link, 1)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return p, r
}

// rules.md F4: which partitions have sealed a month, and which have not; a first seal
// is of all the months before it.
func TestSealsOfAMonth(t *testing.T) {
	t.Parallel()
	j := pt.NewJournal()
	pt.Write(t, j, 0, 0, 2)
	first := seal(t, j, 0, "2026-10", pt.Epoch)
	second := seal(t, j, 0, "2026-11", pt.Epoch.Add(time.Hour))
	other := seal(t, j, 1, "2026-11", pt.Epoch.Add(time.Minute))
	p, r := projected(t, j)
	before := pt.Digests(t, p)
	require.NoError(t, p.Rebuild(t.Context(), periods.Name, nil))
	require.Equal(t, before, pt.Digests(t, p), "rebuilt equal")
	require.NotZero(t, first.Position)
	for month, want := range map[string]query.MonthSeals{
		"2026-09": {Seals: []query.Seal{first, other}, Missing: []int32{2}},
		"2026-10": {Seals: []query.Seal{first, other}, Missing: []int32{2}},
		"2026-11": {Seals: []query.Seal{second, other}, Missing: []int32{2}},
		"2026-12": {Seals: []query.Seal{}, Missing: []int32{0, 1, 2}},
	} {
		have, err := r.Seals(t.Context(), month, 3)
		require.NoError(t, err)
		for i := range have.Seals {
			have.Seals[i].SealedAt = have.Seals[i].SealedAt.UTC()
		}
		require.Equal(t, want, have, month)
	}
	closed, err := r.Seals(t.Context(), "2026-11", 2)
	require.NoError(t, err)
	require.Empty(t, closed.Missing)
}

// A month that is sealed twice stops the partition: its journal is not what an owner writes.
func TestAMonthIsSealedOnce(t *testing.T) {
	t.Parallel()
	j := pt.NewJournal()
	seal(t, j, 0, "2026-10", pt.Epoch)
	seal(t, j, 0, "2026-10", pt.Epoch)
	p := pt.Projector(t, pt.Database(t, nil), j, nil)
	pt.Start(t, p)
	require.Eventually(t, func() bool {
		all, err := p.Status(t.Context())
		require.NoError(t, err)
		for _, m := range all {
			if m.Projection == periods.Name && m.Stopped != "" {
				return true
			}
		}
		return false
	}, time.Minute, 10*time.Millisecond)
}
