package reactor

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// nobody refuses every connection, and counts.
type nobody struct{ asked int }

func (n *nobody) Dial(string, string) (net.Conn, error) {
	n.asked++
	return nil, errors.New("connection refused")
}

// A subscriber that begins again at once, over and over, asks for no more than two
// connections a second, and for none once it has ended.
func TestWhatIsTriedAgainAtOnceIsTriedSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker, cfg := &nobody{}, sarama.NewConfig()
		cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, broker
		ctx, cancel := context.WithCancel(t.Context())
		slowly(ctx, cfg)
		dial := func(times int) (took time.Duration, err error) {
			began := time.Now()
			for range times {
				_, err = cfg.Net.Proxy.Dialer.Dial("tcp", "127.0.0.1:9092")
			}
			return time.Since(began).Round(time.Millisecond), err
		}
		took, err := dial(dialsAtOnce)
		require.Error(t, err)
		require.Zero(t, took, "the first ones do not wait")
		took, _ = dial(60)
		require.Equal(t, 30*time.Second, took)
		cancel()
		_, err = dial(1)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, dialsAtOnce+60, broker.asked)
	})
}
