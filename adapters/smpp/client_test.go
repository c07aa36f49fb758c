package smpp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
	"goniec/internal/testkit"
)

func TestSubmitAccepted(t *testing.T) {
	t.Parallel()
	got := make(chan Submit, 1)
	s := serve(t, ServerConfig{Handler: func(_ context.Context, in Submit) Reply {
		got <- in
		return Reply{MessageID: "0A1b"}
	}})
	c, _ := bindClient(t, testConfig(s.Addr()))
	r := c.Submit(context.Background(), Message{AttemptID: "a1", From: "Firma", To: "+48600100201", Text: "Zażółć", Validity: time.Minute, Priority: 1})
	require.Equal(t, "a1", r.Attempt)
	require.WithinDuration(t, time.Now(), r.At, time.Minute)
	require.Equal(t, message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{"0A1b"}, Parts: 1}, answerOf(r))
	require.Equal(t, 1, r.Total)
	require.False(t, r.Partial())
	in := <-got
	in.Received, in.Raw = time.Time{}, nil
	require.Equal(t, Submit{
		SystemID: "goniec", Source: Address{5, 0, "Firma"}, Dest: Address{1, 1, "48600100201"},
		DataCoding: 8, Priority: 1, RegisteredDelivery: 1, ValidityPeriod: "000000000100000R", Text: "Zażółć",
	}, in)
}

func TestSubmitLong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		parts int
	}{
		"GSM-7": {strings.Repeat("Hello € ", 40), 3},
		"UCS-2": {strings.Repeat("ż😀", 50), 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var whole string
			var concats []Concat
			s := serve(t, ServerConfig{Handler: func(_ context.Context, in Submit) Reply {
				mu.Lock()
				defer mu.Unlock()
				whole += in.Text
				concats = append(concats, in.Concat)
				return Reply{MessageID: string('A' + rune(in.Concat.Seq))}
			}})
			cl, _ := bindClient(t, testConfig(s.Addr()))
			m := hello()
			m.Text = c.text
			r := cl.Submit(context.Background(), m)
			require.Equal(t, message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{"B", "C", "D"}, Parts: c.parts}, answerOf(r))
			require.Equal(t, c.parts, r.Total)
			require.Equal(t, c.text, whole, "in order, nothing lost at the seams")
			for i, part := range concats {
				require.Equal(t, Concat{Ref: concats[0].Ref, Total: 3, Seq: uint8(i + 1)}, part)
			}
		})
	}
}

func TestSubmitRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[Status]message.Answer{
		StatusThrottled:    {Code: "0x00000058", Reason: "throttled", Verdict: message.Verdict{Retry: true}},
		StatusQueueFull:    {Code: "0x00000014", Reason: "queue_full", Verdict: message.Verdict{Retry: true}},
		StatusSystemError:  {Code: "0x00000008", Reason: "system_error", Verdict: message.Verdict{Retry: true}},
		StatusBadDest:      {Code: "0x0000000B", Reason: "invalid_number", Verdict: message.Verdict{AtOnce: true}},
		StatusBadSource:    {Code: "0x0000000A", Reason: "invalid_sender", Verdict: message.Verdict{AtOnce: true, Alarm: true}},
		StatusSubmitFailed: {Code: "0x00000045", Reason: "submit_failed", Verdict: message.Verdict{AtOnce: true, Alarm: true}},
		0x401:              {Code: "0x00000401", Reason: "other", Verdict: message.Verdict{AtOnce: true, Alarm: true}},
	} {
		t.Run(status.Code(), func(t *testing.T) {
			t.Parallel()
			s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply { return Reply{Status: status} }})
			c, _ := bindClient(t, testConfig(s.Addr()))
			want.Outcome = message.OutcomeRefused
			require.Equal(t, want, answerOf(c.Submit(context.Background(), hello())))
		})
	}
}

// TestVerdictsAreWhole: each says whether to try again, never both or neither.
func TestVerdictsAreWhole(t *testing.T) {
	t.Parallel()
	for s := range Status(0x600) {
		v, reason := verdictOf(s)
		require.NotEqual(t, v.Retry, v.AtOnce, s.Code())
		require.NotEmpty(t, reason)
		require.False(t, v.Final || v.OptOut || v.BadSender || v.NotOnApp, "no SMPP status says that")
	}
	require.NotContains(t, rules, StatusOK)
}

