package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"goniec/eventstore/audit"
)

const (
	manifestFormat = "goniec-export-v1"
	manifestTime   = "20060102T150405.000000Z" // sorts by time
	maxManifest    = 16 << 20                  // bytes
)

// ErrManifest says that a file is not a manifest of an export.
var ErrManifest = errors.New("not a manifest of an export")

// Manifest says what one export holds. docs/audit.md describes it field by field.
type Manifest struct {
	Format       string     `json:"format"` // goniec-export-v1
	Installation string     `json:"installation"`
	Made         time.Time  `json:"made_at"`
	From         *time.Time `json:"from,omitempty"`  // events recorded at that time or later
	To           *time.Time `json:"to,omitempty"`    // and before that
	Types        []string   `json:"types,omitempty"` // of these types only, by name or "goniec.message.*"; none: all
	Formats      []string   `json:"formats"`
	Since        string     `json:"since,omitempty"` // SHA-256 of the manifest that it goes on from, hex
	Partitions   []Part     `json:"partitions"`

	sum string // SHA-256 of its bytes, hex
}

// Part is one journal partition.
type Part struct {
	Topic     string   `json:"topic"` // without the prefix
	Partition int32    `json:"partition"`
	Begin     Position `json:"begin"`
	End       Position `json:"end"`
	Events    int64    `json:"events"` // exported, of those between
	Files     []File   `json:"files"`  // one for each format; none without events
}

// Position is a place between two events of a partition.
type Position struct {
	Events int64  `json:"events"`      // that lie before it
	Offset int64  `json:"next_offset"` // of what lies behind it
	Head   string `json:"head"`        // ce_hash of the event before it, hex; or what the first event names as its previous one
}

// File is one file of rows in the order of offsets.
type File struct {
	Name   string `json:"name"` // in the manifest's directory
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
}

func positionOf(e audit.Extent) Position {
	return Position{Events: e.Size, Offset: e.Next, Head: hex.EncodeToString(e.Head[:])}
}

// extent is where a part ended, for a reading that goes on there.
func (p Part) extent() (audit.Extent, error) {
	e := audit.Extent{Topic: p.Topic, Partition: p.Partition, Size: p.End.Events, Next: p.End.Offset}
	b, err := hex.DecodeString(p.End.Head)
	if err != nil || len(b) != len(e.Head) {
		return e, fmt.Errorf("%w: %s/%d: head", ErrManifest, p.Topic, p.Partition)
	}
	copy(e.Head[:], b)
	return e, nil
}

// name is the manifest's file.
func (m *Manifest) name() string { return "manifest-" + m.Made.UTC().Format(manifestTime) + ".json" }

func (m *Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	err := enc.Encode(m)
	return b.Bytes(), err
}

// ReadManifest reads the manifest of an export. What is not one is ErrManifest.
func ReadManifest(path string) (Manifest, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Manifest{}, fmt.Errorf("%s: there is no such file", path)
	case err != nil:
		return Manifest{}, err
	case !info.Mode().IsRegular() || info.Size() > maxManifest:
		return Manifest{}, fmt.Errorf("%s: %w", path, ErrManifest)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || m.Format != manifestFormat {
		return Manifest{}, fmt.Errorf("%s: %w", path, ErrManifest)
	}
	for _, p := range m.Partitions {
		for _, f := range p.Files {
			if f.Name != filepath.Base(f.Name) || !slices.Contains(m.Formats, f.format()) {
				return Manifest{}, fmt.Errorf("%s: %w: file %q", path, ErrManifest, f.Name)
			}
		}
	}
	sum := sha256.Sum256(b)
	m.sum = hex.EncodeToString(sum[:])
	return m, nil
}

func (f File) format() string { return strings.TrimPrefix(filepath.Ext(f.Name), ".") }

// manifests are those of a directory, the oldest first.
func manifests(dir string) ([]Manifest, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "manifest-*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	out := make([]Manifest, len(paths))
	for i, p := range paths {
		if out[i], err = ReadManifest(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// named are the files of a directory that belong to an export that ended.
func named(dir string) (map[string]bool, error) {
	list, err := manifests(dir)
	out := map[string]bool{}
	for _, m := range list {
		for _, p := range m.Partitions {
			for _, f := range p.Files {
				out[f.Name] = true
			}
		}
	}
	return out, err
}
