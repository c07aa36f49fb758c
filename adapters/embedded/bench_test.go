package embedded

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkTransaction writes 100 records of 400 bytes to each of three topics in one transaction with an offset:
// what Sync costs, and what one transaction takes.
func BenchmarkTransaction(b *testing.B) {
	for _, kind := range []string{"memory", "disk", "synced"} {
		b.Run(kind, func(b *testing.B) {
			cfg := BrokerConfig{Sync: kind == "synced"}
			if kind != "memory" {
				cfg.Dir = b.TempDir()
			}
			broker, err := StartBroker(b.Context(), cfg)
			require.NoError(b, err)
			defer func() { require.NoError(b, broker.Close()) }()
			w := benchWriter(b, broker.Addr())
			defer w.cl.Close()
			b.ResetTimer()
			for n := range b.N {
				require.NoError(b, w.cl.BeginTransaction())
				for _, topic := range topicNames() {
					for range 100 {
						w.cl.Produce(b.Context(), &kgo.Record{Topic: topic, Value: bytes.Repeat([]byte("x"), 400)}, nil)
					}
				}
				require.NoError(b, w.cl.Flush(b.Context()))
				require.NoError(b, w.stageOffset(b.Context(), n))
				require.NoError(b, w.commit(b.Context()))
			}
			b.ReportMetric(float64(300*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkMemoryPerBatch tells what the broker keeps in memory for a record batch on disk.
func BenchmarkMemoryPerBatch(b *testing.B) {
	broker, err := StartBroker(b.Context(), BrokerConfig{Dir: b.TempDir()})
	require.NoError(b, err)
	defer func() { require.NoError(b, broker.Close()) }()
	w := benchWriter(b, broker.Addr())
	w.cl.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.ProducerBatchMaxBytes(16<<10), kgo.DisableClientMetrics(),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	require.NoError(b, err)
	before := heap()
	for b.Loop() {
		rec := &kgo.Record{Topic: "journal", Value: []byte(strings.Repeat("x", 10_000))}
		cl.Produce(b.Context(), rec, nil)
	}
	require.NoError(b, cl.Flush(b.Context()))
	cl.Close()
	b.ReportMetric(float64(heap()-before)/float64(b.N), "heap-B/batch")
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func benchWriter(b *testing.B, addr string) *writer {
	b.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID("bench"), kgo.DisableClientMetrics(),
		kgo.TransactionTimeout(10*time.Second), kgo.MaxVersions(testVersions()))
	require.NoError(b, err)
	req := kmsg.NewPtrCreateTopicsRequest()
	for _, name := range topicNames() {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = name, 1, 1
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(b.Context(), cl)
	require.NoError(b, err)
	for _, rt := range resp.Topics {
		require.NoError(b, kerr.ErrorForCode(rt.ErrorCode), fmt.Sprint(rt.Topic))
	}
	return &writer{cl: cl}
}
