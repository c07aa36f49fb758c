package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// fate is what becomes of a commit on its way to the broker.
type fate int

const (
	commits          fate = iota
	commitsUnknown        // the broker commits, and the writer is told of an error
	abortsUnknown         // the broker aborts, and the writer is told of an error
	apiEndTxn        = 26
	endTxnVersion    = 3
	dialTimeout      = 5 * time.Second
	unknownError     = 0xffff // Kafka's UNKNOWN_SERVER_ERROR, -1
	maxResponse      = 64 << 20
	correlationBytes = 4
)

// wire is the connections of one process to its brokers. Faults happen here and
// not in the store under test, so that whatever a store does apart from its
// transaction is seen as what it is.
type wire struct {
	mu     sync.Mutex
	commit func() fate   // what becomes of the next commit; nil = nothing happens to it
	gate   chan struct{} // closed while bytes may pass
	letGo  func(fate)    // of the commit that is held
}

func newWire() *wire {
	w := &wire{gate: make(chan struct{})}
	close(w.gate)
	return w
}

// Dial is that of eventstore.Dialer.
func (w *wire) Dial(network, addr string) (net.Conn, error) {
	w.wait()
	c, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(context.Background(), network, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, wire: w, lies: map[uint32]bool{}}, nil
}

// freeze stops every byte, as if the process had been stopped; thaw lets them through.
func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate = make(chan struct{})
}

func (w *wire) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.gate:
	default:
		close(w.gate)
	}
}

func (w *wire) wait() {
	w.mu.Lock()
	gate := w.gate
	w.mu.Unlock()
	<-gate
}

// next says what becomes of the next commit.
func (w *wire) next(f fate) { w.onCommit(func() fate { return f }) }

func (w *wire) onCommit(fn func() fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commit = fn
}

// hold stops the next commit before the broker sees it: all of its records are
// written by then. reached is closed when it is there; release lets it go.
func (w *wire) hold() (reached <-chan struct{}, release func(fate)) {
	held, goes := make(chan struct{}), make(chan fate, 1)
	w.onCommit(func() fate {
		close(held)
		return <-goes
	})
	release = func(f fate) {
		select {
		case goes <- f:
		default: // it was let go before
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letGo = release
	return held, release
}

// open lets everything through from here on.
func (w *wire) open() {
	w.onCommit(nil)
	w.mu.Lock()
	letGo := w.letGo
	w.mu.Unlock()
	if letGo != nil {
		letGo(commits)
	}
	w.thaw()
}

func (w *wire) fateOf() fate {
	w.mu.Lock()
	fn := w.commit
	w.commit = nil
	w.mu.Unlock()
	if fn == nil {
		return commits
	}
	return fn()
}

// conn is one connection; sarama writes a whole request at once.
type conn struct {
	net.Conn
	wire *wire
	mu   sync.Mutex
	lies map[uint32]bool // correlation ids of requests that are to be answered with an error
	rest []byte          // of the response being read
}

func (c *conn) Write(b []byte) (int, error) {
	c.wire.wait()
	if !isCommit(b) {
		return c.Conn.Write(b)
	}
	f := c.wire.fateOf()
	c.wire.wait() // frozen meanwhile
	if f != commits {
		c.mu.Lock()
		c.lies[binary.BigEndian.Uint32(b[8:])] = true
		c.mu.Unlock()
	}
	if f == abortsUnknown {
		b = append([]byte(nil), b...)
		b[len(b)-2] = 0 // what is asked for, before the empty tags: commit becomes abort
	}
	return c.Conn.Write(b)
}

// isCommit says whether the request (4 bytes of size, 2 of api, 2 of version) ends
// a transaction by a commit.
func isCommit(b []byte) bool {
	return len(b) > 12 && binary.BigEndian.Uint16(b[4:]) == apiEndTxn &&
		binary.BigEndian.Uint16(b[6:]) == endTxnVersion && b[len(b)-2] == 1
}

func (c *conn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		if err := c.response(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// response reads a whole response and puts the error into one that lies.
func (c *conn) response() error {
	var size [4]byte
	if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < correlationBytes || n > maxResponse {
		return errors.New("storetest: not a response of Kafka")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.Conn, body); err != nil {
		return err
	}
	c.wire.wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := binary.BigEndian.Uint32(body); c.lies[id] {
		delete(c.lies, id)
		binary.BigEndian.PutUint16(body[n-3:], unknownError) // the error stands before the empty tags
	}
	c.rest = append(size[:], body...)
	return nil
}
