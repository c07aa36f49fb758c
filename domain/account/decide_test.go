package account_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

const (
	acc = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0001"
	key = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0002"
	end = "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0003"
)

var (
	now  = time.Date(2026, 11, 10, 9, 30, 0, 0, time.UTC)
	hash = account.HashKey("secret")
	viat = account.Price{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Amount: "0.05"}
)

// warsaw is the billing zone of the tests.
var warsaw = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		panic(err)
	}
	return zone
}()

func facts(at time.Time) account.Facts { return account.Facts{Now: at, Zone: warsaw} }

// given folds commands into a stream's state; each must be accepted.
func given(t *testing.T, stream string, commands ...account.Command) account.State {
	t.Helper()
	s := account.State{Stream: stream}
	for _, c := range commands {
		events, err := account.Decide(s, facts(now), c)
		require.NoError(t, err)
		for _, e := range events {
			s = account.Evolve(s, e, now)
		}
	}
	return s
}

func goniec() account.CreateSender {
	return account.CreateSender{Account: acc, Name: "GONIEC", Company: "Goniec", Country: "PL"}
}

func goniecStream() string { return account.SenderStream(account.SenderID(acc, "GONIEC", "PL")) }

func settings(change func(*account.Settings)) *account.Settings {
	s := account.DefaultSettings()
	change(&s)
	return &s
}

