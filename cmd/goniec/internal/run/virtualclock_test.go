package run_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
)

func move(c *run.VirtualClock, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/clock", strings.NewReader(body)))
	return w
}

// Domain time never goes back, whatever restarts.
func TestTheClockIsKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock.json")
	c, err := run.OpenClock(path)
	require.NoError(t, err)
	require.Zero(t, c.Ahead())
	require.Equal(t, http.StatusOK, move(c, `{"advance":"90m"}`).Code)
	require.Equal(t, http.StatusOK, move(c, `{"advance":"1ms"}`).Code)
	for _, bad := range []string{`{"advance":"-1s"}`, `{"advance":"soon"}`, `{}`, `x`, `{"advance":"9000h"}`} {
		require.Equal(t, http.StatusUnprocessableEntity, move(c, bad).Code, bad)
	}
	before := c.Now()

	again, err := run.OpenClock(path)
	require.NoError(t, err)
	require.Equal(t, 90*time.Minute+time.Millisecond, again.Ahead())
	require.False(t, again.Now().Before(before))
	require.WithinDuration(t, time.Now().Add(90*time.Minute), again.Now(), time.Minute)
}

func TestAClockThatCannotBeKeptDoesNotMove(t *testing.T) {
	t.Parallel()
	c, err := run.OpenClock(filepath.Join(t.TempDir(), "gone", "clock.json"))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, move(c, `{"advance":"1h"}`).Code)
	require.Zero(t, c.Ahead())

	for _, spoilt := range []string{"x", `{"ahead":"-1s"}`, `{"ahead":"1"}`} {
		path := filepath.Join(t.TempDir(), "clock.json")
		require.NoError(t, os.WriteFile(path, []byte(spoilt), 0o600))
		_, err = run.OpenClock(path)
		require.ErrorContains(t, err, "clock.json", spoilt)
	}
}

// A stepped clock stands still, goes only forward, and keeps how far ahead it came.
func TestASteppedClock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock.json")
	begin := time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC)
	c, err := run.NewSteppedClock(path, begin)
	require.NoError(t, err)
	require.Equal(t, begin, c.Now())
	require.NoError(t, c.Step(begin.Add(-time.Second)))
	require.Equal(t, begin, c.Now())

	future := time.Now().Add(48 * time.Hour)
	require.NoError(t, c.Step(future))
	require.True(t, c.Now().Equal(future))
	kept, err := run.OpenClock(path)
	require.NoError(t, err)
	require.WithinDuration(t, future, kept.Now(), time.Minute)
	require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	require.Error(t, c.Step(future.Add(time.Hour)))
	require.True(t, c.Now().Equal(future), "a clock that cannot be kept does not move")
}

// Without --virtual-clock a directory whose clock was moved is not started.
func TestAMovedClockIsNotForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := run.OpenClock(filepath.Join(dir, "clock.json"))
	require.NoError(t, err)
	require.NoError(t, c.Advance(time.Hour))
	_, err = run.StartUp(t.Context(), run.UpConfig{Data: dir})
	require.EqualError(t, err, "data directory: its clock was moved 1h0m0s ahead: start with --virtual-clock, or with another --data")
}
