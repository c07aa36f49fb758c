package smpp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// Client is an ESME with one transceiver bind that it keeps up. All methods
// are safe for concurrent use. Make it with NewClient and run it once.
type Client struct {
	cfg     Config
	log     *slog.Logger
	pace    *pace
	window  chan struct{}
	submits *gate
	inbox   *gate
	replies *reassembly
	ref     atomic.Uint32 // of long messages
	drainBy time.Time     // of the goroutine of Run

	mu      sync.Mutex
	bound   *link
	since   time.Time
	lastErr string
	changed chan struct{} // closed and replaced when bound changes

	counters counters
}

type counters struct {
	submitted, accepted, throttled, late, binds, inbound, refused atomic.Int64
}

// State is what an operator sees of a Client. The counters count since its
// start: PDUs, so that a long message counts once for each part.
type State struct {
	Bound     bool
	Since     time.Time // of being bound, or of not being
	LastError string    // why the last bind ended or failed; empty before that
	InFlight  int       // calls of Submit
	PerSecond float64   // the pace's limit now; 0: none

	Submitted, Accepted, Throttled, LateAnswers int64
	Binds                                       int64
	Inbound, InboundRefused                     int64 // deliver_sm handled, and those told to come again or dropped as unreadable
}

// NewClient checks the configuration; Run does the rest.
func NewClient(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	c := &Client{
		cfg: cfg, log: cfg.Logger.With("route", cfg.Name),
		pace: newPace(cfg.Rate), window: make(chan struct{}, cfg.Window),
		submits: newGate(1 << 20), inbox: newGate(cfg.MaxInbound), replies: newReassembly(cfg.ReplyWait),
		since: time.Now(), changed: make(chan struct{}),
	}
	c.ref.Store(rand.Uint32()) // so that two processes do not count in step
	return c, nil
}

// State tells how the Client fares.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &c.counters
	return State{
		Bound: c.bound != nil, Since: c.since, LastError: c.lastErr,
		InFlight: c.submits.count(), PerSecond: c.pace.perSecond(),
		Submitted: n.submitted.Load(), Accepted: n.accepted.Load(), Throttled: n.throttled.Load(), LateAnswers: n.late.Load(),
		Binds: n.binds.Load(), Inbound: n.inbound.Load(), InboundRefused: n.refused.Load(),
	}
}

// SetRate changes Config.Rate while the Client runs: a process's share of a
// route's limit moves with the partitions that it owns.
func (c *Client) SetRate(perSecond float64) { c.pace.setCeiling(perSecond) }

// WaitBound returns when the Client is bound, or with ctx's error.
func (c *Client) WaitBound(ctx context.Context) error {
	for {
		c.mu.Lock()
		bound, changed := c.bound != nil, c.changed
		c.mu.Unlock()
		if bound {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run binds, and binds again whenever the bind ends, until ctx is over; then it
// lets submits and handlers finish within DrainTimeout, unbinds, which takes a
// second at most, and returns nil. From then on Submit answers not_sent. Run may
// be called once.
func (c *Client) Run(ctx context.Context) error {
	handling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	delay := c.cfg.ReconnectMin
	for ctx.Err() == nil {
		lasted, err := c.once(ctx, handling)
		if ctx.Err() != nil {
			break
		}
		if lasted > delay {
			delay = c.cfg.ReconnectMin
		}
		c.log.Warn("smpp bind is down", "error", err, "lasted", lasted, "retry_in", delay)
		c.pause(ctx, delay)
		delay = min(2*delay, c.cfg.ReconnectMax)
	}
	c.finish(handling, cancel)
	return nil
}

// finish ends what is still inside when no bind was left to drain it, or the
// drain was not enough: handlers that would not end are cancelled.
func (c *Client) finish(handling context.Context, cancelHandlers context.CancelFunc) {
	c.shut(handling)
	cancelHandlers()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(handling), time.Second)
	defer cancel()
	c.inbox.shut(ctx)
}

// shut lets nothing new in and waits for what is inside, until DrainTimeout
// after its first call.
func (c *Client) shut(ctx context.Context) {
	if c.drainBy.IsZero() {
		c.drainBy = time.Now().Add(c.cfg.DrainTimeout)
	}
	ctx, cancel := context.WithDeadline(ctx, c.drainBy)
	defer cancel()
	c.submits.shut(ctx)
	c.inbox.shut(ctx)
}

// pause waits d, ±20 %.
func (c *Client) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// once is one bind from dial to end; it says how long it was bound and why it ended.
func (c *Client) once(ctx, handling context.Context) (time.Duration, error) {
	l, err := c.bind(ctx)
	if err != nil {
		c.setDown(err)
		return 0, err
	}
	start := time.Now()
	c.setBound(l)
	c.log.Info("smpp bound")
	err = c.serve(ctx, handling, l)
	c.setDown(err)
	return time.Since(start), err
}

func (c *Client) setBound(l *link) {
	c.counters.binds.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bound, c.since = l, time.Now()
	c.announce()
}

func (c *Client) setDown(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bound != nil {
		c.bound, c.since = nil, time.Now()
		c.announce()
	}
	if err != nil {
		c.lastErr = err.Error()
	}
}

func (c *Client) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) link() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bound
}

