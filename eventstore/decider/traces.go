package decider

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goniec/eventstore"
	"goniec/eventstore/tracing"
)

// follow starts the span of a command whose trace is sampled. It ends when the
// group is committed, and what is written for the command continues it. A group
// that is decided again starts its spans again; the first ones are never told.
func (g *group) follow(c *eventstore.Command) {
	g.trace, g.span, g.joined = c.TraceParent, tracing.Span{}, ""
	if g.o.cfg.Tracer != nil {
		g.adopt(g.o.cfg.Tracer.Continue(c.TraceParent, "decide "+c.Type, trace.SpanKindConsumer, g.o.spanAttributes()...))
	}
}

func (o *owner) spanAttributes() []attribute.KeyValue {
	return []attribute.KeyValue{attribute.Int("goniec.partition", int(o.part))}
}

func (g *group) adopt(s tracing.Span) {
	if s.On() {
		g.span, g.trace = s, s.Parent()
		g.spans = append(g.spans, s)
	}
}

// joinTrace ties the command to the trace of the message that it says something
// about: a carrier's report has a trace of its own, which is linked; a timer has
// none and continues the message's.
func (g *group) joinTrace(stream string) {
	tracer := g.o.cfg.Tracer
	if tracer == nil || !strings.HasPrefix(stream, "message/") || g.joined == stream {
		return
	}
	g.joined = stream
	known := g.o.traces.get(stream)
	switch {
	case g.span.On() && known == "":
		g.o.traces.put(stream, g.trace)
	case g.span.On():
		g.span.Link(known)
	case known != "":
		g.adopt(tracer.Continue(known, "decide "+g.cmd.Type, trace.SpanKindConsumer, g.o.spanAttributes()...))
	}
	g.span.Set(attribute.String("goniec.message", strings.TrimPrefix(stream, "message/")))
}

// tracesKept bounds the messages whose trace an owner remembers.
const tracesKept = 20_000

// traceMemory remembers the traceparents of sampled messages, the last
// tracesKept to twice as many.
type traceMemory struct{ young, old map[string]string }

func (m *traceMemory) get(stream string) string {
	if t, ok := m.young[stream]; ok {
		return t
	}
	return m.old[stream]
}

func (m *traceMemory) put(stream, parent string) {
	if m.young == nil || len(m.young) >= tracesKept {
		m.old, m.young = m.young, map[string]string{}
	}
	m.young[stream] = parent
}