func TestSubmitFaultsOfTheMessage(t *testing.T) {
	t.Parallel()
	c, err := NewClient(testConfig("127.0.0.1:1")) // not run: nothing may be sent
	require.NoError(t, err)
	for reason, change := range map[string]func(*Message){
		ReasonBadSender: func(m *Message) { m.From = "" },
		ReasonBadNumber: func(m *Message) { m.To = "12" },
		ReasonTooLong:   func(m *Message) { m.Text = strings.Repeat("a", 153*10+1) },
	} {
		m := hello()
		change(&m)
		r := c.Submit(context.Background(), m)
		require.Equal(t, message.OutcomeRefused, r.Outcome, reason)
		require.Equal(t, reason, r.Reason)
		require.Equal(t, reason, r.Code)
		require.True(t, r.Verdict.AtOnce)
	}
}

func TestSubmitWithoutABind(t *testing.T) {
	t.Parallel()
	c, err := NewClient(testConfig("127.0.0.1:1"))
	require.NoError(t, err)
	require.Equal(t, message.Answer{Outcome: message.OutcomeNotSent, Reason: "route_down", Verdict: message.Verdict{Retry: true}},
		answerOf(c.Submit(context.Background(), hello())))
}

// brokenConn writes only part of what it is given, once told so.
type brokenConn struct {
	net.Conn
	broken *atomic.Bool
}

func (c brokenConn) Write(b []byte) (int, error) {
	if !c.broken.Load() {
		return c.Conn.Write(b)
	}
	n, _ := c.Conn.Write(b[:len(b)-1])
	return n, errors.New("broken")
}

// TestHalfWrittenIsNotSent: the carrier cannot act on half a PDU, so it may be tried again.
func TestHalfWrittenIsNotSent(t *testing.T) {
	t.Parallel()
	var taken atomic.Int32
	s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply { taken.Add(1); return Reply{MessageID: "1"} }})
	var broken atomic.Bool
	cfg := testConfig(s.Addr())
	cfg.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		return brokenConn{conn, &broken}, err
	}
	c, _ := bindClient(t, cfg)
	broken.Store(true)
	require.Equal(t, message.Answer{Outcome: message.OutcomeNotSent, Reason: "route_down", Verdict: message.Verdict{Retry: true}},
		answerOf(c.Submit(context.Background(), hello())))
	broken.Store(false)
	require.Eventually(t, func() bool { return c.Submit(context.Background(), hello()).Outcome == message.OutcomeAccepted }, patience, time.Millisecond)
	require.Equal(t, int32(1), taken.Load())
}

func TestSubmitUnknown(t *testing.T) {
	t.Parallel()
	for action, reason := range map[Action]string{
		Silence: ReasonTimeout, Cut: ReasonCut, CutInAnswer: ReasonCut, MalformedBody: ReasonUnreadable, MalformedLength: ReasonCut,
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
				calls.Add(1)
				return Reply{Action: action, MessageID: "x"}
			}})
			cfg := testConfig(s.Addr())
			cfg.CallTimeout = 500 * time.Millisecond
			c, _ := bindClient(t, cfg)
			require.Equal(t, message.Answer{Outcome: message.OutcomeUnknown, Code: reason, Reason: reason}, answerOf(c.Submit(context.Background(), hello())))
			require.Eventually(t, func() bool { return c.State().Bound }, patience, time.Millisecond, "it binds again")
			require.Equal(t, int32(1), calls.Load(), "what may have been taken is not sent again")
		})
	}
}

// TestMalformedBodyHarmsItselfOnly: other submits in flight keep their bind.
func TestMalformedBodyHarmsItselfOnly(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{})
	s := serve(t, ServerConfig{Handler: func(ctx context.Context, in Submit) Reply {
		if in.Text == "slow" {
			<-slow
			return Reply{MessageID: "1"}
		}
		return Reply{Action: MalformedBody}
	}})
	c, _ := bindClient(t, testConfig(s.Addr()))
	result := make(chan Result, 1)
	go func() {
		m := hello()
		m.Text = "slow"
		result <- c.Submit(context.Background(), m)
	}()
	require.Eventually(t, func() bool { return c.State().Submitted == 1 }, patience, time.Millisecond)
	require.Equal(t, message.OutcomeUnknown, c.Submit(context.Background(), hello()).Outcome)
	close(slow)
	require.Equal(t, message.OutcomeAccepted, (<-result).Outcome)
	require.Equal(t, int64(1), c.State().Binds)
}

