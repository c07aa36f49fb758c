package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"goniec/internal/freeport"
	"goniec/internal/wholefile"
)

const (
	brokerLogDir    = "log"
	brokerPortFile  = "port"
	brokerCleanFile = "clean"

	// retentionEvery is how often topics with a retention time drop what is older. The broker's own pass also
	// compacts, which is only safe while no transaction is open, so that pass is switched off.
	retentionEvery = time.Hour

	// segmentBytes bounds what one partition reads into memory at once when the broker starts.
	segmentBytes = 32 << 20

	// minSessionTimeout lets tests and `up` notice a dead consumer in less than Kafka's usual 6 s.
	minSessionTimeout = 500 * time.Millisecond
)

// BrokerConfig says where an embedded broker keeps its data and how it listens.
type BrokerConfig struct {
	// Dir holds the broker's log; it is created when missing. Empty keeps everything in memory: for tests.
	Dir string
	// Addr is the address to listen on, 127.0.0.1:PORT; the port may be 0. Empty means the port of the last
	// start in Dir if it is free, else any free one.
	Addr string
	// Sync makes every write reach the disk before it is acknowledged. Without it an acknowledged write survives
	// the death of the process, however it dies, but not a power failure or a crash of the machine.
	Sync bool
	// Logger receives the broker's warnings and errors; nil drops them.
	Logger *slog.Logger
}

// Broker is a running Kafka-protocol broker of one node inside this process. It has no topic of its own and creates
// none unasked. All methods are safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	dir     string
	slot    *commitSlot
	faults  *faultLog
	quiet   sync.Mutex      // held while no request may be handled
	broken  error           // why none is handled ever after; quiet guards it
	offered map[string]bool // groups in transactions; quiet guards it

	stop context.CancelFunc
	work sync.WaitGroup
	once sync.Once
	err  error
}

// StartBroker starts a broker and returns when it accepts connections. A directory that was not closed cleanly is
// put in order first: a transaction whose commit had been accepted is completed, every other open one is aborted and
// its producer fenced. One process at a time may use a directory (LockDir).
//
// The context bounds the start only; the broker runs until Close.
func StartBroker(ctx context.Context, cfg BrokerConfig) (*Broker, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b := &Broker{dir: cfg.Dir, faults: &faultLog{log: cfg.Logger}}
	port, err := brokerPort(cfg)
	if err != nil {
		return nil, err
	}
	if err := b.openDir(ctx, cfg); err != nil {
		return nil, err
	}
	b.cluster, err = kfake.NewCluster(b.options(cfg, port)...)
	if cfg.Addr == "" && errors.Is(err, syscall.EADDRINUSE) { // somebody took it since we looked
		b.cluster, err = kfake.NewCluster(b.options(cfg, 0)...)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start broker: %w", err), b.slot.close())
	}
	return b, b.ready() //nolint:contextcheck // the broker outlives its start
}

func brokerPort(cfg BrokerConfig) (int, error) {
	if cfg.Addr == "" && cfg.Dir == "" {
		return 0, nil
	}
	if cfg.Addr == "" {
		if port := rememberedPort(filepath.Join(cfg.Dir, brokerPortFile)); port != 0 {
			return port, nil
		}
		return freeport.Port()
	}
	host, text, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return 0, fmt.Errorf("broker address %q: %w", cfg.Addr, err)
	}
	if host != loopback {
		return 0, fmt.Errorf("broker address %q: the embedded broker listens on %s only", cfg.Addr, loopback)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("broker address %q: %w", cfg.Addr, err)
	}
	return int(port), nil
}

// openDir prepares the directory and opens the commit slot; without a directory it does nothing.
func (b *Broker) openDir(ctx context.Context, cfg BrokerConfig) error {
	if cfg.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, brokerLogDir), 0o700); err != nil {
		return fmt.Errorf("create broker directory: %w", err)
	}
	if err := recoverLog(ctx, cfg.Dir, b.faults); err != nil {
		return fmt.Errorf("recover broker log: %w", err)
	}
	slot, err := openCommitSlot(cfg.Dir, cfg.Sync, b.topicName)
	if err != nil {
		return err
	}
	b.slot = slot
	return nil
}

func (b *Broker) options(cfg BrokerConfig, port int) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.Ports(port),
		kfake.ClusterID("goniec-embedded"),
		kfake.GroupMinSessionTimeout(minSessionTimeout),
		kfake.WithLogger(b.faults),
		kfake.BrokerConfigs(map[string]string{
			"group.min.session.timeout.ms": strconv.FormatInt(minSessionTimeout.Milliseconds(), 10),
			"log.segment.bytes":            strconv.Itoa(segmentBytes),
			// Only topics that ask for it lose old records. The broker library would drop those of compacted topics too.
			"log.retention.ms": "-1",
			// Ten years: compaction runs when we say so (Compact).
			"log.cleaner.backoff.ms": strconv.FormatInt((10 * 365 * 24 * time.Hour).Milliseconds(), 10),
			// Offsets of an `up` that was not started for a year are still there.
			"offsets.retention.minutes": strconv.Itoa(365 * 24 * 60),
		}),
	}
	if cfg.Dir != "" {
		opts = append(opts, kfake.DataDir(filepath.Join(cfg.Dir, brokerLogDir)))
	}
	if cfg.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// ready finishes the start: it remembers the port, watches commits and starts the retention pass.
