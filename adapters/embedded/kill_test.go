package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// helperEnv makes the test program run a service until its input ends, so that a test can kill it.
const helperEnv = "GONIEC_TEST_HELPER"

func TestMain(m *testing.M) {
	if mode, dir, ok := strings.Cut(os.Getenv(helperEnv), ":"); ok {
		if err := helper(mode, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func helper(mode, dir string) error {
	var address string
	switch mode {
	case "broker", "broker-sync":
		b, err := StartBroker(context.Background(), BrokerConfig{Dir: dir, Sync: mode == "broker-sync"})
		if err != nil {
			return err
		}
		address = b.Addr()
	case "postgres":
		p, err := StartPostgres(context.Background(), PostgresConfig{Dir: dir})
		if err != nil {
			return err
		}
		address = strconv.Itoa(p.proc.pid)
	default:
		return errors.New("unknown helper " + mode)
	}
	fmt.Println(address)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// startHelper runs a helper and returns what it printed and how to kill it.
func startHelper(t *testing.T, mode, dir string) (said string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+mode+":"+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line), kill
}

// Acknowledged records, whole transactions and their offsets survive a kill at any moment; nothing else appears.
func TestBrokerLosesNothingWhenKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var plain, txns []string
	n := 0
	for round := range 5 {
		addr, kill := startHelper(t, "broker", dir)
		if round == 0 {
			createTopics(t, addr, nil, append(topicNames(), "inbox")...)
		}
		pause := time.Duration(100+rand.IntN(300)) * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		begun := sync.OnceFunc(func() { time.AfterFunc(pause, func() { kill(); cancel() }) })
		acked, unsure := load(ctx, t, addr, &n, begun)
		<-ctx.Done()
		plain = append(plain, acked...)

		addr, kill = startHelper(t, "broker", dir)
		seen := committed(t, addr)
		require.Equal(t, seen["journal"], seen["outbox"], "round %d", round)
		require.Equal(t, seen["journal"], seen["state"], "round %d", round)
		txns = append(txns, acked...)
		if got := seen["journal"]; len(got) == len(txns)+1 {
			require.Equal(t, unsure, got[len(got)-1])
			txns = got
		}
		require.Equal(t, txns, seen["journal"], "round %d", round)
		require.NotEmpty(t, txns)
		last, err := strconv.Atoi(txns[len(txns)-1])
		require.NoError(t, err)
		require.Equal(t, int64(last), groupOffset(t, addr))
		require.Subset(t, readTopic(t, addr, "inbox"), plain)
		kill()
	}
	require.Greater(t, len(txns), 50)
}

// load writes numbered transactions, and each number to the inbox before, until the broker is gone. It returns the
// numbers whose commit was acknowledged and the one whose was not. It calls begun after the first.
func load(ctx context.Context, t *testing.T, addr string, n *int, begun func()) (acked []string, unsure string) {
	t.Helper()
	defer begun() // when nothing was acknowledged at all
	fail := kgo.RecordRetries(0)
	inbox := newClient(t, addr, fail, kgo.DisableIdempotentWrite(), kgo.RequestRetries(0))
	w := &writer{cl: newClient(t, addr, fail, kgo.TransactionalID("owner-0"), kgo.RequestRetries(0))}
	for _, cl := range []*kgo.Client{inbox, w.cl} { // a client waits for ever for an answer in doubt
		defer context.AfterFunc(ctx, cl.Close)()
	}
	for {
		*n++
		text := strconv.Itoa(*n)
		if err := inbox.ProduceSync(ctx, &kgo.Record{Topic: "inbox", Value: []byte(text)}).FirstErr(); err != nil {
			return acked, ""
		}
		if err := w.begin(ctx, *n); err != nil {
			return acked, ""
		}
		if err := w.commit(ctx); err != nil {
			return acked, text
		}
		if acked = append(acked, text); len(acked) == 1 {
			begun()
		}
	}
}

func TestPostgresEndsWhenItsOwnerIsKilled(t *testing.T) {
	t.Parallel()
	if parentDeathUnknown {
		t.Skip("this system does not tell a child of its parent's death")
	}
	dir := t.TempDir()
	said, kill := startHelper(t, "postgres", dir)
	pid, err := strconv.Atoi(said)
	require.NoError(t, err)
	require.True(t, servesDirectory(pid, dir+"/"+postgresDataDir))
	kill()
	require.Eventually(t, func() bool { return !servesDirectory(pid, dir+"/"+postgresDataDir) },
		10*time.Second, 20*time.Millisecond)
	p := startTestPostgres(t, PostgresConfig{Dir: dir})
	require.Equal(t, "1", query(t, p, `SELECT '1'`))
}
