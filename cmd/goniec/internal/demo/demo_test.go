package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/internal/suffixes"
	"goniec/internal/testkit"
)

// TestMain lets the test program be started again as a child of itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == ChildCommand {
		if err := RunChild(context.Background(), os.Args[2], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// options are those of a small run on the test kit's Kafka, if that is another than the embedded one.
func options(t *testing.T) Options {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	opt := Options{Messages: 2 * suffixes.MinMessages, Dir: t.TempDir(), Exe: exe}
	if !testkit.KafkaIsEmbedded() {
		addr, prefix := testkit.Kafka(t)
		opt.Brokers, opt.Prefix = []string{addr}, prefix
	}
	return opt
}

func requireWhole(t *testing.T, r *Report, err error) {
	t.Helper()
	require.NoError(t, err)
	for _, c := range r.Checks {
		require.True(t, c.OK, "%s: %v", c.Name, c.Faults)
	}
	require.Len(t, r.Checks, checks)
	require.True(t, r.OK, r.Notes)
	require.NotZero(t, r.Search.Records)
	require.NotZero(t, r.Search.Metrics)
	require.NotZero(t, r.Search.Files)
	require.Len(t, r.Stories, len(told))
	for _, s := range r.Stories {
		require.Contains(t, s.Text, "In the end: ")
	}
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, NeedlesOf(suffixes.Plan{Marker: "no such text"}).Find(raw))
}

// TestDemo runs the whole of goniec and asks every question of it: among them
// that no number and no text stands in a log, a metric, a topic or a table.
func TestDemo(t *testing.T) {
	t.Parallel()
	opt := options(t)
	var steps []string
	opt.Step = func(name string) { steps = append(steps, name) }
	r, err := Run(t.Context(), opt)
	requireWhole(t, r, err)
	require.Nil(t, r.Touched)
	for _, row := range r.Rows {
		require.Equal(t, row.Messages, row.As, row.Suffix)
	}
	require.Contains(t, steps, "wait until all have ended")
}

// TestDemoSurvivesKills kills everything but the carriers in the middle, twice.
func TestDemoSurvivesKills(t *testing.T) {
	t.Parallel()
	opt := options(t)
	opt.Kills = 2
	r, err := Run(t.Context(), opt)
	requireWhole(t, r, err)
	require.Len(t, r.Kills, 2)
	require.NotNil(t, r.Touched)
	require.Positive(t, r.Touched.Messages)
}

func TestOptionsAreJudgedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "file"), nil, 0o600))
	for want, opt := range map[error]Options{
		ErrMessages: {Messages: suffixes.MinMessages - 1}, ErrKills: {Messages: 100, Kills: MaxKills + 1}, ErrDir: {Messages: 100, Dir: full},
	} {
		_, err := Run(t.Context(), opt)
		require.ErrorIs(t, err, want)
	}
}

// A child ends when its parent is gone.
func TestAChildDoesNotOutliveItsParent(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	var at Carriers
	c, err := spawn(t.Context(), exe, RoleCarriers, ChildConfig{Dir: dir, Callback: "http://127.0.0.1:1/callbacks/viber/viber"}, &at)
	require.NoError(t, err)
	require.NotEmpty(t, at.URL)
	require.NotEmpty(t, at.SMPP)
	require.NoError(t, c.in.Close())
	require.Eventually(t, func() bool {
		select {
		case <-c.done:
			return true
		default:
			return false
		}
	}, time.Minute, 20*time.Millisecond)
	require.NoError(t, c.stop())
}

func TestAChildThatDoesNotStartSaysWhere(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	require.NoError(t, err)
	var out Carriers
	_, err = spawn(t.Context(), exe, "nobody", ChildConfig{Dir: t.TempDir()}, &out)
	require.ErrorContains(t, err, "nobody did not start; see ")
}
