// Package anchor makes signed checkpoints of the journal, in a directory, each
// from where the last one ended, and hands them to keepers outside of the
// operator's reach. It checks all events on the way: a broken journal gets no
// checkpoint, and is told of.
package anchor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"

	"goniec/domain"
	"goniec/eventstore/audit"
	"goniec/internal/wholefile"
)

// Config of an Anchor. Everything is required but what says so.
type Config struct {
	Journal audit.Config
	Signer  note.Signer
	Key     note.Verifier // of Signer
	Dir     string        // holds the checkpoints, and where the next one begins; made when it is not there
	Clock   domain.Clock

	// For Run. None is required.
	Every    time.Duration // default 10 minutes
	Keepers  []Keeper      // whom each checkpoint is handed to
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Anchor makes checkpoints, one at a time. Two of them on one directory do each
// other no harm: a file is written in one piece, and every checkpoint is right.
type Anchor struct {
	cfg    Config
	made   *prometheus.CounterVec
	handed *prometheus.CounterVec
	last   prometheus.Gauge
	intact prometheus.Gauge
}

// New checks the configuration; it connects to nothing.
func New(cfg Config) (*Anchor, error) {
	if cfg.Signer == nil || cfg.Key == nil || cfg.Dir == "" || cfg.Clock == nil {
		return nil, errors.New("anchor: Signer, Key, Dir and Clock are required")
	}
	if cfg.Every <= 0 {
		cfg.Every = 10 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	a := &Anchor{cfg: cfg}
	return a, a.meter()
}

func (a *Anchor) meter() error {
	a.made = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "goniec_checkpoints_total", Help: "Checkpoints of the journal: made, refused because the journal is broken, or failed and tried again.",
	}, []string{"outcome"})
	a.handed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "goniec_checkpoints_handed_total", Help: "Checkpoints handed to keepers, by mail or webhook: taken or failed.",
	}, []string{"keeper", "outcome"})
	a.last = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "goniec_checkpoint_timestamp_seconds", Help: "When this process made its last checkpoint, seconds since 1970; 0 = none yet.",
	})
	a.intact = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "goniec_journal_intact", Help: "1 when the journal was what was written at the last look of the checkpoints, 0 when it was broken.",
	})
	a.intact.Set(1)
	if a.cfg.Registry == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{a.made, a.handed, a.last, a.intact} {
		if err := a.cfg.Registry.Register(c); err != nil {
			return fmt.Errorf("anchor: %w", err)
		}
	}
	return nil
}

// placeName is the file from which the next checkpoint goes on: a cache, which
// may be deleted. The whole journal is read then.
const placeName = "place.json"

// Made is a new checkpoint.
type Made struct {
	File       string // where it lies
	Signed     []byte
	Checkpoint audit.Checkpoint
}

// Make checks what was written since the last checkpoint (whole: everything) and
// signs a new one. A broken journal is an *audit.BrokenError.
func (a *Anchor) Make(ctx context.Context, whole bool) (Made, error) {
	journal := a.cfg.Journal
	if !whole {
		from, err := a.lastPlace()
		if err != nil {
			return Made{}, err
		}
		journal.From = from
	}
	r, err := audit.Verify(ctx, journal)
	switch {
	case err != nil:
		return Made{}, err
	case !r.Intact:
		return Made{}, &audit.BrokenError{Fault: r.Broken[0]}
	}
	place, err := r.Place(a.cfg.Clock.Now())
	if errors.Is(err, audit.ErrNoPlace) && !whole {
		return a.Make(ctx, true) // the edges that were kept were not right
	}
	if err != nil {
		return Made{}, err
	}
	signed, err := place.Sign(a.cfg.Signer)
	if err != nil {
		return Made{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	made := Made{Signed: signed, Checkpoint: place.Checkpoint}
	made.File, err = a.keep(place, signed)
	return made, err
}

// lastPlace is where the last checkpoint ended; nil if there is none.
func (a *Anchor) lastPlace() (*audit.Place, error) {
	b, err := os.ReadFile(filepath.Join(a.cfg.Dir, placeName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("last checkpoint: %w", err)
	}
	p, err := audit.OpenPlace(b, a.cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("%s, delete it to begin anew: %w", filepath.Join(a.cfg.Dir, placeName), err)
	}
	return &p, nil
}

// fileTime names checkpoints so that they sort by time.
const fileTime = "20060102T150405.000000Z"

func (a *Anchor) keep(p audit.Place, signed []byte) (path string, err error) {
	if err := os.MkdirAll(a.cfg.Dir, 0o700); err != nil {
		return "", fmt.Errorf("directory of checkpoints: %w", err)
	}
	path = filepath.Join(a.cfg.Dir, p.Time.UTC().Format(fileTime)+".checkpoint")
	if err := wholefile.Write(path, signed); err != nil {
		return "", err
	}
	return path, wholefile.Write(filepath.Join(a.cfg.Dir, placeName), p.Encode(signed))
}
