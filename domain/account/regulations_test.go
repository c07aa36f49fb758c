package account_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

var (
	textDigest = strings.Repeat("ab", 32)
	sealedFrom = base64.StdEncoding.EncodeToString([]byte("sealed"))
)

// regulations begin so many days after now.
func regulations(days int, minimums ...account.Minimum) account.PublishRegulations {
	return account.PublishRegulations{
		Title: "Regulations", Digest: textDigest, ContentType: "text/plain", ValidFrom: now.AddDate(0, 0, days), Minimums: minimums,
	}
}

func accepts(version int64) account.AcceptRegulations {
	return account.AcceptRegulations{Version: version, Digest: textDigest, Label: "office", Address: sealedFrom}
}

// F3: what a row may leave out, and amounts of two places.
func TestRegulationsFillInDefaults(t *testing.T) {
	t.Parallel()
	events, err := account.Decide(given(t, account.RegulationsStream), facts(now), regulations(0,
		account.Minimum{Country: "PL", Currency: "PLN", Amount: "250"},
		account.Minimum{Country: "PL", Currency: "EUR", Amount: "60.5", Unit: "messages", Messages: 1000, Mode: "full", Scope: "highest_of_sender"},
	))
	require.NoError(t, err)
	require.Equal(t, []account.Event{account.RegulationsPublished{
		Title: "Regulations", Digest: textDigest, ContentType: "text/plain", AnnouncedAt: now, ValidFrom: now, Minimums: []account.Minimum{
			{Country: "PL", Currency: "PLN", Amount: "250.00", Unit: "amount", Mode: "true_up", Scope: "per_country"},
			{Country: "PL", Currency: "EUR", Amount: "60.50", Unit: "messages", Messages: 1000, Mode: "full", Scope: "highest_of_sender"},
		},
	}}, events)
	again, err := account.Decide(account.Evolve(given(t, account.RegulationsStream), events[0], now), facts(now.Add(time.Hour)), regulations(0, events[0].(account.RegulationsPublished).Minimums...))
	require.NoError(t, err)
	require.Empty(t, again, "a repeat is no new version")
}

// B12: announced 30 days ahead but for the first, in order, never backdated.
func TestRegulationsBegin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		days, notice int
		first        bool
		code         string
	}{
		"the first one today":     {days: 0, first: true},
		"the first one next week": {days: 7, first: true},
		"the first one last week": {days: -7, first: true, code: "backdated"},
		"in ten years":            {days: 3650, first: true, code: "invalid_value"},
		"in 29 days":              {days: 29, code: "too_soon"},
		"in 30 days":              {days: 30, code: "backdated"}, // version 1 begins in 40
		"with the one before":     {days: 40},
		"in 59 days by a setting": {days: 59, notice: 60, code: "too_soon"},
		"in 60 days by a setting": {days: 60, notice: 60},
		"without notice":          {days: 60, notice: -1, code: "invalid_value"},
		"after the one before":    {days: 41},
		"another one in the past": {days: -2, code: "backdated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := given(t, account.RegulationsStream)
			if !c.first {
				s = given(t, account.RegulationsStream, regulations(40))
			}
			publish := regulations(c.days)
			publish.Title, publish.NoticeDays = "Another", c.notice
			events, err := account.Decide(s, facts(now), publish)
			if c.code == "" {
				require.NoError(t, err)
				require.Len(t, events, 1)
				return
			}
			require.Equal(t, c.code, domain.CodeOf(err))
		})
	}
}

