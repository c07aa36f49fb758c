package decider

import (
	"strconv"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
)

// resumeEvery is how often an owner looks for messages that wait for a switch
// which is off by now (rules.md D17). Where nothing waits, a look is two seeks.
const resumeEvery = 100 * time.Millisecond

// resumes says whether t is the end of a pause that the message waits for.
func resumes(e *entry, t domain.Timer) bool {
	m, ok := e.agg.(messageState)
	return ok && t.Name == message.TimerResume && m.Hold != "" && m.HeldAt.Equal(t.Due)
}

// dueResumes returns messages whose switch is off, urgent ones first, then the
// longest paused. They are fired as timers are, and under the same conditions:
// what lies unread in the inbox since the pause began is decided before.
func (o *owner) dueResumes() ([]dueTimer, error) {
	if o.cfg.Now().Sub(o.heldAt) < resumeEvery {
		return nil, nil
	}
	o.heldAt = o.cfg.Now()
	var due []dueTimer
	for _, urgent := range []bool{true, false} {
		var err error
		if due, err = o.scanHeld(message.HeldPrefix(urgent), due); err != nil {
			return nil, err
		}
	}
	if len(due) == 0 {
		return nil, nil
	}
	if len(due) == timersInGroup {
		o.heldAt = time.Time{} // there may be more
	}
	return o.safeResumes(due)
}

// safeResumes holds back what the inbox may still have a word on.
func (o *owner) safeResumes(due []dueTimer) ([]dueTimer, error) {
	if ok, why := o.timers.open(o.cfg.Now()); !ok {
		o.cfg.Metrics.TimersWaiting(o.part, why)
		return nil, nil
	}
	latest := due[0].due
	for _, t := range due {
		latest = later(latest, t.due)
	}
	if err := o.moveSafe(o.cfg.Clock.Now(), latest); err != nil {
		return nil, nil //nolint:nilerr // the broker does not answer: they wait, as timers do
	}
	for i, t := range due {
		if o.timers.safe.Before(t.due) {
			return due[:i], nil // nothing behind it goes first
		}
	}
	return due, nil
}

// scanHeld adds the messages under prefix whose switch is off, up to a group's
// worth. Of a switch that is on only the first key is looked at.
func (o *owner) scanHeld(prefix string, due []dueTimer) ([]dueTimer, error) {
	from := o.keys.key('i', prefix)
	end := after(from)
	for from != nil && len(due) < timersInGroup {
		var next []byte
		err := scan(o.store.db, from, end, func(k []byte) (bool, error) {
			t, sw, ok := o.parseHeld(k, prefix)
			if !ok {
				return true, nil
			}
			if o.cfg.View.Paused(sw) {
				next = after(o.keys.key('i', prefix, sw, "/"))
				return false, nil
			}
			if held, err := o.isParked(t.stream); err != nil || held {
				return true, err
			}
			due = append(due, t)
			return len(due) < timersInGroup, nil
		})
		if err != nil {
			return nil, err
		}
		from = next
	}
	return due, nil
}

// parseHeld reads an index key: prefix, switch, "/", 20 digits of Unix µs, zero byte, stream.
func (o *owner) parseHeld(key []byte, prefix string) (t dueTimer, sw string, ok bool) {
	name, stream, _ := strings.Cut(string(key[len(o.keys.key('i', prefix)):]), "\x00")
	cut := strings.LastIndexByte(name, '/')
	if cut < 0 {
		return t, "", false
	}
	micros, err := strconv.ParseInt(name[cut+1:], 10, 64)
	if err != nil {
		return t, "", false
	}
	t = dueTimer{due: time.UnixMicro(micros).UTC(), stream: stream, name: string(message.TimerResume), key: append([]byte(nil), key...)}
	return t, name[:cut], true
}
