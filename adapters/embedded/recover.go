package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"goniec/internal/wholefile"
)

const (
	marksFile     = "marks.json"
	producersFile = "pids.log"           // the library's
	sessionFile   = "session_state.json" // the library's
)

// recoverLog puts a broker directory in order before the broker opens it. After a clean stop that is only the
// partitions whose records have all expired (restoreMarks) and the producers whose transactions have (fenceExpired). After any other end it also
//
//   - puts back the segments of a compaction that was under way (restoreKept),
//   - cuts half-written tails,
//   - completes the commit that was under way (commitSlot) and aborts every other open transaction with markers in
//     the log. The broker library aborts them in memory only: after a second crash the next commit of the same
//     producer would turn the first crash's aborted records into committed ones,
//   - fences all transactional producers, so that one in another process does not take its aborted transaction for
//     committed,
//   - forgets producer sequences and group members, which are only written at a clean stop and would be stale.
//
// Every step can be repeated, so a crash during recovery is harmless.
func recoverLog(ctx context.Context, dir string, faults *faultLog) error {
	logDir := filepath.Join(dir, brokerLogDir)
	clean, err := takeCleanMark(dir)
	if err != nil {
		return err
	}
	if clean {
		err = errors.Join(dropKept(dir), fenceExpired(logDir))
	} else {
		err = repair(ctx, dir, logDir, faults)
	}
	if err != nil {
		return err
	}
	return restoreMarks(dir, logDir)
}

// takeCleanMark reports whether the last stop was clean, and removes the mark. A directory never used is clean.
func takeCleanMark(dir string) (bool, error) {
	err := os.Remove(filepath.Join(dir, brokerCleanFile))
	switch {
	case err == nil:
		return true, syncDir(dir)
	case !errors.Is(err, os.ErrNotExist):
		return false, fmt.Errorf("remove clean mark: %w", err)
	}
	_, err = os.Stat(filepath.Join(dir, brokerLogDir, "meta.json"))
	return errors.Is(err, os.ErrNotExist), nil
}

func repair(ctx context.Context, dir, logDir string, faults *faultLog) error {
	if err := restoreKept(dir); err != nil {
		return err
	}
	producers, err := readProducers(filepath.Join(logDir, producersFile))
	if err != nil {
		return err
	}
	commit, err := pendingCommit(dir, producers)
	if err != nil {
		return err
	}
	ended, err := repairPartitions(ctx, logDir, commit)
	if err != nil {
		return err
	}
	if err := repairOffsets(filepath.Join(logDir, "groups.log"), commit); err != nil {
		return err
	}
	if err := appendStateLog(filepath.Join(logDir, producersFile), fenceEntries(producers)); err != nil {
		return err
	}
	if faults.log != nil {
		faults.log.Info("embedded broker recovered after an unclean stop",
			slog.Int("transactions_ended", ended), slog.Bool("commit_completed", commit != nil))
	}
	return errors.Join(
		removeIfThere(filepath.Join(logDir, sessionFile)),
		removeIfThere(filepath.Join(logDir, "seq_windows.json")),
		removeIfThere(filepath.Join(dir, commitSlotFile)),
	)
}

// expiryMargin is how much sooner than the broker library fenceExpired takes a transaction for expired: the library
// looks later.
const expiryMargin = time.Second