func TestRegulationsAreRefused(t *testing.T) {
	t.Parallel()
	pl := account.Minimum{Country: "PL", Currency: "PLN", Amount: "250.00"}
	with := func(change func(*account.Minimum)) account.PublishRegulations {
		m := pl
		change(&m)
		return regulations(0, m)
	}
	for field, c := range map[string]account.PublishRegulations{
		"title":                 func() account.PublishRegulations { r := regulations(0); r.Title = ""; return r }(),
		"digest":                func() account.PublishRegulations { r := regulations(0); r.Digest = "x"; return r }(),
		"content_type":          func() account.PublishRegulations { r := regulations(0); r.ContentType = "image/png"; return r }(),
		"valid_from":            func() account.PublishRegulations { r := regulations(0); r.ValidFrom = time.Time{}; return r }(),
		"minimums":              regulations(0, make([]account.Minimum, account.MaxMinimums+1)...),
		"minimums[1]":           regulations(0, pl, pl),
		"minimums[0].country":   with(func(m *account.Minimum) { m.Country = "pl" }),
		"minimums[0].currency":  with(func(m *account.Minimum) { m.Currency = "zł" }),
		"minimums[0].unit":      with(func(m *account.Minimum) { m.Unit = "pieces" }),
		"minimums[0].mode":      with(func(m *account.Minimum) { m.Mode = "half" }),
		"minimums[0].scope":     with(func(m *account.Minimum) { m.Scope = "all" }),
		"minimums[0].messages":  with(func(m *account.Minimum) { m.Unit = "messages" }),
		"minimums[0].messages ": with(func(m *account.Minimum) { m.Messages = 1 }),
		"minimums[0].amount":    with(func(m *account.Minimum) { m.Amount = "0.00" }),
		"minimums[0].amount ":   with(func(m *account.Minimum) { m.Amount = "1.001" }),
		"minimums[0].amount  ":  with(func(m *account.Minimum) { m.Amount = "-1" }),
	} {
		_, err := account.Decide(given(t, account.RegulationsStream), facts(now), c)
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, field)
		require.Equal(t, strings.TrimSpace(field), refusal.Field)
	}
	_, err := account.Decide(account.State{Stream: "regulations/sms"}, facts(now), regulations(0))
	require.Equal(t, "wrong_stream", domain.CodeOf(err))
}

// B2: an acceptance is kept once, as it was first given.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	stream := account.AccountStream(acc)
	s := given(t, stream, account.Create{Name: "Demo"})
	events, err := account.Decide(s, facts(now), accepts(1))
	require.NoError(t, err)
	require.Equal(t, []account.Event{account.RegulationsAccepted(accepts(1))}, events)
	again, err := account.Decide(account.Evolve(s, events[0], now), facts(now), accepts(1))
	require.NoError(t, err)
	require.Empty(t, again)

	for field, c := range map[string]account.AcceptRegulations{
		"version": {Digest: textDigest, Label: "x", Address: sealedFrom},
		"digest":  {Version: 1, Label: "x", Address: sealedFrom},
		"label":   {Version: 1, Digest: textDigest, Address: sealedFrom},
		"address": {Version: 1, Digest: textDigest, Label: "x", Address: "192.0.2.7"},
	} {
		_, err := account.Decide(s, facts(now), c)
		var refusal *domain.Error
		require.ErrorAs(t, err, &refusal, field)
		require.Equal(t, field, refusal.Field)
		require.NotContains(t, refusal.Message, "192.0.2.7")
	}
	_, err = account.Decide(given(t, account.AccountStream(account.Installation), account.Create{Name: "I"}), facts(now), accepts(1))
	require.Equal(t, "invalid_value", domain.CodeOf(err))
}

func TestRegulationsInForce(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	at := func(days int) time.Time { return now.AddDate(0, 0, days) }
	require.Zero(t, j.view.Unaccepted(acc, now), "B1: where there are none, none is asked for")
	j.do(account.RegulationsStream, regulations(10))
	mistaken, mended := regulations(50), regulations(50)
	mended.Title = "Mended"
	j.do(account.RegulationsStream, mistaken)
	j.do(account.RegulationsStream, mended)
	for days, want := range map[int][2]int64{0: {0, 1}, 9: {0, 1}, 10: {1, 3}, 49: {1, 3}, 50: {3, 0}} {
		inForce, _ := j.view.RegulationsAt(at(days))
		coming, _ := j.view.ComingRegulations(at(days))
		require.Equal(t, want, [2]int64{inForce.Version, coming.Version}, days)
	}
	require.Len(t, j.view.Regulations(), 3)

	require.Zero(t, j.view.Unaccepted(acc, at(9)))
	require.Equal(t, int64(1), j.view.Unaccepted(acc, at(10)), "B12")
	require.Equal(t, int64(1), j.view.AccountFacts(acc, at(10)).Unaccepted)
	require.Equal(t, "acceptance of the regulations, version 1", j.view.MissingRegulations(acc, at(10))[0].Needs)
	j.do(account.AccountStream(acc), accepts(1))
	j.do(account.AccountStream(acc), accepts(3))
	require.Zero(t, j.view.Unaccepted(acc, at(10)))
	require.Zero(t, j.view.Unaccepted(acc, at(50)))
	require.Empty(t, j.view.MissingRegulations(acc, at(50)))
	require.Equal(t, []account.Acceptance{
		{Version: 1, Digest: textDigest, Label: "office", At: now}, {Version: 3, Digest: textDigest, Label: "office", At: now},
	}, j.view.Acceptances(acc))
}
