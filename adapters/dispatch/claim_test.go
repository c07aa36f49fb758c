package dispatch

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaimRoundTrip(t *testing.T) {
	t.Parallel()
	all := func(n int, done func(i int) bool) []bool {
		out := make([]bool, n)
		for i := range out {
			out[i] = done(i)
		}
		return out
	}
	tests := map[string]struct {
		done []bool
		want string // "" = only the round trip is checked
	}{
		"one open":        {done: []bool{false}, want: "AQEBAQ"},
		"open, done":      {done: []bool{false, true}, want: "AQACAg"},
		"one call hangs":  {done: all(Window, func(i int) bool { return i > 0 }), want: "AQGgnAEBn5wB"},
		"none finished":   {done: all(Window, func(int) bool { return false }), want: "AQGgnAGgnAE"},
		"every other one": {done: all(Window, func(i int) bool { return i%2 == 1 })},
		"every third":     {done: all(Window-1, func(i int) bool { return i%3 == 1 })},
		"at random":       {done: all(Window, func(i int) bool { return i > 0 && rand.IntN(2) == 0 })},
		"mostly finished": {done: all(Window, func(i int) bool { return i > 0 && rand.IntN(10) > 0 })},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta := encodeClaim(tt.done)
			require.LessOrEqual(t, len(meta), MaxMetadata)
			if tt.want != "" {
				require.Equal(t, tt.want, meta)
			}
			got, err := DecodeClaim(meta)
			require.NoError(t, err)
			require.Equal(t, tt.done, got)
		})
	}
	require.Empty(t, encodeClaim(nil))
}

func TestClaimRefuses(t *testing.T) {
	t.Parallel()
	for name, meta := range map[string]string{
		"not base64":            "%%%",
		"too short":             "AQA",
		"another version":       "AgACAg",
		"another form":          "AQICAg",
		"beyond the window":     "AQGhnAGhnAE",
		"bitmap too long":       "AQACAgI",
		"bitmap missing":        "AQAC",
		"runs too short":        "AQEDAQ",
		"runs too long":         "AQECAQI",
		"endless number":        "AQH///////////////8",
		"padding, not our form": "AQEBAQ==",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeClaim(meta)
			require.ErrorIs(t, err, errClaim)
		})
	}
}

func FuzzDecodeClaim(f *testing.F) {
	f.Add("")
	f.Add("AQEBAQ")
	f.Add("AQACAg")
	f.Add("AQGgnAEBn5wB")
	f.Fuzz(func(t *testing.T, meta string) {
		done, err := DecodeClaim(meta)
		if err != nil {
			return
		}
		again, err := DecodeClaim(encodeClaim(done))
		require.NoError(t, err)
		require.Len(t, again, len(done))
		if len(done) > 0 {
			require.Equal(t, done, again)
		}
	})
}

func TestTracker(t *testing.T) {
	t.Parallel()
	tr := tracker{base: 10}
	tr.claim(12) // 10 and 11 were markers
	require.Equal(t, int64(12), tr.base, "nothing below is open")
	tr.claim(14)
	tr.claim(15)
	require.Equal(t, []bool{false, true, false, false}, tr.done)
	require.Equal(t, int64(16), tr.to())
	require.True(t, tr.finish(14))
	require.False(t, tr.finish(14), "twice is once")
	require.False(t, tr.finish(13), "a marker was never open")
	require.False(t, tr.finish(99))
	require.Equal(t, int64(12), tr.base)
	require.Equal(t, []int64{12, 15}, tr.unfinished())
	require.True(t, tr.finish(12))
	require.Equal(t, int64(15), tr.base, "the lowest unfinished")
	tr.pass(20)
	require.Equal(t, int64(20), tr.to())
	require.True(t, tr.finish(15))
	require.Equal(t, int64(20), tr.base)
	require.Zero(t, tr.open)
}

func TestTrackerWindow(t *testing.T) {
	t.Parallel()
	tr := tracker{base: 0}
	tr.claim(0)
	require.True(t, tr.room(Window-1))
	require.False(t, tr.room(Window))
	tr.pass(3 * Window)
	require.Equal(t, int64(Window), tr.to(), "markers do not leave the window either")
	_, err := DecodeClaim(encodeClaim(tr.done))
	require.NoError(t, err)
	tr.finish(0)
	require.True(t, tr.room(3*Window))
}

func TestTrackerCut(t *testing.T) {
	t.Parallel()
	tr := tracker{base: 5}
	tr.claim(5)
	tr.claim(7)
	tr.claim(9)
	tr.cut(7)
	require.Equal(t, int64(7), tr.to())
	require.Equal(t, 1, tr.open)
	tr.finish(5)
	require.Equal(t, int64(7), tr.base)
	tr.claim(8)
	tr.cut(8)
	require.Equal(t, int64(8), tr.base)
	require.Empty(t, tr.done)
	require.Zero(t, tr.open)
}

func TestTrackerRestoreAndSkip(t *testing.T) {
	t.Parallel()
	tr, err := restore(100, encodeClaim([]bool{false, true, false, true}))
	require.NoError(t, err)
	require.Equal(t, 2, tr.open)
	require.Equal(t, int64(104), tr.to())
	tr.skip(102)
	require.Equal(t, []int64{102}, tr.unfinished())
	tr.skip(200)
	require.Equal(t, int64(200), tr.base)
	_, err = restore(1, "nonsense!")
	require.ErrorIs(t, err, errClaim)
}
