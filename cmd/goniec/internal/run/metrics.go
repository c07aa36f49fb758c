package run

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

// deciderMetrics measures the decider for Prometheus. Labels are partitions and
// fixed words, never anything a person sent.
type deciderMetrics struct {
	events, commands, restarts, parked, waiting, fenced, unknown *prometheus.CounterVec
	parkedNow                                                    *prometheus.GaugeVec
	commit, group, latency                                       *prometheus.HistogramVec
	facts                                                        factMetrics

	mu    sync.Mutex
	stand map[eventstore.Partition]decider.Measurement
}

var _ decider.Metrics = (*deciderMetrics)(nil)

// newDeciderMetrics registers; states says which partitions are this process's.
func newDeciderMetrics(reg prometheus.Registerer, states *eventstore.OwnerStates) *deciderMetrics {
	f := metricMaker{reg, "decider"}
	seconds := prometheus.ExponentialBuckets(0.001, 2, 15)
	m := &deciderMetrics{
		events:   f.counter("events_total", "Events committed to the journal.", "partition"),
		commands: f.counter("commands_total", "Commands decided and committed.", "partition"),
		restarts: f.counter("restarts_total", "Ownerships that started over after an error.", "partition", "reason"),
		parked:   f.counter("parked_total", "Commands and timers parked.", "partition", "reason"),
		waiting:  f.counter("timers_waiting_total", "Times that due timers had to wait.", "partition", "reason"),
		fenced:   f.counter("fenced_total", "Writes that were refused because another process had taken the partition.", "partition"),
		unknown:  f.counter("unknown_commits_total", "Commits of which nobody knew whether they had happened; they were read back.", "partition"),
		parkedNow: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "goniec", Subsystem: "decider", Name: "parked", Help: "What is parked now and waits for an operator, by the partition's owner.",
		}, []string{"partition"}),
		commit:  f.histogram("commit_seconds", "Duration of a group's transaction.", seconds, "partition"),
		group:   f.histogram("group_commands", "Commands decided in one transaction.", []float64{0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}, "partition"),
		latency: f.histogram("decision_seconds", "Time from the edge to the commit of the decision.", seconds),
		facts:   newFactMetrics(reg), stand: map[eventstore.Partition]decider.Measurement{},
	}
	reg.MustRegister(m.parkedNow)
	registerOwners(reg, "decider", states)
	m.registerStand(f, states)
	return m
}

// registerStand shows how the owned partitions stand; what is not owned any more is not shown.
func (m *deciderMetrics) registerStand(f metricMaker, states *eventstore.OwnerStates) {
	lag := f.desc("inbox_lag_records", "Offsets of an inbox lane that are not decided yet, control records included.", "partition", "lane")
	age := f.desc("inbox_lag_seconds", "Age of the oldest command of a lane that is not decided yet.", "partition", "lane")
	behind := f.desc("timers_behind_seconds", "Time since the first timer that is due; 0 when none is.", "partition")
	unsealed := f.desc("seal_behind_seconds", "Time since a month's seal was due that waits for timers, or for the inbox to be read; 0 when none does. The month cannot be closed before.", "partition")
	beat := f.desc("beat_age_seconds", "Time since the last beat of a process that takes reports. Timers wait while it is high.", "partition")
	f.reg.MustRegister(gathered{[]*prometheus.Desc{lag, age, behind, unsealed, beat}, func(ch chan<- prometheus.Metric) {
		now := time.Now()
		m.mu.Lock()
		defer m.mu.Unlock()
		for p := range states.Owned() {
			s, ok := m.stand[p]
			if !ok {
				continue
			}
			for lane, l := range map[string]decider.Lag{"urgent": s.Urgent, "bulk": s.Bulk} {
				sample(ch, lag, float64(l.Records), label(p), lane)
				sample(ch, age, since(now, l.Oldest), label(p), lane)
			}
			sample(ch, behind, max(0, s.TimersBehind.Seconds()), label(p))
			sample(ch, unsealed, max(0, s.SealBehind.Seconds()), label(p))
			sample(ch, beat, since(now, s.LastBeat), label(p))
		}
	}})
}

// since is an age in seconds; 0 for no time.
func since(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, now.Sub(t).Seconds())
}

// registerOwners shows which partitions of a group this process works on.
func registerOwners(reg prometheus.Registerer, subsystem string, states *eventstore.OwnerStates) {
	f := metricMaker{reg, subsystem}
	owned := f.desc("owned", "1 for a partition that this process works on, 0 for one that it was given and does not work on (yet).", "partition")
	taken := f.desc("takeovers_total", "Times that this process began to work on a partition.", "partition")
	reg.MustRegister(gathered{[]*prometheus.Desc{owned, taken}, func(ch chan<- prometheus.Metric) {
		for p, works := range states.Owned() {
			v := 0.0
			if works {
				v = 1
			}
			sample(ch, owned, v, label(p))
		}
		for p, n := range states.Takeovers() {
			total(ch, taken, float64(n), label(p))
		}
	}})
}

