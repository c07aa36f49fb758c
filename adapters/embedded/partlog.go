package embedded

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"goniec/internal/wholefile"
)

// A partition's directory holds segments NNN.dat: Kafka record batches (format 2) one after another, NNN being the
// first offset. Beside them lie NNN.idx, which this package leaves alone: what they say is only used when
// snapshot.json is missing, and repairPartition always writes that.
const (
	batchPrefix      = 12 // first offset and length
	batchHeader      = 61
	attrTransaction  = 0x10
	attrControl      = 0x20
	noProducer       = -1
	snapshotFile     = "snapshot.json"
	maxBatchBytes    = 1 << 30
	controlKeyLength = 4
)

// openTransaction is one whose end is not in the log.
type openTransaction struct {
	epoch int16
	first int64
}

type abortedTransaction struct {
	ProducerID  int64 `json:"producer_id"`
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset"`
}

type segmentEntry struct {
	BaseOffset int64 `json:"base_offset"`
	Size       int64 `json:"size"`
}

// partitionSnapshot is what the broker library needs to open a partition without replaying it.
type partitionSnapshot struct {
	Version          int                  `json:"version"`
	HighWatermark    int64                `json:"high_watermark"`
	LastStableOffset int64                `json:"last_stable_offset"`
	LogStartOffset   int64                `json:"log_start_offset"`
	MaxTimestamp     int64                `json:"max_timestamp"`
	CreatedAt        time.Time            `json:"created_at"`
	AbortedTxns      []abortedTransaction `json:"aborted_txns,omitempty"`
	Segments         []segmentEntry       `json:"segments"`
}

// partitionScan is what a pass over all batches of a partition found.
type partitionScan struct {
	dir      string
	start    int64
	next     int64
	created  int64
	maxTime  int64
	open     map[int64]openTransaction
	aborted  []abortedTransaction
	segments []segmentEntry
}

// repairPartition cuts a torn tail, ends open transactions and writes the snapshot. It returns how many it ended.
func repairPartition(dir string, commit *commitRecord) (ended int, err error) {
	s, err := scanPartition(dir)
	if err != nil || len(s.segments) == 0 {
		return 0, err
	}
	ended = len(s.open)
	if err := s.endTransactions(commit); err != nil {
		return 0, err
	}
	return ended, s.writeSnapshot()
}

func scanPartition(dir string) (*partitionScan, error) {
	s := &partitionScan{dir: dir, maxTime: -1, open: make(map[int64]openTransaction)}
	bases, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	for _, base := range bases {
		if err := s.scanSegment(base); err != nil {
			return nil, fmt.Errorf("segment %d: %w", base, err)
		}
	}
	return s, nil
}

