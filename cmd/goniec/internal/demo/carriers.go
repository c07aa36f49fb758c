package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"goniec/adapters/simulator"
	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

// CarrierLog is what the carriers say they were handed and reported, by number.
type CarrierLog struct {
	calls   map[string][]simulator.Entry // submits
	answers map[string]string            // by the carrier's id
	reports map[string][]simulator.Entry // that were acknowledged
	Entries int64
}

// Calls of a run, for its figures.
type Calls struct {
	Viber   int `json:"viber"`
	SMS     int `json:"sms"`
	Both    int `json:"taken_by_both"`    // messages that both carriers took
	Crashed int `json:"claimed_unknown"`  // attempts of which the journal says that a kill came between claim and answer
	Made    int `json:"of_these_called"`  // … whose call was made in truth
	Doubled int `json:"doubled_on_phone"` // messages that arrived twice, each said so by the journal
}

const (
	logPage    = 10_000
	maxLogPage = 64 << 20
)

// ReadCarrierLog reads the simulated carriers' log over HTTP.
func ReadCarrierLog(ctx context.Context, url string) (*CarrierLog, error) {
	l := &CarrierLog{calls: map[string][]simulator.Entry{}, answers: map[string]string{}, reports: map[string][]simulator.Entry{}}
	for {
		var page struct {
			Entries []simulator.Entry `json:"entries"`
			Next    int64             `json:"next"`
		}
		if err := getJSON(ctx, fmt.Sprintf("%s/log?since=%d&limit=%d", url, l.Entries, logPage), maxLogPage, &page); err != nil {
			return nil, fmt.Errorf("the carriers' log: %w", err)
		}
		if len(page.Entries) == 0 {
			return l, nil
		}
		for _, e := range page.Entries {
			l.enter(e)
		}
		l.Entries = page.Next
	}
}

func (l *CarrierLog) enter(e simulator.Entry) {
	switch e.Kind {
	case simulator.KindSubmit:
		l.calls[e.Number] = append(l.calls[e.Number], e)
	case simulator.KindAnswer:
		l.answers[e.ID] = e.Answer
	case simulator.KindAcked:
		l.reports[e.Number] = append(l.reports[e.Number], e)
	case simulator.KindStart, simulator.KindAction, simulator.KindReport, simulator.KindGaveUp:
	}
}

// plainHTTP has the time-outs that http.DefaultClient lacks.
var plainHTTP = &http.Client{Timeout: 30 * time.Second}

func get(ctx context.Context, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := plainHTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return body, err
}

func getJSON(ctx context.Context, url string, limit int64, out any) error {
	body, err := get(ctx, url, limit)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

// carrierStats asks the simulator what it still owes.
func carrierStats(ctx context.Context, url string) (s simulator.Stats, err error) {
	return s, getJSON(ctx, url+"/stats", 1<<20, &s)
}

// fate is what the journal says of an attempt's call.
type fate struct {
	started  time.Time // recorded
	channel  domain.Channel
	attempt  string
	word     string // accepted, refused, unknown, not_sent; "" = nothing yet
	crashed  bool   // unknown, since a dispatcher ended between claim and answer, or none came to it in time
	carrier  []string
	code     string
	resolved bool
}

// least and most calls that the fate admits.
func (f *fate) least() int {
	if f.word == "accepted" || f.word == "refused" || f.word == "unknown" && !f.crashed {
		return 1
	}
	return 0
}

func (f *fate) most() int {
	if f.word == "not_sent" && !f.resolved {
		return 0
	}
	return 1
}

// fates lists a message's attempts in order, with what became of each.
func (m *Message) fates() []*fate {
	var list []*fate
	byID := map[string]*fate{}
	word := func(attempt, word string) *fate {
		f := byID[attempt]
		if f == nil {
			f = &fate{} // the journal speaks of an attempt that never started: the chain of versions is right, so it cannot be
		}
		if word != "" && (f.word == "" || f.word == "unknown") {
			f.word = word
		}
		return f
	}
	for _, e := range m.Events {
		switch ev := e.Fact.(type) {
		case message.AttemptStarted:
			f := &fate{started: e.Recorded, channel: ev.Channel, attempt: ev.Attempt}
			byID[ev.Attempt], list = f, append(list, f)
		case message.AttemptAccepted:
			word(ev.Attempt, "accepted").carrier = ev.CarrierIDs
		case message.AttemptRefused:
			word(ev.Attempt, "refused").code = ev.Code
		case message.AttemptNotSent:
			word(ev.Attempt, "not_sent")
		case message.AttemptUnknown:
			word(ev.Attempt, "unknown").crashed = ev.Reason == message.ReasonClaimed || ev.Reason == message.ReasonNoAnswer
		case message.AttemptResolved:
			f := word(ev.Attempt, "")
			f.resolved, f.carrier = true, ev.CarrierIDs
		}
	}
	return list
}

// compare says what of one message the carriers' log and the journal tell
// differently, and counts.
func (l *CarrierLog) compare(number string, m *Message, c *Calls) []string {
	fates := m.fates()
	var faults []string
	taken := map[domain.Channel]int{}
	for _, ch := range []domain.Channel{domain.Viber, domain.SMS} {
		calls := l.of(number, ch)
		if ch == domain.Viber {
			c.Viber += len(calls)
		} else {
			c.SMS += len(calls)
		}
		for _, e := range calls {
			if e.Submit.Taken {
				taken[ch]++
			}
		}
		faults = append(faults, l.compareCalls(ch, calls, fates, c)...)
		faults = append(faults, l.compareReports(ch, number, m)...)
		if taken[ch] > 1 {
			faults = append(faults, fmt.Sprintf("the %s carrier took it %d times", ch, taken[ch]))
		}
	}
	if taken[domain.Viber] > 0 && taken[domain.SMS] > 0 {
		c.Both++
		if !m.has(func(e domain.Event) bool { _, ok := e.(message.FellBack); return ok }) {
			faults = append(faults, "both carriers took it, and the journal knows of no fallback")
		}
	}
	if m.delivered(domain.Viber) && m.delivered(domain.SMS) {
		c.Doubled++
	}
	return faults
}

func (l *CarrierLog) of(number string, ch domain.Channel) []simulator.Entry {
	var out []simulator.Entry
	for _, e := range l.calls[number] {
		if e.Channel == ch {
			out = append(out, e)
		}
	}
	return out
}

// compareCalls finds for each call its attempt, which has to have been recorded
// before it, and for each attempt its call. Viber is told our attempt id; an SMSC
// is not, so the order tells there.
func (l *CarrierLog) compareCalls(ch domain.Channel, calls []simulator.Entry, fates []*fate, c *Calls) []string {
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf(string(ch)+": "+format, args...))
	}
	next := 0
	for _, f := range fates {
		if f.channel != ch {
			continue
		}
		got := 0
		for next < len(calls) && got < f.most() && mine(calls[next], f) && !calls[next].At.Before(f.started) {
			l.compareAnswer(calls[next], f, fault)
			next++
			got++
		}
		if f.crashed {
			c.Crashed++
			c.Made += got
		}
		if got < f.least() {
			fault("attempt %s was %s by the carrier, whose log has no such call", f.attempt, f.word)
		}
	}
	if next < len(calls) {
		fault("the carrier got %d calls; %d of them have no attempt_started before them, or repeat one", len(calls), len(calls)-next)
	}
	return faults
}

