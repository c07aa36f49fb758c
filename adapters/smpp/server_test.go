package smpp

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// talk dials the server and compares answers octet by octet.
func talk(t *testing.T, addr string, steps ...[2]string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	for _, s := range steps {
		_, err := conn.Write(unhex(s[0]))
		require.NoError(t, err)
		want := unhex(s[1])
		got := make([]byte, len(want))
		_, err = io.ReadFull(conn, got)
		require.NoError(t, err, s[1])
		require.Equal(t, want, got, s[1])
	}
	if steps[len(steps)-1][1] == "" {
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	}
}

// submitBody is "Hi" from "Firma" to 48600100201.
const submitBody = "00 0500 4669726d6100 0101 343836303031303032303100 00 00 00 00 00 01 00 00 00 02 4869"

func TestServerOctets(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("A1"), SystemID: "smsc", IdleTimeout: patience})
	bind := func(command string) string {
		return "00000023" + command + "00000000 00000001 676f6e69656300 73656372657400 00 34 00 00 00"
	}
	submit := "00000033 00000004 00000000 00000002" + submitBody
	t.Run("transceiver", func(t *testing.T) {
		t.Parallel()
		talk(t, s.Addr(),
			[2]string{submit, "00000010 80000004 00000004 00000002"}, // not bound yet
			[2]string{bind("00000009"), "00000015 80000009 00000000 00000001 736d736300"},
			[2]string{bind("00000009"), "00000010 80000009 00000005 00000001"}, // already
			[2]string{submit, "00000013 80000004 00000000 00000002 413100"},
			[2]string{"00000011 00000004 00000000 00000003 00", "00000010 80000004 00000002 00000003"},
			[2]string{"00000010 00000015 00000000 00000004", "00000010 80000015 00000000 00000004"},
			[2]string{"00000010 00000103 00000000 00000005", "00000010 80000000 00000003 00000005"}, // data_sm is not taken
			[2]string{"00000010 00000006 00000000 00000006", "00000010 80000006 00000000 00000006"},
			[2]string{"", ""},
		)
	})
	t.Run("receivers do not submit", func(t *testing.T) {
		t.Parallel()
		talk(t, s.Addr(),
			[2]string{bind("00000001"), "00000015 80000001 00000000 00000001 736d736300"},
			[2]string{submit, "00000010 80000004 00000004 00000002"})
	})
	t.Run("no bind in the body", func(t *testing.T) {
		t.Parallel()
		talk(t, s.Addr(), [2]string{"00000011 00000009 00000000 00000001 41", "00000010 80000009 0000000d 00000001"})
	})
	t.Run("impossible length", func(t *testing.T) {
		t.Parallel()
		talk(t, s.Addr(), [2]string{"ffffffff 00000009 00000000 00000001", ""})
	})
}

func TestServerCutsTheSilent(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1"), IdleTimeout: 10 * time.Millisecond})
	talk(t, s.Addr(), [2]string{"0000", ""})
}

func TestServerBoundsItsPeers(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1"), MaxBinds: 1})
	bindClient(t, testConfig(s.Addr()))
	talk(t, s.Addr(), [2]string{"", ""})
}

func TestServerBoundsItsQueue(t *testing.T) {
	t.Parallel()
	s := serve(t, ServerConfig{Handler: accept("1"), MaxQueue: 1})
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() { first <- s.DeliverReceipt(ctx, Receipt{SystemID: "x"}) }()
	require.Eventually(t, func() bool { return len(s.mailbox("x").waiting) == 1 }, patience, time.Millisecond)
	require.ErrorIs(t, s.DeliverReceipt(ctx, Receipt{SystemID: "x"}), ErrQueueFull)
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
}

func TestReplyIsNoted(t *testing.T) {
	t.Parallel()
	for _, action := range []Action{Answer, Silence, Cut} {
		sent := make(chan struct{})
		s := serve(t, ServerConfig{Handler: func(context.Context, Submit) Reply {
			return Reply{Action: action, Delay: time.Millisecond, Sent: func() { close(sent) }}
		}})
		cfg := testConfig(s.Addr())
		cfg.CallTimeout = 50 * time.Millisecond
		c, _ := bindClient(t, cfg)
		c.Submit(context.Background(), hello())
		select {
		case <-sent:
		case <-time.After(patience):
			require.Fail(t, "not noted", string(action))
		}
	}
}
