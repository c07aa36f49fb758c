package demo

import (
	"testing"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/internal/suffixes"
)

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

const (
	onViber = "00000000-0000-8000-8000-00000000000a" // attempts
	onSMS   = "00000000-0000-8000-8000-00000000000b"
)

// tale builds what the journal holds of one message, a second a fact.
type tale struct {
	*Book
	id string
	at time.Time
	n  int64
}

func newTale(t *testing.T) *tale {
	t.Helper()
	b := &Book{messages: map[string]*Message{}, numbers: map[string]*Message{}, recipients: map[string]*Message{}}
	return (&tale{Book: b, id: "m1", at: noon}).add(
		message.Accepted{Number: "n1", Recipient: "r1", Fallback: true, FallbackAtOnce: true, SMSParts: 1, ValidityMS: 15_000},
		message.Released{Deadline: noon.Add(15 * time.Second)},
	)
}

// add enters facts into the book as they follow one another.
func (l *tale) add(facts ...domain.Event) *tale {
	for _, f := range facts {
		stream := "message/" + l.id
		switch f.(type) {
		case recipient.NotOnViber, recipient.ReportStored, recipient.ReportMatched:
			stream = "number/n1"
		case recipient.OptOutRecorded, recipient.ReplyReceived:
			stream = "recipient/r1"
		}
		l.n++
		l.enter(Fact{&eventstore.Event{Type: f.EventType(), Stream: stream, Time: l.at, Recorded: l.at, Version: l.n}, f})
		l.at = l.at.Add(time.Second)
	}
	return l
}

func (l *tale) message() *Message { return l.Message(l.id) }

// shown is a message that Viber delivered.
func (l *tale) shown() *tale {
	return l.add(
		message.AttemptStarted{Attempt: onViber, Number: 1, Channel: domain.Viber},
		message.AttemptAccepted{Attempt: onViber, CarrierIDs: []string{"v1"}, Parts: 1},
		message.Delivered{Attempt: onViber, Channel: domain.Viber}, charged(domain.Viber, onViber, "0.05"),
	)
}

// fellBack is a message that went as SMS and arrived.
func (l *tale) fellBack() *tale {
	return l.add(
		message.AttemptStarted{Attempt: onViber, Number: 1, Channel: domain.Viber},
		message.AttemptAccepted{Attempt: onViber, CarrierIDs: []string{"v1"}, Parts: 1},
		message.FellBack{From: domain.Viber, To: domain.SMS, Reason: "deadline"},
		message.AttemptStarted{Attempt: onSMS, Number: 2, Channel: domain.SMS},
		message.AttemptAccepted{Attempt: onSMS, CarrierIDs: []string{"S1"}, Parts: 1}, charged(domain.SMS, onSMS, "0.09"),
		message.Delivered{Attempt: onSMS, Channel: domain.SMS},
	)
}

func charged(ch domain.Channel, attempt, unit string) message.Charged {
	return message.Charged{
		Channel: ch, Attempt: attempt, Parts: 1, UnitPrice: unit + "0000", Amount: unit + "0000", Currency: "PLN", PriceVersion: "default@1",
		PricedCategory: domain.Transactional, Content: domain.PlainText, Country: "PL", Sender: "GONIEC", Month: "2026-11",
	}
}

func rowOf(suffix string) suffixes.Expectation {
	for _, e := range suffixes.Expectations() {
		if e.Suffix == suffix {
			return e
		}
	}
	return suffixes.Expectation{}
}
