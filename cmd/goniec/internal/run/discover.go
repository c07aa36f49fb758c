package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Running is what a running `up` tells: the JSON object of its ready line, and
// the file by which other commands find it.
type Running struct {
	Ready           bool      `json:"ready"`
	HTTP            string    `json:"http"`
	Kafka           string    `json:"kafka"`
	Postgres        string    `json:"postgres"`
	APIKeyFile      string    `json:"api_key_file"`
	OperatorKeyFile string    `json:"operator_key_file"`
	Simulator       string    `json:"simulator"`
	Data            string    `json:"data"`
	Account         string    `json:"account"`
	Secrets         string    `json:"secrets"`
	Prefix          string    `json:"prefix"`
	Partitions      int32     `json:"partitions"`
	PID             int       `json:"pid"`
	Since           time.Time `json:"since"`
}

const runningFile = "running.json"

// DefaultData is where `up` keeps its data when nothing else is said: the
// user's data directory.
func DefaultData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "goniec")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "goniec-data"
	}
	return filepath.Join(home, ".local", "share", "goniec")
}

// registry is where an `up` that is to be found without its directory leaves its file.
func registry() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "goniec", "running"), nil
}

// announce writes the files by which r is found, the second only if it is listed, and
// returns how to remove them.
func announce(r Running, listed bool) (withdraw func(), err error) {
	own := filepath.Join(r.Data, runningFile)
	if err := writePrivate(own, r); err != nil {
		return nil, err
	}
	paths := []string{own}
	if dir, err := registry(); listed && err == nil && os.MkdirAll(dir, 0o700) == nil {
		path := filepath.Join(dir, fmt.Sprintf("%d.json", r.PID))
		if writePrivate(path, r) == nil { // a convenience: without it --data is needed
			paths = append(paths, path)
		}
	}
	return func() {
		for _, p := range paths {
			_ = os.Remove(p) // a left-over is recognised by its pid
		}
	}, nil
}

// ErrNotRunning says that no `up` was found.
var ErrNotRunning = errors.New("no running goniec found: start one with `goniec up`, or name one with --url and --key-file")

// SeveralError says that more than one `up` is meant by nothing in particular.
type SeveralError struct{ Data []string }

func (e *SeveralError) Error() string {
	return fmt.Sprintf("%d running goniec found: name one with --data, or with --url and --key-file: %s", len(e.Data), strings.Join(e.Data, ", "))
}

// Find returns the running `up` of the data directory or, without one, the one
// of the default directory, else the only one that is listed.
func Find(data string) (Running, error) {
	dir := data
	if dir == "" {
		dir = DefaultData()
	}
	r, err := readRunning(filepath.Join(dir, runningFile))
	if err == nil || data != "" {
		return r, err
	}
	found := listed()
	switch len(found) {
	case 0:
		return Running{}, ErrNotRunning
	case 1:
		return found[0], nil
	}
	several := &SeveralError{}
	for _, r := range found {
		several.Data = append(several.Data, r.Data)
	}
	slices.Sort(several.Data)
	return Running{}, several
}

// listed returns what is running and told so.
func listed() (found []Running) {
	dir, err := registry()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if r, err := readRunning(path); err == nil && r.current() {
			found = append(found, r)
			continue
		}
		_ = os.Remove(path) // its process is gone
	}
	return found
}

// current says whether its directory says the same of it: not of a process that was
// killed, and whose number another one has by now.
func (r Running) current() bool {
	own, err := readRunning(filepath.Join(r.Data, runningFile))
	return err == nil && own == r
}

func readRunning(path string) (Running, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Running{}, ErrNotRunning
	}
	var r Running
	if err := json.Unmarshal(b, &r); err != nil || !r.Ready || !alive(r.PID) {
		return Running{}, ErrNotRunning
	}
	return r, nil
}

func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
