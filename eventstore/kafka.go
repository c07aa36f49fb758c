package eventstore

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/IBM/sarama"
)

// KafkaConfig says how to reach the cluster.
type KafkaConfig struct {
	Brokers  []string
	Prefix   string // of topics, groups and transactional ids; default "goniec."
	ClientID string
	TLS      *tls.Config // nil = plain
	SASLUser string      // "" = none; SCRAM-SHA-512 is not offered here, PLAIN over TLS is
	SASLPass string
	// SessionTimeout of consumer groups; default 10 s (trial: 6 s).
	SessionTimeout time.Duration
	// Heartbeat is how often a member asks its group: so fast it learns that another has
	// left, or that it was removed itself. Default: half a second.
	Heartbeat time.Duration
	// Dialer opens the connections; nil = directly. Tests put faults here.
	Dialer Dialer
}

// Dialer opens a connection to a broker. Safe for concurrent use.
type Dialer interface {
	Dial(network, addr string) (net.Conn, error)
}

// Topics returns the names under the configured prefix.
func (c KafkaConfig) Topics() Topics { return Topics{Prefix: c.Prefix} }

// answerTimeout is how long a broker may take for an answer: no request of ours
// waits longer at the broker than 5 s, but that to join a group.
const answerTimeout = 10 * time.Second

func (c KafkaConfig) base() *sarama.Config {
	s := sarama.NewConfig()
	s.Version = sarama.V3_6_0_0
	s.ClientID = c.ClientID
	if s.ClientID == "" {
		s.ClientID = "goniec"
	}
	// A broker that is silent, not gone, is noticed by these alone.
	s.Net.DialTimeout, s.Net.ReadTimeout, s.Net.WriteTimeout = 5*time.Second, answerTimeout, answerTimeout
	s.Metadata.Retry.Max = 3
	s.Metadata.AllowAutoTopicCreation = false
	if c.Dialer != nil {
		s.Net.Proxy.Enable, s.Net.Proxy.Dialer = true, c.Dialer
	}
	if c.TLS != nil {
		s.Net.TLS.Enable, s.Net.TLS.Config = true, c.TLS
	}
	if c.SASLUser != "" {
		s.Net.SASL.Enable, s.Net.SASL.User, s.Net.SASL.Password = true, c.SASLUser, c.SASLPass
	}
	return s
}

// NewClient opens the process's shared client for plain reading.
func (c KafkaConfig) NewClient() (sarama.Client, error) {
	s := c.base()
	client, err := sarama.NewClient(c.Brokers, s)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return client, nil
}

// MaxRecordBytes bounds one record that a process writes, with its headers; a
// broker's max.message.bytes (by default 1 MiB and 12 bytes) holds the batch around it too.
const MaxRecordBytes = 1000 << 10

// producer settings that every producer of ours shares: nothing is acknowledged
// before all in-sync replicas have it, and nothing is doubled by a retry.
func (c KafkaConfig) producerConfig() *sarama.Config {
	s := c.base()
	s.Producer.RequiredAcks = sarama.WaitForAll
	s.Producer.Idempotent = true
	s.Net.MaxOpenRequests = 1
	s.Producer.Return.Successes = true
	s.Producer.Return.Errors = true
	s.Producer.Partitioner = sarama.NewManualPartitioner
	s.Producer.Compression = sarama.CompressionLZ4
	s.Producer.MaxMessageBytes = 1 << 20
	s.Producer.Timeout = 5 * time.Second
	s.Producer.Retry.Max = 10
	s.Producer.Retry.Backoff = 100 * time.Millisecond
	return s
}

// TransactionalConfig is producerConfig for the owner with the given
// transactional id. The retry back-off is 1 ms: sarama's default makes each
// transaction wait 100 ms behind "concurrent transactions" (measured: 24–28 ms
// against 4.8 ms a transaction).
func (c KafkaConfig) TransactionalConfig(id string) *sarama.Config {
	s := c.producerConfig()
	s.Producer.Transaction.ID = id
	s.Producer.Transaction.Timeout = 15 * time.Second
	s.Producer.Transaction.Retry.Max = 500
	s.Producer.Transaction.Retry.Backoff = time.Millisecond
	return s
}

// groupConfig is for consumer groups that only hand out ownership: reading is
// done by Reader, offsets are committed by the owner.
func (c KafkaConfig) groupConfig() *sarama.Config {
	s := c.base()
	s.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	s.Consumer.Group.Session.Timeout = c.sessionTimeout()
	s.Consumer.Group.Heartbeat.Interval = cmp.Or(c.Heartbeat, min(c.sessionTimeout()/5, 500*time.Millisecond))
	// Who joins is answered when the slowest has given up what it must: a shorter
	// wait for the answer would throw everybody else out.
	s.Consumer.Group.Rebalance.Timeout = 20 * time.Second
	s.Net.ReadTimeout = s.Consumer.Group.Rebalance.Timeout + 5*time.Second
	s.Consumer.Offsets.AutoCommit.Enable = false
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	// Nobody reads records or offsets through the group. Read committed, a session
	// would not begin while a dead owner's transaction is open, which its successor
	// is there to settle.
	s.Consumer.IsolationLevel = sarama.ReadUncommitted
	s.Consumer.Return.Errors = true
	return s
}

func (c KafkaConfig) sessionTimeout() time.Duration {
	if c.SessionTimeout > 0 {
		return c.SessionTimeout
	}
	return 10 * time.Second
}

// NewAdmin opens a client for creating and checking topics; the caller closes it.
func (c KafkaConfig) NewAdmin() (sarama.ClusterAdmin, error) {
	admin, err := sarama.NewClusterAdmin(c.Brokers, c.base())
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return admin, nil
}
