package simulator

import (
	"container/heap"
	"hash/fnv"
	"time"

	"goniec/domain"
)

// state is what the log's entries add up to. apply is the only way it changes,
// so that a restart rebuilds it by applying the log again. Not safe for
// concurrent use.
type state struct {
	live    map[string]*submission // by carrier id: taken, with reports that are not acknowledged
	due     dueHeap
	waiting map[string][]*pending // by number: reports that wait for an SMS to arrive
	tries   map[uint64]int        // refused so far, by message
	longs   map[longKey]*long     // long SMS of which parts are under way
	phones  *phones
	stats   Stats
}

// submission is a message with reports to come.
type submission struct {
	id      string
	channel domain.Channel
	number  string
	at      time.Time
	submit  Submit
	left    int // reports not yet acknowledged
	reports []*pending
}

// pending is one report to come.
type pending struct {
	of    *submission
	plan  Planned
	fired bool
	acked bool
	held  bool // goes out before the submit's answer: not when it is due
}

// longKey names a long SMS as its recipient's phone would.
type longKey struct {
	number, from string
	ref, total   int
}

type long struct {
	texts   map[int]string
	arrived map[int]bool
}

const (
	maxTries = 100_000 // messages whose tries are remembered; then the memory starts anew
	maxLongs = 100_000
)

func newState(phoneCount int, names func(int64) string) *state {
	return &state{
		live: map[string]*submission{}, waiting: map[string][]*pending{}, tries: map[uint64]int{},
		longs: map[longKey]*long{}, phones: newPhones(phoneCount, names), stats: newStats(),
	}
}

func (s *state) apply(e Entry) {
	s.stats.count(e)
	s.phones.note(e)
	switch e.Kind {
	case KindSubmit, KindAction:
		s.submitted(e)
	case KindReport:
		s.reported(e)
	case KindAcked, KindGaveUp:
		s.settled(e)
	case KindStart, KindAnswer:
	}
}

func (s *state) submitted(e Entry) {
	s.countTry(e)
	if e.Submit == nil || !e.Submit.Taken {
		return
	}
	if e.Channel == domain.SMS && e.Kind == KindSubmit && e.Submit.PartTotal > 1 {
		s.notePart(e)
	}
	if len(e.Submit.Plan) == 0 {
		return
	}
	sub := &submission{id: e.ID, channel: e.Channel, number: e.Number, at: e.At, submit: *e.Submit, left: len(e.Submit.Plan)}
	s.live[sub.id] = sub
	for _, p := range e.Submit.Plan {
		r := &pending{of: sub, plan: p}
		sub.reports = append(sub.reports, r)
		if p.WithSMS {
			s.waiting[sub.number] = append(s.waiting[sub.number], r)
			s.stats.Waiting++
		} else {
			heap.Push(&s.due, r)
			s.stats.Pending++
		}
	}
}

// countTry counts refusals of a message whose script regards them, and forgets
// them when it is taken, so that the next message begins anew.
func (s *state) countTry(e Entry) {
	if e.Kind != KindSubmit || e.Submit == nil || len(e.Number) < 3 || len(sideFor(e.Channel, e.Number).Before) == 0 {
		return
	}
	key := tryKey(e.Channel, e.Number, e.Submit.Text)
	if e.Submit.Taken {
		delete(s.tries, key)
		return
	}
	if len(s.tries) >= maxTries {
		clear(s.tries)
	}
	s.tries[key]++
}

