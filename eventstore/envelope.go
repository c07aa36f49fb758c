package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// Event is one record of the journal: CloudEvents 1.0 in Kafka's binary mode.
// Headers carry what is listed here, the value is the data alone, as JSON. The
// Kafka key is the stream.
type Event struct {
	ID          string    // ce_id, deterministic from the command's id and the event's index
	Type        string    // ce_type, such as "goniec.message.delivered.v1"
	Source      string    // ce_source, "goniec/<installation id>"
	Stream      string    // ce_subject, such as "message/<uuid>"
	Time        time.Time // ce_time: when it happened, UTC, microseconds
	Recorded    time.Time // ce_recordedtime: max(now, the partition's last)
	Version     int64     // ce_streamversion: 1, 2, … within the stream
	CommandID   string    // ce_commandid
	Causation   string    // ce_causationid: the event or command that caused the command
	Correlation string    // ce_correlationid: one id over the whole story
	Account     string    // ce_account
	Actor       string    // ce_actor: who: "key:<uuid>", "carrier/viber", "timer", "dispatcher", …
	Epoch       int64     // ce_epoch: +1 per ownership of the partition
	PrevHash    [32]byte  // ce_prevhash
	Hash        [32]byte  // ce_hash
	TraceParent string    // traceparent (not hashed)
	Inbox       *Inbox    // ce_inbox, of the last event of a transaction (not hashed)
	Data        []byte    // the value

	Topic     string // where it was read
	Partition int32
	Offset    int64
}

// Inbox is how far a transaction of the decider has dealt with its partition's
// inbox: the first offsets that it has not.
type Inbox struct {
	Urgent int64 `json:"urgent"`
	Bulk   int64 `json:"bulk"`
}

func (i Inbox) String() string { return fmt.Sprintf("%d,%d", i.Urgent, i.Bulk) }

func parseInbox(v string) (*Inbox, error) {
	urgent, bulk, _ := strings.Cut(v, ",")
	var out Inbox
	var err [2]error
	out.Urgent, err[0] = strconv.ParseInt(urgent, 10, 64)
	out.Bulk, err[1] = strconv.ParseInt(bulk, 10, 64)
	return &out, errors.Join(err[:]...)
}

// Header is the note as the header of an event's record.
func (i Inbox) Header() sarama.RecordHeader { return header(headerInbox, i.String()) }

// The headers of an event in the order in which they are hashed. docs/events/README.md
// has the same table, docs/audit.md the exact bytes.
var hashedHeaders = [14]string{
	"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_recordedtime",
	"ce_streamversion", "ce_commandid", "ce_causationid", "ce_correlationid", "ce_account", "ce_actor", "ce_epoch",
}

// headerKeys are hashedHeaders as bytes, made once.
var headerKeys = func() (out [14][]byte) {
	for i, name := range hashedHeaders {
		out[i] = []byte(name)
	}
	return out
}()

const (
	headerHash     = "ce_hash"
	headerPrevHash = "ce_prevhash"
	headerTrace    = "traceparent"
	headerInbox    = "ce_inbox"

	headerContentType = "content-type"
	hashSchema        = "goniec-event-v1"
	timeLayout        = "2006-01-02T15:04:05.000000Z"
)

// appendHeader appends the value of hashedHeaders[i]; nothing means that the
// header is absent.
func (e *Event) appendHeader(b []byte, i int) []byte {
	switch hashedHeaders[i] {
	case "ce_specversion":
		return append(b, "1.0"...)
	case "ce_id":
		return append(b, e.ID...)
	case "ce_type":
		return append(b, e.Type...)
	case "ce_source":
		return append(b, e.Source...)
	case "ce_subject":
		return append(b, e.Stream...)
	case "ce_time":
		return e.Time.UTC().AppendFormat(b, timeLayout)
	case "ce_recordedtime":
		return e.Recorded.UTC().AppendFormat(b, timeLayout)
	case "ce_streamversion":
		return strconv.AppendInt(b, e.Version, 10)
	case "ce_commandid":
		return append(b, e.CommandID...)
	case "ce_causationid":
		return append(b, e.Causation...)
	case "ce_correlationid":
		return append(b, e.Correlation...)
	case "ce_account":
		return append(b, e.Account...)
	case "ce_actor":
		return append(b, e.Actor...)
	case "ce_epoch":
		return strconv.AppendInt(b, e.Epoch, 10)
	}
	return b
}

