// Package testkit gives tests the real services they run on: a Kafka broker and a PostgreSQL database. It depends on
// nothing of this module but the embedded services, so every package's tests may use it.
//
// By default both are embedded and need nothing but Go (and, at the first use on a machine, a download of
// PostgreSQL's programs). The environment chooses others:
//
//	GONIEC_TEST_KAFKA          empty or "embedded"; "apache": Apache Kafka, started for the test program;
//	                           "cluster": three nodes of it, which tests stop and start
//	GONIEC_TEST_KAFKA_ADDR     with "apache": a running one, HOST:PORT
//	GONIEC_TEST_POSTGRES       empty or "embedded"; "system": the server programs installed on this machine;
//	                           a connection URL: a running server whose user may create databases
//	GONIEC_TEST_POSTGRES_URL   the same URL, with or without the above
//
// What is asked for and cannot be had fails the test; nothing is ever skipped.
package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"goniec/adapters/embedded"
)

const maxSlots = 64

// held keeps the locks of this program's directories alive until it ends.
var (
	held  []func() error
	slots sync.Mutex
)

// shared starts something once for the test program. It is never closed: it ends with the program.
type shared[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (s *shared[T]) get(start func() (T, error)) (T, error) {
	s.once.Do(func() { s.value, s.err = start() })
	return s.value, s.err
}

// slot takes a directory of that name which no other running test program uses. Directories are used again by later
// programs, so that what is slow to make is made once, and there are only as many as ever ran side by side.
func slot(name string) (string, error) {
	slots.Lock()
	defer slots.Unlock()
	base, err := embedded.CacheDir()
	if err != nil {
		return "", fmt.Errorf("test directory: %w", err)
	}
	for i := range maxSlots {
		dir := filepath.Join(base, "testkit", fmt.Sprintf("%s-%d", name, i))
		release, err := embedded.LockDir(dir)
		var locked *embedded.LockedError
		if errors.As(err, &locked) {
			continue
		}
		held = append(held, release)
		return dir, err
	}
	return "", fmt.Errorf("all %d directories for %s are in use", maxSlots, name)
}

// repository finds the module's root from the directory of the package under test.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the repository: no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