// mine: Viber's log holds the attempt's id.
func mine(e simulator.Entry, f *fate) bool {
	return f.channel != domain.Viber || e.Submit.Tag == f.attempt
}

// compareAnswer: what the journal holds is what the carrier answered.
func (l *CarrierLog) compareAnswer(e simulator.Entry, f *fate, fault func(string, ...any)) {
	answer := l.answers[e.ID]
	switch f.word {
	case "accepted":
		if !e.Submit.Taken || len(f.carrier) != 1 || !strings.EqualFold(f.carrier[0], e.ID) {
			fault("attempt %s is accepted in the journal; the carrier answered %s", f.attempt, answer)
		}
	case "refused":
		if e.Submit.Taken || f.code != "" && !strings.EqualFold(f.code, answer) {
			fault("attempt %s is refused with %q in the journal; the carrier answered %s", f.attempt, f.code, answer)
		}
	}
}

// unheard: what the recipient said, and the carrier passed on, is in the journal.
func (l *CarrierLog) unheard(ch domain.Channel, number string, m *Message) string {
	for _, e := range l.reports[number] {
		if e.Channel != ch {
			continue
		}
		known := true
		switch e.Report {
		case simulator.Unsubscribe:
			known = m.has(func(e domain.Event) bool { _, ok := e.(recipient.OptOutRecorded); return ok })
		case simulator.Reply:
			known = m.has(func(e domain.Event) bool { _, ok := e.(recipient.ReplyReceived); return ok })
		case simulator.Delivered, simulator.Seen, simulator.Expired, simulator.Undelivered, simulator.Subscribe:
		}
		if !known {
			return fmt.Sprintf("%s: the carrier passed on that the recipient did %q, and the journal does not know", ch, e.Report)
		}
	}
	return ""
}

// compareReports: what was reported delivered is delivered in the journal, or
// kept there unmatched; and nothing is that was not.
func (l *CarrierLog) compareReports(ch domain.Channel, number string, m *Message) []string {
	reported := false
	for _, e := range l.reports[number] {
		reported = reported || e.Channel == ch && (e.Report == simulator.Delivered || e.Report == simulator.Seen)
	}
	if what := l.unheard(ch, number, m); what != "" {
		return []string{what}
	}
	switch known := m.delivered(ch); {
	case reported && !known && m.stored() == 0:
		return []string{fmt.Sprintf("%s: the carrier reported it delivered, and the journal does not know", ch)}
	case !reported && known:
		return []string{fmt.Sprintf("%s: it is delivered in the journal, and the carrier reported nothing", ch)}
	}
	return nil
}
