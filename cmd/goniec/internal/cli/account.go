package cli

import (
	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
)

func (a *app) accountCommand() *cobra.Command {
	party := group("party", "Whom an account's months are invoiced to", a.partyShow(), a.partySet())
	return group("account", "Accounts: whom their months are invoiced to", party)
}

func (a *app) partyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ACCOUNT", Short: "Show the billing party of an account", Args: cobra.ExactArgs(1),
		Long: "Shows whom the months of an account are invoiced to. A client's key shows its own account's;\nwith a running up the operator's is found by itself.",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			p, err := api.Party(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(p, func() { a.sayParty(p) })
		}),
	}
}

func (a *app) partySet() *cobra.Command {
	var in httpapi.PartyBody
	cmd := &cobra.Command{
		Use: "set ACCOUNT", Short: "Say whom an account's months are invoiced to", Args: cobra.ExactArgs(1),
		Long: `Names the billing party of an account, as a whole. Statements of months that are closed from
then on name it; those that were closed before stay as they are. It needs an operator's or
a billing key.`,
		Example: "goniec account party set 00000000-0000-8000-8000-000000000001 --legal-name \"Sklep sp. z o.o.\" --tax-id 526-000-12-46 --address \"ul. Prosta 1, 00-001 Warszawa\"",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, args []string) error {
			out, err := api.SetParty(cmd.Context(), args[0], in)
			if err != nil {
				return err
			}
			return a.show(out, func() { a.say("billing party named%s", already(out.Changed, " before")) })
		}),
	}
	fs := cmd.Flags()
	fs.StringVar(&in.LegalName, "legal-name", "", "the company's `name`")
	fs.StringVar(&in.Country, "country", "PL", "its `country`, ISO 3166-1")
	fs.StringVar(&in.TaxID, "tax-id", "", "its tax `number`; in Poland the NIP (required there)")
	fs.StringVar(&in.Address, "address", "", "its `address` in one line")
	fs.StringVar(&in.ExternalID, "external-id", "", "what the billing program calls it, an `id`")
	_ = cmd.MarkFlagRequired("legal-name") // they were defined above
	_ = cmd.MarkFlagRequired("address")
	return cmd
}

func (a *app) sayParty(p httpapi.PartyBody) {
	a.say("%s", p.LegalName)
	a.say("%s, %s", p.Address, p.Country)
	if p.TaxID != "" {
		a.say("tax number %s", p.TaxID)
	}
	if p.ExternalID != "" {
		a.say("in the billing program: %s", p.ExternalID)
	}
}
