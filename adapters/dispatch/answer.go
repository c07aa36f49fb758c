package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain/message"
	"goniec/eventstore"
	"goniec/internal/pause"
)

const actor = "dispatcher"

// destination is where the answers of an attempt go.
type destination struct {
	part    eventstore.Partition
	message string
	account string
	trace   string
}

func (j *job) destination() destination {
	return destination{j.owner.part, j.ins.Message, j.ins.Account, j.trace}
}

// record makes the inbox record of an answer. Its id is that of (attempt,
// outcome): the same word said twice is the same command.
func (d *Dispatcher) record(to destination, a message.Answer) (*sarama.ProducerMessage, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	sum := sha256.Sum256([]byte("answer\x00" + a.Attempt + "\x00" + string(a.Outcome)))
	c := eventstore.Command{
		ID: eventstore.DerivedID(to.part, sum[:]).String(), Type: message.CommandAnswer, Stream: "message/" + to.message,
		Account: to.account, Actor: actor, Time: a.At, Correlation: to.message, TraceParent: to.trace, Data: data,
	}
	return c.Message(d.cfg.Kafka.Topics().Name(eventstore.InboxUrgent), to.part), nil
}

const (
	answerRetryMin = 50 * time.Millisecond
	answerRetryMax = time.Second
)

// send writes answers until they are acknowledged or ctx ends; false: they are
// not, and their instructions stay unfinished.
func (d *Dispatcher) send(ctx context.Context, records func() ([]*sarama.ProducerMessage, error)) bool {
	for wait := answerRetryMin; ; wait = min(2*wait, answerRetryMax) {
		msgs, err := records() // records anew: a producer may still hold those of the last try
		if err == nil {
			err = d.sendOnce(ctx, msgs)
		}
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		d.cfg.Log.Warn("answer not written; it is repeated", "error", err)
		_ = pause.For(ctx, wait)
	}
}

func (d *Dispatcher) sendOnce(ctx context.Context, msgs []*sarama.ProducerMessage) error {
	ctx, cancel := context.WithTimeout(ctx, eventstore.SendTimeout)
	defer cancel()
	return d.cfg.Producer.Send(ctx, msgs...)
}

// deliver writes a claimed job's answer and finishes it.
func (o *owner) deliver(j *job, a message.Answer) {
	defer o.work.Done()
	acked := o.d.send(o.hard, func() ([]*sarama.ProducerMessage, error) {
		m, err := o.d.record(j.destination(), a)
		return []*sarama.ProducerMessage{m}, err
	})
	if acked {
		o.finish(j)
	}
}

// Late takes an answer that came after the call had been answered "unknown", as
// smpp.Config.OnLate brings it: it resolves the attempt. Answers of attempts
// that this process did not send in the last minutes are dropped. It does not
// block and may be called at any time.
func (d *Dispatcher) Late(a message.Answer) {
	to, ok := d.lost.take(a.Attempt)
	if !ok || a.Outcome == message.OutcomeUnknown {
		return
	}
	a.At = d.cfg.Clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || d.ctx.Err() != nil {
		return // not running: the report will tell
	}
	d.late.Go(func() {
		d.send(d.ctx, func() ([]*sarama.ProducerMessage, error) {
			m, err := d.record(to, a)
			return []*sarama.ProducerMessage{m}, err
		})
	})
}

// lostFor is how long the destination of an unknown attempt is kept for Late.
const lostFor = 2 * time.Minute

// lostSet remembers where late answers go, from before the call, since an answer may come as
// it is given up, for lostFor to twice that long.
type lostSet struct {
	mu         sync.Mutex
	young, old map[string]destination
	turned     time.Time
}

func (l *lostSet) put(attempt string, to destination, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.turned) > lostFor {
		l.old, l.young, l.turned = l.young, map[string]destination{}, now
	}
	l.young[attempt] = to
}

func (l *lostSet) take(attempt string) (destination, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range []map[string]destination{l.young, l.old} {
		if to, ok := m[attempt]; ok {
			delete(m, attempt)
			return to, true
		}
	}
	return destination{}, false
}
