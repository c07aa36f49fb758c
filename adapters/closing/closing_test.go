package closing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/adapters/closing"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/money"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/internal/kafkatest"
	"goniec/internal/testkit"
	"goniec/projections"
	"goniec/projections/bills"
	"goniec/projections/ledger"
	"goniec/projections/periods"
	"goniec/projections/query"
	"goniec/projections/senders"
	"goniec/projections/terms"
)

const (
	installation = "test-installation"
	owner        = "11111111-1111-4111-8111-111111111111"
	operator     = "key:1"
)

var (
	zone    = time.UTC
	october = calendar.Month{Year: 2026, Month: time.October}
	sender  = account.SenderID(owner, "GONIEC", "PL")
)

// plant is a journal of two partitions on a broker, as deciders write it, with views
// and read models over it.
type plant struct {
	*closing.Gatherer
	t        testing.TB
	client   sarama.Client
	producer *eventstore.Producer
	topics   eventstore.Topics
	chains   map[string][32]byte
	versions map[string]int64
	n        int
	view     *account.View
	bills    *billing.View
	home     int32  // the account's partition
	link     string // of the database
}

func newPlant(t testing.TB) *plant {
	t.Helper()
	kafka := kafkatest.Topics(t, 2)
	p := &plant{
		t: t, client: kafkatest.Client(t, kafka), producer: kafkatest.Producer(t, kafka), topics: kafka.Topics(), chains: map[string][32]byte{},
		versions: map[string]int64{}, view: account.NewView(), bills: billing.NewView(), home: eventstore.Partitioner{N: 2}.Of([]byte(owner)),
	}
	link, books := testkit.Postgres(t), []projections.Projection{ledger.New(), periods.New(), bills.New(), senders.New(), terms.New()}
	require.NoError(t, projections.Migrate(t.Context(), link, "UTC", books))
	projector, err := projections.New(projections.Config{
		URL: link, Kafka: p.client, Topics: p.topics, Installation: installation, Partitions: 2, Projections: books, Linger: time.Millisecond,
	})
	require.NoError(t, err)
	reader, err := query.Open(link, 2)
	require.NoError(t, err)
	follower := eventstore.NewFollower(p.client, p.topics.Name(eventstore.Accounts), 2, p.fold)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- projector.Run(ctx) }()
	go func() { _ = follower.Run(ctx); ended <- nil }()
	t.Cleanup(func() {
		stop()
		for range cap(ended) {
			require.NoError(t, <-ended)
		}
		reader.Close()
		projector.Close()
	})
	p.link = link
	p.Gatherer = closing.New(closing.Config{
		View: p.view, Bills: p.bills, Books: reader, Journal: journal{p, follower}, Partitions: 2, Zone: zone,
	})
	return p
}

func (p *plant) fold(r *eventstore.Record) error {
	ev, err := eventstore.ParseEvent(r)
	if err != nil {
		return err
	}
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return err
	}
	switch fact := fact.(type) {
	case account.Event:
		p.view.Apply(ev.Stream, ev.Version, fact, ev.Time)
	case billing.Event:
		p.bills.Apply(ev.Stream, ev.Version, fact, ev.Time)
	}
	return nil
}

type journal struct {
	p        *plant
	follower *eventstore.Follower
}

func (j journal) Ends() (ends []int64, err error) {
	for n := range int32(2) {
		end, err := eventstore.EndOffset(j.p.client, j.p.topics.Name(eventstore.Accounts), n)
		if err != nil {
			return nil, err
		}
		ends = append(ends, end)
	}
	return ends, nil
}

func (j journal) CaughtUp(ctx context.Context) error { return j.follower.CaughtUp(ctx) }

// write appends an event to the journal.
func (p *plant) write(short string, n int32, stream string, at time.Time, fact domain.Event) {
	p.t.Helper()
	data, err := json.Marshal(fact)
	require.NoError(p.t, err)
	require.NoError(p.t, p.producer.Send(p.t.Context(), p.event(short, n, stream, at, fact.EventType(), data)))
}

// event is the next one of a partition's journal.
func (p *plant) event(short string, n int32, stream string, at time.Time, typ string, data []byte) *sarama.ProducerMessage {
	p.n++
	p.versions[stream]++
	e := &eventstore.Event{
		ID: fmt.Sprintf("event-%d", p.n), Type: typ, Source: "goniec/" + installation, Stream: stream, Time: at, Recorded: at,
		Version: p.versions[stream], CommandID: fmt.Sprintf("command-%d", p.n), Actor: "test", Epoch: 1, Data: data,
	}
	key := fmt.Sprint(short, "/", n)
	before, ok := p.chains[key]
	if !ok {
		before = eventstore.FirstPrevHash(installation, short, n)
	}
	e.PrevHash = before
	e.Hash = e.ComputeHash()
	p.chains[key] = e.Hash
	return e.Message(p.topics.Name(short), n)
}

