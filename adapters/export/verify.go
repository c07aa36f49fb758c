package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"goniec/eventstore"
	"goniec/eventstore/audit"
)

// Report is what Verify found.
type Report struct {
	Intact    bool     `json:"intact"`
	Manifests int      `json:"manifests"`
	Files     int      `json:"files"`
	Events    int64    `json:"events"`           // of each format
	Broken    []string `json:"broken,omitempty"` // the first fault of each partition of each manifest
}

// ErrNoExport says that a directory holds no manifest.
var ErrNoExport = errors.New("no export: there is no manifest")

// Verify checks every export of a directory without the journal: the files' bytes
// against the manifests; each row's own hash; that the rows of an export of all
// types follow one another from its begin to its end; that an export begins
// where the one that it goes on from ended. Exports of all types that begin with
// the journal are compared with checkpoints, too. An error means that something could
// not be read, or that there is nothing to compare with a checkpoint.
func Verify(ctx context.Context, dir string, kept []audit.Checkpoint) (Report, error) {
	all, err := manifests(dir)
	switch {
	case err != nil:
		return Report{}, err
	case len(all) == 0:
		return Report{}, fmt.Errorf("%s: %w", dir, ErrNoExport)
	}
	v := verifier{dir: dir, heads: map[place][]string{}, report: Report{Manifests: len(all)}}
	for _, c := range kept {
		if err := v.expect(c, all); err != nil {
			return Report{}, err
		}
	}
	before := map[string]*Manifest{}
	for i := range all {
		v.continues(&all[i], before)
		before[all[i].sum] = &all[i]
		for _, p := range all[i].Partitions {
			if err := v.part(ctx, &all[i], p); err != nil {
				return Report{}, err
			}
		}
	}
	v.missed()
	v.report.Intact = len(v.report.Broken) == 0
	return v.report, nil
}

// place is a partition after some events.
type place struct {
	topic     string
	partition int32
	events    int64
}

type verifier struct {
	dir    string
	heads  map[place][]string // what checkpoints say, still to be met
	report Report
}

func (v *verifier) broken(format string, args ...any) {
	v.report.Broken = append(v.report.Broken, fmt.Sprintf(format, args...))
}

// expect notes what a checkpoint says.
func (v *verifier) expect(c audit.Checkpoint, all []Manifest) error {
	for i := range all {
		if all[i].Installation != c.Installation {
			return errors.New("the checkpoint is of another installation")
		}
		if len(all[i].Types) > 0 || all[i].From != nil {
			return errors.New("only exports of all types, from the journal's beginning on, can be compared with a checkpoint")
		}
	}
	for _, e := range c.Extents {
		if e.Size > 0 {
			at := place{e.Topic, e.Partition, e.Size}
			v.heads[at] = append(v.heads[at], hex.EncodeToString(e.Head[:]))
		}
	}
	return nil
}

// missed tells of checkpoints that no export reaches.
func (v *verifier) missed() {
	for at := range v.heads {
		v.broken("%s/%d: the exports end before the %d events that the checkpoint names", at.topic, at.partition, at.events)
	}
}

// begins checks that an export of no period, which goes on from none, begins where the journal does.
func (v *verifier) begins(m *Manifest) {
	for _, p := range m.Partitions {
		first := eventstore.FirstPrevHash(m.Installation, p.Topic, p.Partition)
		if p.Begin.Events != 0 || p.Begin.Head != hex.EncodeToString(first[:]) {
			v.broken("%s: %s/%d does not begin where the journal does", m.name(), p.Topic, p.Partition)
		}
	}
}

// continues checks that an export begins where the one before it ended.
func (v *verifier) continues(m *Manifest, before map[string]*Manifest) {
	if m.Since == "" {
		if m.From == nil {
			v.begins(m)
		}
		return
	}
	old, ok := before[m.Since]
	if !ok {
		v.broken("%s: the manifest that it goes on from is not here, or was changed", m.name())
		return
	}
	ends := map[place]Position{}
	for _, p := range old.Partitions {
		ends[place{p.Topic, p.Partition, 0}] = p.End
	}
	for _, p := range m.Partitions {
		// Behind the end offset there may be offsets that hold no event.
		if end := ends[place{p.Topic, p.Partition, 0}]; end.Events != p.Begin.Events || end.Head != p.Begin.Head || end.Offset > p.Begin.Offset {
			v.broken("%s: %s/%d does not begin where the export before it ended", m.name(), p.Topic, p.Partition)
		}
	}
}

