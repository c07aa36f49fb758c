package simulator_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
)

// benchmarked runs a simulator on the machine's clock and answers its address.
func benchmarked(b *testing.B) string {
	b.Helper()
	taker := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(taker.Close)
	sim, err := simulator.New(simulator.Config{Dir: b.TempDir(), CallbackURL: taker.URL, Delays: simulator.Delays{Deliver: time.Millisecond, Seen: time.Millisecond}})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	b.Cleanup(func() {
		require.Eventually(b, func() bool { return sim.Stats().Pending == 0 }, time.Minute, time.Millisecond)
		cancel()
		require.NoError(b, <-ended)
	})
	return sim.URL()
}

// BenchmarkSubmit measures submits over HTTP, with their two reports taken by a real receiver.
func BenchmarkSubmit(b *testing.B) {
	sim := benchmarked(b)
	body := []byte(`{"service_id":4711,"dest":"48500100299","seq":7,"type":106,"label":"transaction","ttl":30,"tag":"a-1","message":{"#txt":"Hej"}}`)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(sim+"/vibersrvc/1/send_message", "application/json", bytes.NewReader(body))
			require.NoError(b, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}