func TestDecideAccepts(t *testing.T) {
	t.Parallel()
	create := account.Create{Name: "Demo"}
	issue := account.IssueKey{Key: key, Hash: hash, Role: account.RoleClientAdmin, Label: "first"}
	endpoint := account.AddEndpoint{Endpoint: end, URL: "https://example.com/hook", Events: []string{"message.delivered"}, Secret: "c2VhbGVk"}
	changed := *settings(func(s *account.Settings) { s.SMSMaxParts = 5 })
	for name, c := range map[string]struct {
		stream string
		given  []account.Command
		when   account.Command
		then   []account.Event
	}{
		"account with defaults": {
			account.AccountStream(acc), nil, create,
			[]account.Event{account.AccountCreated{Name: "Demo", Currency: "PLN", Settings: account.DefaultSettings()}},
		},
		"the same account again": {account.AccountStream(acc), []account.Command{create}, create, nil},
		"settings": {
			account.AccountStream(acc),
			[]account.Command{create},
			account.ChangeSettings{Settings: changed},
			[]account.Event{account.SettingsChanged{Settings: changed}},
		},
		"the same settings": {account.AccountStream(acc), []account.Command{create}, account.ChangeSettings{Settings: account.DefaultSettings()}, nil},
		"key": {
			account.AccountStream(acc),
			[]account.Command{create},
			issue,
			[]account.Event{account.KeyIssued{Key: key, Hash: hash, Role: "client-admin", Label: "first"}},
		},
		"the same key again": {account.AccountStream(acc), []account.Command{create, issue}, issue, nil},
		"revoke": {
			account.AccountStream(acc),
			[]account.Command{create, issue},
			account.RevokeKey{Key: key},
			[]account.Event{account.KeyRevoked{Key: key}},
		},
		"revoke twice": {account.AccountStream(acc), []account.Command{create, issue, account.RevokeKey{Key: key}}, account.RevokeKey{Key: key}, nil},
		"endpoint": {
			account.AccountStream(acc),
			[]account.Command{create},
			endpoint,
			[]account.Event{account.EndpointAdded(endpoint)},
		},
		"remove endpoint": {
			account.AccountStream(acc),
			[]account.Command{create, endpoint},
			account.RemoveEndpoint{Endpoint: end},
			[]account.Event{account.EndpointRemoved{Endpoint: end}},
		},
		"remove endpoint twice": {account.AccountStream(acc), []account.Command{create, endpoint, account.RemoveEndpoint{Endpoint: end}}, account.RemoveEndpoint{Endpoint: end}, nil},
		"sender": {
			goniecStream(), nil, goniec(),
			[]account.Event{account.SenderCreated{Account: acc, Name: "GONIEC", Company: "Goniec", Country: "PL"}},
		},
		"the same sender again": {goniecStream(), []account.Command{goniec()}, goniec(), nil},
		"submit, B6": {
			goniecStream(),
			[]account.Command{goniec(), complete()},
			account.SubmitSender{},
			[]account.Event{account.SenderSubmitted{At: now, Number: 1, Form: filled()}},
		},
		"submit what an operator knows to be filled elsewhere": {
			goniecStream(),
			[]account.Command{goniec()},
			account.SubmitSender{Elsewhere: true},
			[]account.Event{account.SenderSubmitted{At: now, Number: 1, Elsewhere: true, Form: &account.Form{Company: "Goniec", Name: "GONIEC", Country: "PL", RegisteredIn: "PL"}}},
		},
		"submit again, B8": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}, account.ReturnSender{Reasons: []string{"x"}}},
			account.SubmitSender{Elsewhere: true},
			[]account.Event{account.SenderSubmitted{At: now, Number: 2, Form: filled()}},
		},
		"submit the version that was seen": {
			goniecStream(),
			[]account.Command{goniec(), complete()},
			account.SubmitSender{IfVersion: 2},
			[]account.Event{account.SenderSubmitted{At: now, Number: 1, Form: filled()}},
		},
		"save the same, B3": {goniecStream(), []account.Command{goniec(), complete()}, complete(), nil},
		"save what is so by default, B3": {
			goniecStream(),
			[]account.Command{goniec()},
			account.SaveSender{Changes: account.SenderDraftSaved{RegisteredIn: ptr("PL"), Company: ptr("Goniec"), Kind: ptr(""), Samples: &[]string{}, Logo: &account.Logo{}}},
			nil,
		},
		"save what changed only, B3": {
			goniecStream(),
			[]account.Command{goniec(), complete()},
			account.SaveSender{Changes: account.SenderDraftSaved{Type: ptr("finance"), Kind: ptr("debt collection"), Samples: &[]string{}, Logo: &account.Logo{}}},
			[]account.Event{account.SenderDraftSaved{Kind: ptr("debt collection"), Samples: &[]string{}, Logo: &account.Logo{}}},
		},
		"pass on, B7": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}},
			account.PassSender{Reference: "V-17"},
			[]account.Event{account.SenderPassed{
				On: now, Reference: "V-17",
				VerifiedBy: time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC), PrefixBy: time.Date(2026, 12, 8, 23, 0, 0, 0, time.UTC),
			}},
		},
		"withdraw, B10": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}},
			account.WithdrawSender{},
			[]account.Event{account.SenderWithdrawn{}},
		},
		"withdraw what was passed on before it was returned, B10": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}, account.PassSender{}, account.ReturnSender{Reasons: []string{"x"}}, account.SubmitSender{}},
			account.WithdrawSender{},
			[]account.Event{account.SenderWithdrawn{}},
		},
		"approve today": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}},
			account.ApproveSender{ServiceID: 7, ActiveOn: now.Add(-9 * time.Hour)},
			[]account.Event{account.SenderApproved{ServiceID: 7, ActiveOn: now.Add(-9 * time.Hour)}},
		},
		"approve without a date": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}},
			account.ApproveSender{ServiceID: 7},
			[]account.Event{account.SenderApproved{ServiceID: 7, ActiveOn: now}},
		},
		"return": {
			goniecStream(),
			[]account.Command{goniec(), complete(), account.SubmitSender{}},
			account.ReturnSender{Reasons: []string{"no logo"}},
			[]account.Event{account.SenderReturned{Reasons: []string{"no logo"}}},
		},
		"first prices may be old": {
			account.PricesStream(account.DefaultPrices), nil,
			account.PublishPrices{Currency: "PLN", ValidFrom: now.AddDate(-1, 0, 0), Prices: []account.Price{viat}},
			[]account.Event{account.PricesPublished{Currency: "PLN", ValidFrom: now.AddDate(-1, 0, 0), Prices: []account.Price{viat}}},
		},
		"prices of an account from now": {
			account.PricesStream(acc), nil,
			account.PublishPrices{Currency: "PLN", Prices: []account.Price{viat}},
			[]account.Event{account.PricesPublished{Currency: "PLN", ValidFrom: now, Prices: []account.Price{viat}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := account.Decide(given(t, c.stream, c.given...), facts(now), c.when)
			require.NoError(t, err)
			require.Equal(t, c.then, got)
		})
	}
}