// charge is a message on Viber that counts in the month and, with adjusts, belongs to another.
func (p *plant) charge(n int32, amount string, month calendar.Month, adjusts string) {
	p.t.Helper()
	id := eventstore.NewID(n).String()
	p.write(eventstore.Messages, n, "message/"+id, month.Begins(zone), message.Charged{
		Channel: domain.Viber, Attempt: id, Parts: 1, UnitPrice: amount, Amount: amount, Currency: "PLN", PriceVersion: "default@1",
		PricedCategory: domain.Transactional, Content: domain.PlainText, Country: "PL", Sender: "GONIEC", Account: owner,
		At: month.Begins(zone), Month: month.String(), Adjusts: adjusts,
	})
}

func (p *plant) seal(n int32, m calendar.Month) {
	p.t.Helper()
	p.write(eventstore.Messages, n, fmt.Sprint("partition/", n), m.Ends(zone), partition.PeriodSealed{Month: m.String()})
}

// reference writes the accounts; the sender was activated in August.
func (p *plant) reference() {
	p.t.Helper()
	began := october.Begins(zone)
	p.write(eventstore.Accounts, eventstore.Partitioner{N: 2}.Of([]byte(account.Installation)), account.AccountStream(account.Installation), began,
		account.AccountCreated{Name: "Installation", Currency: "PLN"})
	p.write(eventstore.Accounts, eventstore.Partitioner{N: 2}.Of([]byte(account.Installation)), account.RegulationsStream, began, account.RegulationsPublished{
		Title: "Terms", ValidFrom: began, Minimums: []account.Minimum{{
			Country: "PL", Currency: "PLN", Unit: account.UnitAmount, Amount: "10.00", Mode: account.TrueUp, Scope: account.PerCountry,
		}},
	})
	p.write(eventstore.Accounts, p.home, account.AccountStream(owner), began, account.AccountCreated{Name: "Demo", Currency: "PLN"})
	stream := account.SenderStream(sender)
	p.write(eventstore.Accounts, p.home, stream, began, account.SenderCreated{Account: owner, Name: "GONIEC", Company: "Demo", Country: "PL"})
	p.write(eventstore.Accounts, p.home, stream, began, account.SenderApproved{ServiceID: 7, ActiveOn: began.AddDate(0, -2, 0)})
}

