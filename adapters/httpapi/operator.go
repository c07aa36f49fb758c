package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"goniec/domain/account"
)

type keyParams struct {
	ID  string `path:"id" format:"uuid"`
	Key string `path:"key" format:"uuid"`
}

// setDefaults lets a client name only the settings that differ.
func (r *AccountRequest) setDefaults() {
	s := account.DefaultSettings()
	r.Settings = &s
}

// operators describes an operation of those that run the installation.
func operators(id, method, path, summary string, status int, errors ...int) operation {
	return operation{id: id, method: method, path: path, tag: "Operator", summary: summary, status: status, errors: errors}
}

// registerOperator adds what needs an operator's key.
func (a *API) registerOperator(api huma.API) {
	register(a, api, operators("create-account", http.MethodPost, "/v1/accounts", "Open an account", http.StatusCreated, http.StatusNotFound, http.StatusConflict), a.createAccount)
	register(a, api, operators("list-accounts", http.MethodGet, "/v1/accounts", "All accounts", 0), a.accounts)
	register(a, api, operators("set-account", http.MethodPut, "/v1/accounts/{id}/settings", "Replace an account's settings; what is absent has its default", 0, http.StatusNotFound), a.setAccount)
	register(a, api, operators("issue-key", http.MethodPost, "/v1/accounts/{id}/keys", "Issue an API key; it is shown this once", http.StatusCreated, http.StatusNotFound), a.issueKey)
	register(a, api, operators("revoke-key", http.MethodDelete, "/v1/accounts/{id}/keys/{key}", "Revoke an API key", 0, http.StatusNotFound), a.revokeKey)
	a.registerPrices(api)
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func (a *API) createAccount(ctx context.Context, c *call, _ *noParams, body *AccountRequest) (*answer[AccountBody], error) {
	id := body.ID
	if id == "" {
		id = uuid.NewString()
	}
	create := account.Create{Name: norm.NFC.String(body.Name), Currency: body.Currency, Settings: body.Settings}
	if create.Currency == "" {
		create.Currency = "PLN"
	}
	if _, err := a.configure(ctx, c, id, account.AccountStream(id), create); err != nil {
		return nil, err
	}
	out := AccountBody{ID: id, Name: create.Name, Currency: create.Currency, Settings: *create.Settings}
	return &answer[AccountBody]{Status: http.StatusCreated, Body: out}, nil
}

// SettingsRequest is the body of PUT /v1/accounts/{id}/settings.
type SettingsRequest struct {
	Settings account.Settings `json:"settings" doc:"All of them: what is absent has its default."`
}

// setDefaults lets an operator name only the settings that differ from the defaults.
func (r *SettingsRequest) setDefaults() { r.Settings = account.DefaultSettings() }

func (a *API) setAccount(ctx context.Context, c *call, in *idParam, body *SettingsRequest) (*answer[AccountBody], error) {
	acc, found := a.cfg.View.AccountByID(in.ID)
	if !found {
		return nil, ErrNotFound
	}
	if _, err := a.configure(ctx, c, in.ID, account.AccountStream(in.ID), account.ChangeSettings{Settings: body.Settings}); err != nil {
		return nil, err
	}
	return ok(AccountBody{ID: acc.ID, Name: acc.Name, Currency: acc.Currency, Settings: body.Settings})
}

func (a *API) accounts(context.Context, *call, *noParams, *noBody) (*answer[AccountList], error) {
	out := AccountList{Accounts: []AccountBody{}}
	for _, acc := range a.cfg.View.Accounts() {
		out.Accounts = append(out.Accounts, AccountBody{ID: acc.ID, Name: acc.Name, Currency: acc.Currency, Settings: acc.Settings})
	}
	return ok(out)
}

// known refuses an account that the view does not have: its stream lies where
// its id says, so the decider would find none either, only later.
func (a *API) known(id string) error {
	if _, ok := a.cfg.View.AccountByID(id); !ok {
		return ErrNotFound
	}
	return nil
}

func (a *API) issueKey(ctx context.Context, c *call, in *idParam, body *KeyRequest) (*answer[KeyBody], error) {
	if err := a.known(in.ID); err != nil {
		return nil, err
	}
	role := account.RoleNow(body.Role)
	if role == "" {
		role = admin
		if in.ID == account.Installation {
			role = operator
		}
	}
	secret := NewKey()
	issue := account.IssueKey{Key: uuid.NewString(), Hash: account.HashKey(secret), Role: role, Label: norm.NFC.String(body.Label)}
	if _, err := a.configure(ctx, c, in.ID, account.AccountStream(in.ID), issue); err != nil {
		return nil, err
	}
	return &answer[KeyBody]{Status: http.StatusCreated, Body: KeyBody{ID: issue.Key, Key: secret, Role: role, Label: issue.Label}}, nil
}

func (a *API) revokeKey(ctx context.Context, c *call, in *keyParams, _ *noBody) (*answer[ChangedBody], error) {
	if err := a.known(in.ID); err != nil {
		return nil, err
	}
	out, err := a.configureHere(ctx, c, in.ID, account.AccountStream(in.ID), account.RevokeKey{Key: in.Key})
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: len(out.Events) > 0})
}
