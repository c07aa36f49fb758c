package eventstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The time-outs hang together: see the comments where they are set.
func TestTimeoutsHangTogether(t *testing.T) {
	t.Parallel()
	c := KafkaConfig{SessionTimeout: 6 * time.Second}
	group, producer := c.groupConfig(), c.TransactionalConfig("x")
	require.NoError(t, group.Validate())
	require.NoError(t, producer.Validate())
	require.Greater(t, group.Net.ReadTimeout, group.Consumer.Group.Rebalance.Timeout)
	require.Greater(t, group.Consumer.Group.Rebalance.Timeout, answerTimeout+SendTimeout, "an owner has this long to let go")
	require.Greater(t, producer.Net.ReadTimeout, producer.Producer.Timeout)
	require.GreaterOrEqual(t, 15*time.Second, producer.Producer.Transaction.Timeout, "a killed owner's transaction holds readers up for so long")
}
