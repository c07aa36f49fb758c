package demo

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"goniec/internal/pause"
	"goniec/projections"
	"goniec/projections/models"
)

// projector asks the read models, and rebuilds them; it runs no projection of its own.
func (t target) projector() (*projections.Projector, error) {
	return projections.New(projections.Config{
		URL: t.running.Postgres, Kafka: t.client, Topics: t.topics(), Installation: t.installation, Partitions: t.running.Partitions,
		Projections: models.All(), Log: slog.New(slog.DiscardHandler),
	})
}

// caughtUp waits until every read model has read the whole journal.
func (t target) caughtUp(ctx context.Context, p *projections.Projector) error {
	for {
		behind, err := t.behind(ctx, p)
		if err != nil || behind == 0 {
			return err
		}
		if err := pause.For(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("read models are %d records behind: %w", behind, err)
		}
	}
}

// behind is how many offsets the read models have not read.
func (t target) behind(ctx context.Context, p *projections.Projector) (sum int64, err error) {
	all, err := p.Status(ctx)
	if err != nil {
		return 0, fmt.Errorf("read models: %w", err)
	}
	for _, m := range all {
		if m.Stopped != "" {
			return 0, fmt.Errorf("a read model has stopped: %s", m.Stopped)
		}
		sum += m.Lag
	}
	if len(all) == 0 {
		return 1, nil // none has begun
	}
	return sum, nil
}

// rebuild makes every read model anew and compares it with the one before.
func (t target) rebuild(ctx context.Context, p *projections.Projector, tell func(string)) (rows int64, faults []string, err error) {
	for _, pr := range models.All() {
		name := pr.Name()
		tell(name)
		before, err := p.Digest(ctx, name)
		if err != nil {
			return rows, faults, err
		}
		if err := p.Rebuild(ctx, name, nil); err != nil {
			return rows, faults, fmt.Errorf("rebuild %s: %w", name, err)
		}
		after, err := p.Digest(ctx, name)
		if err != nil {
			return rows, faults, err
		}
		rows += after.Rows
		switch {
		case after.Build == before.Build:
			faults = append(faults, name+": the rebuild was not switched in")
		case before.Rows != after.Rows || before.SHA256 != after.SHA256:
			faults = append(faults, fmt.Sprintf("%s: %d rows before, %d after, and their contents differ", name, before.Rows, after.Rows))
		}
	}
	return rows, faults, nil
}
