package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"goniec/domain/account"
	"goniec/eventstore"
)

// Config of a Webhooks. Pool, View and Keys are required; Kafka for Run,
// Commander for Add and Remove. Zero values of the rest mean the defaults named.
type Config struct {
	Pool      *pgxpool.Pool
	View      *account.View
	Keys      eventstore.InstallationKeys
	Commander Commander
	Policy    Policy

	Kafka eventstore.KafkaConfig
	// ViewReady returns when View has reached the journal's end as it was when
	// called; Run waits for it. nil: View is ready.
	ViewReady func(context.Context) error

	Timeout     time.Duration   // of one call; 10 s
	Schedule    []time.Duration // waits between attempts; DefaultSchedule
	Lifetime    time.Duration   // no attempt begins later after the event; 24 h
	Concurrency int             // calls of one endpoint at a time, per process; 8
	Breaker     BreakerConfig
	Poll        time.Duration // how often the store is asked for work that no notice announced; 1 s
	Retention   time.Duration // of the attempt log and of what Resend can repeat; 30 days
	UserAgent   string        // "goniec-webhooks/1"

	Registry prometheus.Registerer // nil: metrics are not exposed
	Log      *slog.Logger          // nil: nothing is logged
}

// BreakerConfig bounds what a dead endpoint costs: after Failures failed calls
// in a row (default 5) it is left alone for Pause (default 30 s), then tried with
// one call. Waiting does not use up attempts.
type BreakerConfig struct {
	Failures uint32
	Pause    time.Duration
}

// DefaultSchedule returns the waits between attempts: eleven attempts in a
// little less than 24 hours.
func DefaultSchedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 7 * time.Hour, 9 * time.Hour,
	}
}

const (
	defaultTimeout     = 10 * time.Second
	defaultLifetime    = 24 * time.Hour
	defaultConcurrency = 8
	defaultFailures    = 5
	defaultPause       = 30 * time.Second
	defaultPoll        = time.Second
	defaultRetention   = 30 * 24 * time.Hour
	defaultUserAgent   = "goniec-webhooks/1"

	maxConcurrency = 100
)

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c *Config) setDefaults() {
	orDefault(&c.Timeout, defaultTimeout)
	orDefault(&c.Lifetime, defaultLifetime)
	orDefault(&c.Concurrency, defaultConcurrency)
	orDefault(&c.Breaker.Failures, defaultFailures)
	orDefault(&c.Breaker.Pause, defaultPause)
	orDefault(&c.Poll, defaultPoll)
	orDefault(&c.Retention, defaultRetention)
	orDefault(&c.UserAgent, defaultUserAgent)
	if c.Schedule == nil {
		c.Schedule = DefaultSchedule()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Validate returns every fault of the configuration, each with its field.
func (c Config) Validate() error {
	c.setDefaults()
	return errors.Join(
		fault(c.Pool == nil, "Pool", "is required"),
		fault(c.View == nil, "View", "is required"),
		fault(len(c.Keys.Keys[c.Keys.Primary]) == 0, "Keys", "has no primary key"),
		fault(c.Timeout < 0 || c.Timeout > time.Minute, "Timeout", "must be at most 1 m"),
		fault(c.Lifetime < 0, "Lifetime", "must not be negative"),
		fault(c.Concurrency < 0 || c.Concurrency > maxConcurrency, "Concurrency", "must be 1 to 100"),
		fault(c.Breaker.Pause < 0, "Breaker.Pause", "must not be negative"),
		fault(c.Poll < minPoll, "Poll", "must be at least 10 ms"),
		fault(c.Retention < c.Lifetime, "Retention", "must not be less than Lifetime"),
		c.validateSchedule(),
	)
}

func (c Config) validateSchedule() error {
	for i, d := range c.Schedule {
		if d <= 0 {
			return fmt.Errorf("webhooks: Schedule[%d] must be positive", i)
		}
	}
	return nil
}

func fault(bad bool, field, what string) error {
	if !bad {
		return nil
	}
	return fmt.Errorf("webhooks: %s %s", field, what)
}

// Commander sends a command to the stream of an account and returns when it is
// decided and visible in the View. A refusal is a *domain.Error.
type Commander interface {
	Configure(ctx context.Context, accountID, actor string, c account.Command) error
}
