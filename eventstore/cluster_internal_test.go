package eventstore

import (
	"errors"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// A broker's word that a producer is over is found wherever sarama puts it.
func TestAFencingIsFoundAmongErrors(t *testing.T) {
	t.Parallel()
	other := errors.New("away")
	for _, code := range []sarama.KError{sarama.ErrProducerFenced, sarama.ErrInvalidProducerEpoch} {
		require.ErrorIs(t, fenced(code), code)
		require.ErrorIs(t, fenced(sarama.ProducerErrors{{Err: other}, {Err: code}}), code)
	}
	require.NotErrorIs(t, fenced(sarama.ProducerErrors{{Err: other}}), sarama.ErrProducerFenced)
	require.Equal(t, other, fenced(other))
}
