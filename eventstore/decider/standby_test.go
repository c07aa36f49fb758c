package decider_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/storetest"
)

// pair is two processes that have shared the partitions, each standing by for the other's.
type pair struct {
	*bench
	dirs  [2]string
	books [2]*logbook
	stop  [2]func()
}

func newPair(b *bench) *pair {
	p := &pair{bench: b}
	for i := range 2 {
		p.dirs[i], p.books[i] = b.t.TempDir(), &logbook{}
		p.stop[i] = b.start(p.dirs[i], func(c *decider.Config) {
			c.Log = slog.New(slog.NewTextHandler(p.books[i], &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.Process, c.Standby, c.FollowEvery = fmt.Sprint(i), testPartitions, 20*time.Millisecond
		})
		b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	}
	require.Eventually(b.t, func() bool {
		_, zero := b.owned(0)
		_, one := b.owned(1)
		return len(zero) > 0 && len(one) > 0 && zero[len(zero)-1] != one[len(one)-1]
	}, time.Minute, 20*time.Millisecond)
	return p
}

// owner is the process that owns partition 0.
func (p *pair) owner() int {
	_, processes := p.owned(0)
	i, err := strconv.Atoi(processes[len(processes)-1])
	require.NoError(p.t, err)
	return i
}

// A copy that was complete when it began has nothing to follow.
var followed = regexp.MustCompile(`(?:msg=followed partition=0 topic=messages events|msg="standing by" partition=0 replayed)=\d+ next=(\d+)`)

// awaitFollowed waits until process i has copied all of partition 0.
func (p *pair) awaitFollowed(i int) {
	p.t.Helper()
	events := p.journal(eventstore.Messages, 0)
	last := events[len(events)-1].Offset
	require.Eventually(p.t, func() bool {
		all := followed.FindAllStringSubmatch(p.books[i].String(), -1)
		if len(all) == 0 {
			return false
		}
		next, err := strconv.ParseInt(all[len(all)-1][1], 10, 64)
		return err == nil && next > last
	}, time.Minute, 20*time.Millisecond)
}

// A standby's copy is the owner's state; when the partition comes to it, it has nothing left to replay.
func TestAStandbyTakesOver(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := newBench(t)
	p := newPair(b)
	owner := p.owner()
	s := newStorm(b, seed)
	for range 15 {
		s.step()
	}
	events := s.settled()
	p.awaitFollowed(1 - owner)
	epochs, _ := b.owned(0)
	p.stop[owner]()
	require.Eventually(t, func() bool { now, _ := b.owned(0); return len(now) == len(epochs)+1 }, time.Minute, 20*time.Millisecond)
	require.Regexp(t, `msg="partition owned" partition=0 epoch=\d+ replayed=0 `, p.books[1-owner].String())
	require.Equal(t, events+1, s.settled(), "that it is owned, and nothing else: the standby had decided nothing")
	p.stop[1-owner]()
	require.Equal(t, storetest.State(t, p.dirs[owner]), storetest.State(t, p.dirs[1-owner]))
}

// A process that is stopped leaves the group: its partitions go on at once (within 2 s on a machine
// that has time), not after a session time-out.
func TestAPlannedStopHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.kafka.SessionTimeout = time.Minute
	p := newPair(b)
	owner := p.owner()
	p.awaitFollowed(1 - owner)
	began := time.Now()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.stop[owner]()
	}()
	require.Eventually(t, func() bool { return p.owner() != owner }, time.Minute, 5*time.Millisecond)
	b.story(0, "message/"+b.request(0), message.TypeAttemptStarted)
	took := time.Since(began)
	<-stopped
	t.Logf("decided %s after the stop", took)
	require.Less(t, took, b.kafka.SessionTimeout/2)
}
