package eventstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
)

// MaxBlob bounds a blob, in bytes: with its key and the frame around it, it fits
// into what Kafka takes by default.
const MaxBlob = 1_000_000

// blobsHeld bounds the blobs that a process keeps at hand, in bytes.
const blobsHeld = 16 << 20

// BlobStore reads and writes the topic `blobs`: files that the journal names by
// their SHA-256, such as logos and texts of regulations. Key = that digest in hex,
// value = the bytes, as they are: no recipient's data belongs there. There are some
// thousands of them, so a process that serves them follows the topic (Run) and
// remembers where each lies; the bytes stay in Kafka but for those asked for lately.
// Safe for concurrent use.
type BlobStore struct {
	client   sarama.Client
	producer Sender
	topic    string
	part     Partitioner
	follower *Follower

	mu   sync.Mutex
	at   map[string]int64  // digest → offset of its newest record
	held map[string][]byte // digest → bytes
	size int               // of held
}

// NewBlobStore returns a store that knows nothing; Run fills it.
func NewBlobStore(client sarama.Client, producer Sender, topics Topics, part Partitioner) *BlobStore {
	s := &BlobStore{client: client, producer: producer, topic: topics.Name(Blobs), part: part, at: map[string]int64{}, held: map[string][]byte{}}
	s.follower = NewFollower(client, s.topic, part.N, s.apply)
	return s
}

// Run follows the topic until ctx ends.
func (s *BlobStore) Run(ctx context.Context) error { return s.follower.Run(ctx) }

// apply notes where a blob lies. One that is not what its key says is passed over.
func (s *BlobStore) apply(r *Record) error {
	digest := string(r.Key)
	if r.Value != nil && blobDigest(r.Value) != digest {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Value == nil {
		delete(s.at, digest)
		s.size -= len(s.held[digest])
		delete(s.held, digest)
	} else {
		s.at[digest] = r.Offset
	}
	return nil
}

func blobDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ErrBlobSize says that a blob is empty or larger than MaxBlob.
var ErrBlobSize = errors.New("a blob has 1 to 1,000,000 bytes")

// Put writes a blob and returns its digest when every in-sync replica has it: only
// then may a command name it. One that is there is not written again. It fails with
// ErrBlobSize or as Producer.Send does.
func (s *BlobStore) Put(ctx context.Context, data []byte) (digest string, err error) {
	if len(data) == 0 || len(data) > MaxBlob {
		return "", ErrBlobSize
	}
	digest = blobDigest(data)
	if _, there := s.find(digest); there {
		return digest, nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	err = s.producer.Send(ctx, &sarama.ProducerMessage{
		Topic: s.topic, Partition: s.partition(digest), Key: sarama.StringEncoder(digest), Value: sarama.ByteEncoder(data),
	})
	if err != nil {
		return "", fmt.Errorf("write blob: %w", err)
	}
	return digest, nil
}

func (s *BlobStore) partition(digest string) Partition { return s.part.Of([]byte(digest)) }

func (s *BlobStore) find(digest string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[digest]
	return at, ok
}

// Get returns the blob of that digest, checked against it; the caller must not
// change it. ok == false means that there was none when it was called. It fails
// with ErrUnavailable when Kafka does not answer within SendTimeout.
func (s *BlobStore) Get(ctx context.Context, digest string) (data []byte, ok bool, err error) {
	s.mu.Lock()
	data, ok = s.held[digest]
	s.mu.Unlock()
	if ok {
		return data, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	if data, err = s.load(ctx, digest); err == nil && data == nil {
		// Written a moment ago, or written once more and compacted away where it lay.
		if err = s.follower.CaughtUp(ctx); err == nil {
			data, err = s.load(ctx, digest)
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: read blob: %w", ErrUnavailable, err)
	}
	return data, data != nil, nil
}

// load reads a blob from where it is known to lie; nil when it is not there.
func (s *BlobStore) load(ctx context.Context, digest string) (data []byte, err error) {
	at, known := s.find(digest)
	if !known {
		return nil, nil
	}
	r := NewReader(s.client, s.topic, s.partition(digest), at).Limit(MaxBlob)
	err = ReadTo(ctx, r, at+1, func(rec *Record) error {
		data = rec.Value
		return nil
	})
	if err != nil || data == nil {
		return nil, err
	}
	if blobDigest(data) != digest {
		return nil, errors.New("its bytes are not those that were written")
	}
	s.hold(digest, data)
	return data, nil
}

// hold keeps a blob at hand, and lets go of any others until it fits.
func (s *BlobStore) hold(digest string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.held[digest]; there {
		return
	}
	for other, b := range s.held {
		if s.size+len(data) <= blobsHeld {
			break
		}
		s.size -= len(b)
		delete(s.held, other)
	}
	s.held[digest], s.size = data, s.size+len(data)
}
