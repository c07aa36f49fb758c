package simulator

import (
	"maps"
	"time"

	"goniec/domain"
)

// Stats counts what the log holds, from its beginning.
type Stats struct {
	ViberSubmits int64 `json:"viber_submits"`
	ViberTaken   int64 `json:"viber_taken"`
	SMSSubmits   int64 `json:"sms_submits"` // parts
	SMSTaken     int64 `json:"sms_taken"`
	// Answers counts by channel and answer, such as "viber 0" and "sms 0x00000000".
	Answers map[string]int64 `json:"answers"`
	// Reports counts by channel and kind what went out, each once however often it was tried.
	Reports map[string]int64 `json:"reports"`
	Acked   int64            `json:"acked"`
	GaveUp  int64            `json:"gave_up"`
	Retries int64            `json:"retries"` // tries after the first, of what is acknowledged or given up
	Pending int64            `json:"pending"` // due now or later, not acknowledged
	Waiting int64            `json:"waiting"` // for an SMS that may never come
	Entries int64            `json:"entries"`
	Due     int64            `json:"due"`           // of Pending: due by the clock
	Next    time.Time        `json:"next,omitzero"` // when the first of the others is
}

func newStats() Stats { return Stats{Answers: map[string]int64{}, Reports: map[string]int64{}} }

func (s Stats) clone() Stats {
	s.Answers, s.Reports = maps.Clone(s.Answers), maps.Clone(s.Reports)
	return s
}

func (s *Stats) count(e Entry) {
	s.Entries = e.Seq
	switch e.Kind {
	case KindSubmit:
		s.countSubmit(e)
	case KindAnswer:
		s.Answers[string(e.Channel)+" "+e.Answer]++
	case KindReport:
		s.Reports[string(e.Channel)+" "+string(e.Report)]++
	case KindAcked:
		s.Acked++
		s.Retries += int64(e.Tries - 1)
	case KindGaveUp:
		s.GaveUp++
		s.Retries += int64(e.Tries - 1)
	case KindStart, KindAction:
	}
}

func (s *Stats) countSubmit(e Entry) {
	submits, taken := &s.ViberSubmits, &s.ViberTaken
	if e.Channel == domain.SMS {
		submits, taken = &s.SMSSubmits, &s.SMSTaken
	}
	*submits++
	if e.Submit != nil && e.Submit.Taken {
		*taken++
	}
}