// ComputeHash returns the hash that chains e to its predecessor in the
// partition: SHA-256 over schema tag, previous hash, key, each header of the
// list and the value, each after its length (4 bytes, big endian; an absent
// header has the length -1 and no bytes).
func (e *Event) ComputeHash() [32]byte {
	return e.hash(e.fields())
}

// fields are the values of hashedHeaders, in their order, in one piece of memory.
func (e *Event) fields() (out [14][]byte) {
	buf := make([]byte, 0, 512)
	for i := range hashedHeaders {
		from := len(buf)
		buf = e.appendHeader(buf, i)
		out[i] = buf[from:len(buf):len(buf)]
	}
	return out
}

// HashedHeaders are the names and values of the headers that are hashed, in
// their order, without those that are absent.
func (e *Event) HashedHeaders() [][2]string {
	var out [][2]string
	for i, v := range e.fields() {
		if len(v) > 0 {
			out = append(out, [2]string{hashedHeaders[i], string(v)})
		}
	}
	return out
}

// hashBuffers are reused: every event is hashed where it is written and where it is read.
var hashBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (e *Event) hash(fields [14][]byte) [32]byte {
	return hashOf(e.PrevHash[:], e.Stream, fields, e.Data)
}

func hashOf[K string | []byte](prev []byte, key K, fields [14][]byte, value []byte) [32]byte {
	reused := hashBuffers.Get().(*[]byte)
	defer hashBuffers.Put(reused)
	buf := appendField((*reused)[:0], hashSchema)
	buf = appendField(buf, prev)
	buf = appendField(buf, key)
	for _, v := range fields {
		if len(v) > 0 {
			buf = appendField(buf, v)
		} else {
			buf = append(buf, 0xff, 0xff, 0xff, 0xff)
		}
	}
	buf = appendField(buf, value)
	*reused = buf
	return sha256.Sum256(buf)
}

// trailing are the headers behind those that are hashed, in their order; must says
// which are always there.
var trailing = [...]struct {
	name string
	must bool
}{{headerPrevHash, true}, {headerHash, true}, {headerTrace, false}, {headerContentType, true}, {headerInbox, false}}

// HashRecord is the hash of a journal record's bytes as they stand. ok is false when
// its headers are not those of an event, in their order, each once and none empty.
// It agrees with ComputeHash on what Chain wrote, without reading and writing
// every field again.
func HashRecord(r *Record) (hash [32]byte, ok bool) {
	var fields [14][]byte
	at := 0
	for i, name := range headerKeys {
		if at < len(r.Headers) && bytes.Equal(r.Headers[at].Key, name) {
			fields[i] = r.Headers[at].Value
			if at++; len(fields[i]) == 0 {
				return hash, false
			}
		}
	}
	var prev [32]byte
	for i, h := range trailing {
		found := at < len(r.Headers) && string(r.Headers[at].Key) == h.name
		if !found && h.must || found && len(r.Headers[at].Value) == 0 {
			return hash, false
		}
		if !found {
			continue
		}
		if v := r.Headers[at].Value; i < 2 && !plainHex(v) || i == 0 && decodeHash(&prev, v) != nil {
			return hash, false
		}
		at++
	}
	if at != len(r.Headers) {
		return hash, false
	}
	return hashOf(prev[:], r.Key, fields, r.Value), true
}