// part checks one partition's files, one format after the other.
func (v *verifier) part(ctx context.Context, m *Manifest, p Part) error {
	if len(p.Files) == 0 && (p.Events > 0 || len(m.Types) == 0 && p.Begin != p.End) {
		v.broken("%s: %s/%d has events and no file", m.name(), p.Topic, p.Partition)
	}
	for _, f := range p.Files {
		rows := rowCheck{m: m, p: p, head: p.Begin.Head, events: p.Begin.Events, last: -1, meets: v.heads}
		what, err := v.file(ctx, f, &rows)
		if err != nil {
			return err
		}
		if what != "" {
			v.broken("%s: %s", f.Name, what)
			continue
		}
		v.report.Files++
	}
	if len(p.Files) > 0 {
		v.report.Events += p.Events
	}
	return nil
}

// file checks bytes and rows of a file; what is its first fault.
func (v *verifier) file(ctx context.Context, f File, rows *rowCheck) (what string, err error) {
	in, err := os.Open(filepath.Join(v.dir, f.Name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is missing", nil
	case err != nil:
		return "", err
	}
	defer in.Close() //nolint:errcheck // it is only read
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	if err != nil {
		return "", err
	}
	if n != f.Bytes || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return "its bytes are not those that were exported", nil
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	err = readRows(f.format(), in, func(r *Row) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if what := rows.take(r); what != "" {
			return &rowError{fmt.Sprintf("offset %d: %s", r.Offset, what)}
		}
		return nil
	})
	var bad *rowError
	switch {
	case errors.As(err, &bad):
		return bad.what, nil
	case context.Cause(ctx) != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return err.Error(), nil
	}
	return rows.end(), nil
}

// rowError is a row that is not what was written.
type rowError struct{ what string }

func (e *rowError) Error() string { return e.what }

// rowCheck follows the rows of one file.
type rowCheck struct {
	m      *Manifest
	p      Part
	head   string
	events int64 // before the row, of an export of all types
	last   int64 // offset of the row before
	rows   int64
	meets  map[place][]string
}

// take takes the next row; "" if it is as it was written.
func (c *rowCheck) take(r *Row) string {
	e, right, err := r.event(c.m.Installation)
	switch {
	case err != nil:
		return err.Error()
	case !right:
		return "its content does not match its hash: it was changed"
	case r.Topic != c.p.Topic || r.Partition != c.p.Partition || r.Offset <= c.last || r.Offset < c.p.Begin.Offset || r.Offset >= c.p.End.Offset:
		return "it does not belong here"
	case c.m.From != nil && e.Recorded.Before(*c.m.From) || c.m.To != nil && !e.Recorded.Before(*c.m.To):
		return "it is not of the export's period"
	case len(c.m.Types) == 0 && r.PreviousHash != c.head:
		return "it does not follow the event before it: something between them is missing"
	}
	c.last, c.head = r.Offset, r.Hash
	c.rows++
	c.events++
	at := place{r.Topic, r.Partition, c.events}
	for _, head := range c.meets[at] {
		if head != c.head {
			return fmt.Sprintf("the first %d events are not those that the checkpoint names", c.events)
		}
	}
	delete(c.meets, at)
	return ""
}

// end is called behind the last row.
func (c *rowCheck) end() string {
	switch {
	case c.rows != c.p.Events:
		return fmt.Sprintf("it holds %d events, and the manifest says %d", c.rows, c.p.Events)
	case len(c.m.Types) == 0 && (c.head != c.p.End.Head || c.events != c.p.End.Events):
		return "its last event is not the one that the manifest names"
	}
	return ""
}
