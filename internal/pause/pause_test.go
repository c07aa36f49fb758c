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
