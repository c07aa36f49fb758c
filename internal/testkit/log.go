package testkit

import (
	"bytes"
	"strings"
	"sync"
)

// Log keeps what is written to it, by any goroutine.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Count says how often s was written.
func (l *Log) Count(s string) int { return strings.Count(l.String(), s) }
