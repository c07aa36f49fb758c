package run

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goniec/adapters/dispatch"
	"goniec/eventstore"
)

// dispatchMetrics measures the dispatcher for Prometheus.
type dispatchMetrics struct {
	inFlight                                                  *prometheus.GaugeVec
	claimed, calls, notSent, inherited, lease, alarms, unread *prometheus.CounterVec
	commitErrors, expired                                     *prometheus.CounterVec
	commit, call, handed, reached                             *prometheus.HistogramVec
	breaker                                                   *prometheus.GaugeVec
}

var _ dispatch.Metrics = (*dispatchMetrics)(nil)

func newDispatchMetrics(reg prometheus.Registerer, states *eventstore.OwnerStates) *dispatchMetrics {
	f := metricMaker{reg, "dispatch"}
	counter, gauge := f.counter, f.gauge
	buckets := prometheus.ExponentialBuckets(0.001, 2, 15)
	seconds := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return f.histogram(name, help, buckets, labels...)
	}
	registerOwners(reg, "dispatch", states)
	return &dispatchMetrics{
		inFlight:     gauge("in_flight", "Instructions claimed and not finished.", "partition"),
		claimed:      counter("claimed_total", "Instructions claimed.", "partition"),
		calls:        counter("calls_total", "Calls made to carriers.", "route", "outcome", "reason"),
		notSent:      counter("not_sent_total", "Instructions answered without a call.", "route", "reason"),
		inherited:    counter("inherited_unknown_total", "Calls that a predecessor claimed and did not finish.", "partition"),
		lease:        counter("lease_refused_total", "Calls that waited for a fresher claim commit.", "partition"),
		alarms:       counter("alarms_total", "Carrier answers that a person should look at.", "route", "code"),
		unread:       counter("unreadable_total", "Instructions that could not be read.", "partition"),
		expired:      counter("expired_contents_total", "Contents that nobody can open any more, removed by a tombstone.", "partition"),
		commitErrors: counter("commit_errors_total", "Claim commits that failed.", "partition"),
		commit:       seconds("commit_seconds", "Duration of a claim commit.", "partition"),
		call:         seconds("call_seconds", "Duration of a call to a carrier.", "route"),
		handed:       seconds("handed_seconds", "Time from the decision to the call.", "route", "lane"),
		reached:      seconds("request_to_carrier_seconds", "Time from the acceptance of a request to its first call of a carrier (rules.md D10).", "lane"),
		breaker:      gauge("breaker_open", "1 while the breaker of a route and service id is not closed.", "route", "service_id"),
	}
}

func (m *dispatchMetrics) InFlight(p eventstore.Partition, n int) {
	m.inFlight.WithLabelValues(label(p)).Set(float64(n))
}

func (m *dispatchMetrics) Claimed(p eventstore.Partition, n int) {
	m.claimed.WithLabelValues(label(p)).Add(float64(n))
}

func (m *dispatchMetrics) Committed(p eventstore.Partition, took time.Duration, err error) {
	if err != nil {
		m.commitErrors.WithLabelValues(label(p)).Inc()
		return
	}
	m.commit.WithLabelValues(label(p)).Observe(took.Seconds())
}

func (m *dispatchMetrics) Called(route, outcome, reason string, took time.Duration) {
	m.calls.WithLabelValues(route, outcome, reason).Inc()
	m.call.WithLabelValues(route).Observe(took.Seconds())
}

func (m *dispatchMetrics) NotSent(route, reason string) {
	m.notSent.WithLabelValues(route, reason).Inc()
}

func (m *dispatchMetrics) Inherited(p eventstore.Partition, n int) {
	m.inherited.WithLabelValues(label(p)).Add(float64(n))
}

func (m *dispatchMetrics) LeaseRefused(p eventstore.Partition) {
	m.lease.WithLabelValues(label(p)).Inc()
}

func (m *dispatchMetrics) Alarm(route, code string) { m.alarms.WithLabelValues(route, code).Inc() }

func (m *dispatchMetrics) Breaker(route string, service int64, state string) {
	open := 1.0
	if state == "closed" {
		open = 0
	}
	m.breaker.WithLabelValues(route, strconv.FormatInt(service, 10)).Set(open)
}

func (m *dispatchMetrics) Handed(route string, urgent bool, since time.Duration) {
	m.handed.WithLabelValues(route, laneName(urgent)).Observe(since.Seconds())
}

func (m *dispatchMetrics) Reached(urgent bool, since time.Duration) {
	m.reached.WithLabelValues(laneName(urgent)).Observe(since.Seconds())
}

func laneName(urgent bool) string {
	if urgent {
		return "urgent"
	}
	return "bulk"
}

func (m *dispatchMetrics) Unreadable(p eventstore.Partition, _ string, _ int64, _ error) {
	m.unread.WithLabelValues(label(p)).Inc()
}

func (m *dispatchMetrics) Expired(p eventstore.Partition, n int) {
	m.expired.WithLabelValues(label(p)).Add(float64(n))
}
