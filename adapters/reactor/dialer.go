package reactor

import (
	"context"
	"fmt"
	"net"

	"github.com/IBM/sarama"
	"golang.org/x/time/rate"

	"goniec/eventstore"
)

// The subscriber opens connections to every broker when it begins; from then on
// hardly any.
const (
	dialsAtOnce    = 32
	dialsPerSecond = 2
)

// slowDialer bounds how fast the subscriber connects. When its group's coordinator
// is away, Watermill begins again at once, with a client and an error in the log
// each time. Safe for concurrent use.
type slowDialer struct {
	ctx  context.Context //nolint:containedctx // of the subscription: Dial is given none
	pace *rate.Limiter
	next eventstore.Dialer
}

// slowly makes cfg dial at that pace until ctx ends.
func slowly(ctx context.Context, cfg *sarama.Config) {
	d := slowDialer{ctx: ctx, pace: rate.NewLimiter(dialsPerSecond, dialsAtOnce), next: &net.Dialer{Timeout: cfg.Net.DialTimeout, KeepAlive: cfg.Net.KeepAlive}}
	if cfg.Net.Proxy.Enable {
		d.next = cfg.Net.Proxy.Dialer
	}
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, d
}

// Dial is that of eventstore.Dialer.
func (d slowDialer) Dial(network, addr string) (net.Conn, error) {
	if err := d.pace.Wait(d.ctx); err != nil {
		return nil, fmt.Errorf("wait before a connection to Kafka: %w", err)
	}
	return d.next.Dial(network, addr)
}
