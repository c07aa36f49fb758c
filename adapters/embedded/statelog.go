package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
)

// The broker library keeps producers and committed offsets in append-only logs of framed JSON:
// length (4 bytes, of what follows the checksum), CRC-32C (4), version (2), JSON; little endian.
const (
	stateHeader  = 10
	stateVersion = 1
)

// producerEntry is the part of an entry of pids.log that recovery reads or writes.
type producerEntry struct {
	Type    string `json:"type"`
	PID     int64  `json:"pid"`
	Epoch   int16  `json:"epoch"`
	TxID    string `json:"txid,omitempty"`
	Timeout int32  `json:"timeout,omitempty"`
}

// groupEntry is a committed offset in groups.log.
type groupEntry struct {
	Type       string  `json:"type"`
	Group      string  `json:"g"`
	Topic      string  `json:"t,omitempty"`
	Partition  int32   `json:"p,omitempty"`
	Offset     int64   `json:"o,omitempty"`
	Epoch      int32   `json:"e,omitempty"`
	Metadata   *string `json:"m,omitempty"`
	LastCommit *int64  `json:"lc,omitempty"`
}

// readStateLog returns the entries of a log and cuts off what a crash left half written: the library skips such a
// tail when it reads, but appends behind it, and would then lose all that follows at the next start.
func readStateLog(path string) ([]json.RawMessage, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state log: %w", err)
	}
	entries, valid := parseStateLog(raw)
	if valid < len(raw) {
		if err := os.Truncate(path, int64(valid)); err != nil {
			return nil, fmt.Errorf("cut state log: %w", err)
		}
	}
	return entries, nil
}

func parseStateLog(raw []byte) (entries []json.RawMessage, valid int) {
	for valid+stateHeader <= len(raw) {
		length := uint64(binary.LittleEndian.Uint32(raw[valid:]))
		end := uint64(valid) + 8 + length
		if length < 2 || end > uint64(len(raw)) {
			break
		}
		body := raw[valid+8 : end]
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(raw[valid+4:]) {
			break
		}
		entries = append(entries, json.RawMessage(body[2:]))
		valid = int(end)
	}
	return entries, valid
}

// appendStateLog adds entries and syncs the file.
func appendStateLog[E any](path string, entries []E) error {
	if len(entries) == 0 {
		return nil
	}
	var raw []byte
	for _, e := range entries {
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode state entry: %w", err)
		}
		raw = appendStateEntry(raw, body)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("append state log: %w", err)
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("append state log: %w", err)
	}
	return nil
}

func appendStateEntry(dst, body []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, stateHeader)...)
	dst = append(dst, body...)
	binary.LittleEndian.PutUint16(dst[start+8:], stateVersion)
	binary.LittleEndian.PutUint32(dst[start:], uint32(2+len(body)))
	binary.LittleEndian.PutUint32(dst[start+4:], crc32.Checksum(dst[start+8:], castagnoli))
	return dst
}

// readProducers returns the newest entry of every producer that has a transactional id.
func readProducers(path string) (map[int64]producerEntry, error) {
	raws, err := readStateLog(path)
	if err != nil {
		return nil, err
	}
	all := make(map[int64]producerEntry)
	for _, raw := range raws {
		var e producerEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("decode producer entry: %w", err)
		}
		known := all[e.PID]
		if e.Type != "init" {
			e.TxID, e.Timeout = known.TxID, known.Timeout
		}
		all[e.PID] = e
	}
	for pid, e := range all {
		if e.TxID == "" {
			delete(all, pid)
		}
	}
	return all, nil
}

// fenceEntries raises the epoch of every transactional producer, so that one which outlived the broker cannot go on
// with a transaction that recovery has ended. An epoch that cannot be raised is left: the library gives such a
// producer a new id at its next init.
func fenceEntries(producers map[int64]producerEntry) []producerEntry {
	out := make([]producerEntry, 0, len(producers))
	for _, e := range producers {
		if e.Epoch >= math.MaxInt16-1 {
			continue
		}
		out = append(out, producerEntry{Type: "timeout", PID: e.PID, Epoch: e.Epoch + 1})
	}
	return out
}
