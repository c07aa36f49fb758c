package eventstore

import "github.com/IBM/sarama"

// The kinds of record in an outbox. The value is message.SendInstruction or
// message.RevokeInstruction as JSON, the key the message's id.
const (
	InstructionSend   = "send.v1"
	InstructionRevoke = "revoke.v1"

	headerInstruction = "ins_type"
)

// InstructionMessage returns an outbox record.
func InstructionMessage(topic string, p Partition, kind, key string, data []byte, trace string) *sarama.ProducerMessage {
	hs := []sarama.RecordHeader{header(headerInstruction, kind)}
	if trace != "" {
		hs = append(hs, header(headerTrace, trace))
	}
	return &sarama.ProducerMessage{Topic: topic, Partition: p, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(data), Headers: hs}
}

// InstructionKind reads the kind and the trace of an outbox record.
func InstructionKind(r *Record) (kind, trace string) {
	for _, h := range r.Headers {
		switch string(h.Key) {
		case headerInstruction:
			kind = string(h.Value)
		case headerTrace:
			trace = string(h.Value)
		}
	}
	return kind, trace
}
