package demo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/internal/testkit"
)

// monthOptions are those of a run on the test kit's Kafka, if that is another than the embedded one.
func monthOptions(t *testing.T) MonthOptions {
	t.Helper()
	opt := MonthOptions{Options: Options{Dir: t.TempDir()}}
	if !testkit.KafkaIsEmbedded() {
		addr, prefix := testkit.Kafka(t)
		opt.Brokers, opt.Prefix = []string{addr}, prefix
	}
	return opt
}

func TestMonth(t *testing.T) {
	t.Parallel()
	opt := monthOptions(t)
	opt.Tell = func(h Happening) { t.Log(h.At.Format("2006-01-02 15:04:05"), h.Who, h.What) }
	r, err := RunMonth(t.Context(), opt)
	require.NoError(t, err)
	require.True(t, r.OK, r.Checks)
}
