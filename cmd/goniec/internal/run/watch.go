package run

import (
	"context"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/projections"
	"goniec/projections/query"
)

const (
	watchEvery  = 5 * time.Second
	watchBudget = 4 * time.Second // of one look at Postgres
)

// watch looks at what the process depends on, every few seconds: what /metrics
// and /readyz say of it must not wait for a service that is away.
type watch struct {
	n         *Node
	postgres  *query.Reader          // nil: no role here needs it
	projector *projections.Projector // nil without that role

	mu         sync.Mutex
	kafkaDown  string // why, "" = it answers
	postgresUp bool
	lags       map[journalPart]*projectionLag
}

// journalPart is a partition of a journal.
type journalPart struct {
	topic     string
	partition int32
}

// projectionLag is how far the live read models are behind in one of them.
type projectionLag struct {
	records  int64
	recorded time.Time // of the last event that all have read
	caughtUp time.Time // when they were last seen to have read all; domain time
	stopped  bool
}

func newWatch(n *Node) (*watch, error) {
	w := &watch{n: n, kafkaDown: "not asked yet", lags: map[journalPart]*projectionLag{}}
	if n.cfg.Has(RoleAPI) || n.cfg.Has(RoleProjector) || n.cfg.Has(RoleReactor) {
		url, err := n.cfg.Postgres.ReadURL()
		if err != nil {
			return nil, err
		}
		if w.postgres, err = query.Open(url, 1); err != nil {
			return nil, err
		}
		n.closers = append(n.closers, func() error { w.postgres.Close(); return nil })
	}
	w.register()
	return w, nil
}

func (w *watch) run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.lookAtKafka()
		w.lookAtPostgres(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (w *watch) lookAtKafka() {
	why := ""
	if err := w.n.client.RefreshMetadata(w.n.kafka.Topics().Name(eventstore.Messages)); err != nil {
		why = "Kafka does not answer, or a partition has no leader: " + err.Error()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kafkaDown = why
}

func (w *watch) lookAtPostgres(ctx context.Context) {
	if w.postgres == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, watchBudget)
	defer cancel()
	err := w.postgres.Ping(ctx)
	var list []projections.Position
	if err == nil && w.projector != nil {
		list, _ = w.projector.Status(ctx) // a database without tables yet has no positions
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.postgresUp = err == nil
	if err == nil {
		w.note(list)
	}
}

// note keeps, for each partition, the slowest live read model.
func (w *watch) note(list []projections.Position) {
	now := w.n.clock.Now()
	fresh := map[journalPart]*projectionLag{}
	for _, p := range list {
		if !p.Live {
			continue
		}
		k := journalPart{p.Topic, p.Partition}
		l := fresh[k]
		if l == nil {
			l = &projectionLag{}
			if old := w.lags[k]; old != nil {
				l.caughtUp = old.caughtUp
			}
			fresh[k] = l
		}
		l.stopped = l.stopped || p.Stopped != ""
		if p.Lag >= l.records {
			l.records = p.Lag
			if p.Recorded != nil {
				l.recorded = *p.Recorded
			}
		}
	}
	for _, l := range fresh {
		if l.records == 0 {
			l.caughtUp = now
		}
	}
	w.lags = fresh
}

// behind is for how long the read models have not seen the journal's end. While
// Postgres is away that is since they last did.
func (l *projectionLag) behind(now time.Time, postgresUp bool) time.Duration {
	if l.records == 0 && postgresUp {
		return 0
	}
	last := l.recorded
	if l.caughtUp.After(last) {
		last = l.caughtUp
	}
	if last.IsZero() {
		return 0
	}
	return max(0, now.Sub(last))
}

func (w *watch) register() {
	f := metricMaker{w.n.metrics, ""}
	kafka := f.desc("kafka_up", "1 while Kafka answers and every partition of the journal has a leader.")
	postgres := f.desc("postgres_up", "1 while Postgres answers. Only of processes that need it.")
	free := f.desc("data_free_bytes", "Free space of the disk that the data directory lies on.")
	size := f.desc("data_size_bytes", "Size of that disk.")
	parts := f.desc("partitions", "Partitions of the installation.")
	pauses := f.desc("pauses", "Kill switches that are on, as this process sees them.", "scope")
	ready := f.desc("ready", "1 while all parts of this process are ready, as /readyz says.")
	w.n.metrics.MustRegister(gathered{[]*prometheus.Desc{kafka, postgres, free, size, parts, pauses, ready}, func(ch chan<- prometheus.Metric) {
		w.mu.Lock()
		kafkaUp, postgresUp := w.kafkaDown == "", w.postgresUp
		w.mu.Unlock()
		sample(ch, kafka, number(kafkaUp))
		for scope, n := range w.n.pauses() {
			sample(ch, pauses, float64(n), scope)
		}
		if w.postgres != nil {
			sample(ch, postgres, number(postgresUp))
		}
		if disk, err := vfs.Default.GetDiskUsage(w.n.cfg.Data); err == nil { // as OpenCache measures it
			sample(ch, free, float64(disk.AvailBytes))
			sample(ch, size, float64(disk.TotalBytes))
		}
		sample(ch, parts, float64(w.n.part.N))
		sample(ch, ready, number(len(w.n.waiting("")) == 0))
	}})
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// registerProjections shows the lag of the read models.
func (w *watch) registerProjections() {
	f := metricMaker{w.n.metrics, "projection"}
	records := f.desc("lag_records", "Offsets of the journal that the slowest live read model has not read; as seen last while Postgres is away.", "topic", "partition")
	seconds := f.desc("lag_seconds", "For how long the read models have been behind the journal's end.", "topic", "partition")
	stopped := f.desc("stopped", "1 for a partition that was given up: see goniec projections list.", "topic", "partition")
	w.n.metrics.MustRegister(gathered{[]*prometheus.Desc{records, seconds, stopped}, func(ch chan<- prometheus.Metric) {
		now := w.n.clock.Now()
		w.mu.Lock()
		defer w.mu.Unlock()
		for k, l := range w.lags {
			sample(ch, records, float64(l.records), k.topic, label(k.partition))
			sample(ch, seconds, l.behind(now, w.postgresUp).Seconds(), k.topic, label(k.partition))
			sample(ch, stopped, number(l.stopped), k.topic, label(k.partition))
		}
	}})
}

// kafkaWaiting says that Kafka is away.
func (w *watch) kafkaWaiting() []eventstore.Waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kafkaDown == "" {
		return nil
	}
	return []eventstore.Waiting{{Part: "Kafka", Why: w.kafkaDown}}
}

// postgresWaiting says that Postgres is away.
func (w *watch) postgresWaiting() []eventstore.Waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.postgresUp {
		return nil
	}
	return []eventstore.Waiting{{Part: "Postgres", Why: "does not answer"}}
}

// pauses counts the switches that are on by what they stop.
func (n *Node) pauses() map[string]int {
	out := map[string]int{account.ScopeAll: 0, account.ScopeAccount: 0, account.ScopeSender: 0, account.ScopeRoute: 0}
	for _, p := range n.view.Pauses() {
		out[p.Switch.Scope]++
	}
	return out
}
