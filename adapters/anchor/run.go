package anchor

import (
	"context"
	"errors"
	"time"

	"goniec/eventstore/audit"
	"goniec/internal/pause"
)

// Keeper is somebody outside who keeps checkpoints.
type Keeper interface {
	// Name is what logs and metrics call it: nothing personal.
	Name() string
	// Hand gives it a checkpoint. It may get one twice. Errors hold no address.
	Hand(ctx context.Context, m Made) error
}

// handTimeout bounds one hand-over.
const handTimeout = 30 * time.Second

// Run makes a checkpoint at once and then each Every, and hands it to all
// keepers, until ctx ends. What fails is told, counted, and tried again with the
// next one, which says all that this one would have said.
func (a *Anchor) Run(ctx context.Context) error {
	for {
		if made, ok := a.try(ctx); ok {
			for _, k := range a.cfg.Keepers {
				a.hand(ctx, k, made)
			}
		}
		if pause.For(ctx, a.cfg.Every) != nil {
			return nil //nolint:nilerr // the end of ctx is no fault
		}
	}
}

func (a *Anchor) try(ctx context.Context) (Made, bool) {
	made, err := a.Make(ctx, false)
	var broken *audit.BrokenError
	switch {
	case err == nil:
		a.made.WithLabelValues("made").Inc()
		a.last.Set(float64(made.Checkpoint.Time.Unix()))
		a.intact.Set(1)
		return made, true
	case ctx.Err() != nil:
	case errors.As(err, &broken):
		a.made.WithLabelValues("broken").Inc()
		a.intact.Set(0)
		f := broken.Fault
		a.cfg.Log.ErrorContext(ctx, "the journal is not what was written: no checkpoint was made",
			"topic", f.Topic, "partition", f.Partition, "offset", f.Offset, "what", f.What)
	default:
		a.made.WithLabelValues("failed").Inc()
		a.cfg.Log.WarnContext(ctx, "no checkpoint was made", "error", err)
	}
	return Made{}, false
}

func (a *Anchor) hand(ctx context.Context, k Keeper, m Made) {
	ctx, cancel := context.WithTimeout(ctx, handTimeout)
	defer cancel()
	outcome := "taken"
	if err := k.Hand(ctx, m); err != nil {
		outcome = "failed"
		a.cfg.Log.WarnContext(ctx, "a checkpoint was not handed over", "keeper", k.Name(), "error", err)
	}
	a.handed.WithLabelValues(k.Name(), outcome).Inc()
}
