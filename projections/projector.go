package projections

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
	"goniec/internal/pause"
)

// Config says what a projector reads and where it writes.
type Config struct {
	URL          string            // of Postgres; the role owns schema goniec
	Kafka        sarama.Client     // the process's shared client
	Topics       eventstore.Topics // names of the journals
	Installation string            // id that the journals' hash chains begin with
	Partitions   int32             // N of the installation
	Projections  []Projection
	Log          *slog.Logger    // nil = slog.Default()
	Decode       Decoder         // nil = catalog.Decode
	Tracer       *tracing.Tracer // nil = nothing is traced

	Linger      time.Duration // least time between two commits of a partition that is caught up; default 100 ms
	MaxEvents   int           // events per transaction while there is a backlog; default 2,000 (rebuild: twice that)
	Connections int           // to Postgres for writing; default 6
	RetryAfter  time.Duration // when a partition that was given up is tried again; default 30 s

	// Open reads a journal (short name) from an offset, End tells the offset
	// after its last record; nil = from Kafka.
	Open func(topic string, p int32, from int64) Source
	End  func(topic string, p int32) (int64, error)
}

func (c *Config) setDefaults() {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Decode == nil {
		c.Decode = catalog.Decode
	}
	c.Linger = orDefault(c.Linger, 100*time.Millisecond)
	c.MaxEvents = orDefault(c.MaxEvents, 2000)
	c.Connections = orDefault(c.Connections, 6)
	c.RetryAfter = orDefault(c.RetryAfter, 30*time.Second)
	client, topics := c.Kafka, c.Topics
	if c.End == nil {
		c.End = func(topic string, p int32) (int64, error) { return eventstore.EndOffset(client, topics.Name(topic), p) }
	}
	if c.Open == nil {
		c.Open = func(topic string, p int32, from int64) Source {
			return eventstore.NewReader(client, topics.Name(topic), p, from)
		}
	}
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (c *Config) validate() error {
	var faults []error
	if c.Partitions < 1 {
		faults = append(faults, errors.New("partitions: must be at least 1"))
	}
	if c.Installation == "" {
		faults = append(faults, errors.New("installation: is missing"))
	}
	if len(c.Projections) == 0 {
		faults = append(faults, errors.New("projections: none"))
	}
	if c.Kafka == nil && (c.Open == nil || c.End == nil) {
		faults = append(faults, errors.New("kafka: no client"))
	}
	return errors.Join(faults...)
}

// Projector runs projections. Any number of processes may run one on the same
// database: they share the partitions among them. Safe for concurrent use.
type Projector struct {
	cfg    Config
	pg     *pgx.ConnConfig // for connections that hold locks
	pool   *pgxpool.Pool   // for the runners' transactions
	byName map[string]Projection

	mu      sync.Mutex
	seen    map[key]progress
	stopped map[key]error
	holds   bool // there is a connection that partitions are shared out over
}

// key is a journal partition.
type key struct {
	topic     string
	partition int32
}

type progress struct{ next, end int64 }

// New prepares a projector; it connects when it is used. The database has to be
// migrated, see Migrate.
func New(cfg Config) (*Projector, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("projector: %w", err)
	}
	cfg.setDefaults()
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("the Postgres URL cannot be read") // pgx's error may hold the password
	}
	p := &Projector{cfg: cfg, pg: pc.ConnConfig.Copy(), byName: map[string]Projection{}, seen: map[key]progress{}, stopped: map[key]error{}}
	for _, pr := range cfg.Projections {
		p.byName[pr.Name()] = pr
	}
	pc.MaxConns = int32(cfg.Connections) // a handful
	pc.ConnConfig.RuntimeParams["application_name"] = "goniec projector"
	// Rows and positions become durable together and in order, so losing the last
	// half second to a crash of Postgres only means reading it again.
	pc.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	// A frozen runner must not hold its checkpoints against its successor.
	pc.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "30s"
	// Projections find rows by key, always. A plan that was made and kept while a
	// table was all but empty must not read the whole of it later.
	for _, other := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		pc.ConnConfig.RuntimeParams[other] = "off"
	}
	if p.pool, err = pgxpool.NewWithConfig(context.Background(), pc); err != nil {
		return nil, fmt.Errorf("projector: %w", err)
	}
	return p, nil
}

// Close ends the connections. Run and Rebuild must have returned.
func (p *Projector) Close() { p.pool.Close() }

// Run projects this process's share of the partitions until ctx ends; then it
// returns nil after the transactions under way are over. While Postgres or
// Kafka are down it waits; a partition that cannot be projected is given up with
// an error in the log and in Status, and tried again later, the others go on.
func (p *Projector) Run(ctx context.Context) error {
	wait := minBackoff
	for {
		began := time.Now()
		err := p.hold(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // asked to end
		}
		if time.Since(began) > 10*maxBackoff {
			wait = minBackoff
		}
		p.cfg.Log.WarnContext(ctx, "projector lost Postgres, will try again", "error", err, "wait", wait)
		if pause.For(ctx, wait) != nil {
			return nil //nolint:nilerr // asked to end
		}
		wait = min(2*wait, maxBackoff)
	}
}

