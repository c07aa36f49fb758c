package simulator

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"goniec/domain"
)

// engine decides what the carriers do, writes it to the log and keeps what
// follows from it. Safe for concurrent use.
type engine struct {
	cfg  Config
	log  *journal
	send func(*pending) // hands a report out; must not block

	mu sync.Mutex
	st *state
}

// openEngine rebuilds the engine from its log. Reports that had gone out
// without an acknowledgement go out again with resume.
func openEngine(cfg Config, names func(int64) string) (*engine, error) {
	e := &engine{cfg: cfg, st: newState(cfg.Phones, names)}
	log, err := openJournal(cfg.Dir, cfg.SyncLog, e.st.apply)
	if err != nil {
		return nil, err
	}
	e.log = log
	if _, err := e.record(Entry{Kind: KindStart}); err != nil {
		return nil, errors.Join(err, log.close())
	}
	return e, nil
}

// record appends and applies one entry, dated now; the order of the log is the
// order of the changes.
func (e *engine) record(entry Entry) (Entry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.recordLocked(entry)
}

func (e *engine) recordLocked(entry Entry) (Entry, error) {
	entry.At = e.cfg.Clock.Now()
	if err := e.log.append(&entry); err != nil {
		return entry, err
	}
	e.st.apply(entry)
	return entry, nil
}

// submit decides about one message, which is in the log (and on the disk, with
// SyncLog) when it returns.
func (e *engine) submit(ch domain.Channel, number string, s Submit) (Entry, Side, Answer, error) {
	side := sideFor(ch, number)
	entry, answer, err := e.decide(ch, number, s, side)
	if err == nil && e.cfg.SyncLog {
		err = e.log.wait(entry.Seq)
	}
	return entry, side, answer, err
}

func (e *engine) decide(ch domain.Channel, number string, s Submit, side Side) (Entry, Answer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(side.Before) > 0 {
		s.Try = e.st.tries[tryKey(ch, number, s.Text)]
	}
	answer := side.answer(s.Try)
	if s.Taken = answer.Taken; s.Taken {
		s.Plan = side.plan(e.cfg.Clock.Now(), e.cfg.Delays)
	}
	entry, err := e.recordLocked(Entry{Kind: KindSubmit, Channel: ch, ID: newID(ch), Number: number, Submit: &s})
	if sub := e.st.live[entry.ID]; sub != nil && side.First {
		sub.reports[0].held = true // else the clock might overtake reportFirst
	}
	return entry, answer, err
}

// refuse logs a submit that is answered with a status for its shape, whatever its number.
func (e *engine) refuse(ch domain.Channel, number string, s Submit) (Entry, error) {
	entry, err := e.record(Entry{Kind: KindSubmit, Channel: ch, ID: newID(ch), Number: number, Submit: &s})
	if err == nil && e.cfg.SyncLog {
		err = e.log.wait(entry.Seq)
	}
	return entry, err
}

// answered logs what a submit is answered, just before it is.
func (e *engine) answered(submit Entry, answer string) {
	entry := Entry{Kind: KindAnswer, Channel: submit.Channel, ID: submit.ID, Number: submit.Number, Answer: answer}
	if _, err := e.record(entry); err != nil {
		e.cfg.Logger.Error("simulator: log an answer", "error", err)
	}
}

// act does what a recipient does on the page, at once.
func (e *engine) act(ch domain.Channel, number string, do Report, text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	ph := e.st.phones.byNumber[number]
	if ph == nil {
		return domain.Refuse("nobody_to_answer", "no message has come to this number yet")
	}
	last, ok := ph.lastFrom[ch]
	if !ok {
		return domain.Refuse("nobody_to_answer", "no message has come to this number on that channel yet")
	}
	now := e.cfg.Clock.Now()
	last.Taken, last.Plan = true, []Planned{{Do: do, At: now, Due: now, Text: text}}
	_, err := e.recordLocked(Entry{Kind: KindAction, Channel: ch, ID: newID(ch), Number: number, Submit: &last})
	return err
}

// fireDue sends every report that is due.
func (e *engine) fireDue() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.cfg.Clock.Now()
	for {
		r := e.st.next(now)
		if r == nil {
			return nil
		}
		if err := e.fire(r); err != nil {
			return err
		}
	}
}

func (e *engine) fire(r *pending) error {
	_, err := e.recordLocked(r.entry(KindReport, 0))
	if err == nil {
		e.send(r)
	}
	return err
}

// first fires the first report of a submit before its turn and says which it is; nil if there is none.
func (e *engine) first(id string) (*pending, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sub := e.st.live[id]
	if sub == nil || len(sub.reports) == 0 || sub.reports[0].fired {
		return nil, nil
	}
	r := sub.reports[0]
	_, err := e.recordLocked(r.entry(KindReport, 0))
	return r, err
}

// reportFirst hands out the first report before its submit is answered.
func (e *engine) reportFirst(ctx context.Context, id string, out *outbound) {
	r, err := e.first(id)
	if err != nil {
		e.cfg.Logger.Error("simulator: log a report", "error", err)
	}
	if r != nil {
		out.addFirst(ctx, r)
	}
}

// settle logs that a report was acknowledged or given up.
func (e *engine) settle(r *pending, kind Kind, tries int) {
	if _, err := e.record(r.entry(kind, tries)); err != nil {
		e.cfg.Logger.Error("simulator: log an acknowledgement", "error", err)
	}
}

func (r *pending) entry(kind Kind, tries int) Entry {
	return Entry{
		Kind: kind, Channel: r.of.channel, ID: r.of.id, Number: r.of.number,
		Report: r.plan.Do, N: r.plan.N, Happened: r.plan.At, Tries: tries,
	}
}

// resume sends again what nobody acknowledged before the restart.
func (e *engine) resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.st.open() {
		e.send(r)
	}
}

func (e *engine) stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	stats := e.st.stats.clone()
	stats.Due, stats.Next = e.st.owed(e.cfg.Clock.Now())
	return stats
}

func (e *engine) view(number string) View {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.phones.view(number)
}

func (e *engine) search(digits string) []Contact {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.phones.search(digits)
}

// newID makes an id like the carriers' own: 19 digits for Viber, 16 hex digits
// for the SMSC. It is random, so that no restart, not even one that lost the end
// of the log, gives an id out twice.
func newID(ch domain.Channel) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	n := binary.BigEndian.Uint64(b[:])
	if ch == domain.SMS {
		return fmt.Sprintf("%016X", n)
	}
	return strconv.FormatUint(5_000_000_000_000_000_000+n%1_000_000_000_000_000_000, 10)
}

// code is how an answer stands in the log, the way a client would name it.
func (a Answer) code(ch domain.Channel) string {
	switch {
	case a.Fault != FaultNone:
		return string(a.Fault)
	case ch == domain.SMS:
		return fmt.Sprintf("0x%08X", a.Status)
	}
	return strconv.Itoa(a.Status)
}

// pause waits real time, or until done is closed.
func pause(done <-chan struct{}, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
