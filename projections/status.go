package projections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"goniec/eventstore"
)

// Position is how far a projection's build has read one partition.
type Position struct {
	Projection string     `json:"projection"`
	Build      int        `json:"build"`
	Live       bool       `json:"live"`
	Topic      string     `json:"topic"` // short name
	Partition  int32      `json:"partition"`
	Next       int64      `json:"next_offset"`
	End        int64      `json:"end_offset"`
	Lag        int64      `json:"lag"` // offsets, control records included: an upper bound of the events
	Recorded   *time.Time `json:"recorded_at,omitempty"`
	Updated    time.Time  `json:"updated_at"`
	Runner     *uuid.UUID `json:"runner,omitempty"`
	Head       string     `json:"head"`              // hash of the last event read, hex
	Stopped    string     `json:"stopped,omitempty"` // why the partition was given up
}

// Status lists every build's position. The ends are asked from Kafka; while
// Kafka does not answer they are those seen last.
func (p *Projector) Status(ctx context.Context) ([]Position, error) {
	all, err := p.positions(ctx, "", 0)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	ends, down := map[key]int64{}, false
	for i := range all {
		m := &all[i]
		k := key{m.Topic, m.Partition}
		if _, asked := ends[k]; !asked && !down {
			end, err := p.cfg.End(m.Topic, m.Partition)
			ends[k], down = end, err != nil
		}
		m.End = max(m.End, ends[k])
		m.Lag = max(0, m.End-m.Next)
	}
	return all, nil
}

// Lag is what this process's runners saw last: how many offsets each of its
// partitions is behind. It asks nobody; for metrics.
func (p *Projector) Lag() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]int64, len(p.seen))
	for k, g := range p.seen {
		out[k.String()] = max(0, g.end-g.next)
	}
	return out
}

// Stopped is which partitions ("messages/3") this process had to give up, and
// why; they are tried again and leave the list when they move on. For metrics.
func (p *Projector) Stopped() map[string]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]error, len(p.stopped))
	for k, err := range p.stopped {
		out[k.String()] = err
	}
	return out
}

// Waiting names what keeps this process from projecting: Postgres, or the
// partitions that it had to give up.
func (p *Projector) Waiting() []eventstore.Waiting {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.holds {
		return []eventstore.Waiting{{Part: "projector", Why: "Postgres was not reached yet, or is lost"}}
	}
	var out []eventstore.Waiting
	for k := range p.stopped {
		out = append(out, eventstore.Waiting{Part: "projection of " + k.String(), Why: "stopped: see projections list"})
	}
	slices.SortFunc(out, func(a, b eventstore.Waiting) int { return strings.Compare(a.Part, b.Part) })
	return out
}

func (p *Projector) positions(ctx context.Context, name string, build int) ([]Position, error) {
	rows, err := p.pool.Query(ctx, `SELECT projection, build, live, topic, partition, next_offset, end_offset,
		greatest(0, end_offset - next_offset), recorded_at, updated_at, runner, encode(head, 'hex'), coalesce(stopped, '')
		FROM goniec.checkpoints WHERE $1 = '' OR projection = $1 AND build = $2
		ORDER BY projection, build, topic, partition`, name, build)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Position])
}

// Fingerprint stands for all rows of a projection's live build.
type Fingerprint struct {
	Projection string `json:"projection"`
	Build      int    `json:"build"`
	Rows       int64  `json:"rows"`
	SHA256     string `json:"sha256"`
}

// Digest hashes every row of the live build, ordered by key: two builds that
// have read the same events have equal digests. It reads one snapshot; compare
// only while nothing is being projected, or compare positions too.
func (p *Projector) Digest(ctx context.Context, name string) (Fingerprint, error) {
	f := Fingerprint{Projection: name}
	pr, ok := p.byName[name]
	if !ok {
		return f, fmt.Errorf("%w: %q", ErrUnknownProjection, name)
	}
	h := sha256.New()
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, p.pool, opts, func(tx pgx.Tx) error {
		q := "SELECT build FROM goniec.builds WHERE projection = $1 AND state = 'live'"
		if err := tx.QueryRow(ctx, q, name).Scan(&f.Build); errors.Is(err, pgx.ErrNoRows) {
			return errors.New("it has no live build yet")
		} else if err != nil {
			return err
		}
		for _, t := range pr.Tables() {
			fmt.Fprintf(h, "%s\n", t.Name)
			n, err := hashRows(ctx, tx, schemaName(name, f.Build), t, h.Write)
			if err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
			f.Rows += n
		}
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("digest of %s: %w", name, err)
	}
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	return f, nil
}

func hashRows(ctx context.Context, tx pgx.Tx, schema string, t Table, write func([]byte) (int, error)) (n int64, err error) {
	where := ""
	if t.Where != "" {
		where = " WHERE " + t.Where
	}
	// Times as UTC and text by bytes: the session's settings must not change the digest.
	for _, q := range []string{"SET LOCAL timezone = 'UTC'", "SET LOCAL extra_float_digits = 1"} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return 0, err
		}
	}
	rows, err := tx.Query(ctx, "SELECT t::text FROM "+pgx.Identifier{schema, t.Name}.Sanitize()+" t"+where+" ORDER BY "+t.Key)
	if err != nil {
		return 0, err
	}
	var line string
	_, err = pgx.ForEachRow(rows, []any{&line}, func() error {
		n++
		_, err := write([]byte(line + "\n"))
		return err
	})
	return n, err
}
