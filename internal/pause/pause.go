// Package pause holds the one way to let time pass.
package pause

import (
	"context"
	"time"
)

// For waits d of real time, or until ctx ends: then it returns why.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
