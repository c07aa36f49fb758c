package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"goniec/domain"
	"goniec/domain/account"
)

// PricesRequest is the body of POST /v1/prices.
type PricesRequest struct {
	Account   string          `json:"account,omitempty" format:"uuid" doc:"Whose list; none = the default list."`
	Currency  string          `json:"currency" example:"PLN"`
	ValidFrom *time.Time      `json:"valid_from,omitempty" doc:"Default: now. Later versions of a list never begin in the past."`
	Prices    []account.Price `json:"prices" minItems:"1" maxItems:"5000"`
}

// PricesBody names the new version.
type PricesBody struct {
	Version string `json:"version" example:"default@3"`
}

// PriceVersions answers GET /v1/prices.
type PriceVersions struct {
	Versions []account.PriceVersion `json:"versions" doc:"By when they begin."`
}

// PricesPreview answers POST /v1/prices/preview.
type PricesPreview struct {
	Changes  []account.PriceChange `json:"changes" doc:"Rows of the list; before is absent for a new row, after for one that goes."`
	Accounts []account.PriceEffect `json:"accounts" doc:"For whom prices by country, channel, category and content change, and how many of them are lost: such messages would be refused."`
}

func (a *API) registerPrices(api huma.API) {
	register(a, api, operators("list-prices", http.MethodGet, "/v1/prices", "The versions of a price list", 0), a.prices)
	register(a, api, operators("preview-prices", http.MethodPost, "/v1/prices/preview", "What a version would change, for whom; nothing is published", 0), a.previewPrices)
	register(a, api, operators("publish-prices", http.MethodPost, "/v1/prices", "Publish a version of a price list", http.StatusCreated, http.StatusNotFound), a.publishPrices)
}

type pricesParams struct {
	Account string `query:"account" doc:"Whose list; none = the default list."`
}

// priceList names a list and the account in whose partition it lies.
func (a *API) priceList(of string) (list, owner string, err error) {
	if of == "" {
		return account.DefaultPrices, account.Installation, nil
	}
	if _, known := a.cfg.View.AccountByID(of); !known {
		return "", "", domain.RefuseField(CodeInvalidValue, "account", "there is no such account")
	}
	return of, of, nil
}

func (a *API) prices(_ context.Context, _ *call, in *pricesParams, _ *noBody) (*answer[PriceVersions], error) {
	list, _, err := a.priceList(in.Account)
	if err != nil {
		return nil, err
	}
	return ok(PriceVersions{Versions: orEmpty(a.cfg.View.PriceVersions(list))})
}

// publication judges what the domain cannot: which countries there are.
func publication(body *PricesRequest) (account.PublishPrices, error) {
	for i, p := range body.Prices {
		if err := knownCountry(account.CodeInvalidCountry, fmt.Sprintf("prices[%d].country", i), p.Country); err != nil {
			return account.PublishPrices{}, err
		}
	}
	return account.PublishPrices{Currency: body.Currency, ValidFrom: orZero(body.ValidFrom), Prices: body.Prices}, nil
}

func (a *API) previewPrices(_ context.Context, _ *call, _ *noParams, body *PricesRequest) (*answer[PricesPreview], error) {
	list, _, err := a.priceList(body.Account)
	if err != nil {
		return nil, err
	}
	publish, err := publication(body)
	if err != nil {
		return nil, err
	}
	changes, whom, err := a.cfg.View.PreviewPrices(list, publish, a.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	return ok(PricesPreview{Changes: orEmpty(changes), Accounts: orEmpty(whom)})
}

func (a *API) publishPrices(ctx context.Context, c *call, _ *noParams, body *PricesRequest) (*answer[PricesBody], error) {
	list, owner, err := a.priceList(body.Account)
	if err != nil {
		return nil, err
	}
	publish, err := publication(body)
	if err != nil {
		return nil, err
	}
	out, err := a.configure(ctx, c, owner, account.PricesStream(list), publish)
	if err != nil {
		return nil, err
	}
	return &answer[PricesBody]{Status: http.StatusCreated, Body: PricesBody{Version: fmt.Sprintf("%s@%d", list, out.Version)}}, nil
}
