package decider

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain/calendar"
	"goniec/eventstore"
)

func openTestStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenStore(t.Context(), dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func contents(t require.TestingT, s *Store) map[string]string {
	all := map[string]string{}
	it, err := s.db.NewIter(nil)
	require.NoError(t, err)
	for ok := it.First(); ok; ok = it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	require.NoError(t, it.Close())
	return all
}

// Whatever is written to batches, ingesting them leaves what committing them does.
func TestIngestIsCommit(t *testing.T) {
	a, b := openTestStore(t, t.TempDir()), openTestStore(t, t.TempDir())
	part := 0
	rapid.Check(t, func(t *rapid.T) {
		k := newKeyspace(eventstore.Partition(part))
		part = (part + 1) % 60000
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			batches := []*pebble.Batch{a.db.NewBatch(), b.db.NewBatch()}
			for i := range rapid.IntRange(0, 30).Draw(t, "writes") {
				key := k.key(rapid.SampledFrom([]byte("ceimstx")).Draw(t, "kind"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "stream"))
				gone := rapid.IntRange(0, 3).Draw(t, "gone") == 0
				for _, batch := range batches {
					if gone {
						require.NoError(t, batch.Delete(key, nil))
					} else {
						require.NoError(t, batch.Set(key, fmt.Append(nil, i), nil))
					}
				}
			}
			require.NoError(t, a.ingest(t.Context(), "load", batches[0]))
			require.NoError(t, batches[0].Close())
			require.NoError(t, b.db.Apply(batches[1], pebble.NoSync))
		}
		require.Equal(t, contents(t, b), contents(t, a))
		require.NoError(t, a.dropPartition(k))
		require.NoError(t, b.dropPartition(k))
	})
}

// A process that dies while it writes a table leaves a file that the next one writes over.
func TestIngestAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := openTestStore(t, dir)
	f, err := s.opts.FS.Create(filepath.Join(dir, "load-0-0.tmp"), "test")
	require.NoError(t, err)
	_, err = f.Write([]byte("half a table"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	b := s.db.NewBatch()
	require.NoError(t, b.Set(newKeyspace(0).state("message/1"), []byte("x"), nil))
	require.NoError(t, s.ingest(t.Context(), "load-0", b))
	require.Len(t, contents(t, s), 1)
	left, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// Every field of every kind of state comes back as it was written.
func TestStatesComeBack(t *testing.T) {
	for _, stream := range []string{"message/1", "recipient/1", "number/1", "billing/1", "partition/1", "parked/1", "account/1"} {
		empty, err := emptyState(stream)
		require.NoError(t, err)
		for _, n := range []int{0, 1, 2} {
			v := reflect.New(reflect.TypeOf(empty)).Elem()
			fill(t, v, n)
			state, ok := v.Interface().(aggregate)
			require.True(t, ok)
			b, err := encodeState(7, state)
			require.NoError(t, err)
			version, back, err := decodeState(stream, b)
			require.NoError(t, err, stream)
			require.EqualValues(t, 7, version)
			again, err := encodeState(7, back)
			require.NoError(t, err)
			require.Equal(t, string(b), string(again), stream)
			nothing, err := encodeState(7, empty)
			require.NoError(t, err)
			require.Greater(t, len(b), len(nothing), stream)
		}
	}
}

// fill sets every field to something, lists and maps to n things.
func fill(t *testing.T, v reflect.Value, n int) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)))
		return
	case calendar.Month:
		v.Set(reflect.ValueOf(calendar.Month{Year: 2026, Month: 2}))
		return
	case calendar.Date:
		v.Set(reflect.ValueOf(calendar.Date{Year: 2026, Month: 2, Day: 3}))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(`{"x":1}`)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			require.True(t, v.Type().Field(i).IsExported(), "%s.%s is not kept", v.Type(), v.Type().Field(i).Name)
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range min(n, 1) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, n)
			fill(t, value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("zażółć \"%d\"", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(n) + 1)
	case reflect.Uint8, reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(n) + 1)
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.5)
	default:
		t.Fatalf("a state holds a %s", v.Type())
	}
}
