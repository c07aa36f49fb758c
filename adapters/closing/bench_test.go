package closing_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/adapters/closing"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/eventstore"
)

const (
	benchAccounts = 10
	benchSenders  = 200 // of each
	benchBatch    = 3000
)

// benchClient is an account of the benchmark, and its partition.
func benchClient(n int) (id string, home int32) {
	id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(strconv.Itoa(n))).String()
	return id, eventstore.Partitioner{N: 2}.Of([]byte(id))
}

func benchSender(n int) string { return fmt.Sprintf("SENDER %d", n) }

// A month of GONIEC_BENCH_MESSAGES messages (100,000) with six events each, of 2,000
// senders in ten accounts, is closed and computed again.
func BenchmarkMonth(b *testing.B) {
	messages, err := strconv.Atoi(os.Getenv("GONIEC_BENCH_MESSAGES"))
	if err != nil {
		messages = 100_000
	}
	for range b.N {
		b.StopTimer()
		p := newPlant(b)
		p.reference()
		p.clients()
		p.month(messages)
		first, _ := benchClient(0)
		p.gatherOf(first) // from here on the ledger has read it all
		b.StartTimer()
		began := time.Now()
		for n := range benchAccounts {
			id, home := benchClient(n)
			c := p.gatherOf(id)
			at := october.Ends(zone).AddDate(0, 0, 4)
			events, err := billing.Decide(billing.State{Stream: billing.Stream(id, october)}, billing.Facts{Now: at, Zone: zone, Actor: operator}, c)
			require.NoError(b, err)
			p.write(eventstore.Accounts, home, billing.Stream(id, october), at, events[0])
		}
		b.ReportMetric(time.Since(began).Seconds(), "close-s")
		began = time.Now()
		list, err := closing.Recompute(b.Context(), p.source(), october, "")
		require.NoError(b, err)
		b.ReportMetric(time.Since(began).Seconds(), "recompute-s")
		charges := int64(0)
		for _, v := range list {
			require.Empty(b, v.Differences)
			charges += v.Charges
		}
		require.Equal(b, int64(messages), charges)
		b.ReportMetric(float64(charges), "charges")
	}
}

// clients are the accounts and their senders, active since August.
func (p *plant) clients() {
	p.t.Helper()
	began := october.Begins(zone)
	for n := range benchAccounts {
		id, home := benchClient(n)
		p.write(eventstore.Accounts, home, account.AccountStream(id), began, account.AccountCreated{Name: "Client", Currency: "PLN"})
		for i := range benchSenders {
			stream := account.SenderStream(account.SenderID(id, benchSender(i), "PL"))
			p.write(eventstore.Accounts, home, stream, began, account.SenderCreated{Account: id, Name: benchSender(i), Company: "Client", Country: "PL"})
			p.write(eventstore.Accounts, home, stream, began, account.SenderApproved{ServiceID: 7, ActiveOn: began.AddDate(0, -2, 0)})
		}
	}
}

// month writes the messages and the seals behind them.
func (p *plant) month(messages int) {
	p.t.Helper()
	at := october.Begins(zone).Add(time.Hour)
	var batch []*sarama.ProducerMessage
	for n := range messages {
		part := int32(n % 2)
		id, _ := benchClient(n % benchAccounts)
		stream := "message/" + eventstore.NewID(part).String()
		for _, fact := range benchLife(id, benchSender(n/benchAccounts%benchSenders), at) {
			data, err := json.Marshal(fact)
			require.NoError(p.t, err)
			batch = append(batch, p.event(eventstore.Messages, part, stream, at, fact.EventType(), data))
		}
		delete(p.versions, stream) // it is over
		if len(batch) >= benchBatch || n == messages-1 {
			require.NoError(p.t, p.producer.Send(p.t.Context(), batch...))
			batch = nil
		}
	}
	p.seal(0, october)
	p.seal(1, october)
}

// benchLife is a message that is delivered on Viber.
func benchLife(of, sender string, at time.Time) []domain.Event {
	attempt := "00000000-0000-8000-8000-000000000001"
	return []domain.Event{
		message.Accepted{
			Account: of, Recipient: attempt, Number: "0123456789abcdef0123456789abcdef", Country: "PL", Sender: sender, Category: domain.Transactional,
			PricedCategory: domain.Transactional, Content: domain.PlainText, Digest: attempt, BodyDigest: attempt, SMSParts: 1, SMSEncoding: "gsm7",
		},
		message.Released{Deadline: at},
		message.AttemptStarted{Attempt: attempt, Number: 1, Channel: domain.Viber, Route: "viber", NotAfter: at, TTLSec: 30},
		message.AttemptAccepted{Attempt: attempt, CarrierIDs: []string{attempt}},
		message.Delivered{Attempt: attempt, Channel: domain.Viber, CarrierTime: at},
		message.Charged{
			Channel: domain.Viber, Attempt: attempt, Parts: 1, UnitPrice: "0.090000", Amount: "0.090000", Currency: "PLN", PriceVersion: "default@1",
			PricedCategory: domain.Transactional, Content: domain.PlainText, Country: "PL", Sender: sender, Account: of, At: at, Month: october.String(),
		},
	}
}

// gatherOf waits for the read models.
func (p *plant) gatherOf(of string) (c billing.CloseMonth) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		var err error
		c, err = p.Gather(p.t.Context(), of, october)
		return err == nil
	}, time.Hour, 10*time.Millisecond)
	return c
}
