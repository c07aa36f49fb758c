package simulator

import (
	"container/list"
	"strings"
	"time"

	"goniec/domain"
)

const (
	maxBubbles = 50  // per number
	maxNotes   = 100 // per number
	maxListed  = 50  // numbers in one answer
)

// Bubble is what a phone shows.
type Bubble struct {
	ID      string         `json:"id"`
	Channel domain.Channel `json:"channel"`
	Mine    bool           `json:"mine,omitempty"` // written by the phone's owner
	From    string         `json:"from"`
	Text    string         `json:"text,omitempty"`
	Image   string         `json:"image,omitempty"`
	Caption string         `json:"caption,omitempty"`
	Action  string         `json:"action,omitempty"`
	At      time.Time      `json:"at"`
	State   Report         `json:"state,omitempty"` // delivered or seen
}

// Note is a line of what the carriers did behind the phone.
type Note struct {
	At      time.Time      `json:"at"`
	Kind    Kind           `json:"kind"`
	Channel domain.Channel `json:"channel"`
	What    string         `json:"what,omitempty"`
}

// phone is one number's memory. from and service are who wrote last, by which
// an answer finds its way.
type phone struct {
	number   string
	version  int64
	at       time.Time
	bubbles  []*Bubble
	notes    []Note
	lastFrom map[domain.Channel]Submit
	place    *list.Element
}

// phones remembers the numbers used last. Not safe for concurrent use.
type phones struct {
	limit    int
	names    func(int64) string
	version  int64
	byNumber map[string]*phone
	order    *list.List // most recent first
}

func newPhones(limit int, names func(int64) string) *phones {
	return &phones{limit: limit, names: names, byNumber: map[string]*phone{}, order: list.New()}
}

// touch finds or makes the phone and moves it to the front.
func (p *phones) touch(number string, at time.Time) *phone {
	ph := p.byNumber[number]
	if ph == nil {
		ph = &phone{number: number, lastFrom: map[domain.Channel]Submit{}}
		ph.place = p.order.PushFront(ph)
		p.byNumber[number] = ph
		p.trim()
	} else {
		p.order.MoveToFront(ph.place)
	}
	p.version++
	ph.version, ph.at = p.version, at
	return ph
}

func (p *phones) trim() {
	for len(p.byNumber) > p.limit {
		oldest := p.order.Remove(p.order.Back()).(*phone)
		delete(p.byNumber, oldest.number)
	}
}

// note keeps an entry as a line, and who wrote.
func (p *phones) note(e Entry) {
	if e.Number == "" || e.Kind == KindAcked || e.Kind == KindAction {
		return
	}
	ph := p.touch(e.Number, e.At)
	what := string(e.Report)
	switch {
	case e.Kind == KindAnswer:
		what = e.Answer
	case e.Submit != nil:
		what = p.sender(e.Channel, *e.Submit)
		ph.remember(e.Channel, *e.Submit)
	}
	ph.notes = append(trimmed(ph.notes, maxNotes), Note{At: e.At, Kind: e.Kind, Channel: e.Channel, What: what})
}

func (ph *phone) remember(ch domain.Channel, s Submit) {
	ph.lastFrom[ch] = Submit{Service: s.Service, From: s.From, SystemID: s.SystemID, Tracking: s.Tracking}
}

// trimmed makes room for one more.
func trimmed[T any](s []T, limit int) []T {
	if len(s) < limit {
		return s
	}
	return append(s[:0:0], s[len(s)-limit+1:]...)
}

func (p *phones) sender(ch domain.Channel, s Submit) string {
	if ch == domain.SMS {
		return s.From
	}
	return p.names(s.Service)
}

// show puts on the phone what a report says has arrived, been seen or been said.
func (p *phones) show(sub *submission, plan Planned, e Entry, text string) {
	ph := p.touch(sub.number, e.At)
	switch e.Report {
	case Delivered, Seen:
		b := ph.bubble(sub.id)
		if b == nil {
			b = p.incoming(sub, text, e.Happened)
			ph.bubbles = append(trimmed(ph.bubbles, maxBubbles), b)
		}
		if b.State != Seen {
			b.State = e.Report
		}
	case Reply, Subscribe, Unsubscribe:
		said := plan.Text
		if e.Report != Reply {
			said = string(e.Report)
		}
		ph.bubbles = append(trimmed(ph.bubbles, maxBubbles), &Bubble{
			ID: sub.id, Channel: sub.channel, Mine: true, From: p.sender(sub.channel, sub.submit), Text: said, At: e.Happened, State: e.Report,
		})
	case Expired, Undelivered:
	}
}

func (p *phones) incoming(sub *submission, text string, at time.Time) *Bubble {
	s := sub.submit
	return &Bubble{
		ID: sub.id, Channel: sub.channel, From: p.sender(sub.channel, s), Text: text,
		Image: s.Image, Caption: s.Caption, Action: s.Action, At: at,
	}
}

func (ph *phone) bubble(id string) *Bubble {
	for _, b := range ph.bubbles {
		if b.ID == id && !b.Mine {
			return b
		}
	}
	return nil
}

// Contact is a number of the page's list.
type Contact struct {
	Number string    `json:"number"`
	At     time.Time `json:"at"`
	Text   string    `json:"text,omitempty"` // the beginning of the last bubble
}

// search lists the numbers with these digits in them, most recent first.
func (p *phones) search(digits string) []Contact {
	found := []Contact{}
	for el := p.order.Front(); el != nil && len(found) < maxListed; el = el.Next() {
		ph := el.Value.(*phone)
		if strings.Contains(ph.number, digits) {
			found = append(found, ph.contact())
		}
	}
	return found
}

func (ph *phone) contact() Contact {
	c := Contact{Number: ph.number, At: ph.at}
	if n := len(ph.bubbles); n > 0 {
		text := []rune(ph.bubbles[n-1].Text)
		c.Text = string(text[:min(len(text), 60)])
	}
	return c
}

// View is a phone as the page draws it.
type View struct {
	Number  string   `json:"number"`
	Version int64    `json:"version"`
	Bubbles []Bubble `json:"bubbles"`
	Notes   []Note   `json:"notes"`
	Viber   bool     `json:"viber"` // somebody to answer to on Viber
	SMS     bool     `json:"sms"`
}

// view copies a phone; a number never written to has an empty one.
func (p *phones) view(number string) View {
	v := View{Number: number, Bubbles: []Bubble{}, Notes: []Note{}}
	ph := p.byNumber[number]
	if ph == nil {
		return v
	}
	for _, b := range ph.bubbles {
		v.Bubbles = append(v.Bubbles, *b)
	}
	v.Version, v.Notes = ph.version, append(v.Notes, ph.notes...)
	_, v.Viber = ph.lastFrom[domain.Viber]
	_, v.SMS = ph.lastFrom[domain.SMS]
	return v
}
