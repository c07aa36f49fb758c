package decider

import (
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"
)

// rules.md F4: a seal stands behind every timer that was due with it or before. One that has
// become due since the owner looked for timers makes the seal wait for the next look.
func TestASealWaitsForTimersThatCameDueBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	seal := time.Date(2026, 12, 4, 0, 0, 0, 0, time.UTC)
	before, with, after := seal.Add(-time.Microsecond), seal, seal.Add(time.Microsecond)
	for name, c := range map[string]struct {
		stored, fire []time.Time
		want         bool
	}{
		"none":                               {nil, nil, true},
		"all that were due fire":             {[]time.Time{before, with}, []time.Time{before, with}, true},
		"one came due since":                 {[]time.Time{before}, nil, false},
		"one is due with the seal":           {[]time.Time{before, with}, []time.Time{before}, false},
		"what is due later is no matter":     {[]time.Time{before, after}, []time.Time{before}, true},
		"what is due later fires, too":       {[]time.Time{before, after}, []time.Time{before, after}, true},
		"later ones stand for no missed one": {[]time.Time{before, with, after}, []time.Time{before, after}, false},
		"more than a group takes":            {[]time.Time{before, before, before}, []time.Time{before, before}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := OpenStore(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			defer func() { require.NoError(t, store.Close()) }()
			o := &owner{store: store, keys: newKeyspace(0), sealAt: seal}
			for i, due := range c.stored {
				require.NoError(t, store.db.Set(o.keys.timer(due, "message/"+string(rune('a'+i)), "deadline"), nil, pebble.NoSync))
			}
			o.timers.low = time.Unix(0, 0)
			var fire []dueTimer
			for _, due := range c.fire {
				fire = append(fire, dueTimer{due: due})
			}
			all, err := o.allFire(fire)
			require.NoError(t, err)
			require.Equal(t, c.want, all)
		})
	}
}
