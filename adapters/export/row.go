package export

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"goniec/eventstore"
)

// Row is one event as it is exported: a line of NDJSON, a row of Parquet. It holds
// all that the event's hash is made of, see docs/audit.md; times are UTC, in microseconds.
type Row struct {
	ID            string          `parquet:"id" json:"id"`
	Type          string          `parquet:"type,dict" json:"type"`
	Stream        string          `parquet:"stream" json:"stream"`
	StreamVersion int64           `parquet:"stream_version" json:"stream_version"`
	Time          time.Time       `parquet:"time,timestamp(microsecond)" json:"time"`         // when it happened
	Recorded      time.Time       `parquet:"recorded,timestamp(microsecond)" json:"recorded"` // when it was decided
	Account       string          `parquet:"account,optional,dict" json:"account,omitempty"`
	Actor         string          `parquet:"actor,optional,dict" json:"actor,omitempty"`
	Command       string          `parquet:"command,optional" json:"command,omitempty"`
	Causation     string          `parquet:"causation,optional" json:"causation,omitempty"`
	Correlation   string          `parquet:"correlation,optional" json:"correlation,omitempty"`
	Epoch         int64           `parquet:"epoch" json:"epoch"`
	Topic         string          `parquet:"topic,dict" json:"topic"` // without the prefix
	Partition     int32           `parquet:"partition" json:"partition"`
	Offset        int64           `parquet:"offset" json:"offset"`
	PreviousHash  string          `parquet:"previous_hash" json:"previous_hash"` // hex
	Hash          string          `parquet:"hash" json:"hash"`                   // hex
	Data          json.RawMessage `parquet:"data,json" json:"data"`
}

// rowOf is an event of a topic, named without its prefix.
func rowOf(topic string, e *eventstore.Event) Row {
	return Row{
		ID: e.ID, Type: e.Type, Stream: e.Stream, StreamVersion: e.Version, Time: e.Time.UTC(), Recorded: e.Recorded.UTC(),
		Account: e.Account, Actor: e.Actor, Command: e.CommandID, Causation: e.Causation, Correlation: e.Correlation, Epoch: e.Epoch,
		Topic: topic, Partition: e.Partition, Offset: e.Offset,
		PreviousHash: hex.EncodeToString(e.PrevHash[:]), Hash: hex.EncodeToString(e.Hash[:]), Data: e.Data,
	}
}

// event is the event that the row was made of, and whether its hash is right.
func (r *Row) event(installation string) (e eventstore.Event, right bool, err error) {
	e = eventstore.Event{
		ID: r.ID, Type: r.Type, Source: "goniec/" + installation, Stream: r.Stream, Version: r.StreamVersion, Time: r.Time, Recorded: r.Recorded,
		Account: r.Account, Actor: r.Actor, CommandID: r.Command, Causation: r.Causation, Correlation: r.Correlation, Epoch: r.Epoch,
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Data: r.Data,
	}
	for _, h := range []struct {
		to   *[32]byte
		text string
	}{{&e.PrevHash, r.PreviousHash}, {&e.Hash, r.Hash}} {
		b, err := hex.DecodeString(h.text)
		if err != nil || len(b) != len(h.to) {
			return e, false, fmt.Errorf("offset %d: not a hash", r.Offset)
		}
		copy(h.to[:], b)
	}
	return e, e.ComputeHash() == e.Hash, nil
}
