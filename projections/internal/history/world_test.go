package history

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/adapters/closing"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/projections"
	pt "goniec/projections/internal/projtest"
)

const (
	partitions = 2
	grace      = 3 * 24 * time.Hour // of seals
	admin      = "key:admin"
)

// zones lie ahead of UTC and behind it, and move their clocks on different nights.
var zones = []string{"UTC", "Europe/Warsaw", "America/New_York", "Pacific/Auckland"}

// clients are the accounts; each has its own senders.
var clients = []string{"11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"}

// config is a sender that may be made.
type config struct{ account, name, country string }

func (c config) id() string { return account.SenderID(c.account, c.name, c.country) }

var configs = []config{
	{clients[0], "GONIEC", "PL"},
	{clients[0], "GONIEC", "DE"},
	{clients[0], "OTHER", "PL"},
	{clients[1], "THIRD", "DE"},
}

// written is an event with the journal that it stands in.
type written struct {
	topic string
	projections.Event
}

// letter is a message.
type letter struct {
	message.State
	config
	partition int32
}

// world is one history: what was decided, and all that it was decided on. Owners
// decide in the order that the test draws; their clock is the same.
type world struct {
	t       *rapid.T
	tb      testing.TB // of the journal
	zone    *time.Location
	now     time.Time
	journal *pt.Journal
	events  []written // in the order in which they were written

	view     *account.View
	bills    *billing.View
	gatherer *closing.Gatherer
	streams  map[string]account.State
	cached   map[string][]byte // the same, folded from its JSON each time, as an owner that begins anew
	months   map[string]billing.State
	letters  []*letter
	owners   [partitions]partition.State
	ids      int
	lag      [partitions]int64 // how many records of messages the ledger has not read yet
	closes   []billing.MonthClosed
}

func newWorld(tb testing.TB, t *rapid.T) *world {
	zone, err := time.LoadLocation(zones[fair(len(zones)).Draw(t, "zone")])
	require.NoError(t, err)
	w := &world{
		t: t, tb: tb, zone: zone, journal: pt.NewJournal(), view: account.NewView(), bills: billing.NewView(),
		streams: map[string]account.State{}, cached: map[string][]byte{}, months: map[string]billing.State{},
	}
	w.now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(fair(700*24).Draw(t, "begins")) * time.Hour)
	w.gatherer = closing.New(closing.Config{View: w.view, Bills: w.bills, Books: books{w}, Journal: ends{w}, Partitions: partitions, Zone: zone})
	return w
}

func home(of string) int32 { return eventstore.Partitioner{N: partitions}.Of([]byte(of)) }

func (w *world) id() string {
	w.ids++
	return pt.ID("history", w.ids)
}

// write appends an event to the journal, and lets the views see it.
func (w *world) write(topic string, p int32, stream string, at time.Time, fact domain.Event) *eventstore.Event {
	e := w.journal.Add(w.tb, topic, p, stream, at, fact)
	w.events = append(w.events, written{topic, projections.Event{Event: e, Fact: fact}})
	switch fact := fact.(type) {
	case account.Event:
		w.view.Apply(stream, e.Version, fact, at)
	case billing.Event:
		w.bills.Apply(stream, e.Version, fact, at)
	}
	return e
}

// tell lets the owner of an account's partition decide a command of the accounts journal.
func (w *world) tell(of, stream string, c account.Command) error {
	s, ok := w.streams[stream]
	if !ok {
		s.Stream = stream
	}
	p := home(of)
	events, err := account.Decide(s, account.Facts{Now: w.now, Zone: w.zone, Notice: w.view.Notice(of), Sealed: w.owners[p].Sealed}, c)
	if err != nil {
		require.Empty(w.t, events)
		require.NotEmpty(w.t, domain.CodeOf(err), "%s: %v", c.CommandType(), err)
		return err
	}
	for _, e := range events {
		s = account.Evolve(s, e, w.now)
		w.write(eventstore.Accounts, p, stream, w.now, e)
		w.streams[stream] = s
		w.afterAccountEvent(stream, e)
	}
	return nil
}