func TestDecideRefuses(t *testing.T) {
	t.Parallel()
	account1, sender, prices := account.AccountStream(acc), goniecStream(), account.PricesStream("default")
	create := account.Create{Name: "Demo"}
	submitted := []account.Command{goniec(), complete(), account.SubmitSender{}}
	with := func(change func(*account.CreateSender)) account.CreateSender {
		c := goniec()
		change(&c)
		return c
	}
	publish := func(change func(*account.Price)) account.PublishPrices {
		p := viat
		change(&p)
		return account.PublishPrices{Currency: "PLN", Prices: []account.Price{p}}
	}
	for name, c := range map[string]struct {
		stream      string
		given       []account.Command
		when        account.Command
		code, field string
	}{
		"no name":                {account1, nil, account.Create{}, "required", "name"},
		"long name":              {account1, nil, account.Create{Name: strings.Repeat("ż", 101)}, "too_long", "name"},
		"bad currency":           {account1, nil, account.Create{Name: "x", Currency: "zł"}, "invalid_value", "currency"},
		"bad id":                 {"account/x", nil, create, "invalid_value", "id"},
		"another account":        {account1, []account.Command{create}, account.Create{Name: "Other"}, "already_exists", "id"},
		"late policy":            {account1, nil, account.Create{Name: "x", Settings: settings(func(s *account.Settings) { s.LatePolicy = "" })}, "invalid_value", "settings.late_policy"},
		"validity of 14 s":       {account1, nil, account.Create{Name: "x", Settings: settings(func(s *account.Settings) { s.DefaultValidity = 14999 })}, "invalid_value", "settings.default_validity_ms"},
		"sms name":               {account1, nil, account.Create{Name: "x", Settings: settings(func(s *account.Settings) { s.SMSName = "Zażółć" })}, "invalid_value", "settings.sms_name"},
		"settings of nobody":     {account1, nil, account.ChangeSettings{Settings: account.DefaultSettings()}, "not_found", ""},
		"key of nobody":          {account1, nil, account.IssueKey{Key: key, Hash: hash, Role: "client", Label: "x"}, "not_found", ""},
		"key with a bad hash":    {account1, []account.Command{create}, account.IssueKey{Key: key, Hash: "ab", Role: "client", Label: "x"}, "invalid_value", "hash"},
		"key without label":      {account1, []account.Command{create}, account.IssueKey{Key: key, Hash: hash, Role: "client"}, "required", "label"},
		"operator of a client":   {account1, []account.Command{create}, account.IssueKey{Key: key, Hash: hash, Role: "operator", Label: "x"}, "invalid_value", "role"},
		"unknown key":            {account1, []account.Command{create}, account.RevokeKey{Key: key}, "not_found", "key"},
		"unknown endpoint":       {account1, []account.Command{create}, account.RemoveEndpoint{Endpoint: end}, "not_found", "endpoint"},
		"endpoint of a file":     {account1, []account.Command{create}, account.AddEndpoint{Endpoint: end, URL: "file:///etc", Secret: "s"}, "invalid_url", "url"},
		"endpoint with password": {account1, []account.Command{create}, account.AddEndpoint{Endpoint: end, URL: "https://a:b@c", Secret: "s"}, "invalid_url", "url"},
		"endpoint's event":       {account1, []account.Command{create}, account.AddEndpoint{Endpoint: end, URL: "https://c", Secret: "s", Events: []string{"A B"}}, "invalid_value", "events"},
		"sender to account":      {account1, nil, goniec(), "wrong_stream", ""},
		"account to sender":      {sender, nil, create, "wrong_stream", ""},
		"sender's other stream":  {account.SenderStream(acc), nil, goniec(), "wrong_stream", ""},
		"name of 21":             {sender, nil, with(func(c *account.CreateSender) { c.Name = strings.Repeat("A", 21) }), "too_long", "name"},
		"name with two spaces":   {sender, nil, with(func(c *account.CreateSender) { c.Name = "A  B" }), "invalid_name", "name"},
		"name that ends so":      {sender, nil, with(func(c *account.CreateSender) { c.Name = "A " }), "invalid_name", "name"},
		"name with a slash":      {sender, nil, with(func(c *account.CreateSender) { c.Name = "A/B" }), "invalid_name", "name"},
		"company of 12":          {sender, nil, with(func(c *account.CreateSender) { c.Company = "ABCDEFGHIJKL" }), "invalid_name", "company"},
		"Polish company":         {sender, nil, with(func(c *account.CreateSender) { c.Company = "Żabka" }), "invalid_name", "company"},
		"country":                {sender, nil, with(func(c *account.CreateSender) { c.Country = "pl" }), "invalid_country", "country"},
		"other sender, same id":  {sender, []account.Command{goniec()}, with(func(c *account.CreateSender) { c.Company = "X" }), "already_exists", "name"},
		"approve a new one":      {sender, []account.Command{goniec()}, account.ApproveSender{ServiceID: 1}, "sender_state", ""},
		"approve without id":     {sender, submitted, account.ApproveSender{}, "required", "service_id"},
		"approve the day before": {sender, submitted, account.ApproveSender{ServiceID: 1, ActiveOn: now.AddDate(0, 0, -1)}, "backdated", "active_on"},
		"approve tomorrow":       {sender, submitted, account.ApproveSender{ServiceID: 1, ActiveOn: now.AddDate(0, 0, 1)}, "invalid_value", "active_on"},
		"return without reasons": {sender, submitted, account.ReturnSender{}, "required", "reasons"},
		"submit without a form":  {sender, []account.Command{goniec()}, account.SubmitSender{}, "form_incomplete", "logo"},
		"submit an old version":  {sender, []account.Command{goniec(), complete()}, account.SubmitSender{IfVersion: 1}, "version_conflict", ""},
		"approve an old version": {sender, submitted, account.ApproveSender{ServiceID: 1, IfVersion: 2}, "version_conflict", ""},
		"return an old version":  {sender, submitted, account.ReturnSender{Reasons: []string{"x"}, IfVersion: 2}, "version_conflict", ""},
		"pass on an old version": {sender, submitted, account.PassSender{IfVersion: 2}, "version_conflict", ""},
		"save an old version":    {sender, []account.Command{goniec(), complete()}, account.SaveSender{IfVersion: 1}, "version_conflict", ""},
		"withdraw an old one":    {sender, submitted, account.WithdrawSender{IfVersion: 2}, "version_conflict", ""},
		"save while frozen, B6":  {sender, submitted, complete(), "sender_state", ""},
		"withdraw too late, B10": {sender, append(submitted[:3:3], account.PassSender{}), account.WithdrawSender{}, "passed_on", ""},
		"pass on tomorrow":       {sender, submitted, account.PassSender{On: now.AddDate(0, 0, 1)}, "invalid_value", "on"},
		"pass on before":         {sender, submitted, account.PassSender{On: now.AddDate(0, 0, -1)}, "backdated", "on"},
		"pass on, long":          {sender, submitted, account.PassSender{Reference: strings.Repeat("x", 101)}, "too_long", "reference"},
		"no such sender":         {sender, nil, account.SubmitSender{}, "not_found", ""},
		"list of a strange name": {"prices/other", nil, publish(func(*account.Price) {}), "invalid_value", "account"},
		"no prices":              {prices, nil, account.PublishPrices{Currency: "PLN"}, "required", "prices"},
		"a price twice":          {prices, nil, account.PublishPrices{Currency: "PLN", Prices: []account.Price{viat, viat}}, "invalid_price", "prices[1]"},
		"seven places":           {prices, nil, publish(func(p *account.Price) { p.Amount = "0.1234567" }), "invalid_price", "prices[0].amount"},
		"negative":               {prices, nil, publish(func(p *account.Price) { p.Amount = "-1" }), "invalid_price", "prices[0].amount"},
		"any category on Viber":  {prices, nil, publish(func(p *account.Price) { p.Category = "" }), "invalid_price", "prices[0].category"},
		"other currency": {
			prices,
			[]account.Command{publish(func(*account.Price) {})},
			account.PublishPrices{Currency: "EUR", Prices: []account.Price{viat}},
			"invalid_value", "currency",
		},
		"second version in the past": {
			prices,
			[]account.Command{publish(func(*account.Price) {})},
			account.PublishPrices{Currency: "PLN", ValidFrom: now.Add(-6 * time.Minute), Prices: []account.Price{viat}},
			"backdated", "valid_from",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := account.Decide(given(t, c.stream, c.given...), facts(now), c.when)
			require.Empty(t, events)
			var refusal *domain.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, c.code, refusal.Code, refusal.Message)
			require.Equal(t, c.field, refusal.Field)
			require.NotEmpty(t, refusal.Message)
		})
	}
}

