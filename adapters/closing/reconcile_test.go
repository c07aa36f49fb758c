package closing_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"goniec/adapters/closing"
	"goniec/domain/account"
	"goniec/projections/query"
)

func (p *plant) reconcile(of string, carrier map[closing.CarrierKey]closing.CarrierCount) closing.Reconciliation {
	p.t.Helper()
	r, err := query.Open(p.link, 1)
	require.NoError(p.t, err)
	defer r.Close()
	out, err := closing.Reconcile(p.t.Context(), p.source(), r, october, of, carrier)
	require.NoError(p.t, err)
	return out
}

// rules.md F9: the same sums in journal, ledger and totals; and the carrier's counts,
// of which those that came after the close are ours too.
func TestReconcile(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.charge(0, "1.200000", october, "")
	p.charge(1, "0.330005", october, "")
	p.charge(1, "2.000000", october.Add(1), october.String())
	p.charge(0, "9.000000", october.Add(1), "")
	goniec := closing.CarrierKey{Sender: "GONIEC", Country: "PL", Channel: "viber"}
	three, four := int64(3), int64(4)
	require.Eventually(t, func() bool { return p.reconcile("", nil).Behind == 0 }, time.Minute, 10*time.Millisecond)
	agrees := closing.Reconciliation{Month: "2026-10", Agrees: true, Charges: 2, Lines: 1, Differences: []closing.Difference{}}
	require.Equal(t, agrees, p.reconcile(owner, map[closing.CarrierKey]closing.CarrierCount{goniec: {Count: 3, Parts: &three}}))

	nobody := p.reconcile(account.Installation, map[closing.CarrierKey]closing.CarrierCount{})
	require.Zero(t, nobody.Charges, "another account's")
	require.True(t, nobody.Agrees)
	other := closing.CarrierKey{Sender: "OTHER", Country: "PL", Channel: "sms"}
	r := p.reconcile("", map[closing.CarrierKey]closing.CarrierCount{goniec: {Count: 3, Parts: &four}, other: {Count: 1}})
	require.False(t, r.Agrees)
	require.Empty(t, r.Differences)
	require.Equal(t, []closing.CarrierDifference{
		{CarrierKey: goniec, Ours: closing.CarrierCount{Count: 3, Parts: &three}, Carrier: closing.CarrierCount{Count: 3, Parts: &four}},
		{CarrierKey: other, Carrier: closing.CarrierCount{Count: 1}},
	}, r.Carrier)
	require.Len(t, p.reconcile("", map[closing.CarrierKey]closing.CarrierCount{}).Carrier, 1, "what the carrier does not know")

	conn, err := pgx.Connect(t.Context(), p.link)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	for _, spoil := range []string{
		"UPDATE goniec_ledger_1.charges SET amount = amount + 0.000001 WHERE month = '2026-10' AND amount = 1.2",
		"UPDATE goniec_ledger_1.totals SET count = count + 1 WHERE month = '2026-10' AND partition = 0",
	} {
		_, err := conn.Exec(t.Context(), spoil)
		require.NoError(t, err)
	}
	r = p.reconcile("", nil)
	require.False(t, r.Agrees)
	require.Len(t, r.Differences, 1)
	require.Equal(t, owner+", GONIEC PL viber transactional text default@1: journal 2 in 2 parts, 0 waived, 1.530005, ledger 2 in 2 parts, 0 waived, 1.530006, "+
		"totals 3 in 2 parts, 0 waived, 1.530005", r.Differences[0].String())
	_, err = conn.Exec(t.Context(), "DELETE FROM goniec_ledger_1.charges; DELETE FROM goniec_ledger_1.totals")
	require.NoError(t, err)
	require.Len(t, p.reconcile("", nil).Differences, 1, "what only the journal has")
}
