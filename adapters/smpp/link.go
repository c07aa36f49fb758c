package smpp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// Why a call got no answer.
var (
	errNoAnswer = errors.New("no answer in time")
	errCut      = errors.New("connection cut")
)

// link is one connection with the requests that wait for their answers on it.
// It is used by both ends. All methods are safe for concurrent use, except read.
type link struct {
	*wire
	last atomic.Int32 // last sequence_number given out

	mu    sync.Mutex
	calls map[int32]*call
	gone  bool
	cause error
	ended chan struct{}
}

// call is a request under way. done has room for its one answer.
type call struct {
	seq  int32
	done chan frame
	// set under link.mu when nobody waits any more:
	late   func(frame)
	gaveUp time.Time
}

func newLink(conn net.Conn, patience time.Duration) *link {
	return &link{wire: newWire(conn, patience), calls: map[int32]*call{}, ended: make(chan struct{})}
}

// begin registers the call, then writes p. With an error p was certainly not
// taken by the peer, and the link is over.
func (l *link) begin(p pdu.PDU) (*call, error) {
	c := &call{seq: l.nextSeq(), done: make(chan frame, 1)}
	p.SetSequenceNumber(c.seq)
	if !l.register(c) {
		return nil, errCut
	}
	if err := l.write(p); err != nil {
		l.end(err)
		return nil, err
	}
	return c, nil
}

func (l *link) register(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return false
	}
	l.calls[c.seq] = c
	return true
}

// nextSeq counts 1 … 0x7FFFFFFF and around.
func (l *link) nextSeq() int32 {
	for {
		if seq := l.last.Add(1) & 0x7FFFFFFF; seq > 0 {
			return seq
		}
	}
}

// await returns the answer, or errNoAnswer when ctx is over, or errCut. An
// answer that is there wins over both. late, if given, gets an answer that
// comes after errNoAnswer; it is called by the reader and must not block.
func (l *link) await(ctx context.Context, c *call, late func(frame)) (frame, error) {
	select {
	case f := <-c.done:
		return f, nil
	case <-ctx.Done():
		return l.abandon(c, late)
	case <-l.ended:
		select {
		case f := <-c.done:
			return f, nil
		default:
			return frame{}, errCut
		}
	}
}

// abandon stops waiting; the call stays known for late's sake.
func (l *link) abandon(c *call, late func(frame)) (frame, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case f := <-c.done:
		return f, nil
	default:
	}
	if late == nil {
		delete(l.calls, c.seq)
	} else {
		c.late, c.gaveUp = late, time.Now()
	}
	return frame{}, errNoAnswer
}

// resolve hands an answer to its call and says whether there was one.
func (l *link) resolve(f frame) bool {
	l.mu.Lock()
	c, ok := l.calls[f.seq]
	delete(l.calls, f.seq)
	if ok && c.late == nil {
		c.done <- f
	}
	l.mu.Unlock()
	if ok && c.late != nil {
		c.late(f)
	}
	return ok
}

// forget drops calls given up before t.
func (l *link) forget(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, c := range l.calls {
		if c.late != nil && c.gaveUp.Before(t) {
			delete(l.calls, seq)
		}
	}
}

// end closes the connection; the first cause is kept. Idempotent.
func (l *link) end(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return
	}
	l.gone, l.cause = true, cause
	_ = l.conn.Close()
	close(l.ended)
}

// why is the cause of the end; nil before it.
func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// enquire asks whether the peer lives and ends the link if it does not say so within patience.
func (l *link) enquire(ctx context.Context, patience time.Duration) {
	c, err := l.begin(pdu.NewEnquireLink())
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := l.await(ctx, c, nil); errors.Is(err, errNoAnswer) {
		l.end(errors.New("enquire_link was not answered"))
	}
}

// unbind says goodbye and waits for the answer until ctx is over.
func (l *link) unbind(ctx context.Context) {
	if c, err := l.begin(pdu.NewUnbind()); err == nil {
		_, _ = l.await(ctx, c, nil)
	}
}

// routine answers what both ends answer alike; false: f is something else.
func (l *link) routine(f frame) bool {
	switch {
	case f.response():
		l.resolve(f)
	case f.id == data.ENQUIRE_LINK:
		_ = l.respond(f, StatusOK, nil)
	case f.id == data.UNBIND:
		_ = l.respond(f, StatusOK, nil)
		l.end(errors.New("the peer unbound"))
	default:
		return false
	}
	return true
}