func TestKeysAreLimited(t *testing.T) {
	t.Parallel()
	s := given(t, account.AccountStream(acc), account.Create{Name: "x"})
	for i := range account.MaxKeys {
		id := key[:33] + string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
		s = account.Evolve(s, account.KeyIssued{Key: id, Hash: hash, Role: "client", Label: "x"}, now)
	}
	_, err := account.Decide(s, facts(now), account.IssueKey{Key: acc[:24] + "ffffffffffff", Hash: hash, Role: "client", Label: "x"})
	require.Equal(t, "too_many", domain.CodeOf(err))
}

func TestEvolveLeavesTheOldStateAlone(t *testing.T) {
	t.Parallel()
	old := given(t, account.AccountStream(acc), account.Create{Name: "x"}, account.IssueKey{Key: key, Hash: hash, Role: "client", Label: "x"})
	next := account.Evolve(old, account.KeyRevoked{Key: key}, now)
	require.False(t, old.Account.Keys[key].Revoked)
	require.True(t, next.Account.Keys[key].Revoked)
	require.Equal(t, int64(2), old.Version)
	require.Equal(t, int64(3), next.Version)
}

func TestStateSurvivesItsCache(t *testing.T) {
	t.Parallel()
	for _, s := range []account.State{
		given(t, account.AccountStream(acc), account.Create{Name: "x"}, account.IssueKey{Key: key, Hash: hash, Role: "client", Label: "x"}),
		given(t, goniecStream(), goniec(), complete(), account.SubmitSender{}, account.PassSender{Reference: "V-17"}),
		given(t, account.PricesStream("default"), account.PublishPrices{Currency: "PLN", Prices: []account.Price{viat}}),
	} {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var back account.State
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, s, back)
	}
}