func (b *Broker) ready() error {
	b.addr = b.cluster.ListenAddrs()[0]
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.cluster.Control(b.observe)
	b.work.Go(func() { b.retain(ctx) })
	if b.dir == "" {
		return nil
	}
	_, text, err := net.SplitHostPort(b.addr)
	if err == nil {
		err = wholefile.Write(filepath.Join(b.dir, brokerPortFile), []byte(text+"\n"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("remember broker port: %w", err), b.Close())
	}
	return nil
}

// observe sees each request before the broker library does. The connection of a commit, or of a deletion of records,
// that cannot be recorded is closed, and so is every one when a compaction failed.
func (b *Broker) observe(req kmsg.Request) (kmsg.Response, error, bool) {
	b.cluster.KeepControl()
	b.quiet.Lock()
	defer b.quiet.Unlock()
	if b.broken != nil {
		return nil, b.broken, true
	}
	switch r := req.(type) {
	case *kmsg.FetchRequest:
		boundByPartition(r)
	case *kmsg.TxnOffsetCommitRequest:
		b.noteOffsets(r)
	case *kmsg.OffsetFetchRequest:
		if resp, ok := b.newGroup(r); ok {
			return resp, nil, true
		}
	}
	if b.slot == nil {
		return nil, nil, false
	}
	err := b.slot.observe(req)
	if _, ok := req.(*kmsg.DeleteRecordsRequest); ok && err == nil {
		err = b.writeMarks()
	}
	if err != nil {
		b.faults.Logf(kfake.LogLevelError, "%v", err)
		return nil, err, true
	}
	return nil, nil, false
}

func (b *Broker) topicName(id [16]byte) string {
	if info := b.cluster.TopicIDInfo(id); info != nil {
		return info.Topic
	}
	return ""
}

// boundByPartition turns the bound of a whole fetch into bounds of its partitions, which together stay within it.
// Where the bound of the whole ends an answer, the broker library leaves out which of the partition's transactions were
// aborted, and a reader takes their records for committed ones.
//
// No session begins: in one, a request names what changed, and not all partitions that answer it.
func boundByPartition(req *kmsg.FetchRequest) {
	if req.SessionEpoch == 0 {
		req.SessionEpoch = -1
	}
	bound := req.MaxBytes
	if n, sum := partitionBounds(req); sum > int64(req.MaxBytes) {
		bound /= n
	}
	for t := range req.Topics {
		for p := range req.Topics[t].Partitions {
			part := &req.Topics[t].Partitions[p]
			part.PartitionMaxBytes = min(part.PartitionMaxBytes, bound)
		}
	}
	req.MaxBytes = math.MaxInt32
}

// partitionBounds returns how many partitions a fetch names, and their bounds added up.
func partitionBounds(req *kmsg.FetchRequest) (n int32, sum int64) {
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			n, sum = n+1, sum+int64(p.PartitionMaxBytes)
		}
	}
	return n, sum
}

func (b *Broker) retain(ctx context.Context) {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.dropExpired()
		}
	}
}

func (b *Broker) dropExpired() {
	if err := b.writeMarks(); err != nil {
		b.faults.Logf(kfake.LogLevelWarn, "retention put off: %v", err)
		return
	}
	b.cluster.ApplyRetention()
}

// Addr returns the address the broker listens on, HOST:PORT.
func (b *Broker) Addr() string { return b.addr }

// Close stops accepting, writes what a fast start needs and ends all connections. Later calls return the first one's
// result. Clients should be closed before: what they have not been acknowledged is not promised.
func (b *Broker) Close() error {
	b.once.Do(func() {
		b.stop()
		b.work.Wait()
		b.cluster.Close()
		b.err = errors.Join(b.slot.close(), b.markClean())
	})
	return b.err
}

// markClean notes that the directory needs no recovery, unless the broker failed to write something.
func (b *Broker) markClean() error {
	if b.dir == "" {
		return nil
	}
	if err := b.faults.failed(); err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(b.dir, brokerCleanFile), []byte("clean\n"))
}

// faultLog passes the broker's warnings on and remembers whether it failed to write.
type faultLog struct {
	log *slog.Logger

	mu      sync.Mutex
	fault   error
	rewrite error // of a compaction that could not write what is left
}

// Logf implements the broker library's logger.
func (f *faultLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelError && level != kfake.LogLevelWarn {
		return
	}
	text := fmt.Sprintf(format, args...)
	rewrite := strings.HasPrefix(format, "rebuildSegments ")
	if rewrite { // a warning to the library, which goes on without the records
		level = kfake.LogLevelError
	}
	if f.log != nil && level == kfake.LogLevelWarn { // about its speed: no reader of `up` can act on them
		f.log.Info("embedded broker", slog.String("detail", text))
	}
	if level == kfake.LogLevelError {
		f.mu.Lock()
		if f.fault == nil {
			f.fault = errors.New("embedded broker: " + text)
		}
		if rewrite {
			f.rewrite = errors.New("embedded broker: " + text)
		}
		f.mu.Unlock()
	}
	if f.log != nil && level == kfake.LogLevelError {
		f.log.Error("embedded broker", slog.String("detail", text))
	}
}

func (f *faultLog) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

func (f *faultLog) compaction() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rewrite
}