// hold owns partitions for as long as one connection lasts: advisory locks
// belong to it.
func (p *Projector) hold(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.pg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the locks go with it
	if err := p.addLiveCheckpoints(ctx, conn); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { p.buildMissing(ctx) })
	p.noteHold(true)
	defer p.noteHold(false)
	c := &crew{p: p, conn: conn, running: map[key]*running{}, refused: map[key]time.Time{}, ended: make(chan key)}
	return c.run(ctx)
}

// buildMissing makes the projections that came with a newer version of the
// program: they catch up aside and then join the live ones.
func (p *Projector) buildMissing(ctx context.Context) {
	for _, pr := range p.cfg.Projections {
		for {
			_, err := liveSchema(ctx, p.pool, pr.Name())
			if errors.Is(err, pgx.ErrNoRows) {
				p.cfg.Log.InfoContext(ctx, "a new projection is being built", "projection", pr.Name())
				err = p.Rebuild(ctx, pr.Name(), nil)
			}
			if err == nil || ctx.Err() != nil {
				break
			}
			p.cfg.Log.WarnContext(ctx, "a new projection could not be built yet", "projection", pr.Name(), "error", err)
			if pause.For(ctx, maxBackoff) != nil {
				return
			}
		}
	}
}

func (p *Projector) addLiveCheckpoints(ctx context.Context, q execer) error {
	for _, pr := range p.cfg.Projections {
		for _, topic := range pr.Topics() {
			_, err := q.Exec(ctx, `INSERT INTO goniec.checkpoints (projection, build, topic, partition, live, next_offset, head)
				SELECT projection, build, $2, n - 1, true, 0, head
				FROM goniec.builds, unnest($3::bytea[]) WITH ORDINALITY AS h (head, n)
				WHERE projection = $1 AND state = 'live' ON CONFLICT DO NOTHING`, pr.Name(), topic, p.heads(topic))
			if err != nil {
				return fmt.Errorf("checkpoints of %s: %w", pr.Name(), err)
			}
		}
	}
	return nil
}

// heads are the hashes that the topic's partitions begin with.
func (p *Projector) heads(topic string) [][]byte {
	out := make([][]byte, p.cfg.Partitions)
	for i := range p.cfg.Partitions {
		h := eventstore.FirstPrevHash(p.cfg.Installation, topic, i)
		out[i] = h[:]
	}
	return out
}

// RunPartition projects one partition of a journal (short name) into db with
// cfg.Projections, cfg.Open and cfg.Decode until ctx ends (nil), another runner
// takes over (ErrFenced) or it has to be given up (*ErrStopped): the part of Run
// that is done once partitions are shared out. The checkpoints have to be there.
func RunPartition(ctx context.Context, cfg Config, db Database, topic string, p int32, runner uuid.UUID) error {
	cfg.setDefaults()
	pr := &Projector{cfg: cfg, byName: map[string]Projection{}, seen: map[key]progress{}, stopped: map[key]error{}}
	for _, one := range cfg.Projections {
		pr.byName[one.Name()] = one
	}
	e := pr.engine(pr.liveLane(), key{topic, p})
	e.pool, e.runner = db, runner
	return e.run(ctx)
}

func (p *Projector) engine(l lane, k key) *engine {
	e := &engine{
		pool: p.pool, projections: p.byName, open: p.cfg.Open, decode: p.cfg.Decode, lane: l,
		log:   p.cfg.Log.With("topic", k.topic, "partition", k.partition),
		topic: k.topic, partition: k.partition, runner: uuid.New(), tracer: p.cfg.Tracer,
		maxEvents: p.cfg.MaxEvents, linger: p.cfg.Linger, moved: func(string, int32, int64, int64) {},
	}
	if l.build == 0 {
		e.moved = p.noteProgress
	}
	return e
}

func (p *Projector) noteProgress(topic string, part int32, next, end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[key{topic, part}] = progress{next, end}
	delete(p.stopped, key{topic, part})
}

func (p *Projector) noteHold(holds bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = holds
}

// noteEnd forgets a partition that this process no longer projects, or keeps why.
func (p *Projector) noteEnd(k key, stopped error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, k)
	if stopped != nil {
		p.stopped[k] = stopped
	}
}

// liveLane is all that this program knows how to project.
func (p *Projector) liveLane() lane {
	var l lane
	for _, pr := range p.cfg.Projections {
		l.projections = append(l.projections, pr.Name())
	}
	return l
}

// keys lists every journal partition that one of ps reads.
func (p *Projector) keys(ps []Projection) []key {
	var out []key
	for _, pr := range ps {
		for _, topic := range pr.Topics() {
			for i := range p.cfg.Partitions {
				if k := (key{topic, i}); !slices.Contains(out, k) {
					out = append(out, k)
				}
			}
		}
	}
	return out
}

// lockNumber tells advisory locks of one class apart.
func lockNumber(name string) int32 {
	sum := sha256.Sum256([]byte(name))
	return int32(binary.BigEndian.Uint32(sum[:])) // any 32 bits will do
}
