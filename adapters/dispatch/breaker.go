package dispatch

import (
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// faultsToOpen faults of a route in a row open its breaker (rules.md B13).
const faultsToOpen = 5

var errRouteFault = errors.New("fault of the route")

// breakers holds one circuit breaker per (route, service id); SMS routes have
// service id 0. Safe for concurrent use.
type breakers struct {
	open    time.Duration
	metrics Metrics
	log     *slog.Logger

	mu sync.Mutex
	m  map[breakerKey]*gobreaker.TwoStepCircuitBreaker[struct{}]
}

type breakerKey struct {
	route   string
	service int64
}

func newBreakers(c *Config) *breakers {
	return &breakers{open: c.BreakerOpen, metrics: c.Metrics, log: c.Log, m: map[breakerKey]*gobreaker.TwoStepCircuitBreaker[struct{}]{}}
}

func (b *breakers) of(k breakerKey) *gobreaker.TwoStepCircuitBreaker[struct{}] {
	b.mu.Lock()
	defer b.mu.Unlock()
	cb, ok := b.m[k]
	if !ok {
		cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Name: k.route + "/" + strconv.FormatInt(k.service, 10), Timeout: b.open,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= faultsToOpen },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				b.metrics.Breaker(k.route, k.service, to.String())
				b.log.Warn("breaker of a route changed", "route", k.route, "service_id", k.service, "from", from.String(), "to", to.String())
			},
		})
		b.m[k] = cb
	}
	return cb
}

// down says whether calls are refused now; it lets nothing through.
func (b *breakers) down(k breakerKey) bool { return b.of(k).State() == gobreaker.StateOpen }

// allow lets one call through, whose end must be told; false: make none.
func (b *breakers) allow(k breakerKey) (done func(fault bool), ok bool) {
	tell, err := b.of(k).Allow()
	if err != nil {
		return nil, false
	}
	return func(fault bool) {
		if fault {
			tell(errRouteFault)
			return
		}
		tell(nil)
	}, true
}
