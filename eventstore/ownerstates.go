package eventstore

import (
	"fmt"
	"slices"
	"sync"
)

// Waiting names a part of a process that is not ready, and why, for people. It
// holds nothing personal.
type Waiting struct {
	Part string
	Why  string
}

// OwnerStates tells how the ownerships of one group fare in this process: for
// readiness and metrics. A nil one takes no notice. Safe for concurrent use.
type OwnerStates struct {
	name string // of the group, in Waiting

	mu     sync.Mutex
	joined bool
	parts  map[Partition]string // handed to this process: why it is not worked on, "" = it is
	taken  map[Partition]int64
}

// NewOwnerStates names the group as people call it, such as "decider".
func NewOwnerStates(name string) *OwnerStates {
	return &OwnerStates{name: name, parts: map[Partition]string{}, taken: map[Partition]int64{}}
}

const (
	whyTakeover = "no owner yet: being taken over"
	whyGivenUp  = "no owner: given up, tried again after a pause (the log says why)"
	whyRestart  = "no owner: starts over after an error (the log says which)"
)

// join takes note of the partitions that a session of the group begins with.
func (s *OwnerStates) join(parts []int32) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = true
	for _, p := range parts {
		if _, ok := s.parts[p]; !ok {
			s.parts[p] = whyTakeover
		}
	}
}

// leave takes note that this process is no member of the group.
func (s *OwnerStates) leave() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = false
	clear(s.parts)
}

func (s *OwnerStates) set(p Partition, why string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if why == "" && s.parts[p] != "" {
		s.taken[p]++
	}
	s.parts[p] = why
}

func (s *OwnerStates) gone(p Partition) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parts, p)
}

// Waiting lists what of this process's share is not worked on, in order.
// A process that the group gave no partition waits for nothing.
func (s *OwnerStates) Waiting() []Waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.joined {
		return []Waiting{{s.name + " group", "this process is not a member yet"}}
	}
	var out []Waiting
	for _, p := range s.sorted() {
		if why := s.parts[p]; why != "" {
			out = append(out, Waiting{fmt.Sprintf("%s partition %d", s.name, p), why})
		}
	}
	return out
}

func (s *OwnerStates) sorted() []Partition {
	out := make([]Partition, 0, len(s.parts))
	for p := range s.parts {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// Owned says of each partition handed to this process whether it is worked on.
func (s *OwnerStates) Owned() map[Partition]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[Partition]bool, len(s.parts))
	for p, why := range s.parts {
		out[p] = why == ""
	}
	return out
}

// Takeovers counts, by partition, how often this process began to work on it.
func (s *OwnerStates) Takeovers() map[Partition]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[Partition]int64, len(s.taken))
	for p, n := range s.taken {
		out[p] = n
	}
	return out
}