// plainHex says whether all letters are small: of a hash there is one spelling.
func plainHex(v []byte) bool {
	return !bytes.ContainsFunc(v, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

func appendField[T string | []byte](buf []byte, s T) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(s))) // records are at most 1 MiB
	return append(buf, s...)
}

// FirstPrevHash is the previous hash of a partition's first event.
func FirstPrevHash(installation, topic string, p Partition) [32]byte {
	return sha256.Sum256([]byte(installation + "\n" + topic + "\n" + strconv.Itoa(int(p))))
}

// Chain sets e's place behind the event with the hash prev, and returns e as a
// record for topic and partition.
func (e *Event) Chain(prev [32]byte, topic string, p Partition) *sarama.ProducerMessage {
	e.PrevHash = prev
	fields := e.fields()
	e.Hash = e.hash(fields)
	return e.record(fields, topic, p)
}

// Message returns e, whose hashes are set, as a record for topic and partition.
func (e *Event) Message(topic string, p Partition) *sarama.ProducerMessage {
	return e.record(e.fields(), topic, p)
}

func (e *Event) record(fields [14][]byte, topic string, p Partition) *sarama.ProducerMessage {
	hs := make([]sarama.RecordHeader, 0, len(hashedHeaders)+4)
	for i, v := range fields {
		if len(v) > 0 {
			hs = append(hs, sarama.RecordHeader{Key: headerKeys[i], Value: v})
		}
	}
	hs = append(hs, header(headerPrevHash, hex.EncodeToString(e.PrevHash[:])), header(headerHash, hex.EncodeToString(e.Hash[:])))
	if e.TraceParent != "" {
		hs = append(hs, header(headerTrace, e.TraceParent))
	}
	hs = append(hs, header(headerContentType, "application/json"))
	if e.Inbox != nil { // the last one: it is put to a record that is there already
		hs = append(hs, e.Inbox.Header())
	}
	return &sarama.ProducerMessage{
		Topic: topic, Partition: p, Key: sarama.StringEncoder(e.Stream), Value: sarama.ByteEncoder(e.Data), Headers: hs,
	}
}

func header(k, v string) sarama.RecordHeader {
	return sarama.RecordHeader{Key: []byte(k), Value: []byte(v)}
}

// ErrNotAnEvent says that a journal record is not one of ours.
var ErrNotAnEvent = errors.New("record is not a goniec event")