// bind dials and binds as a transceiver.
func (c *Client) bind(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.BindTimeout)
	defer cancel()
	conn, err := c.cfg.Dial(ctx, c.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	l := newLink(conn, c.cfg.CallTimeout)
	if err := c.bindOn(l); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if !stop() {
		return nil, fmt.Errorf("bind: %w", context.Cause(ctx))
	}
	return l, nil
}

// bindOn asks for the bind and reads its answer; nothing else reads yet.
func (c *Client) bindOn(l *link) error {
	req := pdu.NewBindRequest(pdu.Transceiver)
	req.SystemID, req.Password, req.SystemType = c.cfg.SystemID, c.cfg.Password, c.cfg.SystemType
	req.SetSequenceNumber(l.nextSeq())
	if err := l.write(req); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	f, err := l.read()
	switch {
	case err != nil:
		return fmt.Errorf("bind: %w", err)
	case f.id != data.BIND_TRANSCEIVER_RESP && f.id != data.GENERIC_NACK:
		return errors.New("bind: answered by another PDU")
	case f.status != StatusOK || f.id == data.GENERIC_NACK:
		return fmt.Errorf("bind refused with %s", f.status.Code())
	}
	return nil
}

// serve reads and keeps the bind alive until it ends or ctx is over.
func (c *Client) serve(ctx, handling context.Context, l *link) error {
	var wg sync.WaitGroup
	wg.Go(func() { c.read(handling, l) })
	wg.Go(func() { c.keepAlive(handling, l) })
	select {
	case <-l.ended:
	case <-ctx.Done():
		c.drain(handling, l)
		l.end(errors.New("shut down"))
	}
	wg.Wait()
	return l.why()
}

// drain lets nothing new in, waits for what is in flight, and unbinds. The
// reader goes on meanwhile, so answers arrive.
func (c *Client) drain(ctx context.Context, l *link) {
	c.shut(ctx)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	l.unbind(ctx)
}

func (c *Client) read(handling context.Context, l *link) {
	for {
		f, err := l.read()
		if err != nil {
			l.end(err)
			return
		}
		c.take(handling, l, f)
	}
}

func (c *Client) take(handling context.Context, l *link, f frame) {
	switch {
	case l.routine(f):
	case f.id == data.DELIVER_SM || f.id == data.DATA_SM:
		c.deliver(handling, l, f)
	case f.id == data.ALERT_NOTIFICATION: // has no answer
	default:
		_ = l.nack(f, StatusBadCommand)
	}
}

// lateKeep is how long an answer may be late and still be told to OnLate.
const lateKeep = time.Minute

func (c *Client) keepAlive(ctx context.Context, l *link) {
	tick := time.NewTicker(c.cfg.EnquireEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
			l.enquire(ctx, c.cfg.EnquireTimeout)
			l.forget(time.Now().Add(-lateKeep))
		}
	}
}

// deliver handles a deliver_sm or data_sm on a goroutine of its own and answers
// it when that is done; answers may leave in another order. When too many are
// under way it is told to come again: waiting here would hold up the answers to
// our submits.
func (c *Client) deliver(ctx context.Context, l *link, f frame) {
	if !c.inbox.enter() {
		c.counters.refused.Add(1)
		c.answer(l, f, StatusTemporary)
		return
	}
	go func() {
		defer c.inbox.leave()
		c.answer(l, f, c.handle(ctx, f))
	}()
}

// answer to a deliver_sm; its message_id is unused (SMPP 3.4, 4.6.2). When it
// cannot be written the carrier delivers again.
func (c *Client) answer(l *link, f frame, s Status) {
	none := ""
	_ = l.respond(f, s, &none)
}

// handle says how a deliver_sm is to be answered.
func (c *Client) handle(ctx context.Context, f frame) Status {
	decode := decodeMessage
	if f.id == data.DATA_SM {
		decode = decodeData
	}
	m, err := decode(f.body)
	if err != nil {
		return c.drop("its body cannot be read")
	}
	if m.isReceipt() {
		in, ok := receipt(m, c.cfg.Zone, c.cfg.Clock.Now())
		if !ok {
			return c.drop("a receipt without a state")
		}
		return c.told(c.tell(ctx, in))
	}
	return c.told(c.replies.add(ctx, &m, func(parts []*shortMessage) error {
		return c.tell(ctx, reply(parts, c.cfg.Clock.Now()))
	}))
}

func (c *Client) tell(ctx context.Context, in Inbound) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.HandlerTimeout)
	defer cancel()
	return c.cfg.Handler(ctx, in)
}

func (c *Client) told(err error) Status {
	if err != nil {
		c.counters.refused.Add(1)
		c.log.Warn("deliver_sm not taken; the carrier will repeat it", "error", err)
		return StatusTemporary
	}
	c.counters.inbound.Add(1)
	return StatusOK
}

// drop refuses for good what would be as unreadable the next time.
func (c *Client) drop(why string) Status {
	c.counters.refused.Add(1)
	c.log.Error("deliver_sm refused for good", "reason", why)
	return StatusPermanent
}
