package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

const (
	journalName = "carrier.ndjson"
	indexEvery  = 256     // entries between two known offsets
	maxBuffered = 8 << 20 // bytes that wait for the disk before appends do
	maxLine     = 1 << 20
	maxPage     = 8 << 20 // bytes of entries in one page
)

var errClosed = errors.New("simulator: the log is closed")

// journal is the log: a file of JSON lines, appended in batches by one
// goroutine, and read back by offset. Safe for concurrent use.
type journal struct {
	file   *os.File
	sync   bool
	remove bool // a temporary file

	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte // appended, not yet handed to the disk
	seq    int64  // of the last entry appended
	size   int64  // of the file with buf
	saved  int64  // seq up to which entries are in the file (synced, if sync)
	index  []int64
	err    error // sticky
	closed bool
	done   chan struct{}
}

// openJournal opens or creates the log in dir and hands every entry in it to
// replay. A torn last line, the mark of a killed process, is cut off.
func openJournal(dir string, syncAlways bool, replay func(Entry)) (*journal, error) {
	j := &journal{sync: syncAlways, done: make(chan struct{})}
	j.cond = sync.NewCond(&j.mu)
	if err := j.open(dir); err != nil {
		return nil, fmt.Errorf("simulator: open log: %w", err)
	}
	if err := j.recover(replay); err != nil {
		return nil, errors.Join(fmt.Errorf("simulator: read log: %w", err), j.file.Close())
	}
	j.saved = j.seq
	go j.write()
	return j, nil
}

func (j *journal) open(dir string) (err error) {
	if dir == "" {
		j.remove = true
		j.file, err = os.CreateTemp("", "goniec-carrier-*.ndjson")
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if j.file, err = os.OpenFile(filepath.Join(dir, journalName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := lock(j.file); err != nil {
		return errors.Join(fmt.Errorf("another simulator has it: %w", err), j.file.Close())
	}
	return nil
}

func (j *journal) recover(replay func(Entry)) error {
	in := bufio.NewReaderSize(j.file, 256<<10)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return j.cutAt(j.size)
		}
		if err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("entry %d: not an entry", j.seq+1)
		}
		if e.Seq != j.seq+1 {
			return fmt.Errorf("entry %d: has number %d", j.seq+1, e.Seq)
		}
		j.count(len(line))
		replay(e)
	}
}

func (j *journal) cutAt(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	_, err := j.file.Seek(size, io.SeekStart)
	return err
}

// count notes one more entry of n bytes.
func (j *journal) count(n int) {
	if j.seq%indexEvery == 0 {
		j.index = append(j.index, j.size)
	}
	j.seq++
	j.size += int64(n)
}

// append numbers e and puts it behind the others. It does not wait for the disk, unless far behind.
func (j *journal) append(e *Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.buf) > maxBuffered && j.err == nil && !j.closed {
		j.cond.Wait()
	}
	switch {
	case j.err != nil:
		return j.err
	case j.closed:
		return errClosed
	}
	e.Seq = j.seq + 1
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.buf = append(append(j.buf, line...), '\n')
	j.count(len(line) + 1)
	j.cond.Broadcast()
	return nil
}

// wait returns when the entry seq is saved.
func (j *journal) wait(seq int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.saved < seq && j.err == nil {
		j.cond.Wait()
	}
	return j.err
}

// write is the one goroutine that writes: whatever came up while it wrote is its next batch.
func (j *journal) write() {
	defer close(j.done)
	var spare []byte
	for {
		j.mu.Lock()
		for len(j.buf) == 0 && !j.closed {
			j.cond.Wait()
		}
		batch, last := j.buf, j.seq
		j.buf = spare[:0]
		j.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := j.save(batch)
		j.settle(last, err)
		if spare = batch; err != nil {
			return
		}
	}
}

func (j *journal) save(batch []byte) error {
	if _, err := j.file.Write(batch); err != nil {
		return fmt.Errorf("simulator: write log: %w", err)
	}
	if !j.sync {
		return nil
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("simulator: sync log: %w", err)
	}
	return nil
}

func (j *journal) settle(last int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err = err; err == nil {
		j.saved = last
	}
	j.cond.Broadcast()
}

// last is the number of the last entry.
func (j *journal) last() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq
}

// page answers the lines of at most limit entries after since, and the number of the last of them.
func (j *journal) page(since int64, limit int) (lines [][]byte, next int64, err error) {
	last := j.last()
	if next = since; since >= last {
		return nil, next, nil
	}
	if err := j.wait(last); err != nil {
		return nil, next, err
	}
	in := j.reader(since, last)
	in.Buffer(make([]byte, 64<<10), maxLine)
	for n, skip, size := 0, since%indexEvery, 0; n < limit && next < last && size < maxPage && in.Scan(); {
		if skip > 0 {
			skip--
			continue
		}
		lines = append(lines, bytes.Clone(in.Bytes()))
		size += len(in.Bytes())
		n++
		next++
	}
	return lines, next, in.Err()
}

// reader begins at the last known offset before the entry after since.
func (j *journal) reader(since, last int64) *bufio.Scanner {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := j.index[since/indexEvery]
	to := j.size
	if at := last/indexEvery + 1; at < int64(len(j.index)) {
		to = j.index[at]
	}
	return bufio.NewScanner(io.NewSectionReader(j.file, from, to-from))
}

// close saves what is left. Idempotent.
func (j *journal) close() error {
	j.mu.Lock()
	again := j.closed
	j.closed = true
	j.cond.Broadcast()
	j.mu.Unlock()
	<-j.done
	if again {
		return nil
	}
	err := errors.Join(j.err, j.file.Close())
	if j.remove {
		err = errors.Join(err, os.Remove(j.file.Name()))
	}
	return err
}
