package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"

	"goniec/adapters/gateway"
	"goniec/adapters/webhooks"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/eventstore/decider"
	"goniec/eventstore/tracing"
	"goniec/internal/pause"
)

// Node is one process of an installation: the parts that every role shares, and
// the roles. Build it with NewNode, Run it, then it is spent.
type Node struct {
	cfg     Config
	secrets Secrets
	kafka   eventstore.KafkaConfig
	clock   domain.Clock
	log     *slog.Logger
	zone    *time.Location
	process string
	part    eventstore.Partitioner
	metrics *catalogue
	tracer  *tracing.Tracer

	client   sarama.Client
	producer *eventstore.Producer
	keyring  *eventstore.Keyring
	view     *account.View
	bills    *billing.View
	accounts *eventstore.Follower
	chains   []*eventstore.Chain // of the accounts journal, by partition
	keys     *eventstore.Follower
	waiter   *eventstore.Waiter
	gateway  *gateway.Gateway
	started  chan struct{} // closed when the view has caught up

	engine     *webhooks.Webhooks
	decider    *decider.Decider // nil without that role
	watch      *watch
	intake     *intakeMetrics
	checks     map[Role]check // what the roles wait for
	listener   net.Listener   // of the API; nil without that role
	probes     net.Listener   // of a process without the API
	parts      map[string]part
	views      map[string]part // what requests and calls under way still need: they end when the parts have
	compact    func() error    // of the embedded broker; nil with another
	sweepEvery time.Duration
	mu         sync.Mutex
	closers    []func() error
}

// Options of a Node that are no configuration.
type Options struct {
	Clock domain.Clock // domain time; default the system's clock
	Log   *slog.Logger
	// Compact makes an embedded broker drop what was superseded; it is called while no
	// transaction is open. nil = the broker does so by itself.
	Compact func() error
	// SweepEvery is how often what nobody can open any more is removed from contents; default
	// dispatch's. Tests, in which days pass at once, do not wait for that.
	SweepEvery time.Duration
	// Traces takes spans; nil = what OpenTelemetry's environment variables ask for.
	Traces trace.TracerProvider
}

// NewNode connects to Kafka, refuses topics that are not as they must be, and
// prepares the roles; the API's port is open when it returns. Run it, or Close it.
func NewNode(ctx context.Context, cfg Config, secrets Secrets, opt Options) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return newNode(ctx, cfg, secrets, opt)
}

