package account_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
)

// journal sends commands through Decide into a view, as an owner and a reader would.
type journal struct {
	t      *testing.T
	view   *account.View
	states map[string]account.State
	now    time.Time
}

func newJournal(t *testing.T) *journal {
	return &journal{t: t, view: account.NewView(), states: map[string]account.State{}, now: now}
}

func (j *journal) do(stream string, c account.Command) {
	j.t.Helper()
	s := j.states[stream]
	s.Stream = stream
	events, err := account.Decide(s, facts(j.now), c)
	require.NoError(j.t, err)
	for _, e := range events {
		s = account.Evolve(s, e, now)
		j.view.Apply(stream, s.Version, e, j.now)
	}
	j.states[stream] = s
}

func (j *journal) sender(name, country string, service int64) {
	j.t.Helper()
	stream := account.SenderStream(account.SenderID(acc, name, country))
	j.do(stream, account.CreateSender{Account: acc, Name: name, Company: "Goniec", Country: country})
	j.do(stream, account.SubmitSender{Elsewhere: true})
	j.do(stream, account.ApproveSender{ServiceID: service})
}

func TestViewOfAccountsAndKeys(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	stream := account.AccountStream(acc)
	j.do(stream, account.Create{Name: "Demo"})
	j.do(stream, account.IssueKey{Key: key, Hash: hash, Role: "client", Label: "first"})

	a, ok := j.view.AccountByID(acc)
	require.True(t, ok)
	require.Equal(t, account.Account{ID: acc, Name: "Demo", Currency: "PLN", Settings: account.DefaultSettings(), Version: 2, Created: now}, a)
	want := account.Key{ID: key, Account: acc, Role: "client-admin", Label: "first", Issued: now}
	k, ok := j.view.KeyByHash(account.HashKey("secret"))
	require.True(t, ok)
	require.Equal(t, want, k)
	_, ok = j.view.KeyByHash(account.HashKey("other"))
	require.False(t, ok)

	j.do(stream, account.RevokeKey{Key: key})
	_, ok = j.view.KeyByHash(hash)
	require.False(t, ok)
	want.Revoked = true
	require.Equal(t, []account.Key{want}, j.view.Keys(acc))
	require.Len(t, j.view.Accounts(), 1)
	require.Equal(t, message.AccountFacts{
		Known: true, Active: true, Currency: "PLN", FallbackAtOnce: true, LatePolicy: "bill_both",
		SMSValidity: 24 * time.Hour, ReportWait: time.Hour,
	}, j.view.AccountFacts(acc, now))
	require.Equal(t, message.AccountFacts{}, j.view.AccountFacts(end, now))
	require.Equal(t, 3, j.view.PolicyVersion(acc))
}

func TestViewSkipsWhatItHasSeen(t *testing.T) {
	t.Parallel()
	v := account.NewView()
	first := account.AccountCreated{Name: "A", Currency: "PLN"}
	v.Apply(account.AccountStream(acc), 1, first, now)
	v.Apply(account.AccountStream(acc), 2, account.SettingsChanged{Settings: account.DefaultSettings()}, now)
	v.Apply(account.AccountStream(acc), 1, account.AccountCreated{Name: "B"}, now)
	v.Apply(account.AccountStream(acc), 2, account.SettingsChanged{}, now)
	a, _ := v.AccountByID(acc)
	require.Equal(t, "A", a.Name)
	require.Equal(t, account.DefaultSettings(), a.Settings)
}

func TestViewOfEndpoints(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	j.do(account.AccountStream(acc), account.AddEndpoint{Endpoint: end, URL: "https://c", Secret: "s"})
	before := j.view.Endpoints(acc)
	require.Equal(t, []account.Endpoint{{ID: end, Account: acc, URL: "https://c", Events: []string{}, Secret: "s", Added: now}}, before)
	j.do(account.AccountStream(acc), account.RemoveEndpoint{Endpoint: end})
	require.Empty(t, j.view.Endpoints(acc))
	require.Equal(t, end, before[0].ID, "what a reader holds does not change")
}

