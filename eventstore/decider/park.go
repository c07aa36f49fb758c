package decider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"goniec/domain/account"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// poisonError says that a part of a group cannot be decided, whoever tries: it is
// parked. Errors of the infrastructure are never poison.
type poisonError struct {
	part   any // names what is to be parked, see attempt
	reason string
	err    error
}

func (e *poisonError) Error() string { return e.reason + ": " + e.err.Error() }
func (e *poisonError) Unwrap() error { return e.err }

func poison(reason string, err error) error { return &poisonError{reason: reason, err: err} }

// attempt decides one part of the group: a command, a timer, what a command does
// to somebody else's message. Parts may be nested. When the rules fail on it, it
// says why, and the caller parks it. If the part had already written something,
// the whole group is decided anew instead (err is the poisonError, with the part's
// name), and next time the part is known to fail.
func (g *group) attempt(part any, fn func() error) (failed *poisonError, err error) {
	if p := g.bad[part]; p != nil {
		return p, nil
	}
	from, applied, ids := len(g.records), g.applied, g.ids
	if err = guarded(fn); err == nil {
		err = g.fit(from)
	}
	var p *poisonError
	if !errors.As(err, &p) || p.part != nil {
		return nil, err
	}
	if len(g.records) == from && g.applied == applied {
		g.ids = ids
		return p, nil // nothing to take back: the group goes on
	}
	p.part = part
	return nil, p
}

// fit refuses records that Kafka would not take: the group would fail for ever.
func (g *group) fit(from int) error {
	for _, r := range g.records[from:] {
		if r.ByteSize(2) > eventstore.MaxRecordBytes {
			return poison(partition.ReasonTooLarge, errors.New("what follows from the command is too large"))
		}
	}
	return nil
}

// guarded turns a panic of the rules into poison: one command must not stop a
// partition. A store that is closed says so by a panic too: that is no poison.
func guarded(fn func() error) (err error) {
	defer func() {
		r := recover()
		if cause, ok := r.(error); ok && errors.Is(cause, pebble.ErrClosed) {
			err = cause
		} else if r != nil {
			err = poison(partition.ReasonDecisionFailed, &panicError{r})
		}
	}()
	return fn()
}

// panicError keeps a panic of the rules.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %T", e.value) } // the value may hold data

// onMessage lets a command that is addressed to somebody else act on a message.
// When the rules fail on it, the message is parked and the command goes on:
// parked is the message, never the recipient. An opt-out is told to the message,
// and a report stays with its number, until it is retried.
func (g *group) onMessage(stream string, fn func() error) error {
	if g.resuming == stream { // this is the retry: the failure is its own
		return fn()
	}
	failed, err := g.attempt(g.cmd.ID+"\x00"+stream, fn)
	if failed == nil {
		return err
	}
	return g.park(g.o.derive("parked", g.cmd.ID, stream), partition.Parked{
		Command: g.cmd.ID, Type: g.cmd.Type, Stream: stream, Reason: failed.reason, Detail: detail(failed.err), Received: g.now, Account: g.cmd.Account,
	})
}

// parkable is the stream that is parked with a command: messages only. Opt-outs
// and reports of a number are always decided.
func parkable(stream string) string {
	if kindOf(stream) == "message" {
		return stream
	}
	return ""
}

// parkedCount counts what is parked.
type parkedCount struct{ all, held int } // held: of those, what holds a stream

func (c *parkedCount) add(t partition.Thing, n int) {
	if !t.Parked() {
		return
	}
	c.all += n
	if t.What.Stream != "" {
		c.held += n
	}
}

// countParked counts what is parked as the owner finds it.
func (o *owner) countParked() (c parkedCount, err error) {
	for prefix, n := range map[string]*int{partition.AllKey + "\x00": &c.all, partition.HeldPrefix: &c.held} {
		from := o.keys.key('i', prefix)
		err = errors.Join(err, scan(o.store.db, from, after(from), func([]byte) (bool, error) {
			*n++
			return true, nil
		}))
	}
	return c, err
}

// isParked says whether commands and timers of the stream have to wait. Nothing is
// looked up while no stream of the partition is held.
func (g *group) isParked(stream string) (bool, error) {
	if g.o.parked.held+g.count.held == 0 || stream == g.retrying {
		return false, nil
	}
	return heldIn(g.batch, g.o.keys, stream)
}

// isParked is what holds before the group that is being decided.
func (o *owner) isParked(stream string) (bool, error) {
	if o.parked.held == 0 {
		return false, nil
	}
	return heldIn(o.store.db, o.keys, stream)
}

func heldIn(db pebble.Reader, keys keyspace, stream string) (held bool, err error) {
	if parkable(stream) == "" {
		return false, nil
	}
	from := keys.key('i', partition.LinePrefix(stream))
	err = scan(db, from, after(from), func([]byte) (bool, error) {
		held = true
		return false, nil
	})
	return held, err
}

// line returns the streams of what holds stream, in their order.
func (g *group) line(stream string) (things []string, err error) {
	from := g.o.keys.key('i', partition.LinePrefix(stream))
	err = scan(g.batch, from, after(from), func(k []byte) (bool, error) {
		_, thing, _ := strings.Cut(string(k[len(from):]), "\x00")
		things = append(things, thing)
		return true, nil
	})
	return things, err
}

// nextPosition is the place behind everything that holds stream.
func (g *group) nextPosition(stream string) (int, error) {
	from := g.o.keys.key('i', partition.LinePrefix(stream))
	k, err := last(g.batch, from, after(from))
	if err != nil || k == nil {
		return 0, err
	}
	position, _, _ := strings.Cut(string(k[len(from):]), "\x00")
	n, err := strconv.Atoi(position)
	return n + 1, err
}

