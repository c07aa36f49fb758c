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

// lastGlance is how long Until waits at most between two questions.
const lastGlance = 50 * time.Millisecond

// Until asks again and again, at first every millisecond, until it is so; it fails when
// ctx ends before.
func Until(ctx context.Context, so func() bool) error {
	for wait := time.Millisecond; !so(); wait = min(2*wait, lastGlance) {
		if err := For(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}
