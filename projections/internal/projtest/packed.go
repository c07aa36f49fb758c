package projtest

import (
	"encoding/binary"

	"github.com/IBM/sarama"

	"goniec/eventstore"
)

// packed is a record as one piece of memory, so that a large journal does not
// keep the garbage collector busy, and reading it costs about what it costs to
// decode what a broker sends.
type packed struct {
	offset int64
	topic  string
	part   int32
	bytes  []byte // key, value, then names and values of the headers, each after its length
}

func pack(r *eventstore.Record) packed {
	p := packed{offset: r.Offset, topic: r.Topic, part: r.Partition}
	p.bytes = put(put(p.bytes, r.Key), r.Value)
	for _, h := range r.Headers {
		p.bytes = put(put(p.bytes, h.Key), h.Value)
	}
	return p
}

func put(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

func (p packed) unpack() *eventstore.Record {
	rest := append([]byte(nil), p.bytes...)
	take := func() []byte {
		n, width := binary.Uvarint(rest)
		end := width + int(n) // written by put
		b := rest[width:end:end]
		rest = rest[end:]
		return b
	}
	r := &eventstore.Record{Topic: p.topic, Partition: p.part, Offset: p.offset, Key: take(), Value: take()}
	for len(rest) > 0 {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: take(), Value: take()})
	}
	return r
}