func TestLateAnswerIsTold(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
		<-release
		return Reply{MessageID: "late"}
	}})
	cfg := testConfig(s.Addr())
	cfg.CallTimeout = 50 * time.Millisecond
	told := make(chan Result, 1)
	cfg.OnLate = func(r Result) { told <- r }
	c, _ := bindClient(t, cfg)
	require.Equal(t, ReasonTimeout, c.Submit(context.Background(), hello()).Reason)
	close(release)
	r := <-told
	require.Equal(t, "a1", r.Attempt)
	require.Equal(t, message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{"late"}, Parts: 1}, answerOf(r))
	require.Equal(t, int64(1), c.State().LateAnswers)
}

func TestLongMessagePartlyTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second Reply
		want   message.Answer
	}{
		"second refused for good": {Reply{Status: StatusSubmitFailed}, message.Answer{Code: "0x00000045", Reason: "submit_failed"}},
		"second of unknown fate":  {Reply{Action: Silence}, message.Answer{Code: "timeout", Reason: "timeout"}},
		"second never in time":    {Reply{Status: StatusThrottled}, message.Answer{Code: "0x00000058", Reason: "throttled"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var firsts, thirds atomic.Int32
			s := serve(t, ServerConfig{Handler: func(_ context.Context, in Submit) Reply {
				switch in.Concat.Seq {
				case 1:
					firsts.Add(1)
					return Reply{MessageID: "1"}
				case 2:
					return c.second
				}
				thirds.Add(1)
				return Reply{MessageID: "3"}
			}})
			cfg := testConfig(s.Addr())
			cfg.CallTimeout = 500 * time.Millisecond
			cl, _ := bindClient(t, cfg)
			m := hello()
			m.Text = strings.Repeat("a", 400)
			r := cl.Submit(context.Background(), m)
			c.want.Outcome, c.want.CarrierIDs, c.want.Parts, c.want.Verdict = message.OutcomeAccepted, []string{"1"}, 1, message.Verdict{Alarm: true}
			require.Equal(t, c.want, answerOf(r))
			require.True(t, r.Partial())
			require.Equal(t, 3, r.Total)
			require.Equal(t, int32(1), firsts.Load(), "an accepted part is never sent again")
			require.Zero(t, thirds.Load(), "nothing more is charged")
		})
	}
}

func TestLaterPartIsTriedAgain(t *testing.T) {
	t.Parallel()
	var seconds atomic.Int32
	s := serve(t, ServerConfig{Handler: func(_ context.Context, in Submit) Reply {
		if in.Concat.Seq == 2 && seconds.Add(1) < 3 {
			return Reply{Status: StatusSystemError}
		}
		return Reply{MessageID: string('0' + rune(in.Concat.Seq))}
	}})
	c, _ := bindClient(t, testConfig(s.Addr()))
	m := hello()
	m.Text = strings.Repeat("a", 300)
	require.Equal(t, message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{"1", "2"}, Parts: 2}, answerOf(c.Submit(context.Background(), m)))
	require.Equal(t, int32(3), seconds.Load())
}

func TestFirstPartUnknownEndsTheMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: func(_ context.Context, in Submit) Reply {
		if in.Concat.Seq != 1 {
			return Reply{MessageID: "never"}
		}
		return Reply{Action: MalformedBody}
	}})
	c, _ := bindClient(t, testConfig(s.Addr()))
	m := hello()
	m.Text = strings.Repeat("a", 300)
	require.Equal(t, message.Answer{Outcome: message.OutcomeUnknown, Code: ReasonUnreadable, Reason: ReasonUnreadable}, answerOf(c.Submit(context.Background(), m)))
	require.Equal(t, int64(1), c.State().Submitted)
}

func TestThrottlingSlowsDown(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
		if n.Add(1) == 1 {
			return Reply{Status: StatusThrottled}
		}
		return Reply{MessageID: "1"}
	}})
	cfg := testConfig(s.Addr())
	cfg.Rate = 100
	c, _ := bindClient(t, cfg)
	require.InDelta(t, 100, c.State().PerSecond, 0)
	require.True(t, c.Submit(context.Background(), hello()).Verdict.Retry)
	require.InDelta(t, 50, c.State().PerSecond, 0)
	require.Equal(t, message.OutcomeAccepted, c.Submit(context.Background(), hello()).Outcome)
	require.Equal(t, int64(1), c.State().Throttled)
}

