package run

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goniec/adapters/intake"
	"goniec/adapters/smpp"
)

// intakeMetrics measures what carriers tell us.
type intakeMetrics struct {
	taken, refused *prometheus.CounterVec
	took           *prometheus.HistogramVec
}

var _ intake.Metrics = (*intakeMetrics)(nil)

func newIntakeMetrics(reg prometheus.Registerer) *intakeMetrics {
	f := metricMaker{reg, "intake"}
	return &intakeMetrics{
		taken:   f.counter("taken_total", "Reports, replies and subscriptions of carriers that are durable.", "route", "kind"),
		refused: f.counter("refused_total", "Those that were not taken.", "route", "code"),
		took:    f.histogram("seconds", "Time to make one durable.", prometheus.ExponentialBuckets(0.001, 2, 13), "route"),
	}
}

func (m *intakeMetrics) Taken(route, kind string, took time.Duration) {
	m.taken.WithLabelValues(route, kind).Inc()
	m.took.WithLabelValues(route).Observe(took.Seconds())
}

func (m *intakeMetrics) Refused(route, code string) { m.refused.WithLabelValues(route, code).Inc() }

// registerSMPP shows how the connection to an SMSC fares.
func registerSMPP(reg prometheus.Registerer, route string, c *smpp.Client) {
	f := metricMaker{reg, "smpp"}
	bound := f.desc("bound", "1 while the connection to the SMSC is bound.", "route")
	binds := f.desc("binds_total", "Times that it was bound.", "route")
	throttled := f.desc("throttled_total", "Parts that the SMSC refused because they came too fast.", "route")
	late := f.desc("late_answers_total", "Answers that came after the call had been given up.", "route")
	reg.MustRegister(gathered{[]*prometheus.Desc{bound, binds, throttled, late}, func(ch chan<- prometheus.Metric) {
		s := c.State()
		up := 0.0
		if s.Bound {
			up = 1
		}
		sample(ch, bound, up, route)
		total(ch, binds, float64(s.Binds), route)
		total(ch, throttled, float64(s.Throttled), route)
		total(ch, late, float64(s.LateAnswers), route)
	}})
}
