package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goniec/adapters/embedded"
)

const (
	kafkaEnv     = "GONIEC_TEST_KAFKA"
	kafkaAddrEnv = "GONIEC_TEST_KAFKA_ADDR"

	// apacheBudget covers the download of Apache Kafka on a machine that has none.
	apacheBudget = 3 * time.Minute
	pollEvery    = 50 * time.Millisecond

	clusterNodes = 3
	clusterHeap  = "768m" // of each node
)

var (
	sharedKafka    shared[string]
	runningCluster string // its directory; written before sharedKafka is there
)

// Kafka returns the address of a broker that the whole test program shares, and a prefix for this test's topics,
// groups and transactional ids, such as "t4x…." (a dot at the end), that no other test has.
func Kafka(t testing.TB) (addr, prefix string) {
	t.Helper()
	addrs, prefix := KafkaBrokers(t)
	return addrs[0], prefix
}

// KafkaBrokers is Kafka with the addresses of all brokers, for tests in which some of them die.
func KafkaBrokers(t testing.TB) (addrs []string, prefix string) {
	t.Helper()
	addr, err := sharedKafka.get(startKafka)
	if err != nil {
		t.Fatalf("Kafka for tests: %v", err)
	}
	return strings.Split(addr, ","), "t" + strings.ToLower(rand.Text())[:10] + "."
}

// KafkaIsEmbedded reports whether Kafka gives the embedded broker, for tests of what only the real one does and for
// budgets. It is no reason to skip silently.
func KafkaIsEmbedded() bool { return os.Getenv(kafkaEnv) == "" || os.Getenv(kafkaEnv) == "embedded" }

// KafkaIsCluster reports whether Kafka gives a cluster of three that Nodes can stop and start.
func KafkaIsCluster() bool { return os.Getenv(kafkaEnv) == "cluster" }

func startKafka() (string, error) {
	switch kind := os.Getenv(kafkaEnv); kind {
	case "", "embedded":
		b, err := embedded.StartBroker(context.Background(), embedded.BrokerConfig{})
		if err != nil {
			return "", err
		}
		return b.Addr(), nil
	case "apache":
		if addr := os.Getenv(kafkaAddrEnv); addr != "" {
			return addr, nil
		}
		return startApache("kafka", 1)
	case "cluster":
		return startApache("kafka-cluster", clusterNodes)
	default:
		return "", fmt.Errorf("%s=%q: want embedded, apache or cluster", kafkaEnv, kind)
	}
}

// startApache runs Apache Kafka as a child that ends with this program.
func startApache(name string, nodes int) (string, error) {
	script, err := kafkaScript()
	if err != nil {
		return "", err
	}
	dir, err := slot(name)
	if err != nil {
		return "", err
	}
	old, err := filepath.Glob(filepath.Join(dir, "node-*"))
	address := filepath.Join(dir, "address")
	for _, path := range append(old, address) {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return "", fmt.Errorf("clear Kafka's directory: %w", err)
	}
	cmd := exec.CommandContext(context.Background(), script, "run", dir, strconv.Itoa(nodes))
	cmd.Stderr = os.Stderr
	if nodes > 1 {
		cmd.Env = append(os.Environ(), "GONIEC_KAFKA_HEAP="+clusterHeap)
		runningCluster = dir
	}
	done, err := startChild(cmd)
	if err != nil {
		return "", fmt.Errorf("run Apache Kafka: %w", err)
	}
	return awaitFile(address, done)
}

func kafkaScript() (string, error) {
	root, err := repository()
	return filepath.Join(root, ".ci", "kafka", "kafka"), err
}

func awaitFile(path string, done <-chan error) (string, error) {
	deadline := time.NewTimer(apacheBudget)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if raw, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(raw)), nil
		}
		select {
		case err := <-done:
			return "", fmt.Errorf("Apache Kafka ended: %w", err)
		case <-deadline.C:
			return "", errors.New("Apache Kafka does not start")
		case <-tick.C:
		}
	}
}
