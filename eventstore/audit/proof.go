package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"goniec/eventstore"
)

// Proof shows to whoever holds the public key, without a broker, that one event
// stands in the journal as a checkpoint has it. docs/audit.md says how it is checked.
type Proof struct {
	Format     string      `json:"format"`
	Topic      string      `json:"topic"` // without the prefix
	Partition  int32       `json:"partition"`
	Index      int64       `json:"index"` // in its partition, from 0
	Key        string      `json:"key"`
	Headers    [][2]string `json:"headers"` // those that are hashed, in their order
	PrevHash   string      `json:"previous_hash"`
	Value      string      `json:"value"`
	Path       []string    `json:"path"` // RFC 6962's audit path, hex
	Checkpoint string      `json:"checkpoint"`
}

// Consistency shows that a checkpoint continues an older one: no event that the
// old one counted was changed, removed or moved.
type Consistency struct {
	Format string     `json:"format"`
	Old    string     `json:"old"`
	New    string     `json:"new"`
	Paths  [][]string `json:"paths"` // RFC 6962's consistency proofs, hex, one for each line of Old
}

const (
	proofFormat       = "goniec-proof-v1"
	consistencyFormat = "goniec-consistency-v1"
	maxProof          = 16 << 20 // bytes
)

var (
	// ErrProof says that something is no proof, or that it does not hold.
	ErrProof = errors.New("the proof does not hold")
	// ErrNoSuchEvent says that the journal has no event of that id in the checkpoint.
	ErrNoSuchEvent = errors.New("the journal, as far as the checkpoint goes, holds no such event; one that is younger needs a newer checkpoint")
)

// Proven is what a proof shows: an event, or that New continues Old.
type Proven struct {
	Event *eventstore.Event // nil: a proof of consistency
	Index int64             // of Event in its partition
	Old   *Checkpoint       // nil: a proof of an event
	New   Checkpoint
}