func newNode(ctx context.Context, cfg Config, secrets Secrets, opt Options) (*Node, error) {
	kafka, err := cfg.Kafka.Store()
	if err != nil {
		return nil, err
	}
	kafka.ClientID = clientID()
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	n := &Node{
		cfg: cfg, secrets: secrets, kafka: kafka, clock: opt.Clock, log: opt.Log, zone: zone, process: processName(),
		part: eventstore.Partitioner{N: cfg.Kafka.Partitions}, view: account.NewView(), bills: billing.NewView(), started: make(chan struct{}),
		compact: opt.Compact, sweepEvery: opt.SweepEvery, metrics: newCatalogue(), checks: map[Role]check{},
	}
	if n.clock == nil {
		n.clock = domain.SystemClock
	}
	if n.log == nil {
		n.log = slog.Default()
	}
	if err := n.trace(ctx, opt.Traces); err != nil {
		return nil, err
	}
	n.metrics.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := n.connect(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if err := n.prepare(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// trace sets the tracer up; it is flushed last of all.
func (n *Node) trace(ctx context.Context, p trace.TracerProvider) error {
	if p == nil {
		own, stop, err := newTracing(ctx)
		if err != nil {
			return err
		}
		if stop != nil {
			n.closers = append(n.closers, stop)
		}
		p = own
	}
	n.tracer = tracing.New(p)
	return nil
}

// processName names this process in the journal: host, pid and a random part.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
}

// clientID names this process to Kafka: host and pid, as in the journal.
func clientID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("goniec-%s-%d", host, os.Getpid())
}

// kafkaPatience is how long a process waits at its start for a Kafka that does
// not answer: brokers may be electing, or start at the same time.
const kafkaPatience = time.Minute

// awaitKafka opens client and producer, and tries again while Kafka does not
// answer. What is wrong with the topics does not mend itself: that is told at once.
func (n *Node) awaitKafka(ctx context.Context) error {
	began := time.Now()
	for {
		err := n.reach()
		if err == nil || errors.As(err, new(topicFaults)) || time.Since(began) > kafkaPatience {
			return err
		}
		n.log.Warn("Kafka does not answer: waiting for it", "error", err)
		if pause.For(ctx, 2*time.Second) != nil {
			return err
		}
	}
}

func (n *Node) reach() (err error) {
	if err := n.checkTopics(); err != nil {
		return err
	}
	if n.client, err = n.kafka.NewClient(); err != nil {
		return err
	}
	if n.producer, err = eventstore.NewProducer(n.kafka); err != nil {
		return errors.Join(err, n.client.Close())
	}
	return nil
}

func (n *Node) connect(ctx context.Context) error {
	if err := n.awaitKafka(ctx); err != nil {
		return err
	}
	n.closers = append(n.closers, n.client.Close, func() error { n.producer.Close(); return nil })
	topics := n.kafka.Topics()
	n.keyring = eventstore.NewKeyring(n.secrets.Seal, n.producer, topics, n.part)
	n.keys = eventstore.NewFollower(n.client, topics.Name(eventstore.Keys), n.part.N, n.keyring.Apply)
	for p := range n.part.N {
		n.chains = append(n.chains, eventstore.NewChain(n.secrets.Installation, eventstore.Accounts, p))
	}
	n.accounts = eventstore.NewFollower(n.client, topics.Name(eventstore.Accounts), n.part.N, n.applyAccount)
	n.waiter = eventstore.NewWaiter(n.client, topics, n.part.N)
	n.gateway = gateway.New(gateway.Config{
		Producer: n.producer, Keyring: n.keyring, Secrets: n.secrets.Keys(), Part: n.part, Topics: topics,
		View: n.view, Accounts: n.accounts, Waiter: n.waiter, Clock: n.clock, Tracer: n.tracer,
	})
	return nil
}

// checkTopics refuses to run on topics that could lose something.
func (n *Node) checkTopics() error {
	admin, err := n.kafka.NewAdmin()
	if err != nil {
		return err
	}
	states, err := eventstore.CheckTopics(admin, n.kafka.Topics(), n.cfg.Kafka.Layout())
	if err := errors.Join(err, admin.Close()); err != nil {
		return err
	}
	var faults topicFaults
	for _, s := range states {
		for _, f := range s.Faults {
			faults = append(faults, fmt.Errorf("topic %s: %s", s.Name, f))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// topicFaults is what keeps a process from running on the topics that there are.
type topicFaults []error

func (f topicFaults) Error() string { return errors.Join(f...).Error() }

// applyAccount takes a record of the accounts journal into the reference view. A
// broken chain ends the process: nothing may be decided on what was tampered with.
func (n *Node) applyAccount(r *eventstore.Record) error {
	ev, err := eventstore.ParseEvent(r)
	if err != nil {
		return err
	}
	if err := n.chains[r.Partition].Next(ev); err != nil {
		return err
	}
	e, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return err
	}
	if a, ok := e.(account.Event); ok {
		n.view.Apply(ev.Stream, ev.Version, a, ev.Time)
	}
	if b, ok := e.(billing.Event); ok {
		n.bills.Apply(ev.Stream, ev.Version, b, ev.Time)
	}
	return nil
}

// Gateway is the way in for commands.
func (n *Node) Gateway() *gateway.Gateway { return n.gateway }

// Bills is the view of months and their statements, fed with the reference view.
func (n *Node) Bills() *billing.View { return n.bills }

// View is the reference view.
func (n *Node) View() *account.View { return n.view }

// Started is closed when the reference view has caught up.
func (n *Node) Started() <-chan struct{} { return n.started }

// Run runs the configured roles until ctx ends or one of them fails for good.
func (n *Node) Run(ctx context.Context) error {
	defer func() {
		if err := n.Close(); err != nil {
			n.log.Warn("not closed cleanly", "error", err)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	last, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	views := n.start(last, n.views, cancel)
	n.start(ctx, n.parts, cancel).Wait()
	end()
	views.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// start runs parts until ctx ends; one that ends before tells fail why.
func (n *Node) start(ctx context.Context, parts map[string]part, fail context.CancelCauseFunc) *sync.WaitGroup {
	var wg sync.WaitGroup
	for name, run := range parts {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				n.log.Error("part ended", "part", name, "error", err)
				fail(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	return &wg
}

type part func(context.Context) error

// prepare lists what has to run, by name.
func (n *Node) prepare(ctx context.Context) (err error) {
	if n.watch, err = newWatch(n); err != nil {
		return err
	}
	n.views = map[string]part{"accounts view": n.accounts.Run, "keyring": n.keys.Run, "outcomes": n.waiter.Run}
	n.parts = map[string]part{"start": n.awaitViews, "watch": n.watch.run}
	for role, add := range map[Role]func(context.Context) error{
		RoleDecider: n.addDecider, RoleDispatcher: n.addDispatcher, RoleProjector: n.addProjector, RoleReactor: n.addReactor, RoleAPI: n.addAPI,
	} {
		if !n.cfg.Has(role) {
			continue
		}
		if err := add(ctx); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
	}
	if n.takesReports() {
		n.parts["beats"] = func(ctx context.Context) error {
			return eventstore.RunBeats(ctx, n.producer, n.kafka.Topics(), n.part.N, n.process, n.log, n.countBeat())
		}
	}
	return n.addProbes(ctx)
}

// countBeat counts the beats that this process writes.
func (n *Node) countBeat() func(error) {
	beats := metricMaker{n.metrics, ""}.counter("beats_total", "Beats written, and those that could not be.", "result")
	return func(err error) {
		if err != nil {
			beats.WithLabelValues("failed").Inc()
			return
		}
		beats.WithLabelValues("ok").Inc()
	}
}

// takesReports: callbacks come to the API, SMPP receipts to the dispatcher.
func (n *Node) takesReports() bool { return n.cfg.Has(RoleAPI) || n.cfg.Has(RoleDispatcher) }

// awaitViews closes started when everything written before this process began
// is in its views: only then does it decide or answer.
func (n *Node) awaitViews(ctx context.Context) error {
	for _, f := range []*eventstore.Follower{n.accounts, n.keys} {
		for {
			err := f.CaughtUp(ctx)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the process stops
			}
			n.log.Warn("reference data not readable yet", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	select {
	case <-n.waiter.Ready():
		close(n.started)
	case <-ctx.Done():
	}
	return nil
}

// awaitStart returns when the reference view has caught up, or with the end of
// ctx. Kafka being away only makes it wait.
func (n *Node) awaitStart(ctx context.Context) error {
	select {
	case <-n.started:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (n *Node) hasStarted() bool {
	select {
	case <-n.started:
		return true
	default:
		return false
	}
}

func (n *Node) addDecider(ctx context.Context) error {
	if err := os.MkdirAll(n.cfg.StateDir("state"), 0o700); err != nil {
		return err
	}
	store, err := decider.OpenStore(ctx, n.cfg.StateDir("state"), n.log)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, store.Close)
	states := eventstore.NewOwnerStates("decider")
	n.checks[RoleDecider] = states.Waiting
	limitMemory(n.cfg)
	kafka := n.kafka
	kafka.SessionTimeout = n.cfg.Decider.SessionTimeout
	n.decider, err = decider.New(decider.Config{
		Kafka: kafka, Client: n.client, Partitions: n.part.N, Installation: n.secrets.Installation, Process: n.process,
		Clock: n.clock, Zone: n.zone, Store: store, View: n.view, ViewSeen: n.accounts.Position, ViewReady: n.hasStarted,
		SealGrace: n.cfg.Billing.Grace, StatePass: n.cfg.Decider.StatePass, Standby: n.cfg.Decider.copies(n.part.N),
		Keyring: n.keyring, Log: n.log, Metrics: newDeciderMetrics(n.metrics, states), States: states, Tracer: n.tracer,
	})
	if err != nil {
		return err
	}
	n.parts["decider"] = n.decider.Run
	if n.compact != nil {
		n.parts["compaction"] = n.compactRetained
	}
	return nil
}

// Close releases what NewNode opened, last first; Run does so itself. Idempotent.
func (n *Node) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}
