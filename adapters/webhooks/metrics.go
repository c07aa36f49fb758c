package webhooks

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the engine. Labels are classes of our own: never an endpoint, an
// account or an address.
type metrics struct {
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
	givenUp  prometheus.Counter
	queued   prometheus.Counter
	poisoned prometheus.Counter
	retries  prometheus.Counter
	queue    prometheus.Gauge
	oldest   prometheus.Gauge
	breakers prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "goniec_webhook_attempts_total", Help: "Calls of clients' endpoints by result (ok, or the class of failure)."}, []string{"result"}),
		seconds:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "goniec_webhook_attempt_seconds", Help: "Duration of calls of clients' endpoints.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)}),
		givenUp:  counter("goniec_webhook_given_up_total", "Webhooks that no attempt delivered in time."),
		queued:   counter("goniec_webhook_events_total", "Journal events that became webhooks."),
		poisoned: counter("goniec_webhook_poisoned_total", "Journal records that could not become webhooks; see the table poisoned."),
		retries:  counter("goniec_webhook_reactor_retries_total", "Journal events handled again because Postgres was away or their type is unknown here. Growing: a partition waits."),
		queue:    gauge("goniec_webhook_queue", "Webhooks that are neither delivered nor given up, over all processes."),
		oldest:   gauge("goniec_webhook_queue_oldest_seconds", "Age of the oldest of them."),
		breakers: gauge("goniec_webhook_breakers_open", "Endpoints that this process leaves alone after failures in a row."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.attempts, m.seconds, m.givenUp, m.queued, m.poisoned, m.retries, m.queue, m.oldest, m.breakers} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func (m *metrics) measured(queue, openBreakers int, oldest time.Time) {
	m.queue.Set(float64(queue))
	m.breakers.Set(float64(openBreakers))
	age := 0.0
	if !oldest.IsZero() {
		age = max(0, time.Since(oldest).Seconds())
	}
	m.oldest.Set(age)
}

func (m *metrics) attempt(r result) {
	label := r.class
	if label == "" {
		label = "ok"
	}
	m.attempts.WithLabelValues(label).Inc()
	m.seconds.Observe(r.took.Seconds())
}
