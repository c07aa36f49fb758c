package audit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"goniec/domain"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// checker follows one partition from its first event on. Not safe for concurrent use.
type checker struct {
	span     span
	at       int64 // offset of the record that was looked at last; its end, once that is reached
	source   string
	versions *versions
	recorded time.Time // of the event before
	epoch    int64
	sealed   string       // the last month that is, see period.go; "" = none
	events   int64        // that are right, and those before the beginning
	head     [32]byte     // of the last of them
	fact     domain.Event // its data
	tree     *tree        // of them; nil: it was begun behind a checkpoint whose log's edge is not known
	open     bool         // it was begun behind a checkpoint: streams may have begun before
	kept     []kept       // the checkpoints still to be met, the smallest first
	fault    *Fault       // the first one
	failed   error        // to remember what was read
}

// kept is what a checkpoint says of the partition.
type kept struct {
	Extent
	of time.Time // the checkpoint's
}

// newChecker begins where the partition does.
func (c *Config) newChecker(s span) *checker {
	return &checker{
		span: s, source: "goniec/" + c.Installation, versions: newVersions(c.Workers), tree: &tree{},
		head: eventstore.FirstPrevHash(c.Installation, s.short, s.partition),
	}
}

// beginAt begins behind the events that e counts.
func (c *checker) beginAt(e Extent, edge []tlog.Hash) {
	c.span.from, c.events, c.head, c.open = e.Next, e.Size, e.Head, true
	c.tree = nil
	if t := (&tree{size: e.Size, edge: slices.Clone(edge)}); t.whole() && t.root() == e.Root {
		c.tree = t
	}
}

// meet compares with the checkpoints that end here.
func (c *checker) meet() *Fault {
	for len(c.kept) > 0 && c.kept[0].Size <= c.events {
		k := c.kept[0]
		c.kept = c.kept[1:]
		if k.Size == c.events && (k.Head != c.head || c.tree != nil && k.Root != c.tree.root()) {
			return c.missed("its first %d events are not those that the checkpoint of %s names: they were written anew", k)
		}
	}
	return nil
}

// ended looks for checkpoints that end behind the partition's end.
func (c *checker) ended() *Fault {
	if len(c.kept) == 0 {
		return nil
	}
	return c.missed("it ends before the %d events that the checkpoint of %s names: its end was cut off", c.kept[0])
}

func (c *checker) missed(what string, k kept) *Fault {
	return &Fault{
		Topic: c.span.topic, Partition: c.span.partition, Offset: c.at,
		What: fmt.Sprintf(what, k.Size, k.of.Format(time.RFC3339)),
	}
}

// next takes the next record, and returns its event, as far as it is one; no fault
// if it is as it was written.
func (c *checker) next(r *eventstore.Record) (*eventstore.Event, *Fault) {
	c.at = r.Offset
	e, err := eventstore.ParseEvent(r)
	if err != nil {
		return nil, &Fault{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Stream: string(r.Key), What: "not an event as it was written: " + reason(err)}
	}
	hash, whole := eventstore.HashRecord(r)
	fits := hash == e.Hash
	what := ""
	switch {
	case !whole || !spelled(r):
		what = "its headers are not those that were written"
	case e.PrevHash != c.head && fits:
		what = "it does not follow the event before it: something between them was removed, inserted or moved"
	case e.PrevHash != c.head:
		what = "it neither follows the event before it nor matches its own hash"
	case !fits:
		what = "its content does not match its hash: it was changed"
	default:
		what = c.judge(e)
	}
	if what != "" {
		return e, &Fault{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Stream: e.Stream, Type: e.Type, What: what}
	}
	c.recorded, c.epoch, c.head = e.Recorded, e.Epoch, e.Hash
	c.events++
	if c.tree != nil {
		c.tree.add(leaf(e.Hash))
	}
	return e, c.meet()
}

// reason is the innermost part of a parse error: the place stands beside it already.
func reason(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, "offset "); i >= 0 {
		if _, rest, ok := strings.Cut(s[i:], ": "); ok {
			return rest
		}
	}
	return s
}

// judge checks what a chain of hashes alone does not say.
func (c *checker) judge(e *eventstore.Event) string {
	if have := c.advance(e.Stream, e.Version); have != e.Version-1 && (have != 0 || !c.open) {
		return fmt.Sprintf("version %d of the stream follows version %d", e.Version, have)
	}
	switch {
	case e.Recorded.Before(c.recorded):
		return "it was recorded before the event before it"
	case e.Epoch < c.epoch:
		return fmt.Sprintf("epoch %d comes after epoch %d: a former owner wrote it", e.Epoch, c.epoch)
	case e.Source != c.source:
		return "it comes from another installation"
	case !c.belongs(e.Stream):
		return "its stream belongs to another partition"
	}
	fact, err := catalog.Decode(e.Type, e.Data)
	if err != nil {
		return err.Error()
	}
	c.fact = fact
	switch f := fact.(type) {
	case partition.Evicted:
		return c.forget(f)
	case partition.PeriodSealed:
		return c.seal(f)
	case message.Charged:
		return c.period(f)
	}
	return ""
}

// advance is that of versions; what fails there ends the reading.
func (c *checker) advance(stream string, version int64) int64 {
	have, err := c.versions.advance(stream, version)
	c.failed = errors.Join(c.failed, err)
	return have
}

// forget lets the streams that were evicted begin again.
func (c *checker) forget(gone partition.Evicted) string {
	for _, id := range gone.Messages {
		if c.advance("message/"+id, 0) == 0 && !c.open {
			return "it evicts a message that the journal does not hold"
		}
	}
	return ""
}

// belongs checks streams whose id names a partition. Streams of accounts,
// numbers and prices are placed by a key that the journal does not hold in clear.
func (c *checker) belongs(stream string) bool {
	kind, id, _ := strings.Cut(stream, "/")
	if kind != "message" && kind != "recipient" && kind != "parked" {
		return true
	}
	u, err := uuid.Parse(id)
	return err == nil && eventstore.PartitionOf(u) == c.span.partition
}

// musts are the headers that every event has, but for its content type.
const musts = 11

// spelled says whether nothing is missing, and whether what is read as a number or as
// offsets has the one spelling that is written: who takes another one might read another
// value. The headers are known to stand in their order, each once, and none empty.
func spelled(r *eventstore.Record) bool {
	have := 0
	for _, h := range r.Headers {
		switch v := string(h.Value); string(h.Key) {
		case "ce_commandid", "ce_causationid", "ce_correlationid", "ce_account", "ce_actor", "traceparent": // may be missing
		case "ce_streamversion", "ce_epoch":
			if !plain(v) {
				return false
			}
			have++
		case "content-type":
			if v != "application/json" {
				return false
			}
		case "ce_inbox":
			if urgent, bulk, _ := strings.Cut(v, ","); !plain(urgent) || !plain(bulk) {
				return false
			}
		default:
			have++
		}
	}
	return have == musts
}

// plain says whether a number begins as it is written: without a sign or a zero too many.
func plain(v string) bool {
	return v != "" && v[0] >= '0' && v[0] <= '9' && (v[0] != '0' || len(v) == 1)
}
