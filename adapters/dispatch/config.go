package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
)

// GroupName is the consumer group that shares the partitions out.
const GroupName = "dispatcher"

// Sender writes records and returns when all in-sync replicas have them;
// *eventstore.Producer is one.
type Sender interface {
	Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error
}

// Contents gives the sealed contents of owned partitions;
// *eventstore.ContentStore is one.
type Contents interface {
	Follow(ctx context.Context, p eventstore.Partition) error
	// Get returns what the topic had at since, real time, or later.
	Get(ctx context.Context, p eventstore.Partition, id string, since time.Time) (value []byte, ok bool, err error)
}

// Config wires a Dispatcher. Every field is required unless it says otherwise.
type Config struct {
	Kafka      eventstore.KafkaConfig
	Client     sarama.Client                            // shared, for reading
	Cluster    eventstore.Cluster                       // default: the one behind Kafka and Client
	Hand       eventstore.Hand                          // who hands out partitions; default: the consumer group
	Offsets    func(*eventstore.Ownership) OffsetWriter // default: to the consumer group, through Client
	Producer   Sender                                   // for answers
	Partitions int32
	Contents   Contents
	// Open opens a sealed content; Keyring.OpenContent. Concurrent.
	Open func(id string, value []byte) (eventstore.Content, error)
	// KeysCaughtUp waits until the keyring holds every key published so far: a
	// key that is not known yet must not be taken for one that was destroyed.
	// May be nil when the keyring is filled by this process alone.
	KeysCaughtUp func(ctx context.Context) error
	// Sweep removes from contents what nobody can open any more, and says how many records
	// that were; Sweeper.Sweep. May be nil: nothing is removed.
	Sweep      func(ctx context.Context, p eventstore.Partition) (int, error)
	SweepEvery time.Duration // default 1 h

	Routes  []Route
	Clock   domain.Clock // domain time: not_after, times of answers
	Log     *slog.Logger
	Metrics Metrics                 // may be nil
	States  *eventstore.OwnerStates // told how the ownerships fare; may be nil
	Tracer  *tracing.Tracer         // nil = nothing is traced

	// TwoWay says whether the recipients of a Viber service can answer. May be nil: they cannot.
	TwoWay func(account string, serviceID int64) bool

	// Paused says whether a switch of the operator holds the call back now
	// (rules.md D17); it is asked right before each call. May be nil: none does.
	Paused func(message.SendInstruction) bool

	// CallTimeout is the longest that a carrier's client may take for one call;
	// default 5 s (rules.md D3b). The group's session time-out must exceed it.
	CallTimeout time.Duration
	MaxInFlight int           // claimed and unfinished, of one partition; default 4,000
	MaxWaiting  int           // of those, bulk ones whose call has not begun; default 1,000
	BreakerOpen time.Duration // how long a breaker stays open; default 10 s (rules.md B13)
}

// Route is a way to a carrier, by the name that instructions use.
type Route struct {
	Name    string
	Carrier Carrier
	// PerSecond bounds the calls of the whole installation; each process takes its
	// share by the partitions it owns. 0 = no limit but the carrier's own.
	PerSecond float64
	// Concurrency bounds the calls under way in this process; default 512. The
	// carrier's client must be able to take as many at a time.
	Concurrency int
}

// Metrics takes measurements. Implementations must be fast and safe for
// concurrent use. Labels are bounded: routes, outcomes, reasons.
type Metrics interface {
	InFlight(p eventstore.Partition, claimed int)                             // claimed and unfinished
	Claimed(p eventstore.Partition, instructions int)                         // by one commit
	Committed(p eventstore.Partition, took time.Duration, err error)          // one try
	Called(route, outcome, reason string, took time.Duration)                 // a call was made
	NotSent(route, reason string)                                             // none was made
	Inherited(p eventstore.Partition, unknown int)                            // claimed by a predecessor, answered "unknown"
	LeaseRefused(p eventstore.Partition)                                      // a call waited for a fresher commit
	Alarm(route, code string)                                                 // a person should look
	Breaker(route string, serviceID int64, state string)                      // closed, half-open, open
	Handed(route string, urgent bool, since time.Duration)                    // attempt started → call begins, domain time
	Reached(urgent bool, since time.Duration)                                 // request accepted → its first call begins, domain time
	Unreadable(p eventstore.Partition, topic string, offset int64, why error) // an instruction was skipped
	Expired(p eventstore.Partition, contents int)                             // got tombstones, since nobody can open them any more
}