func label(p eventstore.Partition) string { return strconv.Itoa(int(p)) }

func (m *deciderMetrics) Committed(p eventstore.Partition, commands, events int, took time.Duration) {
	m.commands.WithLabelValues(label(p)).Add(float64(commands))
	m.events.WithLabelValues(label(p)).Add(float64(events))
	m.group.WithLabelValues(label(p)).Observe(float64(commands))
	m.commit.WithLabelValues(label(p)).Observe(took.Seconds())
}

func (m *deciderMetrics) Restarted(p eventstore.Partition, reason string) {
	m.restarts.WithLabelValues(label(p), reason).Inc()
}

func (m *deciderMetrics) Parked(p eventstore.Partition, reason string) {
	m.parked.WithLabelValues(label(p), reason).Inc()
}

func (m *deciderMetrics) ParkedNow(p eventstore.Partition, n int) {
	m.parkedNow.WithLabelValues(label(p)).Set(float64(n))
}

func (m *deciderMetrics) TimersWaiting(p eventstore.Partition, why string) {
	m.waiting.WithLabelValues(label(p), why).Inc()
}

func (m *deciderMetrics) Decided(latency time.Duration) {
	m.latency.WithLabelValues().Observe(latency.Seconds())
}

func (m *deciderMetrics) Fenced(p eventstore.Partition) { m.fenced.WithLabelValues(label(p)).Inc() }

func (m *deciderMetrics) UnknownCommit(p eventstore.Partition) {
	m.unknown.WithLabelValues(label(p)).Inc()
}

func (m *deciderMetrics) Measured(p eventstore.Partition, s decider.Measurement) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stand[p] = s
}

func (m *deciderMetrics) Fact(_ eventstore.Partition, e domain.Event) { m.facts.count(e) }

// factMetrics counts what the journal says of messages. Reasons are codes of our
// own or of the carriers' tables.
type factMetrics struct {
	accepted, refused, fallbacks, delivered, late, double *prometheus.CounterVec
	failed, unknown, attempts, unmatched, inferred        *prometheus.CounterVec
}

func newFactMetrics(reg prometheus.Registerer) factMetrics {
	f := metricMaker{reg, "messages"}
	return factMetrics{
		accepted:  f.counter("accepted_total", "Messages accepted.", "category"),
		refused:   f.counter("refused_total", "Messages that the decider refused although the edge had let them through.", "reason"),
		fallbacks: f.counter("fallbacks_total", "Messages that fell back from Viber to SMS.", "reason"),
		delivered: f.counter("delivered_total", "First deliveries, by channel.", "channel"),
		late:      f.counter("late_deliveries_total", "Viber deliveries after the deadline (rules.md D3c).", "channel"),
		double:    f.counter("double_deliveries_total", "Deliveries on a second channel (rules.md D3c).", "channel"),
		failed:    f.counter("failed_total", "Messages that ended undelivered.", "reason"),
		unknown:   f.counter("unknown_total", "Messages that ended without anybody knowing whether they arrived.", "reason"),
		attempts:  f.counter("unknown_outcomes_total", "Attempts of which nobody knew whether the carrier had taken them.", "reason"),
		unmatched: f.counter("unmatched_reports_total", "Reports that fitted no attempt when they came; they are tried again.", "channel"),
		inferred:  f.counter("inferred_deliveries_total", "Deliveries matched without the carrier's id.", "channel"),
	}
}

func (m factMetrics) count(e domain.Event) {
	switch e := e.(type) {
	case message.Accepted:
		m.accepted.WithLabelValues(string(e.Category)).Inc()
	case message.Refused:
		m.refused.WithLabelValues(e.Reason).Inc()
	case message.FellBack:
		m.fallbacks.WithLabelValues(e.Reason).Inc()
	case message.Delivered:
		m.countDelivered(e)
	case message.Failed:
		m.failed.WithLabelValues(e.Reason).Inc()
	case message.Unknown:
		m.unknown.WithLabelValues(e.Reason).Inc()
	case message.AttemptUnknown:
		m.attempts.WithLabelValues(e.Reason).Inc()
	case recipient.ReportStored:
		m.unmatched.WithLabelValues(string(e.Channel)).Inc()
	}
}

func (m factMetrics) countDelivered(e message.Delivered) {
	ch := string(e.Channel)
	m.delivered.WithLabelValues(ch).Inc()
	for c, is := range map[*prometheus.CounterVec]bool{m.late: e.Late, m.double: e.Double, m.inferred: e.Inferred} {
		if is {
			c.WithLabelValues(ch).Inc()
		}
	}
}
