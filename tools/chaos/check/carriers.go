package check

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// entry is a line of the simulated carriers' log.
type entry struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Channel string    `json:"channel"`
	ID      string    `json:"id"`
	Number  string    `json:"number"`
	Report  string    `json:"report"`
	Submit  *struct {
		Tag   string `json:"tag"` // our attempt's id, on Viber
		Taken bool   `json:"taken"`
	} `json:"submit"`
}

// carrierLog is the log by channel and number.
type carrierLog struct {
	calls   map[string][]entry
	reports map[string][]entry // acknowledged
	byID    map[string]entry   // what was taken
}

func readLog(ctx context.Context, url string) (*carrierLog, error) {
	l := &carrierLog{calls: map[string][]entry{}, reports: map[string][]entry{}, byID: map[string]entry{}}
	client := &http.Client{Timeout: patience}
	for since := int64(0); ; {
		page, err := readPage(ctx, client, fmt.Sprintf("%s/log?since=%d&limit=10000", url, since))
		if err != nil {
			return nil, fmt.Errorf("the carriers' log: %w", err)
		}
		if len(page) == 0 {
			return l, nil
		}
		for _, e := range page {
			l.enter(e)
			since = e.Seq
		}
	}
}

func readPage(ctx context.Context, client *http.Client, url string) ([]entry, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	var page struct {
		Entries []entry `json:"entries"`
	}
	err = json.NewDecoder(resp.Body).Decode(&page)
	return page.Entries, err
}

func (l *carrierLog) enter(e entry) {
	key := e.Channel + e.Number
	switch {
	case e.Kind == "submit" && e.Submit != nil:
		l.calls[key] = append(l.calls[key], e)
		if e.Submit.Taken {
			l.byID[carrierKey(e.Channel, e.ID)] = e
		}
	case e.Kind == "acked":
		l.reports[key] = append(l.reports[key], e)
	}
}

// checkCarriers: every call has its event before it, what was taken twice is
// known to be unknown, and what the carriers passed on is in the journal.
func (b *books) checkCarriers(ctx context.Context) error {
	l, err := readLog(ctx, b.cfg.Carriers)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, s := range b.cfg.Sent {
		both := 0
		for _, channel := range []string{"viber", "sms"} {
			key := channel + s.Number
			asked[key] = true
			calls := l.calls[key]
			b.r.Stats.Calls[channel] += len(calls)
			if len(calls) == 0 {
				continue
			}
			st := b.stories[s.ID]
			if st == nil {
				b.r.find(Unannounce, "%d calls on %s for message %q, of which the journal knows nothing", len(calls), channel, s.ID)
				continue
			}
			if b.checkCalls(st, channel, calls) > 0 {
				both++
			}
			b.checkPassedOn(l, st, channel, l.reports[key])
		}
		if both == 2 {
			b.r.Stats.BothTook++
		}
	}
	for key, calls := range l.calls {
		if !asked[key] {
			b.r.find(Unexpected, "%d calls for a number that nothing was sent to", len(calls))
		}
	}
	b.checkTaken(l)
	return nil
}

// checkCalls finds the attempt of each call and counts what was taken.
func (b *books) checkCalls(st *story, channel string, calls []entry) (taken int) {
	var open []*attempt
	unknown := false
	for _, a := range st.attempts {
		if a.channel == channel {
			open = append(open, a)
			unknown = unknown || a.unknown
		}
	}
	for _, c := range calls {
		if c.Submit.Taken {
			taken++
		}
		i := callOf(open, c)
		switch {
		case i >= 0:
			open = append(open[:i:i], open[i+1:]...)
		case !unknown:
			b.r.find(Unannounce, "message %s: the call %s on %s at %s has no attempt_started of its own before it", st.id, c.ID, channel, c.At.Format(time.TimeOnly))
		}
	}
	if taken > 1 {
		b.r.Stats.Doubles++
		if !unknown {
			b.r.find(Silent, "message %s: %s took it %d times, and the journal calls none of its attempts unknown", st.id, channel, taken)
		}
	}
	return taken
}

// callOf is the attempt that a call belongs to: Viber is told our id; the SMSC
// is not, so the order tells there. -1 = none that had started.
func callOf(open []*attempt, c entry) int {
	for i, a := range open {
		if (a.channel != "viber" || a.id == c.Submit.Tag) && !a.started.After(c.At) {
			return i
		}
	}
	return -1
}

// checkPassedOn: a report that was acknowledged to the carrier is known.
func (b *books) checkPassedOn(l *carrierLog, st *story, channel string, reports []entry) {
	for _, e := range reports {
		known := true
		switch e.Report {
		case "delivered", "seen":
			known = st.delivered[channel] > 0 || b.known.stored[carrierKey(channel, e.ID)+"/delivered"] || b.known.stored[carrierKey(channel, e.ID)+"/read"]
		case "unsubscribe":
			known = b.known.optOuts[st.number+"/viber_unsubscribe"]
		}
		if !known {
			b.r.find(Lost, "message %s: %s passed on %q, and the journal does not know", st.id, channel, e.Report)
		}
	}
}

// checkTaken: what the journal calls taken, the carrier took.
func (b *books) checkTaken(l *carrierLog) {
	for _, a := range b.known.attempts {
		for _, id := range a.taken {
			if _, ok := l.byID[carrierKey(a.channel, id)]; !ok {
				b.r.find(Unexpected, "attempt %s was taken as %s in the journal, and %s has no such message", a.id, id, a.channel)
			}
		}
	}
}