// tryKey tells messages apart by what they say: a retry says the same, and
// neither carrier is told which message it belongs to.
func tryKey(ch domain.Channel, number, text string) uint64 {
	h := fnv.New64a()
	for _, part := range []string{string(ch), number, text} {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

func sideFor(ch domain.Channel, number string) Side {
	script := scriptFor(number)
	if ch == domain.SMS {
		return script.SMS
	}
	return script.Viber
}

func keyOf(number string, s Submit) longKey {
	return longKey{number: number, from: s.From, ref: s.PartRef, total: s.PartTotal}
}

func (s *state) notePart(e Entry) {
	key := keyOf(e.Number, *e.Submit)
	l := s.longs[key]
	if l == nil {
		if len(s.longs) >= maxLongs {
			clear(s.longs)
		}
		l = &long{texts: map[int]string{}, arrived: map[int]bool{}}
		s.longs[key] = l
	}
	l.texts[e.Submit.PartSeq] = e.Submit.Text
}

// reported shows the phone what arrived, and releases what waited for it.
func (s *state) reported(e Entry) {
	sub := s.live[e.ID]
	if sub == nil || e.N >= len(sub.reports) || sub.reports[e.N].fired {
		return
	}
	sub.reports[e.N].fired = true
	text, whole := sub.submit.Text, true
	if e.Report == Delivered && sub.submit.PartTotal > 1 {
		text, whole = s.arrived(sub)
	}
	if whole {
		s.phones.show(sub, sub.reports[e.N].plan, e, text)
	}
	if whole && sub.channel == domain.SMS && e.Report == Delivered && !s.repeats(sub, e.N) {
		s.release(sub.number, e.Happened)
	}
}

// repeats says whether an earlier report of the same kind went out.
func (s *state) repeats(sub *submission, n int) bool {
	for i, r := range sub.reports {
		if i != n && r.fired && r.plan.Do == Delivered {
			return true
		}
	}
	return false
}

// arrived notes a part on the phone; the text is whole when all are there.
func (s *state) arrived(sub *submission) (string, bool) {
	key := keyOf(sub.number, sub.submit)
	l := s.longs[key]
	if l == nil {
		return "", false
	}
	l.arrived[sub.submit.PartSeq] = true
	if len(l.arrived) < sub.submit.PartTotal {
		return "", false
	}
	delete(s.longs, key)
	text := ""
	for i := 1; i <= sub.submit.PartTotal; i++ {
		text += l.texts[i]
	}
	return text, true
}

// release dates the reports of the oldest message that waits for an SMS to number.
func (s *state) release(number string, at time.Time) {
	queue := s.waiting[number]
	if len(queue) == 0 {
		return
	}
	first := queue[0]
	if s.waiting[number] = queue[1:]; len(queue) == 1 {
		delete(s.waiting, number)
	}
	base := at
	if first.plan.NotBefore.After(base) {
		base = first.plan.NotBefore
	}
	first.plan.At = base.Add(first.plan.Wait)
	first.plan.Due = first.plan.At
	heap.Push(&s.due, first)
	s.stats.Waiting--
	s.stats.Pending++
}

func (s *state) settled(e Entry) {
	sub := s.live[e.ID]
	if sub == nil || e.N >= len(sub.reports) || sub.reports[e.N].acked {
		return
	}
	sub.reports[e.N].acked = true
	s.stats.Pending--
	if sub.left--; sub.left == 0 {
		delete(s.live, e.ID)
	}
}

// next takes a report that is due at now out of the heap; nil if none is.
func (s *state) next(now time.Time) *pending {
	for len(s.due) > 0 && !s.due[0].plan.Due.After(now) {
		if r := heap.Pop(&s.due).(*pending); !r.fired && !r.held {
			return r
		}
	}
	return nil
}

// owed counts the reports that are due at now and not acknowledged, and says when
// the first of the others is due.
func (s *state) owed(now time.Time) (due int64, next time.Time) {
	for _, sub := range s.live {
		for _, r := range sub.reports {
			switch {
			case r.acked || r.plan.Due.IsZero(): // it is over, or waits for an SMS
			case !r.plan.Due.After(now):
				due++
			case next.IsZero() || r.plan.Due.Before(next):
				next = r.plan.Due
			}
		}
	}
	return due, next
}

// open lists the reports that went out and were never acknowledged: after a
// restart they go out again.
func (s *state) open() []*pending {
	var list []*pending
	for _, sub := range s.live {
		for _, r := range sub.reports {
			if r.fired && !r.acked {
				list = append(list, r)
			}
		}
	}
	return list
}

// dueHeap orders reports by due time.
type dueHeap []*pending

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].plan.Due.Before(h[j].plan.Due) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(*pending)) }

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
