package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The broker library compacts a partition by deleting its segments and writing those that take their place: a process
// that dies in between has lost the partition. So Compact gives the segments second names before and takes these away
// afterwards; where recovery finds them, it puts the segments back.
const (
	keptDir    = "kept"
	keptNewDir = "kept.new" // not all there yet
	keptOldDir = "kept.old" // on its way out
)

// ErrTransactionOpen says that nothing was compacted because a transaction is open: the broker library would take its
// records for committed, drop what they supersede, and have neither when it is aborted.
var ErrTransactionOpen = errors.New("a transaction is open in a compacted topic")

// Compact removes superseded records from compacted topics and expired ones from topics with a retention time. While it
// lasts no request is handled. While a transaction is open in a compacted topic, it does nothing but return
// ErrTransactionOpen. When it fails midway, as for want of space, the broker handles no request any more; its next start
// puts back what it had.
func (b *Broker) Compact() error {
	b.quiet.Lock()
	defer b.quiet.Unlock()
	if b.dir == "" {
		b.cluster.Compact()
		return nil
	}
	names, err := b.compacted()
	if err != nil {
		return err
	}
	if err := b.writeMarks(); err != nil {
		return err
	}
	if err := keepSegments(b.dir, names); err != nil {
		return fmt.Errorf("keep segments: %w", err)
	}
	b.cluster.Compact()
	if b.broken = b.faults.compaction(); b.broken == nil {
		b.broken = dropKept(b.dir)
	}
	return b.broken
}

// compacted returns the names of the directories of all partitions that are compacted.
func (b *Broker) compacted() ([]string, error) {
	topics, err := b.topics()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, topic := range topics {
		info := b.cluster.TopicInfo(topic)
		if info == nil {
			continue
		}
		if policy := info.Configs["cleanup.policy"]; policy == nil || !strings.Contains(*policy, "compact") {
			continue
		}
		for _, p := range b.cluster.PartitionInfos(topic) {
			if p.LastStableOffset != p.HighWatermark {
				return nil, fmt.Errorf("%w: %s/%d", ErrTransactionOpen, topic, p.Partition)
			}
			names = append(names, partitionDirName(topic, p.Partition))
		}
	}
	return names, nil
}

// keepSegments gives the segments of partitions second names.
func keepSegments(dir string, names []string) error {
	fresh := filepath.Join(dir, keptNewDir)
	if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700)); err != nil {
		return err
	}
	for _, name := range names {
		if err := linkSegments(filepath.Join(dir, brokerLogDir, "partitions", name), filepath.Join(fresh, name)); err != nil {
			return err
		}
	}
	return moveDir(dir, keptNewDir, keptDir)
}

// restoreKept puts back the segments of a compaction that did not come to its end.
func restoreKept(dir string) error {
	names, err := os.ReadDir(filepath.Join(dir, keptDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list kept partitions: %w", err)
	}
	for _, name := range names {
		to := filepath.Join(dir, brokerLogDir, "partitions", name.Name())
		if err := removeSegments(to); err != nil {
			return fmt.Errorf("put %s back: %w", name.Name(), err)
		}
		if err := linkSegments(filepath.Join(dir, keptDir, name.Name()), to); err != nil {
			return fmt.Errorf("put %s back: %w", name.Name(), err)
		}
	}
	return dropKept(dir)
}

// dropKept ends the second names, all at once.
func dropKept(dir string) error {
	old := filepath.Join(dir, keptOldDir)
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("drop kept segments: %w", err)
	}
	err := moveDir(dir, keptDir, keptOldDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, os.RemoveAll(old)); err != nil {
		return fmt.Errorf("drop kept segments: %w", err)
	}
	return nil
}

func moveDir(dir, from, to string) error {
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		return err
	}
	return syncDir(dir)
}

func removeSegments(dir string) error {
	bases, err := listSegments(dir)
	for _, base := range bases {
		path := filepath.Join(dir, strconv.FormatInt(base, 10))
		err = errors.Join(err, removeIfThere(path+".dat"), removeIfThere(path+".idx"))
	}
	return err
}

func linkSegments(from, to string) error {
	bases, err := listSegments(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, base := range bases {
		name := strconv.FormatInt(base, 10) + ".dat"
		if err := linkOrCopy(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// linkOrCopy copies a segment, which segmentBytes bounds, where the file system knows no second names.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}
