package run

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A request that waits for its outcome while the process stops is still told it: what reads
// outcomes goes on until the last request is answered.
func TestRequestsUnderWayAreAnswered(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	outcome := make(chan string)
	n := &Node{log: slog.New(slog.DiscardHandler)}
	n.views = map[string]part{"outcomes": func(ctx context.Context) error {
		select {
		case outcome <- "decided":
		case <-ctx.Done():
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	told := ""
	n.parts = map[string]part{"http": func(ctx context.Context) error {
		<-ctx.Done()
		select {
		case told = <-outcome: // decided only now
		case <-time.After(time.Second):
		}
		return nil
	}}
	time.AfterFunc(10*time.Millisecond, stop)
	require.NoError(t, n.Run(ctx))
	require.Equal(t, "decided", told)
}

// What they need failing ends all the same.
func TestABrokenViewEndsTheProcess(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken chain")
	n := &Node{log: slog.New(slog.DiscardHandler)}
	n.views = map[string]part{"accounts view": func(context.Context) error { return broken }}
	n.parts = map[string]part{"http": func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	require.ErrorIs(t, n.Run(t.Context()), broken)
}
