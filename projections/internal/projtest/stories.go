package projtest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// Account owns the tests' messages.
const Account = "0b5e3f2c-0000-8000-8000-0000000000aa"

// Fact is an event with its time.
type Fact struct {
	At   time.Time
	Fact domain.Event
}

// Message returns the stream of the n-th message.
func Message(n int) string { return "message/" + ID("message", n) }

// ID is a uuid that belongs to kind and n.
func ID(kind string, n int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(kind+string(rune('0'+n%10))+time.Duration(n).String())).String()
}

// Accepted is a message's first event.
func Accepted(n int) message.Accepted {
	return message.Accepted{
		Account: Account, Recipient: ID("recipient", n), Number: "00112233445566778899aabbccddeeff", Country: "PL", Sender: "GONIEC",
		Category: domain.Transactional, PricedCategory: domain.Transactional, Content: domain.PlainText, Digest: "d1", BodyDigest: "d2",
		TextLength: 40, SMSParts: 2, SMSEncoding: "gsm7", ServiceID: 4711, SMSFrom: "GONIEC", Fallback: true, FallbackAtOnce: true,
		LatePolicy: message.LatePolicyBillBoth, ValidityMS: 15_000, SMSValidityMS: 86_400_000, ReportWaitMS: 3_600_000,
		ClientRef: "order-" + ID("ref", n)[:8], Tags: []string{"orders", "autumn"}, Basis: message.BasisDeclaration,
	}
}

func charged(n int, ch domain.Channel, parts int, amount string, at time.Time) message.Charged {
	return message.Charged{
		Channel: ch, Attempt: ID(string(ch), n), Parts: parts, UnitPrice: "0.090000", Amount: amount, Currency: "PLN",
		PriceVersion: "default@1", PricedCategory: domain.Transactional, Content: domain.PlainText, Country: "PL", Sender: "GONIEC",
		Account: Account, At: at, Month: "2026-11",
	}
}

// Ordinary is a message delivered and read on Viber.
func Ordinary(n int, t0 time.Time) []Fact {
	at := func(ms int64) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	viber := ID("viber", n)
	return []Fact{
		{at(0), Accepted(n)},
		{at(0), message.Released{Deadline: at(15_000)}},
		{at(1), message.AttemptStarted{Attempt: viber, Number: 1, Channel: domain.Viber, Route: "viber", ServiceID: 4711, NotAfter: at(15_000), TTLSec: 30}},
		{at(90), message.AttemptAccepted{Attempt: viber, CarrierIDs: []string{"c" + viber}, Parts: 1, At: at(90)}},
		{at(1_000), message.Delivered{Attempt: viber, Channel: domain.Viber, CarrierTime: at(1_000)}},
		{at(1_000), charged(n, domain.Viber, 1, "0.090000", at(1_000))},
		{at(2_000), message.Read{Attempt: viber, CarrierTime: at(2_000)}},
	}
}

// Late is a message that fell back at the deadline and was then delivered on both channels.
func Late(n int, t0 time.Time) []Fact {
	at := func(ms int64) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	viber, sms := ID("viber", n), ID("sms", n)
	return []Fact{
		{at(0), Accepted(n)},
		{at(0), message.Released{Deadline: at(15_000)}},
		{at(1), message.AttemptStarted{Attempt: viber, Number: 1, Channel: domain.Viber, Route: "viber", NotAfter: at(15_000), TTLSec: 30}},
		{at(90), message.AttemptAccepted{Attempt: viber, CarrierIDs: []string{"c" + viber}, Parts: 1, At: at(90)}},
		{at(15_000), message.FellBack{From: domain.Viber, To: domain.SMS, Reason: message.ReasonDeadline, Rule: "D3", Deadline: at(86_415_000)}},
		{at(15_001), message.AttemptStarted{Attempt: sms, Number: 2, Channel: domain.SMS, Route: "sms", From: "GONIEC", NotAfter: at(86_415_000)}},
		{at(15_100), message.AttemptAccepted{Attempt: sms, CarrierIDs: []string{"1", "2"}, Parts: 2, At: at(15_100)}},
		{at(15_100), charged(n, domain.SMS, 2, "0.180000", at(15_100))},
		{at(16_000), message.PartReported{Attempt: sms, CarrierID: "1", Status: "delivered"}},
		{at(16_000), message.PartReported{Attempt: sms, CarrierID: "2", Status: "delivered"}},
		{at(16_000), message.Delivered{Attempt: sms, Channel: domain.SMS, CarrierTime: at(16_000)}},
		{at(17_000), message.Delivered{Attempt: viber, Channel: domain.Viber, CarrierTime: at(17_000), Late: true, Double: true}},
		{at(17_000), charged(n, domain.Viber, 1, "0.090000", at(17_000))},
	}
}

