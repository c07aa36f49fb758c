package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushBudget is how long the last spans may take at the end of a process.
const flushBudget = 5 * time.Second

// newTracing makes the exporter that OpenTelemetry's own variables ask for: none
// unless OTEL_TRACES_EXPORTER is otlp, or an endpoint is named. OTEL_TRACES_SAMPLER,
// OTEL_SERVICE_NAME, OTEL_BSP_… and OTEL_EXPORTER_OTLP_… are read by the SDK.
func newTracing(ctx context.Context) (p trace.TracerProvider, stop func() error, err error) {
	on, err := tracesWanted(os.Getenv)
	if err != nil || !on {
		return nil, nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("OTLP exporter: %w", err)
	}
	res, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "goniec"), attribute.String("service.version", Version())), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	return provider, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushBudget)
		defer cancel()
		_ = provider.Shutdown(ctx) // spans that nobody takes are no reason to fail
		return nil
	}, nil
}

func tracesWanted(env func(string) string) (bool, error) {
	if env("OTEL_SDK_DISABLED") == "true" {
		return false, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if v := env(name); v != "" && v != "http/protobuf" {
			return false, errors.New(name + ": only http/protobuf is spoken here")
		}
	}
	switch v := env("OTEL_TRACES_EXPORTER"); v {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		return env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "", nil
	default:
		return false, errors.New("OTEL_TRACES_EXPORTER: otlp or none")
	}
}
