package billing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/billing"
)

// rules.md F9: a party is kept the one way; a NIP is checked by its last digit.
func TestParty(t *testing.T) {
	t.Parallel()
	of := func(change func(*billing.Party)) billing.Party {
		p := billing.Party{LegalName: "Sklep", TaxID: "5260001246", Address: "Warszawa"}
		change(&p)
		return p
	}
	kept := billing.Party{LegalName: "Sklep", Country: "PL", TaxID: "5260001246", Address: "Warszawa"}
	for _, nip := range []string{"5260001246", "526-000-12-46", " PL 526 000 12 46 ", "PL5260001246"} {
		have, err := of(func(p *billing.Party) { p.TaxID, p.LegalName = nip, " Sklep " }).Normal()
		require.NoError(t, err)
		require.Equal(t, kept, have)
		again, err := have.Normal()
		require.NoError(t, err)
		require.Equal(t, have, again)
	}
	abroad := of(func(p *billing.Party) { p.Country, p.TaxID = "CZ", "" })
	have, err := abroad.Normal()
	require.NoError(t, err)
	require.Equal(t, abroad, have)

	for name, c := range map[string]struct {
		change      func(*billing.Party)
		field, code string
	}{
		"another last digit": {func(p *billing.Party) { p.TaxID = "5260001247" }, "tax_id", billing.CodeInvalidValue},
		"a digit too few":    {func(p *billing.Party) { p.TaxID = "526000124" }, "tax_id", billing.CodeInvalidValue},
		"letters":            {func(p *billing.Party) { p.TaxID = "526000124X" }, "tax_id", billing.CodeInvalidValue},
		"zeros":              {func(p *billing.Party) { p.TaxID = "0000000000" }, "tax_id", billing.CodeInvalidValue},
		"checks to ten":      {func(p *billing.Party) { p.TaxID = "1000010000" }, "tax_id", billing.CodeInvalidValue}, // 6 + 4 = 10: no digit
		"none in Poland":     {func(p *billing.Party) { p.TaxID = "" }, "tax_id", billing.CodeRequired},
		"no name":            {func(p *billing.Party) { p.LegalName = " " }, "legal_name", billing.CodeRequired},
		"no address":         {func(p *billing.Party) { p.Address = "" }, "address", billing.CodeRequired},
		"two lines":          {func(p *billing.Party) { p.Address = "a\nb" }, "address", billing.CodeInvalidValue},
		"not UTF-8":          {func(p *billing.Party) { p.ExternalID = "\xff" }, "external_id", billing.CodeInvalidValue},
		"too long":           {func(p *billing.Party) { p.LegalName = strings.Repeat("ż", billing.MaxLegalName+1) }, "legal_name", billing.CodeTooLong},
		"a country's name":   {func(p *billing.Party) { p.Country = "Polska" }, "country", billing.CodeInvalidValue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := of(c.change).Normal()
			require.Equal(t, c.code, domain.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, c.field)
			require.NotContains(t, err.Error(), "52600", "no value is repeated")
		})
	}
	// Whole gives back what a close was decided on.
	in := inputs(func(in *billing.Inputs) { in.Party = &kept })
	s := compute(t, in)
	require.Equal(t, &kept, s.Party)
	require.Equal(t, &kept, billing.MonthClosed{Statement: s}.Whole().Party)
	in.Party = &billing.Party{}
	_, err = billing.Compute(in)
	require.Equal(t, billing.CodeRequired, domain.CodeOf(err))
}