func TestNoRoomInTime(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"window": func(c *Config) { c.Window = 1 },
		"pace":   func(c *Config) { c.Rate = 0.001 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
				<-release
				return Reply{MessageID: "1"}
			}})
			cfg := testConfig(s.Addr())
			cfg.QueueTimeout = 20 * time.Millisecond
			change(&cfg)
			c, _ := bindClient(t, cfg)
			first := make(chan Result, 1)
			go func() { first <- c.Submit(context.Background(), hello()) }()
			require.Eventually(t, func() bool { return c.State().Submitted == 1 }, patience, time.Millisecond)
			require.Equal(t, message.Answer{Outcome: message.OutcomeNotSent, Reason: "throttled", Verdict: message.Verdict{Retry: true}},
				answerOf(c.Submit(context.Background(), hello())))
			close(release)
			require.Equal(t, message.OutcomeAccepted, (<-first).Outcome)
		})
	}
}

func TestWindowBoundsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		return Reply{MessageID: "1", Delay: 0}
	}})
	cfg := testConfig(s.Addr())
	cfg.Window, cfg.QueueTimeout = 4, 5*time.Second
	c, _ := bindClient(t, cfg)
	var wg sync.WaitGroup
	var accepted atomic.Int32
	for range 200 {
		wg.Go(func() {
			if c.Submit(context.Background(), hello()).Outcome == message.OutcomeAccepted {
				accepted.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int32(200), accepted.Load())
	require.LessOrEqual(t, most.Load(), int32(4))
}

func TestReconnects(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1")})
	c, _ := bindClient(t, testConfig(s.Addr()))
	since := c.State().Since
	for binds := int64(2); binds < 5; binds++ {
		require.Equal(t, 1, s.CutAll("goniec"))
		require.Eventually(t, func() bool { st := c.State(); return st.Bound && st.Binds == binds }, patience, time.Millisecond)
		require.Equal(t, message.OutcomeAccepted, c.Submit(context.Background(), hello()).Outcome)
	}
	require.True(t, c.State().Since.After(since))
	require.NotEmpty(t, c.State().LastError)
}

func TestBindRefusedIsTriedAgain(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	s := serve(t, ServerConfig{Handler: accept("1"), Auth: func(id, password string) Status {
		if id != "goniec" || password != "secret" {
			return StatusBadSystemID
		}
		if tries.Add(1) < 3 {
			return StatusBadPassword
		}
		return StatusOK
	}})
	c, _ := bindClient(t, testConfig(s.Addr()))
	require.Equal(t, "bind refused with 0x0000000E", c.State().LastError)
	require.Equal(t, 1, s.Bound("goniec"))
}

func TestEnquireLink(t *testing.T) {
	t.Parallel()
	var deaf atomic.Bool
	s := serve(t, ServerConfig{Handler: accept("1"), Deaf: func(string) bool { return deaf.Load() }})
	cfg := testConfig(s.Addr())
	cfg.EnquireEvery, cfg.EnquireTimeout = 5*time.Millisecond, 50*time.Millisecond
	c, _ := bindClient(t, cfg)
	require.Never(t, func() bool { return c.State().Binds > 1 }, 100*time.Millisecond, 10*time.Millisecond)
	deaf.Store(true)
	require.Eventually(t, func() bool { return c.State().LastError == "enquire_link was not answered" }, patience, time.Millisecond)
	deaf.Store(false)
	require.Eventually(t, func() bool { return c.State().Bound }, patience, time.Millisecond)
}

func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
		<-release
		return Reply{MessageID: "1"}
	}})
	c, stop := bindClient(t, testConfig(s.Addr()))
	result := make(chan Result, 1)
	go func() { result <- c.Submit(context.Background(), hello()) }()
	require.Eventually(t, func() bool { return c.State().Submitted == 1 }, patience, time.Millisecond)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	require.Eventually(t, func() bool { return c.submits.isShut() }, patience, time.Millisecond)
	require.Equal(t, ReasonRouteDown, c.Submit(context.Background(), hello()).Reason)
	select {
	case <-stopped:
		require.Fail(t, "did not wait for the answer")
	default:
	}
	close(release)
	require.Equal(t, message.OutcomeAccepted, (<-result).Outcome)
	<-stopped
	require.False(t, c.State().Bound)
	require.Equal(t, int64(1), c.State().Submitted)
	require.Eventually(t, func() bool { return s.Bound("goniec") == 0 }, patience, time.Millisecond)
}