// bill lets the owner of an account's partition decide a command of a month.
func (w *world) bill(of string, m calendar.Month, actor string, c billing.Command) error {
	stream := billing.Stream(of, m)
	s, ok := w.months[stream]
	if !ok {
		s.Stream = stream
	}
	events, err := billing.Decide(s, billing.Facts{Now: w.now, Zone: w.zone, Actor: actor}, c)
	if err != nil {
		require.Empty(w.t, events)
		require.NotEmpty(w.t, domain.CodeOf(err), "%s: %v", c.CommandType(), err)
	}
	if s.Digest != "" {
		require.Empty(w.t, events, "%s of %s, which is closed", c.CommandType(), m)
	}
	for _, e := range events {
		s = billing.Evolve(s, e)
		w.write(eventstore.Accounts, home(of), stream, w.now, e)
		if closed, ok := e.(billing.MonthClosed); ok {
			w.closes = append(w.closes, closed)
		}
	}
	w.months[stream] = s
	return err
}

// post lets the owner of a message's partition decide a command of it.
func (w *world) post(l *letter, c message.Command) {
	owner := &w.owners[l.partition]
	n := 0
	f := message.Facts{
		Now: w.now, AccountID: l.account, NewID: func(int) string { n++; return fmt.Sprintf("%s-%d-%d", l.ID, len(w.events), n) },
		Account: w.view.AccountFacts(l.account, w.now), Sender: w.view.SenderFacts(l.account, l.name, l.country), Prices: w.view.PriceFinder(l.account),
		Allowed: func(domain.Channel, domain.Category) bool { return true }, Sealed: owner.Sealed,
		Month: func(t time.Time) calendar.Month { return calendar.MonthOf(t, w.zone) }, Jitter: func(int) float64 { return 0 },
	}
	f.Account.ViberRoute, f.Account.SMSRoute = "viber", "sms"
	events, err := message.Decide(l.State, f, c)
	require.NoError(w.t, err)
	for _, e := range events {
		l.State = message.Evolve(l.State, e.Event, e.At)
		w.write(eventstore.Messages, l.partition, "message/"+l.ID, e.At, e.Event)
		if charged, ok := e.Event.(message.Charged); ok {
			w.afterCharge(charged)
		}
	}
}

// owner is one round of a partition's owner: what is due is fired, then months are sealed.
func (w *world) owner(p int32) {
	for _, c := range configs {
		for home(c.account) == p && w.fireNext(c) {
		}
	}
	for _, l := range w.letters {
		for range 10 { // one that waits for nothing is soon done
			i := slices.IndexFunc(message.Timers(l.State), func(t domain.Timer) bool { return !t.Due.After(w.now) })
			if l.partition != p || i < 0 {
				break
			}
			due := message.Timers(l.State)[i]
			w.post(l, message.Fire{Timer: due.Name, Due: due.Due})
		}
	}
	for {
		m, due := w.owners[p].NextSeal(w.now, grace, w.zone)
		if due.After(w.now) {
			return
		}
		e := partition.PeriodSealed{Month: m.String(), GraceMS: grace.Milliseconds()}
		w.owners[p] = partition.Evolve(w.owners[p], e)
		w.write(eventstore.Messages, p, fmt.Sprint("partition/", p), w.now, e)
	}
}

// fireNext fires the next timer of a sender that is due. Each changes the sender.
func (w *world) fireNext(c config) bool {
	stream := account.SenderStream(c.id())
	timers := account.Timers(w.streams[stream])
	slices.SortFunc(timers, func(a, b domain.Timer) int { return a.Due.Compare(b.Due) })
	if len(timers) == 0 || timers[0].Due.After(w.now) {
		return false
	}
	before := w.streams[stream].Version
	require.NoError(w.t, w.tell(c.account, stream, account.Fire{Timer: timers[0].Name, Due: timers[0].Due}))
	require.Greater(w.t, w.streams[stream].Version, before, "timer %s changes nothing", timers[0].Name)
	return true
}

// sender is a configuration as it stands; nil = it was not made yet.
func (w *world) sender(c config) *account.SenderState {
	return w.streams[account.SenderStream(c.id())].Sender
}

// gathered closes a month of an account as `billing close` does.
func (w *world) gathered(of string, m calendar.Month) error {
	c, err := w.gatherer.Gather(w.tb.Context(), of, m)
	if err != nil {
		require.NotEmpty(w.t, domain.CodeOf(err), "%v", err)
		return err
	}
	return w.bill(of, m, admin, c)
}

var address = base64.StdEncoding.EncodeToString([]byte("sealed"))

// again is a value that went through JSON, as it does in an owner's cache.
func again[T any](t require.TestingT, v T) (out T) {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &out))
	return out
}
