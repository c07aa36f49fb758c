// Package tracing follows sampled requests with OpenTelemetry through the topics:
// the header traceparent of commands, events and instructions is what carries a
// trace from one process to the next. Where nothing is sampled it costs the look
// at that header; where tracing is off, not even that. Attributes hold ids of
// messages, names of routes and types, never anything personal.
package tracing

import (
	"context"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Header is the name of the header, in topics and in HTTP.
const Header = "traceparent"

// topic is the context of spans whose parent comes out of a topic, not from a caller: it never ends.
var topic = context.Background()

// Tracer starts spans. A nil one starts none. Safe for concurrent use.
type Tracer struct{ otel trace.Tracer }

// New returns the Tracer of a provider, nil for nil.
func New(p trace.TracerProvider) *Tracer {
	if p == nil {
		return nil
	}
	return &Tracer{p.Tracer("goniec")}
}

// Span is a part of a trace. The zero Span is none: its methods do nothing.
type Span struct{ otel trace.Span }

// Continue starts a span behind a traceparent; none if that is not sampled.
func (t *Tracer) Continue(parent, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) Span {
	if t == nil || !Sampled(parent) {
		return Span{}
	}
	sc := parse(parent)
	if !sc.IsSampled() {
		return Span{} // not a traceparent after all
	}
	return t.start(trace.ContextWithRemoteSpanContext(topic, sc), name, kind, attrs)
}

// Child starts a span behind that of ctx; none if that is not sampled.
func (t *Tracer) Child(ctx context.Context, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) Span {
	if t == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return Span{}
	}
	return t.start(ctx, name, kind, attrs)
}

// Root starts a new trace, if the sampler takes it. The traceparent that
// somebody outside sent is linked to, not continued: whether we sample is ours to say.
func (t *Tracer) Root(ctx context.Context, from, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	opts := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(kind), trace.WithAttributes(attrs...)}
	if sc := parse(from); sc.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: sc}))
	}
	ctx, span := t.otel.Start(ctx, name, opts...)
	if !span.SpanContext().IsSampled() {
		return ctx, Span{}
	}
	return ctx, Span{span}
}

func (t *Tracer) start(ctx context.Context, name string, kind trace.SpanKind, attrs []attribute.KeyValue) Span {
	_, span := t.otel.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	if !span.SpanContext().IsSampled() {
		return Span{}
	}
	return Span{span}
}

// On says whether there is a span.
func (s Span) On() bool { return s.otel != nil }

// Parent is the traceparent for what follows from the span; "" for none.
func (s Span) Parent() string {
	if s.otel == nil {
		return ""
	}
	sc := s.otel.SpanContext()
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

// Name renames the span.
func (s Span) Name(name string) {
	if s.otel != nil {
		s.otel.SetName(name)
	}
}

// Set adds attributes.
func (s Span) Set(attrs ...attribute.KeyValue) {
	if s.otel != nil {
		s.otel.SetAttributes(attrs...)
	}
}

// Link points to another trace, if its traceparent is sampled and of another trace.
func (s Span) Link(parent string) {
	if s.otel == nil || !Sampled(parent) {
		return
	}
	if sc := parse(parent); sc.IsValid() && sc.TraceID() != s.otel.SpanContext().TraceID() {
		s.otel.AddLink(trace.Link{SpanContext: sc})
	}
}

// Fail marks the span as failed; code is a word of ours.
func (s Span) Fail(code string) {
	if s.otel != nil {
		s.otel.SetStatus(codes.Error, code)
	}
}

// End ends the span. A span that is not ended is not told to anybody.
func (s Span) End() {
	if s.otel != nil {
		s.otel.End()
	}
}

const parentLength = 55 // 00-<32 hex>-<16 hex>-<2 hex>

// Sampled says, at a glance, whether a traceparent asks to be followed.
func Sampled(parent string) bool {
	return len(parent) == parentLength && strings.IndexByte("13579bdf", parent[parentLength-1]) >= 0
}

// parse reads a traceparent of version 00; what is not one gives an invalid context.
func parse(parent string) trace.SpanContext {
	if len(parent) != parentLength || !strings.HasPrefix(parent, "00-") || parent[35] != '-' || parent[52] != '-' {
		return trace.SpanContext{}
	}
	id, err := trace.TraceIDFromHex(parent[3:35])
	span, err2 := trace.SpanIDFromHex(parent[36:52])
	flags, err3 := hex.DecodeString(parent[53:])
	if err != nil || err2 != nil || err3 != nil {
		return trace.SpanContext{}
	}
	if !id.IsValid() || !span.IsValid() {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags[0]) & trace.FlagsSampled, Remote: true})
}
