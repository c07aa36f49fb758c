package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goniec/eventstore/tracing"
)

type requestKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// observe gives each request an id, counts it, logs it, and turns a panic into
// a 500. Neither the path itself nor any header or body is logged: the route's pattern is.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set("X-Request-Id", id)
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, id))
		begin := time.Now()
		defer func() {
			if fault := recover(); fault != nil {
				a.recovered(ww, r, fault)
			}
			a.finished(ww, r, time.Since(begin))
		}()
		next.ServeHTTP(ww, r)
	})
}

// traced starts the trace of a request that does something.
func (a *API) traced(next http.Handler) http.Handler {
	if a.cfg.Tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") && !strings.HasPrefix(r.URL.Path, "/callbacks/") {
			next.ServeHTTP(w, r)
			return
		}
		method := knownMethod(r.Method)
		ctx, span := a.cfg.Tracer.Root(r.Context(), r.Header.Get(tracing.Header), method, trace.SpanKindServer, attribute.String("http.request.method", method))
		defer span.End()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		r = r.WithContext(ctx)
		next.ServeHTTP(ww, r)
		span.Set(attribute.Int("http.response.status_code", ww.Status()), attribute.String("http.route", route(r)))
		span.Name(method + " " + route(r))
		if ww.Status() >= http.StatusInternalServerError {
			span.Fail("status_5xx")
		}
	})
}

func (a *API) recovered(w middleware.WrapResponseWriter, r *http.Request, fault any) {
	if fault == http.ErrAbortHandler || r.Context().Err() != nil { //nolint:errorlint // compared as net/http does
		return // the client is gone
	}
	// The fault's text may hold anything; its type says enough to find it by the route.
	a.cfg.Logger.ErrorContext(r.Context(), "request failed", slog.String("request", requestID(r.Context())),
		slog.String("route", route(r)), slog.String("fault", typeOf(fault)))
	if w.Status() == 0 {
		problem(http.StatusInternalServerError, CodeInternal, "something is wrong here; the request id helps to find it").write(w)
	}
}

func (a *API) finished(w middleware.WrapResponseWriter, r *http.Request, took time.Duration) {
	status := w.Status()
	if status == 0 {
		status = http.StatusOK
	}
	a.metrics.observe(r.Method, route(r), status, took)
	level := slog.LevelDebug
	// Callbacks that come while Kafka is away, or before the start is over, come by
	// the thousand and come again; the metric counts them.
	// So do the questions whether we are ready.
	again := status == http.StatusServiceUnavailable && (strings.HasPrefix(r.URL.Path, "/callbacks/") || r.URL.Path == "/readyz")
	if status >= http.StatusInternalServerError && !again {
		level = slog.LevelWarn
	}
	a.cfg.Logger.LogAttrs(r.Context(), level, "request", slog.String("request", requestID(r.Context())), slog.String("method", r.Method),
		slog.String("route", route(r)), slog.Int("status", status), slog.Duration("took", took))
}

func route(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil && c.RoutePattern() != "" {
		return c.RoutePattern()
	}
	return "none"
}

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

// newMetrics registers the metrics. Labels are patterns and codes, of which
// there are some dozens, never anything from a request.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "goniec_http_requests_total", Help: "Requests by route and status.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "goniec_http_request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "goniec_http_messages_refused_total", Help: "Messages refused at the edge, by code of the first fault.",
		}, []string{"code"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.refused} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) observe(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// knownMethod keeps invented methods from making new series.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions:
		return method
	}
	return "other"
}