func listSegments(dir string) ([]int64, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var bases []int64
	for _, f := range files {
		if base, ok := segmentBase(f.Name()); ok {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// scanSegment reads one segment whole (the broker bounds its size), cuts what does not check out at its end and
// removes the file if nothing is left.
func (s *partitionScan) scanSegment(base int64) error {
	path := s.segmentPath(base)
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	pos := 0
	for pos < len(raw) {
		batch, ok := nextBatch(raw[pos:])
		if !ok {
			break
		}
		if err := s.see(batch); err != nil {
			return err
		}
		pos += len(batch)
	}
	if pos == 0 {
		return errors.Join(removeIfThere(path), removeIfThere(path[:len(path)-len("dat")]+"idx"))
	}
	if pos < len(raw) {
		if err := os.Truncate(path, int64(pos)); err != nil {
			return fmt.Errorf("cut: %w", err)
		}
	}
	s.segments = append(s.segments, segmentEntry{BaseOffset: base, Size: int64(pos)})
	return nil
}

func (s *partitionScan) segmentPath(base int64) string {
	return filepath.Join(s.dir, strconv.FormatInt(base, 10)+".dat")
}

// nextBatch returns the batch at the start of raw if it is there whole and its checksum holds.
func nextBatch(raw []byte) ([]byte, bool) {
	if len(raw) < batchHeader {
		return nil, false
	}
	length := binary.BigEndian.Uint32(raw[8:])
	if length < batchHeader-batchPrefix || length > maxBatchBytes || int(length) > len(raw)-batchPrefix {
		return nil, false
	}
	batch := raw[:batchPrefix+int(length)]
	return batch, crc32.Checksum(batch[21:], castagnoli) == binary.BigEndian.Uint32(batch[17:])
}

// see takes one batch into account.
func (s *partitionScan) see(raw []byte) error {
	var b kmsg.RecordBatch
	if err := b.ReadFrom(raw); err != nil {
		return fmt.Errorf("decode batch: %w", err)
	}
	if len(s.segments) == 0 && s.next == 0 {
		s.start, s.created = b.FirstOffset, b.FirstTimestamp
	}
	s.next = b.FirstOffset + int64(b.LastOffsetDelta) + 1
	s.maxTime = max(s.maxTime, b.MaxTimestamp)
	switch {
	case b.Attributes&attrControl != 0:
		s.seeMarker(&b)
	case b.Attributes&attrTransaction != 0:
		if _, open := s.open[b.ProducerID]; !open {
			s.open[b.ProducerID] = openTransaction{epoch: b.ProducerEpoch, first: b.FirstOffset}
		}
	}
	return nil
}

func (s *partitionScan) seeMarker(b *kmsg.RecordBatch) {
	tx, open := s.open[b.ProducerID]
	delete(s.open, b.ProducerID)
	if open && !isCommitMarker(b) {
		s.aborted = append(s.aborted, abortedTransaction{
			ProducerID: b.ProducerID, FirstOffset: tx.first, LastOffset: b.FirstOffset,
		})
	}
}

// isCommitMarker reads a control batch; one that cannot be read counts as an abort.
func isCommitMarker(b *kmsg.RecordBatch) bool {
	var rec kmsg.Record
	if err := rec.ReadFrom(b.Records); err != nil || len(rec.Key) < controlKeyLength {
		return false
	}
	return binary.BigEndian.Uint16(rec.Key[2:]) == uint16(kmsg.ControlRecordKeyTypeCommit)
}

// endTransactions appends a marker for every open transaction: commit for the one that recovery completes, else
// abort.
func (s *partitionScan) endTransactions(commit *commitRecord) error {
	pids := make([]int64, 0, len(s.open))
	for pid := range s.open {
		pids = append(pids, pid)
	}
	slices.SortFunc(pids, func(a, b int64) int { return cmp.Compare(s.open[a].first, s.open[b].first) })
	var raw []byte
	for _, pid := range pids {
		tx := s.open[pid]
		commits := commit != nil && commit.ProducerID == pid && commit.Epoch == tx.epoch
		marker := controlBatch(s.next, pid, tx.epoch, commits)
		if err := s.see(marker); err != nil {
			return err
		}
		raw = append(raw, marker...)
	}
	return s.append(raw)
}

func (s *partitionScan) append(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	last := &s.segments[len(s.segments)-1]
	f, err := os.OpenFile(s.segmentPath(last.BaseOffset), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("append markers: %w", err)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("append markers: %w", err)
	}
	last.Size += int64(len(raw))
	return nil
}

func (s *partitionScan) writeSnapshot() error {
	path := filepath.Join(s.dir, snapshotFile)
	raw, err := json.Marshal(partitionSnapshot{
		Version: 1, HighWatermark: s.next, LastStableOffset: s.next, LogStartOffset: s.logStart(path),
		MaxTimestamp: s.maxTime, CreatedAt: time.UnixMilli(s.created), AbortedTxns: s.aborted, Segments: s.segments,
	})
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	return wholefile.Write(path, raw)
}

// logStart keeps what an older snapshot says about deleted records, which the segments alone do not tell.
func (s *partitionScan) logStart(path string) int64 {
	var old partitionSnapshot
	if raw, err := os.ReadFile(path); err != nil || json.Unmarshal(raw, &old) != nil {
		return s.start
	}
	return min(max(s.start, old.LogStartOffset), s.next)
}

// fillPartition makes an empty partition begin at the given offset, by an abort marker of no producer, which readers
// pass over. A partition with any batch is left alone.
func fillPartition(dir string, offset int64) error {
	s, err := scanPartitionEnds(dir)
	if err != nil || s {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create partition directory: %w", err)
	}
	if err := removeIfThere(filepath.Join(dir, snapshotFile)); err != nil {
		return err
	}
	path := filepath.Join(dir, strconv.FormatInt(offset, 10)+".dat")
	return wholefile.Write(path, controlBatch(offset, noProducer, -1, false))
}

// scanPartitionEnds reports whether the partition has any segment with content.
func scanPartitionEnds(dir string) (bool, error) {
	bases, err := listSegments(dir)
	if err != nil {
		return false, err
	}
	for _, base := range bases {
		info, err := os.Stat(filepath.Join(dir, strconv.FormatInt(base, 10)+".dat"))
		if err != nil {
			return false, fmt.Errorf("stat segment: %w", err)
		}
		if info.Size() > 0 {
			return true, nil
		}
	}
	return false, nil
}

// controlBatch builds the batch that ends a transaction, as a transaction coordinator writes it.
func controlBatch(offset, pid int64, epoch int16, commit bool) []byte {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	marker := kmsg.EndTxnMarker{}
	rec := kmsg.Record{Key: key.AppendTo(nil), Value: marker.AppendTo(nil)}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1)
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		FirstOffset: offset, Magic: 2, Attributes: attrControl | attrTransaction,
		FirstTimestamp: now, MaxTimestamp: now, ProducerID: pid, ProducerEpoch: epoch,
		FirstSequence: -1, NumRecords: 1, Records: rec.AppendTo(nil),
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-batchPrefix))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	return raw
}
