package testkit

import (
	"os/exec"
	"strconv"
	"testing"
)

// Nodes are the three brokers, 1 to 3, of the cluster that Kafka gives with GONIEC_TEST_KAFKA=cluster. The whole test
// program shares them: whoever stops one runs alone, and starts it again.
type Nodes struct{}

// Kill ends a node at once (SIGKILL).
func (n Nodes) Kill(t testing.TB, node int) { t.Helper(); n.do(t, "kill", node) }

// Start starts a node that was killed, and returns when it serves.
func (n Nodes) Start(t testing.TB, node int) { t.Helper(); n.do(t, "up", node) }

// Pause makes a node silent, with its connections open (SIGSTOP).
func (n Nodes) Pause(t testing.TB, node int) { t.Helper(); n.do(t, "pause", node) }

// Resume lets a paused node go on.
func (n Nodes) Resume(t testing.TB, node int) { t.Helper(); n.do(t, "resume", node) }

func (Nodes) do(t testing.TB, what string, node int) {
	t.Helper()
	script, err := kafkaScript()
	if err != nil {
		t.Fatalf("Kafka for tests: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), script, what, runningCluster, strconv.Itoa(node))
	cmd.Env = append(cmd.Environ(), "GONIEC_KAFKA_HEAP="+clusterHeap)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("Kafka for tests: %s node %d: %v: %s", what, node, err, out)
	}
}
