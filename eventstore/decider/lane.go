package decider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goniec/eventstore"
)

const (
	urgent = 0
	bulk   = 1

	// laneFetch bounds what a lane reads ahead, as it is stored: in memory it is
	// ten times as much, three times a lane, and a process may own every partition.
	laneFetch = 256 << 10
)

var laneTopics = [2]string{eventstore.InboxUrgent, eventstore.InboxBulk}

// input is one inbox record: a command, or the reason why it cannot be read.
type input struct {
	lane   int
	offset int64
	record *eventstore.Record
	cmd    *eventstore.Command
	err    error
}

// hurried says whether somebody waits for this command's outcome. Requests do
// not hurry: on an idle partition the last commit is long past and they start a
// group at once; on a busy one a transaction each would eat the machine.
func (in *input) hurried() bool { return in.cmd != nil && in.lane == urgent && in.cmd.Outcome }

// lane reads one inbox partition ahead of the decisions.
type lane struct {
	index   int
	ch      chan laneBatch
	pending []*input
	pos     int64 // everything before is decided (in the current group, or earlier)
	end     int64 // pos once pending is decided
	hurried int   // pending inputs that somebody waits for
	stable  int64 // the topic's end, as the broker said last
}

type laneBatch struct {
	inputs []*input
	next   int64
	stable int64
	err    error
}

func (l *lane) read(ctx context.Context, r eventstore.Source) {
	defer r.Close()
	defer close(l.ch)
	for {
		b, err := r.Next(ctx)
		out := laneBatch{next: b.Next, stable: b.End, err: err}
		for _, rec := range b.Records {
			in := &input{lane: l.index, offset: rec.Offset, record: rec}
			in.cmd, in.err = eventstore.ParseCommand(rec)
			out.inputs = append(out.inputs, in)
		}
		select {
		case l.ch <- out:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// startLanes begins reading both lanes at the committed offsets.
func (o *owner) startLanes(ctx context.Context, offsets [2]int64) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{}, len(laneTopics))
	for i, topic := range laneTopics {
		name := o.topics.Name(topic)
		from := offsets[i]
		if from < 0 {
			if from, err = o.cfg.Cluster.Oldest(name, o.part); err != nil {
				cancel()
				return nil, fmt.Errorf("oldest offset of %s: %w", topic, err)
			}
		}
		o.lanes[i] = &lane{index: i, ch: make(chan laneBatch, 1), pos: from, end: from}
		o.saved[i] = from
	}
	for i, l := range o.lanes {
		r := o.cfg.Cluster.Read(o.topics.Name(laneTopics[i]), o.part, l.pos, laneFetch)
		go func() {
			l.read(ctx, r)
			done <- struct{}{}
		}()
	}
	return func() {
		cancel()
		for range laneTopics {
			<-done
		}
	}, nil
}

// receive takes over a batch that was read.
func (l *lane) receive(b laneBatch, ok bool) error {
	if !ok {
		return context.Canceled
	}
	if errors.Is(b.err, eventstore.ErrOffsetGone) { // commands were deleted that nobody had decided: never guess
		return fatalf("%w: restore the offset by hand (run book: missing offset)", b.err)
	}
	if b.err != nil {
		return b.err
	}
	for _, in := range b.inputs {
		if in.hurried() {
			l.hurried++
		}
	}
	l.pending = append(l.pending, b.inputs...)
	l.end, l.stable = b.next, b.stable
	if len(l.pending) == 0 {
		l.pos = l.end
	}
	return nil
}

// take removes up to n inputs from the front.
func (l *lane) take(n int) []*input {
	n = min(n, len(l.pending))
	out := l.pending[:n:n]
	l.pending = l.pending[n:]
	for _, in := range out {
		if in.hurried() {
			l.hurried--
		}
		l.pos = in.offset + 1
	}
	if len(l.pending) == 0 {
		l.pos, l.pending = l.end, nil
	}
	return out
}

// gather waits until a group is worth beginning and returns its commands:
// urgent ones first, but a tenth of the group is bulk if there is any.
func (o *owner) gather(ctx context.Context, tick <-chan time.Time) ([]*input, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := o.poll(); err != nil {
			return nil, err
		}
		waited := o.cfg.Now().Sub(o.commits) >= o.cfg.GroupWait
		if n := len(o.lanes[urgent].pending) + len(o.lanes[bulk].pending); n > 0 && (waited || o.lanes[urgent].hurried > 0 || n >= o.cfg.GroupLimit) {
			return o.pick(), nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case b, ok := <-o.lanes[urgent].ch:
			if err := o.lanes[urgent].receive(b, ok); err != nil {
				return nil, err
			}
		case b, ok := <-o.lanes[bulk].ch:
			if err := o.lanes[bulk].receive(b, ok); err != nil {
				return nil, err
			}
		case <-tick:
			if len(o.lanes[urgent].pending)+len(o.lanes[bulk].pending) == 0 {
				return nil, nil // time for timers
			}
		}
	}
}

// poll takes over what has been read meanwhile, without waiting.
func (o *owner) poll() error {
	for _, l := range o.lanes {
		for len(l.pending) < o.cfg.GroupLimit {
			select {
			case b, ok := <-l.ch:
				if err := l.receive(b, ok); err != nil {
					return err
				}
				continue
			default:
			}
			break
		}
	}
	return nil
}

func (o *owner) pick() []*input {
	limit := o.cfg.GroupLimit
	reserved := min(limit/10, len(o.lanes[bulk].pending))
	out := o.lanes[urgent].take(limit - reserved)
	return append(out, o.lanes[bulk].take(limit-len(out))...)
}