// fenceExpired fences the producers whose transactions expired while the broker was down. The library aborts these at
// its start but lets the producers go on: one that outlived the broker would commit its second half alone.
func fenceExpired(logDir string) error {
	raw, err := os.ReadFile(filepath.Join(logDir, sessionFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read session state: %w", err)
	}
	var session struct {
		Transactions []struct {
			PID   int64     `json:"pid"`
			Start time.Time `json:"txStart"`
		} `json:"inProgressTxns"`
	}
	if err := json.Unmarshal(raw, &session); err != nil {
		return fmt.Errorf("decode session state: %w", err)
	}
	producers, err := readProducers(filepath.Join(logDir, producersFile))
	if err != nil {
		return err
	}
	expired := make(map[int64]producerEntry)
	for _, tx := range session.Transactions {
		p, ok := producers[tx.PID]
		if timeout := time.Duration(p.Timeout) * time.Millisecond; ok && time.Since(tx.Start) > timeout-expiryMargin {
			expired[tx.PID] = p
		}
	}
	return appendStateLog(filepath.Join(logDir, producersFile), fenceEntries(expired))
}

// pendingCommit returns the commit to complete. One by a producer that has been fenced meanwhile was refused.
func pendingCommit(dir string, producers map[int64]producerEntry) (*commitRecord, error) {
	rec, err := readCommitSlot(dir)
	if err != nil || rec == nil {
		return nil, err
	}
	if p, ok := producers[rec.ProducerID]; !ok || p.Epoch != rec.Epoch {
		return nil, nil
	}
	return rec, nil
}

func repairPartitions(ctx context.Context, logDir string, commit *commitRecord) (ended int, err error) {
	root := filepath.Join(logDir, "partitions")
	dirs, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("list partitions: %w", err)
	}
	for _, d := range dirs {
		if err := ctx.Err(); err != nil {
			return ended, fmt.Errorf("repair partitions: %w", err)
		}
		if !d.IsDir() {
			continue
		}
		n, err := repairPartition(filepath.Join(root, d.Name()), commit)
		if err != nil {
			return ended, fmt.Errorf("repair partition %s: %w", d.Name(), err)
		}
		ended += n
	}
	return ended, nil
}

func repairOffsets(path string, commit *commitRecord) error {
	if _, err := readStateLog(path); err != nil { // for its cut
		return err
	}
	if commit == nil {
		return nil
	}
	now := time.Now().UnixMilli()
	entries := make([]groupEntry, 0, len(commit.Offsets))
	for _, o := range commit.Offsets {
		entries = append(entries, groupEntry{
			Type: "commit", Group: o.Group, Topic: o.Topic, Partition: o.Partition,
			Offset: o.Offset, Epoch: o.Epoch, Metadata: o.Metadata, LastCommit: &now,
		})
	}
	return appendStateLog(path, entries)
}

// restoreMarks gives partitions without any record their position back. The library derives it from the last batch
// at hand, so that a partition whose records have all expired would start at offset 0 again, below what consumers
// have committed, and new records would never be read.
func restoreMarks(dir, logDir string) error {
	marks, err := readMarks(dir)
	if err != nil {
		return err
	}
	for name, end := range marks {
		if end == 0 {
			continue
		}
		if err := fillPartition(filepath.Join(logDir, "partitions", name), end); err != nil {
			return fmt.Errorf("restore position of %s: %w", name, err)
		}
	}
	return nil
}

func readMarks(dir string) (map[string]int64, error) {
	raw, err := os.ReadFile(filepath.Join(dir, marksFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	marks := make(map[string]int64)
	if err := json.Unmarshal(raw, &marks); err != nil {
		return nil, fmt.Errorf("decode marks: %w", err)
	}
	return marks, nil
}

// writeMarks records where each partition ends, before records are dropped from it.
func (b *Broker) writeMarks() error {
	if b.dir == "" {
		return nil
	}
	topics, err := b.topics()
	if err != nil {
		return err
	}
	marks := make(map[string]int64)
	for _, t := range topics {
		for _, p := range b.cluster.PartitionInfos(t) {
			marks[partitionDirName(t, p.Partition)] = p.HighWatermark
		}
	}
	raw, err := json.Marshal(marks)
	if err != nil {
		return fmt.Errorf("encode marks: %w", err)
	}
	return wholefile.Write(filepath.Join(b.dir, marksFile), raw)
}

func (b *Broker) topics() ([]string, error) {
	raw, err := os.ReadFile(filepath.Join(b.dir, brokerLogDir, "topics.json"))
	if err != nil {
		return nil, fmt.Errorf("read topics: %w", err)
	}
	var list struct {
		Topics []struct {
			Name string `json:"name"`
		} `json:"topics"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode topics: %w", err)
	}
	names := make([]string, 0, len(list.Topics))
	for _, t := range list.Topics {
		names = append(names, t.Name)
	}
	return names, nil
}

func partitionDirName(topic string, partition int32) string {
	return url.PathEscape(topic) + "-" + strconv.Itoa(int(partition))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", filepath.Base(path), err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// segmentBase returns the first offset that a segment's file name states.
func segmentBase(name string) (int64, bool) {
	text, ok := strings.CutSuffix(name, ".dat")
	if !ok {
		return 0, false
	}
	base, err := strconv.ParseInt(text, 10, 64)
	return base, err == nil
}
