package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/unicode/norm"

	"goniec/domain/account"
	bill "goniec/domain/billing"
)

// PartyBody is whom an account's months are invoiced to.
type PartyBody struct {
	LegalName  string `json:"legal_name" maxLength:"200" example:"Sklep sp. z o.o."`
	Country    string `json:"country,omitempty" example:"PL" doc:"ISO 3166-1; default PL."`
	TaxID      string `json:"tax_id,omitempty" doc:"In PL the NIP, required: ten digits, with or without PL, spaces and hyphens."`
	Address    string `json:"address" maxLength:"300" doc:"In one line."`
	ExternalID string `json:"external_id,omitempty" maxLength:"100" doc:"What the billing program calls it."`
}

// registerParty adds the billing party of an account (rules.md F9).
func (a *API) registerParty(api huma.API) {
	op := func(id, method, summary, description string) operation {
		return operation{
			id: id, method: method, path: "/v1/accounts/{id}/party", tag: "Billing", summary: summary, description: description,
			errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
		}
	}
	register(a, api, op("get-party", http.MethodGet, "Whom an account's months are invoiced to", "A client's key sees its own account's."), a.party)
	register(a, api, op("set-party", http.MethodPut, "Say whom an account's months are invoiced to",
		"As a whole. Months that are closed from then on name it; what was closed before stays as it is."), a.setParty)
}

// partyBody is nil when nobody was named.
func partyBody(p *bill.Party) *PartyBody {
	if p == nil {
		return nil
	}
	return &PartyBody{LegalName: p.LegalName, Country: p.Country, TaxID: p.TaxID, Address: p.Address, ExternalID: p.ExternalID}
}

func (a *API) party(_ context.Context, c *call, in *idParam, _ *noBody) (*answer[PartyBody], error) {
	of, err := a.accountOf(c, in.ID)
	if err != nil {
		return nil, err
	}
	owner, _ := a.cfg.View.AccountByID(of) // accountOf has found it
	if owner.Party == (bill.Party{}) {
		return nil, ErrNotFound
	}
	return ok(*partyBody(&owner.Party))
}

func (a *API) setParty(ctx context.Context, c *call, in *idParam, body *PartyBody) (*answer[ChangedBody], error) {
	if err := a.known(in.ID); err != nil {
		return nil, err
	}
	out, err := a.configure(ctx, c, in.ID, account.AccountStream(in.ID), account.SetParty{Party: bill.Party{
		LegalName: norm.NFC.String(body.LegalName), Country: body.Country, TaxID: body.TaxID, Address: norm.NFC.String(body.Address),
		ExternalID: norm.NFC.String(body.ExternalID),
	}})
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: len(out.Events) > 0})
}
