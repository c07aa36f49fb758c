package reactor

import (
	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	wmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"goniec/domain/catalog"
	"goniec/eventstore"
)

// unmarshaler turns a record into a message without judging it: an error here
// would stop the partition without a word. A record that nobody wants comes
// without its content: most are so, and the journal is long.
type unmarshaler struct {
	wants func(typ, account string) bool
}

// Unmarshal implements kafka.Unmarshaler.
func (u unmarshaler) Unmarshal(r *sarama.ConsumerMessage) (*wmessage.Message, error) {
	if u.idle(r) {
		return wmessage.NewMessage("", nil), nil
	}
	meta := make(wmessage.Metadata, len(r.Headers)+1)
	for _, h := range r.Headers {
		meta[string(h.Key)] = string(h.Value)
	}
	m := wmessage.NewMessage(meta["ce_id"], r.Value)
	m.Metadata = meta
	if correlation := meta["ce_correlationid"]; correlation != "" {
		middleware.SetCorrelationID(correlation, m)
	}
	return m, nil
}

// idle says that nothing can follow from the record: it is an event of a known
// type, and not wanted.
func (u unmarshaler) idle(r *sarama.ConsumerMessage) bool {
	var typ, owner string
	for _, h := range r.Headers {
		switch string(h.Key) {
		case "ce_type":
			typ = string(h.Value)
		case "ce_account":
			owner = string(h.Value)
		}
	}
	return catalog.Known(typ) && !u.wants(typ, owner)
}

// recordOf is the reverse of Unmarshal.
func recordOf(m *wmessage.Message) *eventstore.Record {
	ctx := m.Context()
	r := &eventstore.Record{Topic: wmessage.SubscribeTopicFromCtx(ctx), Value: m.Payload}
	r.Partition, _ = kafka.MessagePartitionFromCtx(ctx)
	r.Offset, _ = kafka.MessagePartitionOffsetFromCtx(ctx)
	r.Key, _ = kafka.MessageKeyFromCtx(ctx)
	for k, v := range m.Metadata {
		r.Headers = append(r.Headers, &sarama.RecordHeader{Key: []byte(k), Value: []byte(v)})
	}
	return r
}