// gather waits for the read models.
func (p *plant) gather(m calendar.Month) billing.CloseMonth {
	p.t.Helper()
	var c billing.CloseMonth
	require.Eventually(p.t, func() bool {
		var err error
		c, err = p.Gather(p.t.Context(), owner, m)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	return c
}

// decide closes a month as the decider does; spoil may change what is written.
func (p *plant) decide(m calendar.Month, spoil func(*billing.MonthClosed)) billing.MonthClosed {
	p.t.Helper()
	c := p.gather(m)
	at := m.Ends(zone).AddDate(0, 0, 4)
	state := p.bills.Month(owner, m).State
	events, err := billing.Decide(state, billing.Facts{Now: at, Zone: zone, Actor: operator}, c)
	require.NoError(p.t, err)
	require.Len(p.t, events, 1)
	e, ok := events[0].(billing.MonthClosed)
	require.True(p.t, ok)
	if spoil != nil {
		spoil(&e)
	}
	p.write(eventstore.Accounts, p.home, billing.Stream(owner, m), at, e)
	require.Eventually(p.t, func() bool { return p.bills.Month(owner, m).Closed() }, time.Minute, 5*time.Millisecond)
	return e
}

func (p *plant) recompute(m calendar.Month) closing.Verdict {
	p.t.Helper()
	list, err := closing.Recompute(p.t.Context(), p.source(), m, owner)
	require.NoError(p.t, err)
	require.Len(p.t, list, 1)
	return list[0]
}

func (p *plant) source() closing.Source {
	return closing.Source{Records: eventstore.NewCluster(eventstore.KafkaConfig{}, p.client), Topics: p.topics, Installation: installation, Partitions: 2, Zone: zone}
}

func (p *plant) refused(code string, of string, m calendar.Month) {
	p.t.Helper()
	var err error
	require.Eventually(p.t, func() bool {
		_, err = p.Gather(p.t.Context(), of, m)
		return domain.CodeOf(err) == code
	}, time.Minute, 10*time.Millisecond, "%s", code)
}

// rules.md F3, F4: what is missing is told; then a minimum is charged, and late facts
// of the month give a part of it back in the next. Both are made of the journal alone.
func TestMonthsOneAfterAnother(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.reference()
	p.charge(0, "1.200000", october, "")
	p.charge(1, "0.330005", october, "")
	p.seal(1, october)
	p.refused(billing.CodeNotSealed, owner, october)
	p.seal(0, october)
	november := october.Add(1)
	p.charge(0, "2.000000", november, october.String())
	p.charge(0, "30.000000", november, "")
	p.seal(0, november)
	p.seal(1, november)
	p.refused(billing.CodeEarlierOpen, owner, november)
	p.refused(billing.CodeNotFound, account.Installation, october)

	e := p.decide(october, nil)
	require.Equal(t, money.Cents(10_00), e.Statement.Total, "1.53 of traffic, and the rest of the minimum")
	require.Equal(t, "1", e.Inputs.Terms.Version)
	require.Len(t, e.Positions.Seals, 2)
	require.Len(t, e.Positions.Accounts, 2)
	require.Contains(t, e.Positions.Used, billing.Used{Stream: account.SenderStream(sender), Version: 2})
	require.Contains(t, e.Positions.Used, billing.Used{Stream: account.PricesStream(account.DefaultPrices), Version: 1})

	e = p.decide(november, nil)
	require.Equal(t, money.Cents(30_00), e.Statement.Total, "2.00 late, and 2.00 of October's minimum given back")
	v := p.recompute(november)
	require.Empty(t, v.Differences)
	require.Equal(t, closing.Verdict{Account: owner, Month: "2026-11", Agrees: true, Currency: "PLN", Written: "30.00", Computed: "30.00", Charges: 2}, v)

	// What comes later changes nothing of what was closed.
	p.write(eventstore.Accounts, p.home, account.SenderStream(sender), november.Ends(zone), account.SenderSuspended{Reason: "x", By: account.ByOperator})
	require.True(t, p.recompute(october).Agrees)
	s, at, err := p.closed(october)
	require.NoError(t, err)
	require.Equal(t, money.Cents(10_00), s.Total)
	require.Equal(t, october.Ends(zone).AddDate(0, 0, 4), at)
	_, err = closing.Recompute(t.Context(), p.source(), november.Add(1), "")
	require.ErrorIs(t, err, closing.ErrNotClosed)
}

// closed waits until the statement is projected.
func (p *plant) closed(m calendar.Month) (s billing.Statement, at time.Time, err error) {
	require.Eventually(p.t, func() bool {
		s, at, err = p.Statement(p.t.Context(), owner, m)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	return s, at, err
}

// rules.md G2: a statement that the journal does not make is found, whatever it names
// as its reasons.
func TestAWrongStatementIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*billing.MonthClosed)
		says  string
	}{
		"another amount": {func(e *billing.MonthClosed) {
			e.Statement.Lines[0].Amount++
			e.Statement.Total++
		}, "total: written 10.01, computed 10.00"},
		"a minimum too low": {func(e *billing.MonthClosed) {
			e.Statement.Obligations[0].Charged--
		}, "minimum 1"},
		"a party": {func(e *billing.MonthClosed) {
			e.Statement.Party = &billing.Party{LegalName: "x", Country: "CZ", Address: "x"}
		}, "the billing party is another one"},
		"a seal that is none": {func(e *billing.MonthClosed) {
			e.Positions.Seals[0].Offset--
		}, "is no seal of the month"},
		"other terms": {func(e *billing.MonthClosed) {
			e.Inputs.Terms.Version = "0"
		}, `terms: written "0", in force "1"`},
		"before there was an account": {func(e *billing.MonthClosed) {
			e.Positions.Accounts = nil
		}, "it cannot be computed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t)
			p.reference()
			p.charge(0, "1.530000", october, "")
			p.seal(0, october)
			p.seal(1, october)
			p.decide(october, c.spoil)
			v := p.recompute(october)
			require.False(t, v.Agrees)
			require.Contains(t, fmt.Sprint(v.Differences), c.says)
		})
	}
}

// rules.md F9: a statement names the billing party of its close, whatever comes later,
// and is made of the journal again with it.
func TestPartyOfAClose(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.reference()
	party := func(name string) account.PartySet {
		return account.PartySet{Party: billing.Party{LegalName: name, Country: "CZ", Address: "Praha"}}
	}
	p.write(eventstore.Accounts, p.home, account.AccountStream(owner), october.Ends(zone), party("First"))
	p.seal(0, october)
	p.seal(1, october)
	require.Eventually(t, func() bool { a, _ := p.view.AccountByID(owner); return a.Party.LegalName == "First" }, time.Minute, 5*time.Millisecond)
	e := p.decide(october, nil)
	require.Nil(t, e.Inputs.Party, "the statement names it")
	p.write(eventstore.Accounts, p.home, account.AccountStream(owner), october.Ends(zone), party("Second"))
	s, _, err := p.closed(october)
	require.NoError(t, err)
	require.Equal(t, "First", s.Party.LegalName)
	require.Empty(t, p.recompute(october).Differences)
}