// Prove makes the proof of an event for a signed checkpoint. The event is named by
// its id or by its place, as goniec.messages/0@29: topic, partition, offset. It reads the event's
// partition up to the checkpoint's end, at most twice.
func Prove(ctx context.Context, cfg Config, signed []byte, key note.Verifier, name string) ([]byte, error) {
	cp, err := cfg.open(signed, key)
	if err != nil {
		return nil, err
	}
	e, at, index, err := cfg.event(ctx, cp, name)
	if err != nil {
		return nil, err
	}
	p := Proof{
		Format: proofFormat, Topic: at.short, Partition: at.partition, Index: index, Key: e.Stream, Headers: e.HashedHeaders(),
		PrevHash: hex.EncodeToString(e.PrevHash[:]), Value: string(e.Data), Checkpoint: string(signed),
	}
	extent, _ := cp.extent(at.short, at.partition) // the event was found in it
	err = cfg.nodes(ctx, at, func(r tlog.HashReader) error {
		path, err := tlog.ProveRecord(extent.Size, index, r)
		p.Path = toHex(path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return checked(p, key)
}

// ProveConsistency makes the proof that the checkpoint young continues old. It
// reads what lies between and below them once.
func ProveConsistency(ctx context.Context, cfg Config, old, young []byte, key note.Verifier) ([]byte, error) {
	before, err := cfg.open(old, key)
	if err != nil {
		return nil, fmt.Errorf("the older: %w", err)
	}
	after, err := cfg.open(young, key)
	if err != nil {
		return nil, fmt.Errorf("the newer: %w", err)
	}
	if err := continues(before, after); err != nil {
		return nil, err
	}
	c := Consistency{Format: consistencyFormat, Old: string(old), New: string(young), Paths: make([][]string, len(before.Extents))}
	for i, x := range before.Extents {
		c.Paths[i] = []string{}
		if x.Size == 0 {
			continue
		}
		y := after.Extents[i]
		err := cfg.nodes(ctx, cfg.spanOf(y), func(r tlog.HashReader) error {
			path, err := tlog.ProveTree(y.Size, x.Size, r)
			c.Paths[i] = toHex(path)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
	}
	return checked(c, key)
}

// checked writes a proof that holds.
func checked(p any, key note.Verifier) ([]byte, error) {
	file := encode(p)
	if _, err := CheckProof(file, key); err != nil {
		return nil, fmt.Errorf("the journal is not what the checkpoint says: %w", err)
	}
	return file, nil
}

// open reads a checkpoint of this installation.
func (c *Config) open(signed []byte, key note.Verifier) (Checkpoint, error) {
	if err := c.Validate(); err != nil {
		return Checkpoint{}, err
	}
	c.setDefaults()
	cp, err := OpenCheckpoint(signed, key)
	if err == nil {
		err = c.fits(cp)
	}
	return cp, err
}

// fits checks that a checkpoint is one of this journal.
func (c *Config) fits(cp Checkpoint) error {
	if cp.Installation != c.Installation {
		return fmt.Errorf("%w: it is of another installation", ErrCheckpoint)
	}
	for _, short := range journals() {
		for p := range c.Partitions {
			if _, ok := cp.extent(short, p); !ok {
				return fmt.Errorf("%w: it does not name %s/%d", ErrCheckpoint, short, p)
			}
		}
	}
	if len(cp.Extents) != len(journals())*int(c.Partitions) {
		return fmt.Errorf("%w: it names partitions that the journal does not have", ErrCheckpoint)
	}
	return nil
}

// spanOf is a partition as far as a checkpoint goes.
func (c *Config) spanOf(e Extent) span {
	return span{short: e.Topic, topic: c.Topics.Name(e.Topic), partition: e.Partition, end: e.Next}
}

// nodes lets a proof read the nodes of a partition's log.
func (c *Config) nodes(ctx context.Context, s span, prove func(tlog.HashReader) error) error {
	return c.each(ctx, []span{s}, func(ctx context.Context, _ int, m *meter) error {
		return prove(nodes{ctx: ctx, cfg: c, span: s, m: m})
	})
}

// sought says where an event may lie by its name, and which record it is.
func (c *Config) sought(name string) (topics []string, p int32, is func(*eventstore.Record) bool, err error) {
	topic, place, placed := strings.Cut(name, "/")
	var offset int64
	if _, err := fmt.Sscanf(place, "%d@%d", &p, &offset); placed && err == nil && fmt.Sprintf("%d@%d", p, offset) == place && p >= 0 && p < c.Partitions {
		for _, short := range journals() {
			if c.Topics.Name(short) == topic {
				return []string{short}, p, func(r *eventstore.Record) bool { return r.Offset == offset }, nil
			}
		}
	}
	_, p, err = eventstore.Partitioner{N: c.Partitions}.ParseID(name)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("%w: an event is named by its id, a UUID that begins with its partition, or by its place, as %s/0@29", ErrNoSuchEvent, c.Topics.Name(eventstore.Messages))
	}
	return journals(), p, func(r *eventstore.Record) bool { return headerOf(r, "ce_id") == name }, nil
}

// event looks for an event below a checkpoint.
func (c *Config) event(ctx context.Context, cp Checkpoint, name string) (found *eventstore.Event, at span, index int64, err error) {
	topics, p, is, err := c.sought(name)
	if err != nil {
		return nil, span{}, 0, err
	}
	for _, short := range topics {
		extent, _ := cp.extent(short, p) // the partition exists
		at, index = c.spanOf(extent), 0
		err := c.each(ctx, []span{at}, func(ctx context.Context, _ int, m *meter) error {
			return c.records(ctx, at, m, func(r *eventstore.Record) (err error) {
				if !is(r) {
					index++
					return nil
				}
				if found, err = eventstore.ParseEvent(r); err != nil {
					return err
				}
				return errRead
			})
		})
		if found != nil {
			return found, at, index, nil
		}
		if err != nil {
			return nil, span{}, 0, fmt.Errorf("read the journal: %w", err)
		}
	}
	return nil, span{}, 0, ErrNoSuchEvent
}

// CheckProof checks what Prove or ProveConsistency wrote. Nothing but the file
// and the public key is needed. Any byte changed makes it fail with ErrProof or
// ErrCheckpoint.
func CheckProof(file []byte, key note.Verifier) (Proven, error) {
	var format struct {
		Format string `json:"format"`
	}
	if len(file) > maxProof || json.Unmarshal(file, &format) != nil {
		return Proven{}, fmt.Errorf("%w: it is not a proof's JSON", ErrProof)
	}
	switch format.Format {
	case proofFormat:
		return check(file, key, Proof.check)
	case consistencyFormat:
		return check(file, key, Consistency.check)
	}
	return Proven{}, fmt.Errorf("%w: its format is neither %s nor %s", ErrProof, proofFormat, consistencyFormat)
}

// check reads a proof, of which there is one spelling only.
func check[T any](file []byte, key note.Verifier, judge func(T, note.Verifier) (Proven, error)) (Proven, error) {
	var p T
	if err := json.Unmarshal(file, &p); err != nil || !bytes.Equal(encode(p), file) {
		return Proven{}, fmt.Errorf("%w: it is written in another form", ErrProof)
	}
	return judge(p, key)
}

func encode(p any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(p) // strings and numbers
	return b.Bytes()
}

func (p Proof) check(key note.Verifier) (Proven, error) {
	cp, err := OpenCheckpoint([]byte(p.Checkpoint), key)
	if err != nil {
		return Proven{}, err
	}
	extent, ok := cp.extent(p.Topic, p.Partition)
	if !ok {
		return Proven{}, fmt.Errorf("%w: the checkpoint does not name the partition", ErrProof)
	}
	e, err := p.event()
	if err != nil {
		return Proven{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	path, err := fromHex(p.Path)
	if err == nil {
		err = tlog.CheckRecord(path, extent.Size, extent.Root, p.Index, leaf(e.Hash))
	}
	if err != nil {
		return Proven{}, fmt.Errorf("%w: the event is not in the checkpoint's log at this place", ErrProof)
	}
	return Proven{Event: e, Index: p.Index, New: cp}, nil
}

// event is the proof's event with the hash that follows from its bytes.
func (p Proof) event() (*eventstore.Event, error) {
	r := &eventstore.Record{Topic: p.Topic, Partition: p.Partition, Offset: -1, Key: []byte(p.Key), Value: []byte(p.Value)}
	for _, h := range p.Headers {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte(h[0]), Value: []byte(h[1])})
	}
	r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte("ce_prevhash"), Value: []byte(p.PrevHash)})
	e, err := eventstore.ParseEvent(r)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(e.HashedHeaders(), p.Headers) || hex.EncodeToString(e.PrevHash[:]) != p.PrevHash {
		return nil, errors.New("its headers are not those of an event")
	}
	e.Hash = e.ComputeHash()
	return e, nil
}

func (c Consistency) check(key note.Verifier) (Proven, error) {
	old, err := OpenCheckpoint([]byte(c.Old), key)
	if err != nil {
		return Proven{}, fmt.Errorf("the older: %w", err)
	}
	young, err := OpenCheckpoint([]byte(c.New), key)
	if err != nil {
		return Proven{}, fmt.Errorf("the newer: %w", err)
	}
	if err := continues(old, young); err != nil {
		return Proven{}, err
	}
	if len(c.Paths) != len(old.Extents) {
		return Proven{}, fmt.Errorf("%w: not one path for each partition", ErrProof)
	}
	for i, x := range old.Extents {
		y := young.Extents[i]
		path, err := fromHex(c.Paths[i])
		switch {
		case err == nil && x.Size == 0 && len(path) > 0:
			err = ErrProof
		case err == nil && x.Size > 0:
			err = tlog.CheckTree(tlog.TreeProof(path), y.Size, y.Root, x.Size, x.Root)
		}
		if err != nil {
			return Proven{}, fmt.Errorf("%w: %s/%d of the newer does not continue the older", ErrProof, x.Topic, x.Partition)
		}
	}
	return Proven{Old: &old, New: young}, nil
}

// continues checks that young may continue old.
func continues(old, young Checkpoint) error {
	if old.Installation != young.Installation || len(old.Extents) != len(young.Extents) {
		return fmt.Errorf("%w: the two are of different installations", ErrProof)
	}
	for i, x := range old.Extents {
		y := young.Extents[i]
		if x.Topic != y.Topic || x.Partition != y.Partition {
			return fmt.Errorf("%w: the two name different partitions", ErrProof)
		}
		if y.Size < x.Size {
			return fmt.Errorf("%w: %s/%d holds %d events in the newer, and held %d", ErrProof, x.Topic, x.Partition, y.Size, x.Size)
		}
	}
	return nil
}

func toHex[T ~[]tlog.Hash](path T) []string {
	out := make([]string, len(path))
	for i, h := range path {
		out[i] = hex.EncodeToString(h[:])
	}
	return out
}

func fromHex(path []string) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(path))
	for i, s := range path {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != tlog.HashSize || hex.EncodeToString(b) != s {
			return nil, errors.New("a path's hash is 64 lower-case hex digits")
		}
		out[i] = tlog.Hash(b)
	}
	return out, nil
}
