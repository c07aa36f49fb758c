package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

func TestEvictAt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := message.New("m")
	require.Zero(t, message.EvictAt(s), "a stream without events")
	cancelled := message.Evolve(s, message.CancelRequested{By: "key/1"}, at)
	require.Equal(t, at.Add(message.CancelKept), message.EvictAt(cancelled))
	s = message.Evolve(cancelled, message.Accepted{Fallback: true}, at.Add(time.Hour))
	require.Zero(t, message.EvictAt(s), "its request came")
	s = message.Evolve(s, message.Cancelled{}, at.Add(2*time.Hour))
	require.Equal(t, at.Add(2*time.Hour+message.KeptFor), message.EvictAt(s))
	later := message.Evolve(s, message.Read{}, at.Add(9*time.Hour))
	require.Equal(t, message.EvictAt(s), message.EvictAt(later), "a late report moves nothing")
}
