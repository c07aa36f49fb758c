package eventstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Both read the same, and refuse the same.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-11-25T07:38:29.123456Z", "2024-02-29T23:59:59.999999Z", "2026-02-30T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z",
		"2026-00-01T00:00:00.000000Z", "2026-01-00T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:60:00.000000Z",
		"2026-01-01T00:00:60.000000Z", "2026-01-01T00:00:00,000000Z", "2026-01-01 00:00:00.000000Z", "0000-01-01T00:00:00.000000Z",
		"2026-01-01T00:00:00.00000xZ", "2026-01-01T00:00:00.000000+", "", "2026-01-01T00:00:00.0000000Z", "-026-01-01T00:00:00.000000Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, wantErr := time.Parse(timeLayout, s)
		got, err := parseTime(s)
		require.Equal(t, wantErr, err)
		require.True(t, want.Equal(got), "%s and %s", want, got)
	})
}
