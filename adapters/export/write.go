// Package export writes the journal as files that others can query, and checks
// such files: Parquet and NDJSON, a manifest beside them.
package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/catalog"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/wholefile"
)

// Config says what is exported.
type Config struct {
	Journal  audit.Config
	Dir      string    // of the files; is made if it is not there
	From, To time.Time // events recorded in [From, To); zero: from the beginning, to the end
	Types    []string  // by name, or "goniec.message.*"; none: all
	Formats  []string  // of Formats(); at least one
	// Since is the manifest that the export goes on from, with its types and
	// formats; without From. Default: none.
	Since *Manifest
	Now   time.Time
}

// Validate names every fault of the configuration.
func (c Config) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("export: dir: is required"))
	}
	if len(c.Formats) == 0 {
		faults = append(faults, errors.New("export: formats: at least one is required"))
	}
	for _, f := range c.Formats {
		if f != Parquet && f != NDJSON {
			faults = append(faults, fmt.Errorf("export: formats: %q is not one of %s", f, strings.Join(Formats(), ", ")))
		}
	}
	for _, t := range c.Types {
		if !known(t) {
			faults = append(faults, fmt.Errorf("export: types: no event is called %q", t))
		}
	}
	if !c.From.IsZero() && !c.To.IsZero() && !c.From.Before(c.To) {
		faults = append(faults, errors.New("export: from: must be before to"))
	}
	if c.Since != nil && (!c.From.IsZero() || c.Since.Installation != c.Journal.Installation) {
		faults = append(faults, errors.New("export: since: must be of the same installation, and without from"))
	}
	return errors.Join(append(faults, c.Journal.Validate())...)
}

// covers says whether a pattern covers a type.
func covers(pattern, typ string) bool {
	if kind, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(typ, kind)
	}
	return pattern == typ
}

func known(pattern string) bool {
	for _, t := range catalog.Types() {
		if covers(pattern, t) {
			return true
		}
	}
	return false
}

// ErrExists says that files of the export are there already, and a manifest that names them.
var ErrExists = errors.New("was exported already")

// Write exports the journal: a file for each partition that has events, and at
// last a manifest, in whose absence the files are of an export that did not end.
// Every event is checked on the way, as audit.Walk does, and a broken journal is
// its *audit.BrokenError; then, and when ctx ends, no file is left. It returns
// the manifest and where it was written.
func Write(ctx context.Context, cfg Config) (m Manifest, path string, err error) {
	if err := cfg.Validate(); err != nil {
		return m, "", err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return m, "", fmt.Errorf("directory of the export: %w", err)
	}
	taken, err := named(cfg.Dir)
	if err != nil {
		return m, "", err
	}
	if cfg.Journal.From, err = cfg.since(); err != nil {
		return m, "", err
	}
	var parts []*part
	open := func(e audit.Extent) (audit.Visitor, error) {
		p := &part{cfg: &cfg, taken: taken, at: positionOf(e)}
		p.is = Part{Topic: e.Topic, Partition: e.Partition, Begin: p.at, Files: []File{}}
		parts = append(parts, p)
		return p.take, nil
	}
	defer func() {
		if err != nil {
			dropAll(parts)
		}
	}()
	ends, err := audit.Walk(ctx, cfg.Journal, cfg.To, open)
	if err != nil {
		return m, "", err
	}
	return cfg.keep(parts, ends)
}

// since is where the export begins, with the types and formats of the one before;
// nil: at the beginning.
func (c *Config) since() (*audit.Place, error) {
	if c.Since == nil {
		return nil, nil //nolint:nilnil // it is said above
	}
	c.Types, c.Formats = c.Since.Types, c.Since.Formats
	at := &audit.Place{Checkpoint: audit.Checkpoint{Installation: c.Since.Installation, Time: c.Since.Made}}
	for _, p := range c.Since.Partitions {
		e, err := p.extent()
		if err != nil {
			return nil, err
		}
		at.Extents = append(at.Extents, e)
	}
	return at, nil
}

