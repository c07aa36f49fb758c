package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/cmd/goniec/internal/run"
)

func TestAClockThatIsWrongOnPurpose(t *testing.T) { // not parallel: it sets the environment
	clock, err := run.ClockFromEnv()
	require.NoError(t, err)
	require.Nil(t, clock)
	t.Setenv(run.OffsetVariable, "-1h")
	clock, err = run.ClockFromEnv()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(-time.Hour), clock.Now(), time.Minute)
	_, err = run.Load(run.Defaults(), "")
	require.NoError(t, err, "it is no setting of the configuration")
	t.Setenv(run.OffsetVariable, "early")
	_, err = run.ClockFromEnv()
	require.ErrorContains(t, err, run.OffsetVariable)
}
