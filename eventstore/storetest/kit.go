package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
)

// View is a reference view of one account, with one active sender (GONIEC, to
// Poland, service 4711) and prices.
func View(accountID string) *account.View {
	view, at := account.NewView(), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	view.Apply(account.AccountStream(accountID), 1, account.AccountCreated{Name: "Test", Currency: "PLN", Settings: account.DefaultSettings()}, at)
	stream := account.SenderStream(account.SenderID(accountID, senderName, "PL"))
	for i, e := range []account.Event{
		account.SenderCreated{Account: accountID, Name: senderName, Company: senderName, Country: "PL"},
		account.SenderSubmitted{At: at},
		account.SenderApproved{ServiceID: 4711, ActiveOn: at},
	} {
		view.Apply(stream, int64(i+1), e, at)
	}
	view.Apply(account.PricesStream(account.DefaultPrices), 1, account.PricesPublished{Currency: "PLN", ValidFrom: at, Prices: []account.Price{
		{Country: "PL", Channel: domain.Viber, Amount: "0.05"}, {Country: "PL", Channel: domain.SMS, Amount: "0.09"},
	}}, at)
	return view
}

// State is what a decider.Store's directory holds of streams, timers and indexes;
// where the journal stands, who owned the partition and what the state topic lacks
// differ from owner to owner.
// The store must be closed.
func State(t testing.TB, dir string) map[string]string {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{ReadOnly: true, Logger: silent{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	it, err := db.NewIter(nil)
	require.NoError(t, err)
	out := map[string]string{}
	for ok := it.First(); ok; ok = it.Next() {
		if key := string(it.Key()); key[2] != 'm' && key[2] != 'c' && !strings.HasPrefix(key[3:], "partition/") {
			out[fmt.Sprintf("%q", key)] = string(it.Value())
		}
	}
	require.NoError(t, it.Close())
	return out
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
