package smpp

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

var (
	phone = Address{1, 1, "48600100201"}
	code  = Address{3, 0, "7055"}
)

func TestReceipts(t *testing.T) {
	t.Parallel()
	done := time.Date(2026, 3, 2, 14, 7, 9, 0, time.UTC)
	for name, form := range map[string]ReceiptForm{"both": FormBoth, "text": FormText, "parameters": FormTLV} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, ServerConfig{Handler: accept("1")})
			var got collected
			cfg := testConfig(s.Addr())
			cfg.Handler = got.handle
			bindClient(t, cfg)
			for status := range statNames {
				require.NoError(t, s.DeliverReceipt(context.Background(), Receipt{
					SystemID: "goniec", MessageID: "0A1b", Number: phone, To: Address{5, 0, "Firma"}, Status: status,
					Err: "027", Submitted: done.Add(-time.Minute), Done: done, Text: "stat:EXPIRED", Form: form,
				}))
				in := got.get()
				want := Inbound{Kind: KindReceipt, Number: "+48600100201", To: "Firma", CarrierID: "0A1b", Status: status, Code: "027", At: done}
				last := in[len(in)-1]
				if form == FormTLV {
					want.Code, want.At = "", last.At
					require.WithinDuration(t, time.Now(), last.At, time.Minute)
				}
				require.Equal(t, want, last)
			}
		})
	}
}

func TestReceiptText(t *testing.T) {
	t.Parallel()
	done := time.Date(2026, 3, 2, 14, 7, 9, 0, time.UTC)
	r := Receipt{MessageID: "A1", Status: message.ReportDelivered, Submitted: done.Add(-time.Minute), Done: done, Text: "a text of more than twenty"}
	require.Equal(t, "id:A1 sub:001 dlvrd:001 submit date:260302140609 done date:260302140709 stat:DELIVRD err:000 text:a text of more than ", r.text())
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		parts int
	}{
		"short":        {"TAK", 1},
		"Polish":       {"REZYGNUJĘ", 1},
		"empty":        {"", 1},
		"long":         {strings.Repeat("lorem € ", 50), 3},
		"long, Polish": {strings.Repeat("żółw 😀 ", 30), 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, ServerConfig{Handler: accept("1")})
			var got collected
			cfg := testConfig(s.Addr())
			cfg.Handler = got.handle
			bindClient(t, cfg)
			require.NoError(t, s.DeliverMO(context.Background(), MO{SystemID: "goniec", From: phone, To: code, Text: c.text, Ref: 7}))
			require.Equal(t, []Inbound{{Kind: KindReply, Number: "+48600100201", To: "7055", Text: c.text, Parts: c.parts}}, got.get())
		})
	}
}

// TestPartsOneByOne: a carrier that sends the second part only after the answer
// to the first does not wait for ever, and nothing is lost.
func TestPartsOneByOne(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1"), DeliverWindow: 1})
	var got collected
	cfg := testConfig(s.Addr())
	cfg.Handler, cfg.ReplyWait = got.handle, 20*time.Millisecond
	bindClient(t, cfg)
	require.NoError(t, s.DeliverMO(context.Background(), MO{SystemID: "goniec", From: phone, To: code, Text: "STOP" + strings.Repeat("a", 160)}))
	all := got.get()
	require.Len(t, all, 2)
	require.Equal(t, "STOP"+strings.Repeat("a", 149), all[0].Text)
	require.Equal(t, 1, all[0].Missing)
	require.Equal(t, strings.Repeat("a", 11), all[1].Text)
}

func TestNotTakenIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1")})
	var tries atomic.Int32
	cfg := testConfig(s.Addr())
	cfg.HandlerTimeout = 20 * time.Millisecond
	cfg.Handler = func(ctx context.Context, _ Inbound) error {
		switch tries.Add(1) {
		case 1:
			return errors.New("not durable")
		case 2:
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	c, _ := bindClient(t, cfg)
	require.NoError(t, s.DeliverMO(context.Background(), MO{SystemID: "goniec", From: phone, To: code, Text: "TAK"}))
	require.Equal(t, int32(3), tries.Load())
	require.Equal(t, int64(2), c.State().InboundRefused)
	require.Equal(t, int64(1), c.State().Inbound)
}

func TestDeliveriesWaitForABind(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1")})
	delivered := make(chan error, 3)
	for range 3 {
		go func() {
			delivered <- s.DeliverMO(context.Background(), MO{SystemID: "goniec", From: phone, To: code, Text: "TAK"})
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.DeliverMO(ctx, MO{SystemID: "goniec", From: phone, To: code, Text: "given up"}), context.DeadlineExceeded)
	var got collected
	cfg := testConfig(s.Addr())
	cfg.Handler = got.handle
	bindClient(t, cfg)
	for range 3 {
		require.NoError(t, <-delivered)
	}
	require.Len(t, got.get(), 3)
}

// TestHandlersDoNotWaitForEachOther, and too many are told to come again.
func TestHandlersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1")})
	release := make(chan struct{})
	var fast atomic.Int32
	cfg := testConfig(s.Addr())
	cfg.MaxInbound = 2
	cfg.Handler = func(_ context.Context, in Inbound) error {
		if in.Text == "slow" {
			<-release
			return nil
		}
		fast.Add(1)
		return nil
	}
	c, _ := bindClient(t, cfg)
	var wg sync.WaitGroup
	deliver := func(text string) {
		require.NoError(t, s.DeliverMO(context.Background(), MO{SystemID: "goniec", From: phone, To: code, Text: text}))
	}
	wg.Go(func() { deliver("slow") })
	for range 5 {
		deliver("fast") // answered before the slow one, on the same bind
	}
	wg.Go(func() { deliver("slow") })
	wg.Go(func() { deliver("slow") })
	require.Eventually(t, func() bool { return c.State().InboundRefused > 0 }, patience, time.Millisecond)
	require.Equal(t, message.OutcomeAccepted, c.Submit(context.Background(), hello()).Outcome, "submits go on")
	close(release)
	wg.Wait()
	require.Equal(t, int32(5), fast.Load())
}

// TestOctetsOfABind plays an SMSC octet by octet: the bind, what is unreadable,
// an unknown command, a receipt in data_sm, and an unbind by the SMSC.
func TestOctetsOfABind(t *testing.T) {
	t.Parallel()
	type step struct{ send, want string }
	steps := []step{
		{"", "00000023 00000009 00000000 00000001 676f6e69656300 73656372657400 00 34 00 00 00"}, // bind_transceiver
		{"00000015 80000009 00000000 00000001 736d736300", ""},                                   // … _resp "smsc"
		{"00000010 00000015 00000000 00000005", "00000010 80000015 00000000 00000005"},           // enquire_link
		{"00000012 00000005 00000000 00000006 0001", "00000011 80000005 00000065 00000006 00"},   // deliver_sm that is none
		{"00000010 00000003 00000000 00000007", "00000010 80000000 00000003 00000007"},           // query_sm: generic_nack
		{"00000010 00000102 00000000 00000008 ", ""},                                             // alert_notification
		{"00000035 00000103 00000000 00000009 00 01 01 343836303031303032303100 05 00 466972 6d6100 04 00 00" + // data_sm
			"001e 0002 4100 0427 0001 02", "00000011 80000103 00000000 00000009 00"},
		{"00000010 00000006 00000000 0000000a", "00000010 80000006 00000000 0000000a"}, // unbind
	}
	failed := make(chan string, 100)
	var connections atomic.Int32
	addr := rawSMSC(t, func(conn net.Conn) {
		if connections.Add(1) > 1 {
			return
		}
		for _, s := range steps {
			_, _ = conn.Write(unhex(s.send))
			want := unhex(s.want)
			got := make([]byte, len(want))
			_, err := io.ReadFull(conn, got)
			if err != nil || string(got) != string(want) {
				failed <- "wanted " + s.want + ", got " + hex.EncodeToString(got)
			}
		}
	})
	var got collected
	cfg := testConfig(addr)
	cfg.Handler = got.handle
	c, err := NewClient(cfg)
	require.NoError(t, err)
	running(t, c.Run)
	require.Eventually(t, func() bool { return connections.Load() > 1 }, patience, time.Millisecond, "it binds again after an unbind")
	select {
	case f := <-failed:
		require.Fail(t, f)
	default:
	}
	all := got.get()
	require.Len(t, all, 1)
	all[0].At = time.Time{}
	require.Equal(t, Inbound{Kind: KindReceipt, Number: "+48600100201", To: "Firma", CarrierID: "A", Status: message.ReportDelivered}, all[0])
	require.Equal(t, int64(1), c.State().InboundRefused)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err) // a fault of the test's own text
	}
	return b
}

// A date cut to seconds would lie before what it reports: within the running
// second the moment of arrival is nearer to the truth.
func TestReceiptOfTheRunningSecondIsDatedNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 7, 800_000_000, time.UTC)
	dated := func(done string) time.Time {
		in, ok := receipt(shortMessage{payload: []byte("id:1 done date:" + done + " stat:DELIVRD err:000")}, time.UTC, now)
		require.True(t, ok)
		return in.At
	}
	require.Equal(t, now, dated("261123120007"))
	require.Equal(t, now.Truncate(time.Second).Add(-time.Second), dated("261123120006"))
}