const (
	defaultSession = 10 * time.Second
	minLease       = 500 * time.Millisecond
)

func (c *Config) setDefaults() {
	setDefault(&c.CallTimeout, 5*time.Second)
	setDefault(&c.Kafka.SessionTimeout, defaultSession)
	setDefault(&c.MaxInFlight, 4000)
	setDefault(&c.MaxWaiting, 1000)
	setDefault(&c.BreakerOpen, 10*time.Second)
	setDefault(&c.SweepEvery, time.Hour)
	c.setKafka()
	if c.Metrics == nil {
		c.Metrics = noMetrics{}
	}
	if c.Paused == nil {
		c.Paused = func(message.SendInstruction) bool { return false }
	}
	if c.TwoWay == nil {
		c.TwoWay = func(string, int64) bool { return false }
	}
	if c.KeysCaughtUp == nil {
		c.KeysCaughtUp = func(context.Context) error { return nil }
	}
}

func (c *Config) setKafka() {
	if c.Cluster == nil && c.Client != nil {
		c.Cluster = eventstore.NewCluster(c.Kafka, c.Client)
	}
	if c.Offsets == nil {
		client := c.Client
		c.Offsets = func(o *eventstore.Ownership) OffsetWriter { return newGroupOffsets(client, o) }
	}
	if c.Hand == nil {
		kafka, log, states := c.Kafka, c.Log, c.States
		c.Hand = func(ctx context.Context, own func(context.Context, *eventstore.Ownership) error) error {
			return eventstore.Owners{Kafka: kafka, Group: GroupName, Topic: eventstore.OutboxUrgent, Own: own, Log: log, States: states}.Run(ctx)
		}
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// lease is how long a call may begin after a commit.
func (c *Config) lease() time.Duration { return c.Kafka.SessionTimeout - c.CallTimeout }

// Validate names every fault of the configuration; defaults count as set.
func (c Config) Validate() error {
	c.setDefaults()
	var faults []error
	need := func(ok bool, what string) {
		if !ok {
			faults = append(faults, errors.New("dispatch: "+what))
		}
	}
	need(c.Cluster != nil && c.Producer != nil, "Client and Producer are required")
	need(c.Contents != nil && c.Open != nil, "Contents and Open are required")
	need(c.Clock != nil && c.Log != nil, "Clock and Log are required")
	need(c.Partitions > 0 && c.Partitions < 1<<16-1, "Partitions: 1 to 65534")
	need(c.lease() >= minLease, fmt.Sprintf("the group's session time-out (%s) must exceed CallTimeout (%s) by %s", c.Kafka.SessionTimeout, c.CallTimeout, minLease))
	need(c.MaxInFlight > 0 && c.MaxWaiting > 0 && c.CallTimeout > 0, "MaxInFlight, MaxWaiting and CallTimeout must be positive")
	seen := map[string]bool{}
	for i, r := range c.Routes {
		need(r.Name != "" && r.Carrier != nil && !seen[r.Name], fmt.Sprintf("Routes[%d]: a name of its own and a carrier are required", i))
		need(r.PerSecond >= 0 && r.Concurrency >= 0, fmt.Sprintf("Routes[%d]: PerSecond and Concurrency must not be negative", i))
		seen[r.Name] = true
	}
	return errors.Join(faults...)
}

type noMetrics struct{}

func (noMetrics) InFlight(eventstore.Partition, int)                    {}
func (noMetrics) Claimed(eventstore.Partition, int)                     {}
func (noMetrics) Committed(eventstore.Partition, time.Duration, error)  {}
func (noMetrics) Called(string, string, string, time.Duration)          {}
func (noMetrics) NotSent(string, string)                                {}
func (noMetrics) Inherited(eventstore.Partition, int)                   {}
func (noMetrics) LeaseRefused(eventstore.Partition)                     {}
func (noMetrics) Alarm(string, string)                                  {}
func (noMetrics) Breaker(string, int64, string)                         {}
func (noMetrics) Handed(string, bool, time.Duration)                    {}
func (noMetrics) Reached(bool, time.Duration)                           {}
func (noMetrics) Unreadable(eventstore.Partition, string, int64, error) {}
func (noMetrics) Expired(eventstore.Partition, int)                     {}
