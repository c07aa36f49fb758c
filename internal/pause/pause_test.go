package pause_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/internal/pause"
)

func TestFor(t *testing.T) {
	t.Parallel()
	began := time.Now()
	require.NoError(t, pause.For(t.Context(), 10*time.Millisecond))
	require.GreaterOrEqual(t, time.Since(began), 10*time.Millisecond)

	why := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	require.ErrorIs(t, pause.For(ctx, time.Hour), why)
}

func TestUntil(t *testing.T) {
	t.Parallel()
	asked := 0
	require.NoError(t, pause.Until(t.Context(), func() bool { asked++; return asked == 3 }))
	require.Equal(t, 3, asked)

	why := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	require.ErrorIs(t, pause.Until(ctx, func() bool { return false }), why)
	require.NoError(t, pause.Until(ctx, func() bool { return true }), "what is so needs no waiting")
}