// ParseEvent reads an event from a journal record. It does not check the hash:
// see Verify.
func ParseEvent(r *Record) (*Event, error) {
	e := &Event{Stream: string(r.Key), Data: r.Value, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
	for _, h := range r.Headers {
		if err := e.setHeader(string(h.Key), h.Value); err != nil {
			return nil, fmt.Errorf("%w: %s/%d offset %d: header %s: %w", ErrNotAnEvent, r.Topic, r.Partition, r.Offset, h.Key, err)
		}
	}
	if e.Type == "" || e.Stream == "" || e.Version < 1 {
		return nil, fmt.Errorf("%w: %s/%d offset %d: type, key or version is missing", ErrNotAnEvent, r.Topic, r.Partition, r.Offset)
	}
	return e, nil
}

func (e *Event) setHeader(name string, v []byte) (err error) {
	switch name {
	case "ce_specversion":
		if string(v) != "1.0" {
			err = errors.New("not 1.0")
		}
	case "ce_id":
		e.ID = string(v)
	case "ce_type":
		e.Type = string(v)
	case "ce_source":
		e.Source = string(v)
	case "ce_subject":
		if string(v) != e.Stream {
			err = errors.New("differs from the key")
		}
	case "ce_time":
		e.Time, err = parseTime(v)
	case "ce_recordedtime":
		e.Recorded, err = parseTime(v)
	case "ce_streamversion":
		e.Version, err = strconv.ParseInt(string(v), 10, 64)
	case "ce_commandid":
		e.CommandID = string(v)
	case "ce_causationid":
		e.Causation = string(v)
	case "ce_correlationid":
		e.Correlation = string(v)
	case "ce_account":
		e.Account = string(v)
	case "ce_actor":
		e.Actor = string(v)
	case "ce_epoch":
		e.Epoch, err = strconv.ParseInt(string(v), 10, 64)
	case headerPrevHash:
		err = decodeHash(&e.PrevHash, v)
	case headerHash:
		err = decodeHash(&e.Hash, v)
	case headerTrace:
		e.TraceParent = string(v)
	case headerInbox:
		e.Inbox, err = parseInbox(string(v))
	}
	return err
}

// parseTime reads timeLayout, and nothing else. time.Parse does the same, and took
// a twentieth of a reader's time.
func parseTime[T string | []byte](v T) (time.Time, error) {
	if len(v) != len(timeLayout) || v[4] != '-' || v[7] != '-' || v[10] != 'T' || v[13] != ':' || v[16] != ':' || v[19] != '.' || v[26] != 'Z' {
		return time.Parse(timeLayout, string(v)) // it has the words for what is wrong
	}
	var f [7]int
	for i, at := range [7][2]int{{0, 4}, {5, 7}, {8, 10}, {11, 13}, {14, 16}, {17, 19}, {20, 26}} {
		for j := at[0]; j < at[1]; j++ {
			c := v[j]
			if c < '0' || c > '9' {
				return time.Parse(timeLayout, string(v))
			}
			f[i] = 10*f[i] + int(c-'0')
		}
	}
	t := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], 1000*f[6], time.UTC)
	if t.Month() != time.Month(f[1]) || t.Day() != f[2] || t.Hour() != f[3] || t.Minute() != f[4] || t.Second() != f[5] {
		return time.Parse(timeLayout, string(v)) // the 30th of February
	}
	return t, nil
}

func decodeHash(dst *[32]byte, v []byte) error {
	if len(v) != 64 {
		return errors.New("not 64 hex digits")
	}
	_, err := hex.Decode(dst[:], v)
	return err
}

// Chain checks one journal partition as it is read: each event's own hash, that
// it names the hash of the event before it, and that versions within streams
// have no gap. The zero value is not ready: use NewChain.
type Chain struct {
	Head   [32]byte
	Events int64
}

// NewChain starts a chain at the beginning of a partition.
func NewChain(installation, topic string, p Partition) *Chain {
	return &Chain{Head: FirstPrevHash(installation, topic, p)}
}

// ErrBroken says where and how a journal partition is not what was written.
type ErrBroken struct {
	Topic     string
	Partition int32
	Offset    int64
	What      string
}

func (e *ErrBroken) Error() string {
	return fmt.Sprintf("journal broken at %s/%d offset %d: %s", e.Topic, e.Partition, e.Offset, e.What)
}

// Next takes the next event of the partition; an error is an *ErrBroken.
func (c *Chain) Next(e *Event) error { return c.next(e, e.ComputeHash()) }

// NextRecord takes the next record and returns its event, as ParseEvent and Next do
// together, and with their errors. It hashes the record's bytes as they stand, which
// takes half the time of writing the event's fields anew.
func (c *Chain) NextRecord(r *Record) (*Event, error) {
	e, err := ParseEvent(r)
	if err != nil {
		return nil, err
	}
	hash, whole := HashRecord(r)
	if !whole {
		hash = e.ComputeHash() // its headers stand in another order
	}
	return e, c.next(e, hash)
}

func (c *Chain) next(e *Event, hash [32]byte) error {
	if e.PrevHash != c.Head {
		return &ErrBroken{e.Topic, e.Partition, e.Offset, "it does not name the hash of the event before it"}
	}
	if e.Hash != hash {
		return &ErrBroken{e.Topic, e.Partition, e.Offset, "its content does not match its hash"}
	}
	c.Head = e.Hash
	c.Events++
	return nil
}
