package eventstore

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// Command is a record of an inbox: a command or an outside fact, waiting to be
// decided. Its value is the data, as JSON; the Kafka key is the stream it is addressed to.
type Command struct {
	ID          string // deterministic where the sender may repeat itself
	Type        string // such as "message.request.v1"
	Stream      string
	Account     string
	Actor       string
	Time        time.Time // domain time at the edge
	Correlation string
	Causation   string
	Outcome     bool // the sender waits for an answer on `outcomes`
	TraceParent string
	Data        []byte
}

// Message returns c as a record of the inbox topic and partition.
func (c *Command) Message(topic string, p Partition) *sarama.ProducerMessage {
	hs := []sarama.RecordHeader{header("cmd_id", c.ID), header("cmd_type", c.Type), header("cmd_time", c.Time.UTC().Format(timeLayout))}
	opt := func(k, v string) {
		if v != "" {
			hs = append(hs, header(k, v))
		}
	}
	opt("cmd_account", c.Account)
	opt("cmd_actor", c.Actor)
	opt("cmd_correlation", c.Correlation)
	opt("cmd_causation", c.Causation)
	opt(headerTrace, c.TraceParent)
	if c.Outcome {
		opt("cmd_outcome", "1")
	}
	return &sarama.ProducerMessage{
		Topic: topic, Partition: p, Key: sarama.StringEncoder(c.Stream), Value: sarama.ByteEncoder(c.Data), Headers: hs,
	}
}

// ErrNotACommand says that an inbox record cannot be read; it is parked alone.
var ErrNotACommand = errors.New("record is not a goniec command")

// maxName bounds what a command's key and headers may say: they go into every
// event that follows from it, and into the keys of the owner's state.
const maxName = 512

// ParseCommand reads a command from an inbox record.
func ParseCommand(r *Record) (*Command, error) {
	if len(r.Key) > maxName || bytes.IndexByte(r.Key, 0) >= 0 {
		return nil, fmt.Errorf("%w: its key is not one of a stream", ErrNotACommand)
	}
	c := &Command{Stream: string(r.Key), Data: r.Value}
	var err error
	for _, h := range r.Headers {
		if len(h.Value) > maxName {
			return nil, fmt.Errorf("%w: a header is longer than %d bytes", ErrNotACommand, maxName)
		}
		v := string(h.Value)
		switch string(h.Key) {
		case "cmd_id":
			c.ID = v
		case "cmd_type":
			c.Type = v
		case "cmd_time":
			c.Time, err = parseTime(v)
		case "cmd_account":
			c.Account = v
		case "cmd_actor":
			c.Actor = v
		case "cmd_correlation":
			c.Correlation = v
		case "cmd_causation":
			c.Causation = v
		case "cmd_outcome":
			c.Outcome = true
		case headerTrace:
			c.TraceParent = v
		}
	}
	if err != nil || c.ID == "" || c.Type == "" || c.Stream == "" {
		return nil, fmt.Errorf("%w: id, type, time or key is missing or unreadable", ErrNotACommand)
	}
	return c, nil
}