func TestCommandsSurviveTheInbox(t *testing.T) {
	t.Parallel()
	for _, c := range []account.Command{
		account.Create{Name: "x", Currency: "PLN", Settings: settings(func(*account.Settings) {})},
		account.ChangeSettings{Settings: account.DefaultSettings()},
		account.IssueKey{Key: key, Hash: hash, Role: "client", Label: "x"},
		account.RevokeKey{Key: key},
		goniec(),
		complete(),
		account.SubmitSender{Elsewhere: true, IfVersion: 2},
		account.PassSender{On: now, Reference: "V-17"},
		account.WithdrawSender{IfVersion: 3},
		account.ApproveSender{ServiceID: 1, ActiveOn: now},
		account.ReturnSender{Reasons: []string{"x"}},
		account.DisableSender{Reason: "x", Month: november, Close: true, IfVersion: 4},
		account.DisableSender{Reason: "x"},
		account.WithdrawDisable{IfVersion: 4},
		account.EnableSender{Month: november},
		account.EnableSender{AsSoonAsPossible: true, IfVersion: 3},
		account.WithdrawEnable{IfVersion: 4},
		account.ConfirmSender{IfVersion: 4},
		account.SuspendSender{Reason: "x", By: account.ByCarrier},
		account.RefuseSender{Recipient: key, Code: "43", At: now},
		account.LiftSuspension{Reason: "x"},
		account.PublishPrices{Currency: "PLN", ValidFrom: now, Prices: []account.Price{viat}},
		account.AddEndpoint{Endpoint: end, URL: "https://c", Secret: "s", Events: []string{"message.read"}},
		account.RemoveEndpoint{Endpoint: end},
	} {
		data, err := json.Marshal(c)
		require.NoError(t, err)
		require.True(t, account.IsCommand(c.CommandType()))
		back, err := account.DecodeCommand(c.CommandType(), data)
		require.NoError(t, err)
		require.Equal(t, c, back)
	}
	_, err := account.DecodeCommand("account.create.v2", []byte("{}"))
	var unknown *account.ErrUnknownCommand
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "account.create.v2", unknown.Type)
	_, err = account.DecodeCommand(account.CommandCreate, []byte(`{"name":1}`))
	require.Error(t, err)
}
