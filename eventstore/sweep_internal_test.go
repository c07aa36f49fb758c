package eventstore

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is erased leaves the files at once; what nobody could open any more need not, and
// is no work while calls wait for the copy.
func TestOnlyWhatCouldBeOpenedIsPurged(t *testing.T) {
	t.Parallel()
	s, err := OpenContentStore(t.Context(), t.TempDir(), "inst", nil, Topics{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	put := func(records ...*Record) (flushes int64) {
		require.NoError(t, s.apply(t.Context(), 0, records, contentMark{}))
		return s.db.Metrics().Flush.Count
	}
	before := put(&Record{Key: []byte("a"), Value: []byte("1")}, &Record{Key: []byte("b"), Value: []byte("2")})
	m := expiredTombstone("contents", 0, "a")
	require.Nil(t, m.Value)
	r := &Record{Key: []byte("a")}
	for i := range m.Headers {
		r.Headers = append(r.Headers, &m.Headers[i])
	}
	require.Equal(t, before, put(r))
	_, ok, err := s.load(contentKey(0, 'c', "a"))
	require.NoError(t, err)
	require.False(t, ok, "forgotten all the same")
	require.Greater(t, put(&Record{Key: []byte("b")}), before)
}
