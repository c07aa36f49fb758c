package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// ServerConfig of a Server. Zero values mean the defaults named here.
type ServerConfig struct {
	Addr    string // to listen on; "127.0.0.1:0" for tests; required
	TLS     *tls.Config
	Handler SubmitHandler // required

	// Auth judges a bind: StatusOK lets it in, any other status is the answer. Optional: all are let in.
	Auth func(systemID, password string) Status
	// Deaf, if given and true for a system_id, leaves its enquire_link without an answer.
	Deaf func(systemID string) bool

	DeliverWindow  int           // deliver_sm without an answer yet, of one bind: 64
	DeliverTimeout time.Duration // for the answer to a deliver_sm: 10 s
	DeliverRetry   time.Duration // before a deliver_sm that was not taken is repeated: 1 s
	MaxQueue       int           // deliver_sm waiting, of one system_id: 10,000
	MaxSubmits     int           // submits being handled, of one bind: 10,000; more are answered with 0x14
	IdleTimeout    time.Duration // a bind that is silent for so long is closed: 2 min
	MaxBinds       int           // connections: 100
	SystemID       string        // named in bind responses: "goniec-sim"
	Logger         *slog.Logger
}

// SubmitHandler decides what the SMSC does with a submit_sm. It is called on a
// goroutine of its own for each and may take its time; ctx ends with the Server.
type SubmitHandler func(ctx context.Context, s Submit) Reply

// Submit is a submit_sm as the SMSC sees it.
type Submit struct {
	SystemID           string
	Source, Dest       Address
	ESMClass           byte
	DataCoding         byte
	Priority           byte
	RegisteredDelivery byte
	ValidityPeriod     string
	Concat             Concat // zero unless it is a part of a long message
	Raw                []byte // payload without the user data header
	Text               string // Raw decoded by DataCoding
	Received           time.Time
}

// Reply says what is answered to a submit_sm.
type Reply struct {
	Action    Action
	Status    Status // StatusOK: accepted
	MessageID string // with StatusOK; ≤ 64 octets
	Delay     time.Duration
	Sent      func() // optional: called when that is done, whether the ESME got it or not
}

// Action is how a submit_sm is answered.
type Action string

// The actions. Answer is the zero value.
const (
	Answer          Action = ""
	Silence         Action = "silence"          // no answer ever
	Cut             Action = "cut"              // the connection ends without an answer
	CutInAnswer     Action = "cut_in_answer"    // … in the middle of the answer
	MalformedBody   Action = "malformed_body"   // a sound length, a body that cannot be read: harms this submit only
	MalformedLength Action = "malformed_length" // an impossible command_length: the client must cut, and loses what is in flight on that bind
)

// Server is the protocol part of an SMSC: it accepts binds, hands submits to
// its handler and delivers receipts and replies. All methods are safe for
// concurrent use.
type Server struct {
	cfg      ServerConfig
	log      *slog.Logger
	listener net.Listener
	stop     chan struct{} // closed when Run ends
	wg       sync.WaitGroup

	mu    sync.Mutex
	peers map[*peer]struct{}
	boxes map[string]*mailbox
	over  bool
}

// Faults of the Server's methods.
var (
	ErrClosed    = errors.New("smpp: the server is closed")
	ErrQueueFull = errors.New("smpp: too many deliveries are waiting")
	ErrTooLong   = errors.New("smpp: an address, an id or a text is too long")
)

// NewServer listens; Run serves. If Run is never called, call Close.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Addr == "" || cfg.Handler == nil {
		return nil, errors.New("smpp: server: addr and handler are required")
	}
	cfg.setDefaults()
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	if cfg.TLS != nil {
		listener = tls.NewListener(listener, cfg.TLS)
	}
	return &Server{
		cfg: cfg, log: cfg.Logger, listener: listener, stop: make(chan struct{}),
		peers: map[*peer]struct{}{}, boxes: map[string]*mailbox{},
	}, nil
}

func (c *ServerConfig) setDefaults() {
	setDefault(&c.DeliverWindow, 64)
	setDefault(&c.DeliverTimeout, 10*time.Second)
	setDefault(&c.DeliverRetry, time.Second)
	setDefault(&c.MaxQueue, 10_000)
	setDefault(&c.MaxSubmits, 10_000)
	setDefault(&c.IdleTimeout, 2*time.Minute)
	setDefault(&c.MaxBinds, 100)
	setDefault(&c.SystemID, "goniec-sim")
	setDefault(&c.Logger, slog.Default())
	if c.Auth == nil {
		c.Auth = func(string, string) Status { return StatusOK }
	}
	if c.Deaf == nil {
		c.Deaf = func(string) bool { return false }
	}
}

// Addr is where the Server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends a Server that was never run. Idempotent.
func (s *Server) Close() { _ = s.listener.Close() }

// Run serves until ctx is over; then it unbinds and closes every connection,
// waits for the handlers and returns nil. What was not delivered is dropped.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, s.shut)
	defer stop()
	err := s.accept(ctx)
	cancel()
	s.shut()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept takes connections until the listener is closed.
func (s *Server) accept(ctx context.Context) error {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return fmt.Errorf("smpp: accept: %w", err)
		}
		p := &peer{server: s, link: newLink(conn, s.cfg.DeliverTimeout)}
		if !s.admit(p) {
			_ = conn.Close()
			continue
		}
		s.wg.Go(func() {
			defer s.release(p)
			p.run(ctx)
		})
	}
}

func (s *Server) admit(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || len(s.peers) >= s.cfg.MaxBinds {
		return false
	}
	s.peers[p] = struct{}{}
	return true
}

func (s *Server) release(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
}

// shut ends everything; idempotent.
func (s *Server) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	close(s.stop)
	_ = s.listener.Close()
	for p := range s.peers {
		p.end(ErrClosed)
	}
}

// Bound counts the connections bound with a system_id.
func (s *Server) Bound(systemID string) int {
	n := 0
	s.each(systemID, func(*peer) { n++ })
	return n
}

// CutAll cuts the connections of a system_id and says how many there were.
func (s *Server) CutAll(systemID string) int {
	n := 0
	s.each(systemID, func(p *peer) { p.end(errCut); n++ })
	return n
}

func (s *Server) each(systemID string, do func(*peer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		if id := p.system.Load(); id != nil && *id == systemID {
			do(p)
		}
	}
}
