package eventstore_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

// blobs returns a store over the shelf's topic that runs until the test ends.
func (s *shelf) blobs() *eventstore.BlobStore {
	s.t.Helper()
	b := eventstore.NewBlobStore(s.client, s.producer, s.topics, eventstore.Partitioner{N: 2})
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		require.ErrorIs(s.t, <-ended, context.Canceled)
	})
	return b
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (s *shelf) requireBlob(b *eventstore.BlobStore, data []byte) {
	s.t.Helper()
	got, ok, err := b.Get(s.t.Context(), digestOf(data))
	require.NoError(s.t, err)
	require.True(s.t, ok)
	require.Equal(s.t, digestOf(data), digestOf(got))
}

// record writes a record of `blobs` as it is.
func (s *shelf) record(key string, value []byte) {
	s.t.Helper()
	m := &sarama.ProducerMessage{
		Topic: s.topics.Name(eventstore.Blobs), Partition: eventstore.Partitioner{N: 2}.Of([]byte(key)), Key: sarama.StringEncoder(key),
	}
	if value != nil {
		m.Value = sarama.ByteEncoder(value)
	}
	require.NoError(s.t, s.producer.Send(s.t.Context(), m))
}

func (s *shelf) blobRecords() (n int64) {
	s.t.Helper()
	for p := range eventstore.Partition(2) {
		end, err := eventstore.EndOffset(s.client, s.topics.Name(eventstore.Blobs), p)
		require.NoError(s.t, err)
		n += end
	}
	return n
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	one, two := s.blobs(), s.blobs()
	for _, size := range []int{1, 100, eventstore.MaxBlob} {
		data := make([]byte, size)
		_, _ = rand.Read(data)
		digest, err := one.Put(t.Context(), data)
		require.NoError(t, err)
		require.Equal(t, digestOf(data), digest)
		s.requireBlob(two, data) // by another process, at once
		s.requireBlob(one, data)
		before := s.blobRecords()
		_, err = two.Put(t.Context(), data)
		require.NoError(t, err)
		require.Equal(t, before, s.blobRecords(), "it is there already")
	}
	for _, data := range [][]byte{nil, make([]byte, eventstore.MaxBlob+1)} {
		_, err := one.Put(t.Context(), data)
		require.ErrorIs(t, err, eventstore.ErrBlobSize)
	}
	_, ok, err := one.Get(t.Context(), digestOf([]byte("never written")))
	require.NoError(t, err)
	require.False(t, ok)
}

// What is not what its key says is never given out, and does not hide what is.
func TestBlobsAreCheckedByTheirDigest(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	data := []byte("a text")
	s.record(digestOf([]byte("another text")), data)
	s.record(digestOf(data), data)
	s.record(digestOf(data), data) // the first one may be compacted away
	s.record(digestOf(data), []byte("something else"))
	b := s.blobs()
	s.requireBlob(b, data)
	_, ok, err := b.Get(t.Context(), digestOf([]byte("another text")))
	require.NoError(t, err)
	require.False(t, ok)

	s.record(digestOf(data), nil)
	require.Eventually(t, func() bool {
		_, ok, err := b.Get(t.Context(), digestOf(data))
		return err == nil && !ok
	}, time.Minute, 10*time.Millisecond)
}

// More than is kept at hand: what was let go of is read again.
func TestBlobsBeyondWhatIsHeld(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	b := s.blobs()
	var all [][]byte
	for range 20 {
		data := make([]byte, eventstore.MaxBlob)
		_, _ = rand.Read(data)
		_, err := b.Put(t.Context(), data)
		require.NoError(t, err)
		all = append(all, data)
	}
	for range 2 {
		for _, data := range all {
			s.requireBlob(b, data)
		}
	}
}