func (g *group) thing(stream string) (partition.Thing, error) {
	e, err := g.load(stream)
	if err != nil {
		return partition.Thing{}, err
	}
	t, ok := e.agg.(parkedState)
	if !ok {
		return partition.Thing{}, poison(partition.ReasonWrongStream, errors.New("not a parked thing"))
	}
	return t.Thing, nil
}

// tell emits an event of a parked thing and keeps the count.
func (g *group) tell(stream, account string, ev partition.Event) error {
	before, err := g.thing(stream)
	if err != nil {
		return err
	}
	if err := g.emit(stream, account, fact{ev, g.now}); err != nil {
		return err
	}
	now, err := g.thing(stream)
	g.count.add(before, -1)
	g.count.add(now, 1)
	return err
}

// park puts a thing aside. One that is parked already stands there once: the
// inbox's offset was set back.
func (g *group) park(id string, ev partition.Parked) error {
	stream := partition.StreamPrefix + id
	t, err := g.thing(stream)
	if err != nil || t.Parked() {
		return err
	}
	if ev.Stream != "" {
		if ev.Position, err = g.nextPosition(ev.Stream); err != nil {
			return err
		}
	}
	if ev.Sealed == nil {
		ev.Sealed = []byte{} // a string in JSON, and not null
	}
	g.parked = append(g.parked, ev)
	return g.tell(stream, ev.Account, ev)
}

// parkInput parks a command that cannot be processed, with its bytes, sealed. Who
// waits for its outcome is told so.
func (g *group) parkInput(in *input, stream, reason string, cause error) error {
	r := in.record
	id := g.o.derive("parked", g.cmd.ID, laneTopics[in.lane], strconv.FormatInt(in.offset, 10), strconv.FormatInt(r.Timestamp.UnixMilli(), 10))
	sealed, err := g.sealed(id, r)
	if err != nil {
		return fmt.Errorf("park: %w", err)
	}
	ev := partition.Parked{
		Stream: stream, Reason: reason, Detail: detail(cause), Lane: laneTopics[in.lane], Offset: in.offset,
		Received: r.Timestamp.UTC(), Sealed: sealed, Account: g.cmd.Account,
	}
	if in.cmd != nil {
		ev.Command, ev.Type = in.cmd.ID, in.cmd.Type
	}
	if err := g.park(id, ev); err != nil || in.cmd == nil || !in.cmd.Outcome {
		return err
	}
	return g.answer(eventstore.Outcome{Command: in.cmd.ID, Stream: in.cmd.Stream, Refused: partition.Refused()})
}

// maxParked bounds the bytes that are kept of a parked command: sealed and
// encoded they are more than twice as many, and one event must hold them.
const maxParked = 256 << 10

// sealed returns the record as it is kept: under a day key of its account, or of
// the installation, so that its retention ends although the journal's does not. A
// record that is too large is kept without its content, which stays in the inbox
// as long as that keeps it.
func (g *group) sealed(id string, r *eventstore.Record) ([]byte, error) {
	bytes, err := json.Marshal(r)
	if err == nil && len(bytes) > maxParked {
		bytes, err = json.Marshal(&eventstore.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp})
	}
	if err != nil {
		return nil, err
	}
	owner, days := "", account.DefaultSettings().RetentionDays
	if a, ok := g.o.cfg.View.AccountByID(g.cmd.Account); ok {
		owner, days = a.ID, a.Settings.RetentionDays
	}
	ctx, cancel := context.WithTimeout(g.o.life, eventstore.SendTimeout)
	defer cancel()
	return g.o.cfg.Keyring.Seal(ctx, owner, g.now.AddDate(0, 0, days), bytes, partition.StreamPrefix+id)
}

// parkTimer parks a message whose timer cannot be decided.
func (g *group) parkTimer(t dueTimer, failed *poisonError) error {
	return g.park(g.o.derive("parked", g.cmd.ID), partition.Parked{
		Command: g.cmd.ID, Type: partition.TimerType(t.name), Stream: t.stream, Reason: failed.reason, Detail: detail(failed.err), Received: g.now,
	})
}

// tellParked counts and logs what was parked, once it is.
func (g *group) tellParked() {
	for _, ev := range g.parked {
		g.o.cfg.Metrics.Parked(g.o.part, ev.Reason)
		g.o.log.Error("command parked", "reason", ev.Reason, "type", ev.Type, "lane", ev.Lane, "offset", ev.Offset)
	}
	if g.count == (parkedCount{}) {
		return
	}
	g.o.parked.all += g.count.all
	g.o.parked.held += g.count.held
	g.o.cfg.Metrics.ParkedNow(g.o.part, g.o.parked.all)
}

// detail says what kind of error it was, never what the data held.
func detail(err error) string {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	var panicked *panicError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("JSON is broken at byte %d", syntax.Offset)
	case errors.As(err, &typ) && typ.Field == "":
		return "the JSON is of the wrong type"
	case errors.As(err, &typ):
		return fmt.Sprintf("JSON field %s has the wrong type", typ.Field)
	case errors.Is(err, eventstore.ErrNotACommand), errors.Is(err, errBehind), errors.As(err, &panicked):
		return err.Error()
	}
	return fmt.Sprintf("%T", err)
}

// timerCommandOf is the command under which a timer is decided.
func (g *group) timerCommandOf(stream, name string, due time.Time, version int64) *eventstore.Command {
	return &eventstore.Command{
		ID:   g.o.derive(stream, name, due.Format(time.RFC3339Nano), strconv.FormatInt(version, 10)),
		Type: timerCommand, Stream: stream, Actor: "timer/" + name, Time: due,
	}
}
