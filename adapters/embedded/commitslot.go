package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	commitSlotFile = "commit"

	// offsetsByID is the version of TxnOffsetCommit from which on topics are named by id.
	offsetsByID = 6
)

// castagnoli is the CRC of Kafka's record batches; the broker library's own files use it too.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The broker library ends a transaction by writing a marker to one partition after another and then the consumer
// offsets. A process that dies in between would leave half a transaction. The commit slot closes that gap: before
// the broker acts on a commit, the decision and the offsets that belong to it are written here; recovery finds them
// and completes what was begun. The broker handles requests one at a time, so one slot is enough, and the next
// request of any kind proves that the commit before it was carried out.

// commitRecord is a commit that was decided but perhaps not carried out.
type commitRecord struct {
	ProducerID int64           `json:"pid"`
	Epoch      int16           `json:"epoch"`
	Offsets    []commitOffsets `json:"offsets,omitempty"`
}

type commitOffsets struct {
	Group     string  `json:"g"`
	Topic     string  `json:"t"`
	Partition int32   `json:"p"`
	Offset    int64   `json:"o"`
	Epoch     int32   `json:"e"`
	Metadata  *string `json:"m,omitempty"`
}

// commitSlot records commits as they pass. A nil slot does nothing.
type commitSlot struct {
	sync   bool
	nameOf func(id [16]byte) string // of a topic; empty: there is none

	mu      sync.Mutex
	f       *os.File
	staged  map[int64]*commitRecord
	pending bool
}

func openCommitSlot(dir string, sync bool, nameOf func(id [16]byte) string) (*commitSlot, error) {
	f, err := os.OpenFile(filepath.Join(dir, commitSlotFile), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open commit slot: %w", err)
	}
	return &commitSlot{sync: sync, nameOf: nameOf, f: f, staged: make(map[int64]*commitRecord)}, nil
}

// observe sees every request before the broker handles it. A commit that cannot be recorded is refused, which leaves
// the transaction open.
func (s *commitSlot) observe(req kmsg.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending {
		if err := s.write([]byte{0, 0, 0, 0}); err != nil {
			return err
		}
		s.pending = false
	}
	switch r := req.(type) {
	case *kmsg.TxnOffsetCommitRequest:
		s.stage(r)
	case *kmsg.EndTxnRequest:
		return s.end(r)
	}
	return nil
}

func (s *commitSlot) stage(r *kmsg.TxnOffsetCommitRequest) {
	rec := s.staged[r.ProducerID]
	if rec == nil || rec.Epoch != r.ProducerEpoch {
		rec = &commitRecord{ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}
		s.staged[r.ProducerID] = rec
	}
	for _, t := range r.Topics {
		topic := t.Topic
		if r.Version >= offsetsByID {
			topic = s.nameOf(t.TopicID)
		}
		for _, p := range t.Partitions {
			rec.Offsets = append(rec.Offsets, commitOffsets{
				Group: r.Group, Topic: topic, Partition: p.Partition,
				Offset: p.Offset, Epoch: p.LeaderEpoch, Metadata: p.Metadata,
			})
		}
	}
}

func (s *commitSlot) end(r *kmsg.EndTxnRequest) error {
	rec := s.staged[r.ProducerID]
	delete(s.staged, r.ProducerID)
	if !r.Commit {
		return nil
	}
	if rec == nil || rec.Epoch != r.ProducerEpoch {
		rec = &commitRecord{ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}
	}
	raw, err := encodeCommit(rec)
	if err != nil {
		return err
	}
	s.pending = true
	return s.write(raw)
}

func (s *commitSlot) write(raw []byte) error {
	if s.f == nil {
		return os.ErrClosed
	}
	if _, err := s.f.WriteAt(raw, 0); err != nil {
		return fmt.Errorf("write commit slot: %w", err)
	}
	if !s.sync {
		return nil
	}
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("sync commit slot: %w", err)
	}
	return nil
}

func (s *commitSlot) close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	if err != nil {
		return fmt.Errorf("close commit slot: %w", err)
	}
	return nil
}

// encodeCommit frames a record: length, checksum, JSON. A length of zero means that no commit is under way.
func encodeCommit(rec *commitRecord) ([]byte, error) {
	body, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encode commit: %w", err)
	}
	raw := make([]byte, 8, 8+len(body))
	binary.LittleEndian.PutUint32(raw, uint32(len(body)))
	binary.LittleEndian.PutUint32(raw[4:], crc32.Checksum(body, castagnoli))
	return append(raw, body...), nil
}

// readCommitSlot returns the commit that was under way when the directory was last used, nil if none was. A record
// that was not written whole was not acted upon either.
func readCommitSlot(dir string) (*commitRecord, error) {
	raw, err := os.ReadFile(filepath.Join(dir, commitSlotFile))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(raw) < 8 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read commit slot: %w", err)
	}
	length := uint64(binary.LittleEndian.Uint32(raw))
	body := raw[8:]
	if length == 0 || length > uint64(len(body)) {
		return nil, nil
	}
	body = body[:length]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(raw[4:]) {
		return nil, nil
	}
	var rec commitRecord
	if err := json.Unmarshal(body, &rec); err != nil {
		return nil, fmt.Errorf("decode commit slot: %w", err)
	}
	return &rec, nil
}
