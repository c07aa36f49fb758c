package run_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goniec/cmd/goniec/internal/run"
	"goniec/internal/testkit"
)

// traced is what the test asks of finished spans.
type traced []sdktrace.ReadOnlySpan

// named are those whose name begins so.
func (s traced) named(name string) (out traced) {
	for _, span := range s {
		if strings.HasPrefix(span.Name(), name) {
			out = append(out, span)
		}
	}
	return out
}

func (s traced) in(id trace.TraceID) (out traced) {
	for _, span := range s {
		if span.SpanContext().TraceID() == id {
			out = append(out, span)
		}
	}
	return out
}

// under are those whose parent is one of parents.
func (s traced) under(parents traced) (out traced) {
	for _, span := range s {
		for _, p := range parents {
			if span.Parent().SpanID() == p.SpanContext().SpanID() {
				out = append(out, span)
			}
		}
	}
	return out
}

func (s traced) linkedTo(id trace.TraceID) (out traced) {
	for _, span := range s {
		for _, l := range span.Links() {
			if l.SpanContext.TraceID() == id {
				out = append(out, span)
				break
			}
		}
	}
	return out
}

// One message from the API's call over Viber, its deadline and SMS to the receipt
// and the read models: one trace, with the carriers' own traces linked to it.
func TestOneMessageIsOneTrace(t *testing.T) {
	t.Parallel()
	rec := tracetest.NewSpanRecorder()
	addr, prefix := testkit.Kafka(t)
	up, err := run.StartUp(t.Context(), run.UpConfig{
		Data: filepath.Join(t.TempDir(), "up"), HTTP: "127.0.0.1:0", Brokers: []string{addr}, Prefix: prefix, PostgresURL: testkit.Postgres(t),
		Traces: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec)), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, up.Close()) }()
	key, err := os.ReadFile(up.Running().APIKeyFile)
	require.NoError(t, err)
	p := &plant{t: t, up: up, key: strings.TrimSpace(string(key)), client: http.DefaultClient}
	got := p.call(http.MethodPost, "/v1/messages", text("+48500000106", "trace"))
	require.Equal(t, http.StatusAccepted, got.status)
	require.Eventually(t, func() bool {
		m := p.call(http.MethodGet, "/v1/messages/"+got.body["id"].(string), nil)
		return m.status == http.StatusOK && m.body["ended"] == true && m.body["state"] == "delivered" && m.body["channel"] == "sms"
	}, 60*time.Second, 200*time.Millisecond)

	all := traced(rec.Ended())
	root := all.named("POST /v1/messages")
	require.Len(t, root, 1)
	id := root[0].SpanContext().TraceID()
	ours := all.in(id)
	produced := ours.named("inbox produce").under(root)
	require.Len(t, produced, 1)
	decided := ours.named("decide message.request.v1").under(produced)
	require.Len(t, decided, 1)
	viber := ours.named("call viber").under(decided)
	require.Len(t, viber, 1)
	require.Len(t, ours.named("decide message.answer.v1").under(viber), 1)
	timers := ours.named("decide timer").under(decided)
	require.Len(t, timers, 1, "the deadline goes on in the message's trace")
	sms := ours.named("call sms").under(timers)
	require.Len(t, sms, 1)
	require.Len(t, ours.named("decide message.answer.v1").under(sms), 1)

	receipt := all.named("decide carrier.report.v1").linkedTo(id)
	require.NotEmpty(t, receipt, "the carrier's word has a trace of its own, linked to the message's")
	carrier := all.in(receipt[0].SpanContext().TraceID())
	require.Len(t, carrier.named("receive sms"), 1)
	require.Len(t, receipt[:1].under(carrier.named("inbox produce").under(carrier.named("receive sms"))), 1)
	require.Eventually(t, func() bool {
		projected := traced(rec.Ended()).named("project messages")
		return len(projected.in(id)) > 0 && len(append(projected.in(carrier[0].SpanContext().TraceID()), projected.linkedTo(carrier[0].SpanContext().TraceID())...)) > 0
	}, time.Minute, 100*time.Millisecond)
	requireNothingPersonal(t, rec.Ended())

	resp, err := http.Get(up.Running().HTTP + "/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	for _, line := range []string{
		`goniec_dispatch_request_to_carrier_seconds_count{lane="urgent"} 1`, // the fallback's call follows from a timer, not from the request
		`goniec_messages_fallbacks_total{reason="deadline"} 1`, `goniec_smpp_bound{route="sms"} 1`, `goniec_intake_taken_total{kind="delivered",route="sms"} 1`,
	} {
		require.Contains(t, string(metrics), line+"\n")
	}
}

func requireNothingPersonal(t *testing.T, spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	for _, s := range spans {
		said := []string{s.Name(), s.Status().Description}
		for _, a := range s.Attributes() {
			said = append(said, a.Value.String())
		}
		require.Empty(t, s.Events(), s.Name())
		for _, v := range said {
			require.NotContains(t, v, "500000106")
			require.NotContains(t, v, "Outage")
		}
	}
}
