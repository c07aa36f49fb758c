package smpp

import (
	"context"
	"runtime"
	"testing"

	"goniec/domain/message"
)

// BenchmarkSubmit counts whole round trips over TCP, client and server in one
// process: what is reported is submits a second of both together.
func BenchmarkSubmit(b *testing.B) {
	s := serve(b, ServerConfig{Handler: accept("0123456789")})
	cfg := testConfig(s.Addr())
	cfg.Window = 256
	c, _ := bindClient(b, cfg)
	b.SetParallelism(256 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r := c.Submit(context.Background(), hello()); r.Outcome != message.OutcomeAccepted {
				b.Fatalf("%+v", r.Answer)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
}

// BenchmarkDeliver counts receipts delivered, handled and acknowledged.
func BenchmarkDeliver(b *testing.B) {
	s := serve(b, ServerConfig{Handler: accept("1"), DeliverWindow: 256})
	cfg := testConfig(s.Addr())
	cfg.MaxInbound = 512
	bindClient(b, cfg)
	b.SetParallelism(256 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.DeliverReceipt(context.Background(), Receipt{SystemID: "goniec", MessageID: "1", Number: phone, To: code, Status: message.ReportDelivered}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
}
