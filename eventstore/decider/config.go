package decider

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
)

// Config wires a Decider. Every field is required unless it says otherwise.
type Config struct {
	Kafka        eventstore.KafkaConfig
	Client       sarama.Client      // shared, for reading
	Cluster      eventstore.Cluster // default: the one behind Kafka and Client
	Hand         eventstore.Hand    // who hands out partitions; default: the consumer group
	Partitions   int32
	Installation string           // id of the installation: source of events, root of the hash chains
	Process      string           // names this process in the journal
	Clock        domain.Clock     // domain time
	Now          func() time.Time // real time: group waits, grace, idle commits; default time.Now
	Zone         *time.Location   // billing zone: months, notice, dates
	SealGrace    time.Duration    // how long after its end (domain time) a month is sealed, see seal.go; 0 = none ever is
	Store        *Store
	View         *account.View
	ViewSeen     func() int64        // how far the view has read; recorded with decisions
	ViewReady    func() bool         // may be nil = ready
	Keyring      *eventstore.Keyring // seals what is parked
	ViberRoute   string              // name of the route that Viber messages take; default "viber"
	SMSRoute     string              // default "sms"
	Log          *slog.Logger
	Metrics      Metrics                 // may be nil
	States       *eventstore.OwnerStates // told how the ownerships fare; may be nil
	Tracer       *tracing.Tracer         // nil = nothing is traced

	// Recovery of reports after an outage of whoever takes them: after a gap of
	// beats longer than BeatGap, timers wait Grace (default 5 s and 15 s, real time).
	BeatGap, Grace time.Duration
	GroupWait      time.Duration // longest wait of a group without an urgent request; default 20 ms
	GroupLimit     int           // most commands in a group; default 1,000
	StatePass      time.Duration // pause between two passes over what has changed, see state_topic.go; default 3 min, < 0 = none
	Standby        int           // copies of partitions that others own are kept up to date, for as many at most; 0 = none
	FollowEvery    time.Duration // … by a look at the journals that often; default 1 s
	CacheEntries   int           // decoded states kept, some 2 KB each, shared by the partitions owned; default 50,000
}

// Metrics takes the runtime's measurements. Implementations must be fast and
// safe for concurrent use.
type Metrics interface {
	Committed(p eventstore.Partition, commands, events int, took time.Duration)
	Restarted(p eventstore.Partition, reason string)
	Parked(p eventstore.Partition, reason string)
	ParkedNow(p eventstore.Partition, n int) // what waits for an operator; 0 when the partition is given up
	TimersWaiting(p eventstore.Partition, why string)
	Decided(latency time.Duration)                  // from the edge's timestamp to the commit
	Fact(p eventstore.Partition, e domain.Event)    // each event, once it is committed
	Measured(p eventstore.Partition, m Measurement) // about every second while the partition is owned
	Fenced(p eventstore.Partition)                  // another process had taken the partition: nothing was written
	UnknownCommit(p eventstore.Partition)           // nobody knew whether a commit had happened; it was read back
}

// Measurement is how an owned partition stands.
type Measurement struct {
	Urgent, Bulk Lag
	TimersBehind time.Duration // domain time since the first timer that is due; 0 = none is
	SealBehind   time.Duration // domain time since a month's seal is due that waits for timers or the inbox; 0 = none does
	LastBeat     time.Time     // real time; zero = none was ever seen
}

// Lag is what of an inbox lane is not decided yet.
type Lag struct {
	Records int64     // offsets, control records included
	Oldest  time.Time // when the oldest was written; zero = none is waiting
}

func (c *Config) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.BeatGap, 5*time.Second)
	def(&c.Grace, 15*time.Second)
	def(&c.GroupWait, 20*time.Millisecond)
	def(&c.FollowEvery, time.Second)
	def(&c.StatePass, 3*time.Minute)
	if c.ViberRoute == "" {
		c.ViberRoute = "viber"
	}
	if c.SMSRoute == "" {
		c.SMSRoute = "sms"
	}
	if c.GroupLimit == 0 {
		c.GroupLimit = 1000
	}
	if c.CacheEntries == 0 {
		c.CacheEntries = 50000
	}
	if c.Cluster == nil && c.Client != nil {
		c.Cluster = eventstore.NewCluster(c.Kafka, c.Client)
	}
	if c.Hand == nil {
		c.Hand = func(ctx context.Context, own func(context.Context, *eventstore.Ownership) error) error {
			return eventstore.Owners{Kafka: c.Kafka, Group: GroupName, Topic: eventstore.InboxUrgent, Own: own, Log: c.Log, States: c.States}.Run(ctx)
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ViewReady == nil {
		c.ViewReady = func() bool { return true }
	}
	if c.Metrics == nil {
		c.Metrics = noMetrics{}
	}
}

func (c *Config) validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("decider: "+what+" is required"))
		}
	}
	need(c.Cluster != nil, "Client or Cluster")
	need(c.Partitions > 0 && c.Partitions < 1<<16, "Partitions (1 to 65535)")
	need(c.Installation != "", "Installation")
	need(c.Clock != nil, "Clock")
	need(c.Zone != nil, "Zone")
	need(c.SealGrace >= 0, "SealGrace (0 or more)")
	need(c.Store != nil, "Store")
	need(c.View != nil && c.ViewSeen != nil, "View")
	need(c.Keyring != nil, "Keyring")
	need(c.Log != nil, "Log")
	return errors.Join(errs...)
}

type noMetrics struct{}

func (noMetrics) Committed(eventstore.Partition, int, int, time.Duration) {}
func (noMetrics) Restarted(eventstore.Partition, string)                  {}
func (noMetrics) Parked(eventstore.Partition, string)                     {}
func (noMetrics) ParkedNow(eventstore.Partition, int)                     {}
func (noMetrics) TimersWaiting(eventstore.Partition, string)              {}
func (noMetrics) Decided(time.Duration)                                   {}
func (noMetrics) Fact(eventstore.Partition, domain.Event)                 {}
func (noMetrics) Measured(eventstore.Partition, Measurement)              {}
func (noMetrics) Fenced(eventstore.Partition)                             {}
func (noMetrics) UnknownCommit(eventstore.Partition)                      {}
