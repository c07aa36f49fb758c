package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/IBM/sarama"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"goniec/eventstore"
	"goniec/internal/suffixes"
)

// Needles are what must stand nowhere in clear: the numbers and the texts of a run.
type Needles struct {
	international map[string]bool // 11 digits: 48 and the number
	national      map[string]bool // 9 digits
	marker        []byte          // of every text
}

// NeedlesOf takes them from the plan.
func NeedlesOf(p suffixes.Plan) Needles {
	n := Needles{international: map[string]bool{}, national: map[string]bool{}, marker: []byte(p.Marker)}
	for _, s := range p.Sendings {
		digits := strings.TrimPrefix(s.Number, "+")
		n.international[digits], n.national[digits[2:]] = true, true
	}
	return n
}

// Find says what of a run stands in b, without repeating it; "" if nothing. A
// number is found as a run of digits of its length: digits in the middle of a
// carrier's id, of a hash or of a fraction of a second are none.
func (n Needles) Find(b []byte) string {
	if bytes.Contains(b, n.marker) {
		return "a text"
	}
	for i := 0; i < len(b); {
		if !isDigit(b[i]) {
			i++
			continue
		}
		begin := i
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		if n.isNumber(b, begin, i) {
			return "a number"
		}
	}
	return ""
}

func (n Needles) isNumber(b []byte, begin, end int) bool {
	run := b[begin:end]
	switch len(run) {
	case 13:
		return run[0] == '0' && run[1] == '0' && n.international[string(run[2:])]
	case 11:
		return n.international[string(run)]
	case 9:
		return n.national[string(run)] && (begin == 0 || !isToken(b[begin-1])) && (end == len(b) || !isToken(b[end]))
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isToken: nine digits beside one of these are part of a fraction or of a hexadecimal word.
func isToken(c byte) bool { return c == '.' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// Searched counts what was looked through.
type Searched struct {
	Files   int   `json:"log_files"`
	Metrics int   `json:"metrics_bytes"`
	Records int64 `json:"records"`
	Topics  int   `json:"topics"`
	Rows    int64 `json:"rows"`
	Bytes   int64 `json:"bytes"`
}

// finding collects places; a place is told once.
type finding struct {
	needles  Needles
	searched *Searched
	faults   []string
	seen     map[string]bool
}

func (f *finding) look(place string, b []byte) {
	f.searched.Bytes += int64(len(b))
	what := f.needles.Find(b)
	if what == "" || f.seen[place] {
		return
	}
	f.seen[place] = true
	f.faults = append(f.faults, fmt.Sprintf("%s stands in %s", what, place))
}

// search looks everywhere: the logs in the data directory, the metrics, keys,
// headers and values of every topic, every row in Postgres.
func (t target) search(ctx context.Context, n Needles) (Searched, []string, error) {
	var s Searched
	f := &finding{needles: n, searched: &s, seen: map[string]bool{}}
	metrics, err := get(ctx, t.running.HTTP+"/metrics", 64<<20)
	if err != nil {
		return s, nil, fmt.Errorf("metrics: %w", err)
	}
	s.Metrics = len(metrics)
	f.look("the metrics", metrics)
	err = errors.Join(f.logs(t.running.Data), f.topics(ctx, t), f.rows(ctx, t.running.Postgres))
	return s, f.faults, err
}

func (f *finding) logs(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".log") || filepath.Base(filepath.Dir(path)) == "state" || d.Type()&fs.ModeSymlink != 0 {
			return nil //nolint:nilerr // what vanishes while we look holds nothing; Pebble's files are no logs
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		f.searched.Files++
		f.look("the log "+filepath.Base(path), b)
		return err
	})
}

// topics reads every record of the installation, uncommitted ones and markers
// too, with another client than the program's.
func (f *finding) topics(ctx context.Context, t target) error {
	from, ends, err := f.extents(t)
	if err != nil || len(ends) == 0 {
		return err
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(t.running.Kafka, ",")...), kgo.ConsumePartitions(from), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	if err != nil {
		return fmt.Errorf("search topics: %w", err)
	}
	defer c.Close()
	for len(ends) > 0 {
		got := c.PollFetches(ctx)
		if err := got.Err0(); err != nil {
			return fmt.Errorf("search topics: %w", err)
		}
		got.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, r := range p.Records {
				f.record(r)
				if at := (spot{r.Topic, r.Partition}); r.Offset+1 >= ends[at] {
					delete(ends, at)
				}
			}
		})
	}
	return nil
}

type spot struct {
	topic     string
	partition int32
}

// extents lists the partitions that hold anything, and where they end.
func (f *finding) extents(t target) (map[string]map[int32]kgo.Offset, map[spot]int64, error) {
	names, err := t.client.Topics()
	if err != nil {
		return nil, nil, fmt.Errorf("list topics: %w", err)
	}
	from, ends := map[string]map[int32]kgo.Offset{}, map[spot]int64{}
	for _, name := range names {
		if !strings.HasPrefix(name, t.running.Prefix) {
			continue
		}
		f.searched.Topics++
		for p := range t.running.Partitions {
			end, err1 := eventstore.EndOffset(t.client, name, p)
			begin, err2 := t.client.GetOffset(name, p, sarama.OffsetOldest)
			if err := errors.Join(err1, err2); err != nil {
				return nil, nil, fmt.Errorf("extent of %s/%d: %w", name, p, err)
			}
			if end == begin {
				continue
			}
			if from[name] == nil {
				from[name] = map[int32]kgo.Offset{}
			}
			from[name][p], ends[spot{name, p}] = kgo.NewOffset().At(begin), end
		}
	}
	return from, ends, nil
}

func (f *finding) record(r *kgo.Record) {
	f.searched.Records++
	f.look("a key of "+r.Topic, r.Key)
	f.look("a value of "+r.Topic, r.Value)
	for _, h := range r.Headers {
		f.look("a header of "+r.Topic, []byte(h.Key))
		f.look("a header of "+r.Topic, h.Value)
	}
}

// rows reads every table of the database as text.
func (f *finding) rows(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return errors.New("search Postgres: no connection") // pgx's error may hold the password
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		return fmt.Errorf("search Postgres: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("search Postgres: %w", err)
	}
	for _, table := range tables {
		rows, err := conn.Query(ctx, "SELECT t::text FROM "+table+" t")
		if err != nil {
			return fmt.Errorf("search table %s: %w", table, err)
		}
		var line string
		if _, err := pgx.ForEachRow(rows, []any{&line}, func() error {
			f.searched.Rows++
			f.look("table "+table, []byte(line))
			return nil
		}); err != nil {
			return fmt.Errorf("search table %s: %w", table, err)
		}
	}
	return nil
}