// keep gives the files their names, and writes the manifest.
func (c *Config) keep(parts []*part, ends []audit.Extent) (m Manifest, path string, err error) {
	m = Manifest{Format: manifestFormat, Installation: c.Journal.Installation, Made: c.Now.UTC().Truncate(time.Microsecond), Types: c.Types, Formats: c.Formats}
	for _, t := range []struct {
		to   **time.Time
		time time.Time
	}{{&m.From, c.From}, {&m.To, c.To}} {
		if !t.time.IsZero() {
			utc := t.time.UTC()
			*t.to = &utc
		}
	}
	if c.Since != nil {
		m.Since = c.Since.sum
	}
	for i, p := range parts {
		if err := p.keep(positionOf(ends[i])); err != nil {
			return m, "", err
		}
		m.Partitions = append(m.Partitions, p.is)
	}
	b, err := m.encode()
	if err != nil {
		return m, "", err
	}
	path = filepath.Join(c.Dir, m.name())
	return m, path, wholefile.Write(path, b)
}

// part is a journal partition that is being exported.
type part struct {
	cfg   *Config
	taken map[string]bool // names of files that a manifest of the directory names
	is    Part
	at    Position // behind the last event that was seen
	begun bool     // an event of the period was seen
	files []*output
}

// output is a file that is being written.
type output struct {
	format string
	name   string
	file   *wholefile.File
	to     encoder
	sum    hash.Hash
}

func (p *part) take(e *eventstore.Event, _ domain.Event) error {
	if !p.begun && !e.Recorded.Before(p.cfg.From) {
		p.begun, p.is.Begin = true, Position{Events: p.at.Events, Offset: e.Offset, Head: hex.EncodeToString(e.PrevHash[:])}
	}
	p.at.Events++
	if !p.begun || !p.wants(e.Type) {
		return nil
	}
	if p.files == nil {
		if err := p.open(); err != nil {
			return err
		}
	}
	p.is.Events++
	row := rowOf(p.is.Topic, e)
	for _, f := range p.files {
		if err := f.to.add(row); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

func (p *part) wants(typ string) bool {
	for _, t := range p.cfg.Types {
		if covers(t, typ) {
			return true
		}
	}
	return len(p.cfg.Types) == 0
}

func (p *part) open() error {
	for _, format := range p.cfg.Formats {
		o := &output{format: format, sum: sha256.New(), name: fmt.Sprintf("%s-%03d-%012d.%s", p.is.Topic, p.is.Partition, p.is.Begin.Offset, format)}
		if p.taken[o.name] {
			return fmt.Errorf("%s: %w", o.name, ErrExists)
		}
		var err error
		if o.file, err = wholefile.Create(filepath.Join(p.cfg.Dir, o.name)); err != nil {
			return err
		}
		o.to = newEncoder(format, io.MultiWriter(o.file, o.sum))
		p.files = append(p.files, o)
	}
	return nil
}

// keep ends the files and gives them their names.
func (p *part) keep(end Position) error {
	if p.is.End = end; !p.begun {
		p.is.Begin = end // nothing of the period lies here
	}
	for _, f := range p.files {
		if err := f.to.end(); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		info, err := f.file.Stat()
		if err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		if err := f.file.Keep(); err != nil {
			return err
		}
		p.is.Files = append(p.is.Files, File{Name: f.name, Bytes: info.Size(), SHA256: hex.EncodeToString(f.sum.Sum(nil))})
	}
	return nil
}

// dropAll removes the files of an export that does not end.
func dropAll(parts []*part) {
	for _, p := range parts {
		for _, f := range p.files {
			f.file.Drop()
		}
		for _, f := range p.is.Files {
			_ = os.Remove(filepath.Join(p.cfg.Dir, f.Name)) // without a manifest it is nobody's
		}
	}
}