func TestViewOfSenders(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	j.sender("GONIEC", "PL", 7)
	j.sender("GONIEC", "DE", 7)
	j.sender("Other", "PL", 8)

	s, ok := j.view.Sender(acc, "GONIEC", "DE")
	require.True(t, ok)
	require.Equal(t, account.SenderID(acc, "GONIEC", "DE"), s.ID)
	require.Equal(t, account.SenderActive, s.Status)
	_, ok = j.view.Sender(acc, "GONIEC", "CZ")
	require.False(t, ok)
	require.Len(t, j.view.SendersNamed(acc, "GONIEC"), 2)
	require.Len(t, j.view.SendersByServiceID(7), 2)
	require.Equal(t, "Other", j.view.SendersByServiceID(8)[0].Name)
	require.Len(t, j.view.Senders(acc), 3)
	require.Empty(t, j.view.Senders(end))

	require.Equal(t, message.SenderFacts{Known: true, InCountry: true, Active: true, ID: s.ID, Version: 3, ServiceID: 7, SMSFrom: "Goniec"},
		j.view.SenderFacts(acc, "GONIEC", "DE"))
	require.Equal(t, message.SenderFacts{Known: true}, j.view.SenderFacts(acc, "GONIEC", "CZ"))
	require.Equal(t, message.SenderFacts{}, j.view.SenderFacts(acc, "nobody", "PL"))

	j.do(account.SenderStream(s.ID), account.DisableSender{Reason: "asked"})
	j.now = time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	j.do(account.SenderStream(s.ID), account.Fire{Timer: account.TimerNotice, Due: j.now})
	changed := account.DefaultSettings()
	changed.SMSName = "InfoSMS"
	j.do(account.AccountStream(acc), account.ChangeSettings{Settings: changed})
	require.Equal(t, message.SenderFacts{Known: true, InCountry: true, ID: s.ID, Version: 5, ServiceID: 7, SMSFrom: "InfoSMS"},
		j.view.SenderFacts(acc, "GONIEC", "DE"))
}

// F8: the account's own list first, row by row; the version in force at the time.
func TestPriceInForce(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	price := func(ch domain.Channel, cat domain.Category, content domain.Content, amount string) account.Price {
		return account.Price{Country: "PL", Channel: ch, Category: cat, Content: content, Amount: amount}
	}
	publish := func(list string, from time.Time, prices ...account.Price) {
		j.do(account.PricesStream(list), account.PublishPrices{Currency: "PLN", ValidFrom: from, Prices: prices})
	}
	publish("default", now.AddDate(0, -1, 0),
		price(domain.Viber, domain.Transactional, domain.PlainText, "0.05"),
		price(domain.SMS, "", "", "0.09"), price(domain.SMS, domain.Promotional, "", "0.08"))
	publish("default", now.AddDate(0, 1, 0), price(domain.Viber, domain.Transactional, domain.PlainText, "0.06"))
	publish(acc, now.AddDate(0, 0, -1), price(domain.SMS, domain.OneTimeCode, "", "0.10"))
	euro := account.PublishPrices{Currency: "EUR", Prices: []account.Price{price(domain.SMS, "", "", "0.01")}}
	j.do(account.PricesStream(end), euro)

	next := now.AddDate(0, 1, 0)
	for _, c := range []struct {
		at            time.Time
		ch            domain.Channel
		cat           domain.Category
		unit, version string
	}{
		{now, domain.Viber, domain.Transactional, "0.05", "default@1"},
		{next.Add(-time.Microsecond), domain.Viber, domain.Transactional, "0.05", "default@1"},
		{next, domain.Viber, domain.Transactional, "0.06", "default@2"},
		{now.AddDate(0, -2, 0), domain.Viber, domain.Transactional, "", ""},
		{now, domain.Viber, domain.Promotional, "", ""},
		{now, domain.SMS, domain.Transactional, "0.09", "default@1"},
		{now, domain.SMS, domain.Promotional, "0.08", "default@1"},
		{next, domain.SMS, domain.Promotional, "", ""},
		{now, domain.SMS, domain.OneTimeCode, "0.10", acc + "@1"},
		{now.AddDate(0, 0, -2), domain.SMS, domain.OneTimeCode, "0.09", "default@1"},
	} {
		unit, version, ok := j.view.PriceFinder(acc)(c.at, "PL", c.ch, c.cat, domain.PlainText)
		require.Equal(t, c.unit != "", ok, "%+v", c)
		require.Equal(t, c.unit, unit, "%+v", c)
		require.Equal(t, c.version, version, "%+v", c)
	}
	_, _, ok := j.view.Price(acc, now, "DE", domain.SMS, domain.Transactional, domain.PlainText)
	require.False(t, ok)
	j.do(account.AccountStream(end), account.Create{Name: "PLN account, EUR list"})
	unit, _, _ := j.view.Price(end, now, "PL", domain.SMS, domain.Transactional, domain.PlainText)
	require.Equal(t, "0.09", unit, "a list in another currency is passed over")
}

func TestViewWhileItIsRead(t *testing.T) {
	t.Parallel()
	v := account.NewView()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				v.KeyByHash(hash)
				v.SenderFacts(acc, "GONIEC", "PL")
				v.Endpoints(acc)
				v.Price(acc, now, "PL", domain.SMS, "", "")
			}
		})
	}
	for i := range int64(200) {
		id := fmt.Sprintf("0b7f3c1a-8e52-4d0e-9a6f-%012d", i)
		v.Apply(account.AccountStream(acc), i+1, account.EndpointAdded{Endpoint: id}, now)
		v.Apply(account.SenderStream(id), 1, account.SenderCreated{Account: acc, Name: "GONIEC", Country: "PL"}, now)
	}
	wg.Wait()
	require.Len(t, v.Endpoints(acc), 200)
}