func TestShutdownWhileNothingAnswers(t *testing.T) {
	t.Parallel()
	addr := rawSMSC(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)); <-t.Context().Done() })
	cfg := testConfig(addr)
	c, err := NewClient(cfg)
	require.NoError(t, err)
	stop := running(t, c.Run)
	stop() // in the middle of the bind
	require.False(t, c.State().Bound)
}

func TestShutdownCancelsHandlersThatWouldNotEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1")})
	entered := make(chan struct{})
	cfg := testConfig(s.Addr())
	cfg.DrainTimeout, cfg.HandlerTimeout = 10*time.Millisecond, time.Hour
	cfg.Handler = func(ctx context.Context, _ Inbound) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}
	c, stop := bindClient(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = s.DeliverMO(ctx, MO{SystemID: "goniec", From: phone, To: code, Text: "TAK"}) }()
	<-entered
	stop()
	require.Zero(t, c.inbox.count())
}

func TestTLS(t *testing.T) {
	t.Parallel()
	donor := httptest.NewTLSServer(nil) // lends its certificate
	t.Cleanup(donor.Close)
	pool := x509.NewCertPool()
	pool.AddCert(donor.Certificate())
	s := serve(t, ServerConfig{Handler: accept("1"), TLS: &tls.Config{Certificates: donor.TLS.Certificates, MinVersion: tls.VersionTLS12}})
	cfg := testConfig(s.Addr())
	cfg.TLS = &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	c, _ := bindClient(t, cfg)
	require.Equal(t, message.OutcomeAccepted, c.Submit(context.Background(), hello()).Outcome)
}

// TestNothingPersonalIsLogged, whatever goes wrong.
func TestNothingPersonalIsLogged(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply { return Reply{Action: MalformedLength} }})
	cfg := testConfig(s.Addr())
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var failed atomic.Bool
	cfg.Handler = func(context.Context, Inbound) error {
		if failed.Swap(true) {
			return nil
		}
		return errors.New("not durable")
	}
	c, stop := bindClient(t, cfg)
	c.Submit(context.Background(), hello())
	require.NoError(t, s.DeliverMO(context.Background(), MO{SystemID: "goniec", From: phone, To: code, Text: "Hello"}))
	c.handle(context.Background(), frame{id: data.DELIVER_SM, body: deliverBody(esmReceipt, 0, "id:1 Hello")})
	c.handle(context.Background(), frame{id: data.DELIVER_SM, body: []byte("Hello 48600100201")})
	stop()
	require.Contains(t, log.String(), "impossible command_length")
	require.Contains(t, log.String(), "not durable")
	require.Contains(t, log.String(), "a receipt without a state")
	for _, personal := range []string{"600100201", "Hello", "secret"} {
		require.NotContains(t, log.String(), personal)
	}
}

func TestConfigFaultsAreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := NewClient(Config{SystemID: "sixteen octets!!", Password: "zażółć", Window: -1, Rate: -1, MaxParts: 256, QueueTimeout: time.Minute, ReconnectMin: 2, ReconnectMax: 1})
	require.Error(t, err)
	for _, field := range []string{"addr", "system_id", "password", "handler", "window", "rate", "max_parts", "queue_timeout", "reconnect_max"} {
		require.ErrorContains(t, err, "smpp: "+field+": ")
	}
	_, err = NewServer(ServerConfig{})
	require.Error(t, err)
}

func TestServerTellsWhenItIsClosed(t *testing.T) {
	t.Parallel()
	s, err := NewServer(ServerConfig{Addr: "127.0.0.1:0", Handler: accept("1"), Logger: quiet()})
	require.NoError(t, err)
	stop := running(t, s.Run)
	waiting := make(chan error, 1)
	go func() { waiting <- s.DeliverReceipt(context.Background(), Receipt{SystemID: "nobody"}) }()
	stop()
	require.ErrorIs(t, <-waiting, ErrClosed)
	require.ErrorIs(t, s.DeliverMO(context.Background(), MO{SystemID: "nobody", From: Address{Addr: strings.Repeat("1", 30)}}), ErrTooLong)
}
