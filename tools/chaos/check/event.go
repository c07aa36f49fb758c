package check

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// event is a record of the journal in the form of docs/events.
type event struct {
	topic     string // short
	partition int32
	offset    int64
	written   time.Time // Kafka's time: real, whatever goniec's clock says
	stream    string
	headers   map[string]string
	value     []byte

	id, kind, command string
	version, epoch    int64
	fault             string // why it is not in that form
}

// hashed are the headers that the hash covers, in its order (docs/audit.md).
var hashed = []string{
	"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_recordedtime", "ce_streamversion",
	"ce_commandid", "ce_causationid", "ce_correlationid", "ce_account", "ce_actor", "ce_epoch",
}

func (b *books) parse(records [][]*kgo.Record) [][]*event {
	out := make([][]*event, len(records))
	for p, part := range records {
		for _, rec := range part {
			out[p] = append(out[p], parseEvent(strings.TrimPrefix(rec.Topic, b.cfg.Prefix), rec))
		}
	}
	return out
}

func parseEvent(topic string, rec *kgo.Record) *event {
	e := &event{
		topic: topic, partition: rec.Partition, offset: rec.Offset, written: rec.Timestamp, stream: string(rec.Key),
		headers: map[string]string{}, value: rec.Value,
	}
	for _, h := range rec.Headers {
		e.headers[h.Key] = string(h.Value)
	}
	e.id, e.kind, e.command = e.headers["ce_id"], e.headers["ce_type"], e.headers["ce_commandid"]
	var err1, err2 error
	e.version, err1 = strconv.ParseInt(e.headers["ce_streamversion"], 10, 64)
	e.epoch, err2 = strconv.ParseInt(e.headers["ce_epoch"], 10, 64)
	switch {
	case e.id == "" || e.kind == "" || err1 != nil || err2 != nil:
		e.fault = "id, type, version or epoch is missing"
	case e.headers["ce_subject"] != e.stream:
		e.fault = "the subject is not the key"
	}
	return e
}

// at names the event in a finding.
func (e *event) at() string {
	return fmt.Sprintf("%s/%d offset %d (%s of %s)", e.topic, e.partition, e.offset, e.kind, e.stream)
}

// into reads the data; what is not JSON has been found before.
func (e *event) into(v any) { _ = json.Unmarshal(e.value, v) }

// hash computes what ce_hash must be, from docs/audit.md.
func (e *event) hash() [32]byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(b))) // records are small
		h.Write(n[:])
		h.Write(b)
	}
	field([]byte("goniec-event-v1"))
	prev, _ := hex.DecodeString(e.headers["ce_prevhash"]) // what is not hex gives another hash
	field(prev)
	field([]byte(e.stream))
	for _, name := range hashed {
		if v, ok := e.headers[name]; ok {
			field([]byte(v))
		} else {
			h.Write([]byte{0xff, 0xff, 0xff, 0xff})
		}
	}
	field(e.value)
	return [32]byte(h.Sum(nil))
}

// root is the first previous hash of a partition.
func root(installation, topic string, partition int32) string {
	sum := sha256.Sum256([]byte(installation + "\n" + topic + "\n" + strconv.Itoa(int(partition))))
	return hex.EncodeToString(sum[:])
}
