package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"goniec/domain"
)

// VirtualClock is a domain clock that is moved from outside: it runs with real
// time from where it was last set. It never goes back, restarts included: how far
// it is ahead is kept in a file. Safe for concurrent use.
type VirtualClock struct {
	path   string
	mu     sync.Mutex
	offset time.Duration
}

// clockFile is what is kept of a VirtualClock.
type clockFile struct {
	Ahead string `json:"ahead"` // of real time: "1h30m0s"
}

// OpenClock returns the clock that is kept at path, where there may be none yet.
func OpenClock(path string) (*VirtualClock, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &VirtualClock{path: path}, nil
	}
	if err != nil {
		return nil, err
	}
	var kept clockFile
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, fmt.Errorf("%s: not readable as JSON", path)
	}
	ahead, err := time.ParseDuration(kept.Ahead)
	if err != nil || ahead < 0 {
		return nil, fmt.Errorf("%s: ahead must be a duration such as 1h30m", path)
	}
	return &VirtualClock{path: path, offset: ahead}, nil
}

// Now implements domain.Clock.
func (c *VirtualClock) Now() time.Time { return domain.SystemClock.Now().Add(c.Ahead()) }

// Ahead is how far the clock is ahead of real time.
func (c *VirtualClock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Advance moves the clock forward; a negative d does nothing. When it fails the
// clock has not moved.
func (c *VirtualClock) Advance(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := c.offset + max(d, 0)
	if err := keepClock(c.path, ahead); err != nil {
		return err
	}
	c.offset = ahead
	return nil
}

// keepClock keeps how far a clock is ahead of real time.
func keepClock(path string, ahead time.Duration) error {
	if err := writePrivate(path, clockFile{Ahead: ahead.String()}); err != nil {
		return fmt.Errorf("keep the clock: %w", err)
	}
	return nil
}

// SteppedClock is a domain clock that stands still between its steps, for stories
// told in virtual time. How far it is ahead of real time is kept in a file, as a
// VirtualClock's is, so that time never goes back in a directory that it was used
// in. Safe for concurrent use.
type SteppedClock struct {
	path string
	mu   sync.Mutex
	now  time.Time
}

// NewSteppedClock returns a clock that stands at now and is kept at path.
func NewSteppedClock(path string, now time.Time) (*SteppedClock, error) {
	c := &SteppedClock{path: path}
	return c, c.Step(now)
}

// Now implements domain.Clock.
func (c *SteppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Step moves the clock forward to an instant; an earlier one does nothing. When it
// fails the clock has not moved.
func (c *SteppedClock) Step(to time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !to.After(c.now) {
		return nil
	}
	ahead := max(0, to.Sub(domain.SystemClock.Now()))
	if err := keepClock(c.path, ahead); err != nil {
		return err
	}
	c.now = to.UTC()
	return nil
}

// OffsetVariable makes a process's domain clock wrong by a constant, such as "-20s":
// for trying what a machine with a wrong clock does.
const OffsetVariable = "GONIEC_CLOCK_OFFSET"

// OffsetClock is the system's clock, wrong by itself.
type OffsetClock time.Duration

// Now implements domain.Clock.
func (c OffsetClock) Now() time.Time { return domain.SystemClock.Now().Add(time.Duration(c)) }

// ClockFromEnv returns the clock that OffsetVariable asks for; nil without it.
func ClockFromEnv() (domain.Clock, error) {
	v := os.Getenv(OffsetVariable)
	if v == "" {
		return nil, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return nil, fmt.Errorf("%s: must be a duration, such as -20s", OffsetVariable)
	}
	return OffsetClock(d), nil
}

// maxAdvance bounds one step, so that a slip of a digit is told and not done.
const maxAdvance = 366 * 24 * time.Hour

// ServeHTTP shows the time (GET) and moves it (POST {"advance":"15s"}).
func (c *VirtualClock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		var in struct {
			Advance string `json:"advance"`
		}
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in)
		d, derr := time.ParseDuration(in.Advance)
		if err != nil || derr != nil || d < 0 || d > maxAdvance {
			clockProblem(w, http.StatusUnprocessableEntity, "invalid_advance", "advance must be a duration from 0 to 8784h, such as 15s")
			return
		}
		if err := c.Advance(d); err != nil {
			clockProblem(w, http.StatusInternalServerError, "internal", "the clock cannot be kept in the data directory, and was not moved")
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"now": c.Now().Format(time.RFC3339Nano)}) // the client may be gone
}

func clockProblem(w http.ResponseWriter, status int, code, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "title": title}) // the client may be gone
}
