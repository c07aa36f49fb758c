package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore"
	"goniec/internal/testkit"
	"goniec/projections/models"
)

// process is a command that goes on until it is stopped.
type process struct {
	mu     sync.Mutex
	out    bytes.Buffer
	errors bytes.Buffer
	stop   context.CancelFunc
	ended  chan int
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// ready returns the first line, once it is there.
func (p *process) ready(t *testing.T) string {
	t.Helper()
	line := ""
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		var whole bool
		line, _, whole = strings.Cut(p.out.String(), "\n")
		return whole
	}, time.Minute, 20*time.Millisecond)
	return line
}

// start runs a command beside the test; end stops it as a signal would.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &process{stop: stop, ended: make(chan int, 1)}
	a := &app{in: strings.NewReader(""), out: p, err: &p.errors, tty: func(any) bool { return false }}
	go func() { p.ended <- a.execute(ctx, args) }()
	t.Cleanup(stop)
	return p
}

func (p *process) end(t *testing.T) int {
	t.Helper()
	p.stop()
	select {
	case code := <-p.ended:
		return code
	case <-time.After(time.Minute):
		require.Fail(t, "it does not end")
		return -1
	}
}

// Every partition has an owner, with its lanes in both groups.
func requirePartitions(t *testing.T, do func(...string) result) {
	t.Helper()
	got := do("partitions", "list", "--json")
	require.Zero(t, got.code, got)
	list := decode[partitionsBody](t, got.out).Partitions
	require.Len(t, list, 2)
	for i, p := range list {
		require.EqualValues(t, i, p.Partition)
		for want, s := range map[string]eventstore.Standing{"inbox": p.Decider, "outbox": p.Dispatcher} {
			require.Contains(t, s.Owner, fmt.Sprintf("-%d ", os.Getpid()))
			require.Equal(t, []string{want + ".urgent", want + ".bulk"}, []string{s.Lanes[0].Topic, s.Lanes[1].Topic})
			for _, l := range s.Lanes {
				require.GreaterOrEqual(t, l.Committed, int64(0))
				require.Equal(t, l.End-l.Committed, l.Lag)
			}
		}
	}
	require.Contains(t, do("partitions", "list").out, "PARTITION  DECIDER")
}

// A key is added, made to seal, and nothing else in the file changes.
func requireRotation(t *testing.T, do func(...string) result, path string) {
	t.Helper()
	before, err := run.ReadSecrets(path)
	require.NoError(t, err)
	require.Equal(t, result{0, "KEY  STATE\n1    seals\n", ""}, do("keys", "list"))
	require.Contains(t, do("keys", "add").out, "key 2 is in ")
	require.Equal(t, result{0, "KEY  STATE\n1    seals\n2    opens\n", ""}, do("keys", "list"))
	require.Equal(t, result{ExitUsage, "", "goniec: the secrets file holds no such key\n"}, do("keys", "use", "3"))
	require.Zero(t, do("keys", "use", "2").code)
	got := do("keys", "list", "--usage")
	require.Equal(t, result{0, "KEY  STATE  DAY KEYS  WEBHOOK SECRETS  PARKED  ACCEPTANCES\n1    opens  0         0                0       0\n2    seals  0         0                0       0\n", ""}, got)
	after, err := run.ReadSecrets(path)
	require.NoError(t, err)
	require.Equal(t, before.Seal.Keys["1"], after.Seal.Keys["1"])
	require.NotEqual(t, after.Seal.Keys["1"], after.Seal.Keys["2"])
	after.Seal = before.Seal
	require.Equal(t, before, after, "the partition secret and its like never change")
}

// A new cluster, as an operator sets it up: secrets, topics, a process, a key.
func TestCluster(t *testing.T) {
	t.Parallel()
	addr, prefix := testkit.Kafka(t)
	dir := t.TempDir()
	sim := start(t, "simulator", "--json", "--log-level", "error")
	carriers := decode[simulatorBody](t, sim.ready(t))
	secrets := filepath.Join(dir, "secrets.json")
	require.Zero(t, runCLI(t, "", "", "secrets", "new", "--out", secrets).code)
	config := file(t, "goniec.yaml", fmt.Sprintf(`
data: %s
secrets: %s
kafka: {brokers: [%q], prefix: %q, partitions: 2, replication: 1, mininsync: 1}
postgres: {url: %q}
viber: {url: %q}
smpp: {addr: %q}
http: {addr: "127.0.0.1:0"}
`, filepath.Join(dir, "data"), secrets, addr, prefix, testkit.Postgres(t), carriers.URL, carriers.SMPP))
	do := func(args ...string) result {
		t.Helper()
		return runCLI(t, "", "", append(args, "--config", config, "--log-level", "error")...)
	}

	got := do("topics", "check", "--json")
	require.Equal(t, ExitFailed, got.code, got)
	require.Len(t, decode[topicsBody](t, got.out).Topics, len(eventstore.Specs()))
	got = do("serve")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.err, "missing: run `goniec topics create`")
	require.Equal(t, ExitFailed, do("config", "check", "--connect").code)
	got = do("topics", "create")
	require.Zero(t, got.code, got)
	require.Contains(t, got.out, prefix+"messages")
	require.True(t, strings.HasSuffix(got.out, "all as they must be\n"), got.out)

	node := start(t, "serve", "--json", "--config", config, "--log-level", "error")
	serving := decode[servingBody](t, node.ready(t))
	require.Equal(t, run.Roles(), serving.Roles)
	require.NotEmpty(t, serving.HTTP)
	key := filepath.Join(dir, "operator_key")
	got = do("operator", "key", "--out", key)
	require.Equal(t, result{0, "a key of role operator is in " + key + "\n", ""}, got)
	before, err := os.ReadFile(key)
	require.NoError(t, err)
	require.Zero(t, do("operator", "key", "--out", key).code)
	after, err := os.ReadFile(key)
	require.NoError(t, err)
	require.Equal(t, before, after, "a key in force is kept")
	got = do("messages", "list", "--url", serving.HTTP, "--key-file", key)
	require.Equal(t, result{ExitRefused, "", "goniec: this needs a key of role client-admin or client-viewer (wrong_role)\n"}, got)

	require.Eventually(t, func() bool { return do("config", "check", "--connect").code == 0 }, time.Minute, 200*time.Millisecond)
	require.Eventually(t, func() bool { // the projector makes its tables when it starts
		return len(decode[projectionsBody](t, do("projections", "list", "--json").out).Projections) == len(models.All())
	}, time.Minute, 200*time.Millisecond)
	requireRoles(t, do, dir, serving.HTTP)
	requirePartitions(t, do)
	requireRotation(t, do, secrets)
	got = do("projections", "rebuild", "senders", "--json")
	require.Zero(t, got.code, got)
	require.True(t, decode[rebuiltBody](t, got.out).Switched)
	require.Equal(t, ExitUsage, do("projections", "rebuild", "nonsense").code)
	got = do("billing", "totals", "2026-11", "--all", "--json")
	require.Equal(t, result{0, `{"month":"2026-11","lines":[],"totals":[]}` + "\n", ""}, got)
	got = do("audit", "verify", "--json")
	require.Zero(t, got.code, got)

	require.Zero(t, node.end(t), node.errors.String())
	require.Zero(t, sim.end(t), sim.errors.String())
}
