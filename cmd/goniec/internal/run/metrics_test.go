package run

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

// sums adds up the counters of a registry, by name and label value.
func sums(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			out[name] = m.GetCounter().GetValue()
		}
	}
	return out
}

func TestFactsAreCounted(t *testing.T) {
	t.Parallel()
	reg := newCatalogue()
	m := newFactMetrics(reg)
	for _, e := range []domain.Event{
		message.Accepted{Category: domain.Transactional},
		message.Accepted{Category: domain.Transactional},
		message.Refused{Reason: message.CodeNoPrice},
		message.FellBack{Reason: message.ReasonDeadline},
		message.FellBack{Reason: message.ReasonRouteDown},
		message.FellBack{Reason: message.ReasonDeadline},
		message.Delivered{Channel: domain.SMS},
		message.Delivered{Channel: domain.Viber, Late: true, Double: true},
		message.Delivered{Channel: domain.Viber, Inferred: true},
		message.Failed{Reason: message.ReasonExpired},
		message.Unknown{Reason: message.ReasonNoReport},
		message.AttemptUnknown{Reason: message.ReasonTimeout},
		recipient.ReportStored{StoredReport: recipient.StoredReport{Channel: domain.SMS}},
		message.Read{},
	} {
		m.count(e)
	}
	require.Equal(t, map[string]float64{
		"goniec_messages_accepted_total transactional":    2,
		"goniec_messages_refused_total no_price":          1,
		"goniec_messages_fallbacks_total deadline":        2,
		"goniec_messages_fallbacks_total route_down":      1,
		"goniec_messages_delivered_total sms":             1,
		"goniec_messages_delivered_total viber":           2,
		"goniec_messages_late_deliveries_total viber":     1,
		"goniec_messages_double_deliveries_total viber":   1,
		"goniec_messages_inferred_deliveries_total viber": 1,
		"goniec_messages_failed_total expired":            1,
		"goniec_messages_unknown_total no_report":         1,
		"goniec_messages_unknown_outcomes_total timeout":  1,
		"goniec_messages_unmatched_reports_total sms":     1,
	}, sums(t, reg.Registry))
}

// How long the read models are behind: nothing while they are at the end, since
// the last event while a backlog is read, since they were last at the end when
// one event came after a quiet night, and growing while Postgres is away.
func TestProjectionBehind(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	night, moment := now.Add(-8*time.Hour), now.Add(-3*time.Second)
	for _, c := range []struct {
		name     string
		lag      projectionLag
		postgres bool
		want     time.Duration
	}{
		{"at the end", projectionLag{recorded: night, caughtUp: now}, true, 0},
		{"backlog", projectionLag{records: 7, recorded: night}, true, 8 * time.Hour},
		{"one after a quiet night", projectionLag{records: 1, recorded: night, caughtUp: moment}, true, 3 * time.Second},
		{"Postgres away", projectionLag{recorded: night, caughtUp: moment}, false, 3 * time.Second},
		{"nothing was ever read", projectionLag{records: 1}, true, 0},
	} {
		require.Equal(t, c.want, c.lag.behind(now, c.postgres), c.name)
	}
}