// NoFallback is a message that nobody got: refused, tried again, expired.
func NoFallback(n int, t0 time.Time) []Fact {
	at := func(ms int64) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	a := Accepted(n)
	a.Fallback, a.ClientRef, a.Tags = false, "", nil
	first, second := ID("viber", n), ID("viber2", n)
	retry := at(1_200)
	return []Fact{
		{at(0), a},
		{at(0), message.Released{Deadline: at(15_000)}},
		{at(1), message.AttemptStarted{Attempt: first, Number: 1, Channel: domain.Viber, Route: "viber", NotAfter: at(15_000), TTLSec: 30}},
		{at(100), message.AttemptRefused{Attempt: first, Code: "http_500", Reason: "carrier_fault", RetryAt: &retry}},
		{at(1_200), message.AttemptStarted{Attempt: second, Number: 2, Channel: domain.Viber, Route: "viber", NotAfter: at(15_000), TTLSec: 30}},
		{at(1_300), message.AttemptUnknown{Attempt: second, Reason: message.ReasonTimeout}},
		{at(15_000), message.Unknown{Reason: message.ReasonOutcomeUnknown}},
	}
}

// Refused is a request that the decider refused.
func Refused(n int, t0 time.Time) []Fact {
	return []Fact{{t0, message.Refused{
		Account: Account, Recipient: ID("recipient", n), Country: "PL", Sender: "NOBODY", Category: "transactional",
		Reason: message.CodeSenderUnknown,
	}}}
}

// Story returns one of the lives above by n.
func Story(n int, t0 time.Time) []Fact {
	switch n % 5 {
	case 1:
		return Late(n, t0)
	case 2:
		return NoFallback(n, t0)
	case 3:
		return Refused(n, t0)
	}
	return Ordinary(n, t0)
}

// RecipientFacts are opt-outs, replies and reports of other streams, by stream.
func RecipientFacts(t0 time.Time) map[string][]Fact {
	all := []recipient.Scope{{Channel: domain.Viber, Category: domain.Promotional}, {Channel: domain.SMS, Category: domain.Promotional}}
	stored := recipient.StoredReport{ID: "rep-1", Route: "sms", Channel: domain.SMS, CarrierID: "abc", Status: "delivered", At: t0, Received: t0}
	other := stored
	other.ID = "rep-2"
	return map[string][]Fact{
		"recipient/" + ID("recipient", 1): {
			{t0, recipient.OptOutRecorded{Account: Account, Number: "n", Origin: recipient.OriginSMSStop, Stops: all, Message: ID("message", 1), Sender: "GONIEC"}},
			{t0.Add(time.Minute), recipient.OptOutLifted{Account: Account, Number: "n", Origin: recipient.OriginAPI, Opens: all[:1]}},
			{t0.Add(time.Hour), recipient.ReplyReceived{ID: "reply-1", Account: Account, Channel: domain.Viber, Sender: "GONIEC", Message: ID("message", 1), Length: 3, TwoWay: true}},
		},
		"number/00112233445566778899aabbccddeeff": {
			{t0, recipient.ReportStored{StoredReport: stored, Pending: true}},
			{t0, recipient.ReportStored{StoredReport: other, Why: recipient.WhySeveral}},
			{t0.Add(time.Second), recipient.ReportMatched{ID: "rep-1", Message: ID("message", 1), Attempt: ID("sms", 1), Inferred: true}},
			{t0.Add(time.Second), recipient.NotOnViber{Until: t0.Add(time.Hour), Message: ID("message", 1)}},
		},
	}
}

// SenderFacts are the life of one configuration.
func SenderFacts(t0 time.Time) []Fact {
	company := "Sklep"
	return []Fact{
		{t0, account.SenderCreated{Account: Account, Name: "GONIEC", Company: "Goniec", Country: "PL"}},
		{t0.Add(30 * time.Second), account.SenderDraftSaved{Company: &company, Samples: &[]string{"On its way."}, Logo: &account.Logo{}}},
		{t0.Add(time.Minute), account.SenderSubmitted{At: t0.Add(time.Minute)}},
		{t0.Add(2 * time.Minute), account.SenderReturned{Reasons: []string{"logo"}}},
		{t0.Add(3 * time.Minute), account.SenderSubmitted{At: t0.Add(3 * time.Minute)}},
		{t0.Add(4 * time.Minute), account.SenderApproved{ServiceID: 4711, ActiveOn: t0}},
	}
}

// Write appends whole stories to one partition of the messages journal.
func Write(t testing.TB, j *Journal, p int32, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		for _, f := range Story(n, Epoch.Add(time.Duration(n)*time.Minute)) {
			j.Add(t, eventstore.Messages, p, Message(n), f.At, f.Fact)
		}
	}
}
