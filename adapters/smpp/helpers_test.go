package smpp

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

const patience = 30 * time.Second

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// accept is an SMSC that takes everything and numbers it.
func accept(id string) SubmitHandler {
	return func(context.Context, Submit) Reply { return Reply{MessageID: id} }
}

// serve runs a server until the test ends.
func serve(t testing.TB, cfg ServerConfig) *Server {
	t.Helper()
	cfg.Addr, cfg.Logger = "127.0.0.1:0", quiet()
	if cfg.DeliverRetry == 0 {
		cfg.DeliverRetry = 10 * time.Millisecond
	}
	s, err := NewServer(cfg)
	require.NoError(t, err)
	running(t, s.Run)
	return s
}

// running runs until the test ends; stop ends it sooner.
func running(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(2 * patience):
				t.Error("did not stop")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func testConfig(addr string) Config {
	return Config{
		Name: "sms", Addr: addr, SystemID: "goniec", Password: "secret",
		ReconnectMin: 5 * time.Millisecond, ReconnectMax: 50 * time.Millisecond,
		Handler: func(context.Context, Inbound) error { return nil }, Logger: quiet(),
	}
}

// bindClient runs a client until the test ends, and returns it bound.
func bindClient(t testing.TB, cfg Config) (c *Client, stop func()) {
	t.Helper()
	c, err := NewClient(cfg)
	require.NoError(t, err)
	stop = running(t, c.Run)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, c.WaitBound(ctx))
	return c, stop
}

func hello() Message {
	return Message{AttemptID: "a1", From: "Firma", To: "+48600100201", Text: "Hello"}
}

// answer is what matters of a result, for comparison.
func answerOf(r Result) message.Answer {
	a := r.Answer
	a.Attempt, a.At = "", time.Time{}
	return a
}

// collected gathers what a handler is told.
type collected struct {
	mu  sync.Mutex
	all []Inbound
}

func (c *collected) handle(_ context.Context, in Inbound) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	in.Received = time.Time{}
	if in.Kind == KindReply {
		in.At = time.Time{}
	}
	c.all = append(c.all, in)
	return nil
}

func (c *collected) get() []Inbound {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Inbound(nil), c.all...)
}

// rawSMSC is the other end of a client, octet by octet.
func rawSMSC(t *testing.T, script func(conn net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * patience))
				script(conn)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
