package audit

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"goniec/eventstore"
)

// leaf is what an event adds to its partition's log (RFC 6962).
func leaf(hash [32]byte) tlog.Hash { return tlog.RecordHash(hash[:]) }

// tree is the log of a partition's event hashes while it grows: of all its nodes
// only the right edge is kept, 32 bytes for each level.
type tree struct {
	size int64
	edge []tlog.Hash // roots of the complete subtrees, the largest first
}

func (t *tree) add(h tlog.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
	}
	t.edge = append(t.edge, h)
	t.size++
}

// whole says whether the edge is one of a tree of this size.
func (t *tree) whole() bool { return len(t.edge) == bits.OnesCount64(uint64(t.size)) }

// root is the hash of the whole tree; of an empty one that of no bytes.
func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // reads nothing
		return h
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}

// nodes is a tlog.HashReader: it reads a partition once, up to the last of the
// events below the nodes that are asked for.
type nodes struct {
	ctx  context.Context //nolint:containedctx // of one proof: the interface has no room for it
	cfg  *Config
	span span
	m    *meter
}

// node is a complete subtree: the events from lo on, up to hi without it.
type node struct {
	lo, hi int64
	at     int // in the answer
	tree   tree
}

var errRead = errors.New("all that was asked for is read")

func (n nodes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	asked := make([]*node, len(indexes))
	for i, index := range indexes {
		level, k := tlog.SplitStoredHashIndex(index)
		asked[i] = &node{lo: k << level, hi: (k + 1) << level, at: i}
	}
	slices.SortFunc(asked, func(a, b *node) int { return cmp.Compare(a.lo, b.lo) }) // those of one proof do not overlap
	out := make([]tlog.Hash, len(indexes))
	index := int64(0)
	err := n.cfg.records(n.ctx, n.span, n.m, func(r *eventstore.Record) error {
		if len(asked) == 0 {
			return errRead
		}
		h, err := hashOf(r)
		if err != nil {
			return err
		}
		first := asked[0]
		if index >= first.lo {
			first.tree.add(leaf(h))
		}
		index++
		if index == first.hi {
			out[first.at], asked = first.tree.root(), asked[1:]
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errRead):
		return nil, err
	case len(asked) > 0:
		return nil, fmt.Errorf("%s/%d holds %d events only", n.span.topic, n.span.partition, index)
	}
	return out, nil
}

// hashOf is the hash that a record says it has.
func hashOf(r *eventstore.Record) (h [32]byte, err error) {
	v := headerOf(r, "ce_hash")
	if len(v) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("%s/%d offset %d: not an event: it has no hash", r.Topic, r.Partition, r.Offset)
	}
	_, err = hex.Decode(h[:], []byte(v))
	return h, err
}

// headerOf is the value of a record's header, "" when it has none.
func headerOf(r *eventstore.Record, name string) string {
	for _, h := range r.Headers {
		if string(h.Key) == name {
			return string(h.Value)
		}
	}
	return ""
}
