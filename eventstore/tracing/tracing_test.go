package tracing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goniec/eventstore/tracing"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func recorder() (*tracing.Tracer, *tracetest.SpanRecorder) {
	r := tracetest.NewSpanRecorder()
	return tracing.New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r))), r
}

func TestContinue(t *testing.T) {
	t.Parallel()
	tracer, rec := recorder()
	s := tracer.Continue(parent, "one", trace.SpanKindConsumer)
	s.Link(parent) // its own trace
	other := strings.Replace(parent, "0af765", "1af765", 1)
	s.Link(other)
	s.End()
	next := tracer.Continue(s.Parent(), "two", trace.SpanKindClient)
	next.End()
	spans := rec.Ended()
	require.Len(t, spans, 2)
	require.Equal(t, "b7ad6b7169203331", spans[0].Parent().SpanID().String())
	require.Equal(t, spans[0].SpanContext().SpanID(), spans[1].Parent().SpanID())
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", spans[1].SpanContext().TraceID().String())
	require.Len(t, spans[0].Links(), 1)
	require.Equal(t, "1af7651916cd43dd8448eb211c80319c", spans[0].Links()[0].SpanContext.TraceID().String())
}

func TestRootDoesNotTrustTheOutside(t *testing.T) {
	t.Parallel()
	tracer, rec := recorder()
	_, s := tracer.Root(t.Context(), parent, "request", trace.SpanKindServer)
	s.End()
	got := rec.Ended()[0]
	require.NotEqual(t, "0af7651916cd43dd8448eb211c80319c", got.SpanContext().TraceID().String())
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", got.Links()[0].SpanContext.TraceID().String())

	none := tracing.New(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())))
	ctx, s := none.Root(t.Context(), parent, "request", trace.SpanKindServer)
	require.False(t, s.On())
	require.False(t, none.Child(ctx, "inside", trace.SpanKindProducer).On())
}

// What is not sampled, or not a traceparent at all, is followed by nobody.
func TestNotFollowed(t *testing.T) {
	t.Parallel()
	tracer, rec := recorder()
	for _, p := range []string{
		"", "01", strings.TrimSuffix(parent, "1") + "0", parent[:54], parent + "0", "00-" + strings.Repeat("0", 32) + parent[35:],
		strings.Repeat("x", 55), strings.Replace(parent, "-b7", "xb7", 1), "ff" + parent[2:],
	} {
		s := tracer.Continue(p, "no", trace.SpanKindConsumer)
		s.End()
		if sc := s.Parent(); sc != "" { // a new root would be as wrong as a span
			require.Fail(t, "followed", "%q gives %s", p, sc)
		}
	}
	require.Empty(t, rec.Ended())
}

func TestOffCostsNothing(t *testing.T) {
	var off *tracing.Tracer
	require.Nil(t, tracing.New(nil))
	tracer, _ := recorder()
	ctx := t.Context()
	unsampled := strings.TrimSuffix(parent, "1") + "0"
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s := off.Continue(parent, "x", trace.SpanKindConsumer)
		s.Link(parent)
		s.Fail("code")
		s.Name("x")
		s.End()
		off.Child(ctx, "x", trace.SpanKindProducer).End()
		tracer.Continue("", "x", trace.SpanKindConsumer).End()
		tracer.Continue(unsampled, "x", trace.SpanKindConsumer).End()
	}))
}
