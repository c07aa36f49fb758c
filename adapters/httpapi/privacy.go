package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"goniec/adapters/phone"
	"goniec/domain"
	"goniec/domain/recipient"
)

// Privacy hands out, and ends, what is kept about a person (E.164 numbers).
type Privacy interface {
	// Export finds what is kept about a number, of one account or ("") of all, and returns
	// what writes it as one JSON document.
	Export(ctx context.Context, o Origin, number, account string) (write func(io.Writer) error, err error)
	// Erase destroys texts and number. Repeating it finishes what was interrupted.
	Erase(ctx context.Context, o Origin, e Erasure) (ErasedBody, error)
}

// Erasure is what is to be erased, and why.
type Erasure struct {
	Number  string // E.164
	Account string // "" = of all
	Reason  string
}

// PersonRequest is the body of POST /v1/privacy/export. It is a body because a number
// has no business in a URL.
type PersonRequest struct {
	To      string `json:"to" example:"+48500100201" doc:"The number."`
	Account string `json:"account,omitempty" format:"uuid" doc:"Only what this account keeps; all accounts without it."`
}

// EraseRequest is the body of POST /v1/privacy/erase.
type EraseRequest struct {
	To      string `json:"to" example:"+48500100201" doc:"The number."`
	Account string `json:"account,omitempty" format:"uuid" doc:"Only what this account keeps, and replies that no account is known of; all without it."`
	Reason  string `json:"reason" maxLength:"500" doc:"For the journal, which is kept for ever: nothing personal."`
}

// ErasedBody says what was erased. Nothing means that nothing was left.
type ErasedBody struct {
	Contents   int        `json:"contents" doc:"Texts destroyed, of messages and replies."`
	Recipients []ErasedOf `json:"recipients"`
	Compacted  bool       `json:"compacted" doc:"The broker has dropped the bytes too. Else it does so by itself, within three hours; what lies there until then only a copy of this installation's keys opens."`
}

// ErasedOf is what was erased of one account's recipient.
type ErasedOf struct {
	Account   string `json:"account,omitempty" doc:"Absent: replies that no account is known of."`
	Recipient string `json:"recipient,omitempty" doc:"Its stream, recipient/<id>, says who erased it and why."`
	Contents  int    `json:"contents"`
}

// privacyBudget is how long one may take: a whole partition is read.
const privacyBudget = 10 * time.Minute

func (a *API) registerPrivacy(api huma.API) {
	register(a, api, operation{
		id: "export-person", method: http.MethodPost, path: "/v1/privacy/export", tag: "Operator",
		summary: "Everything that is kept about a number, as one JSON file", produces: []string{"application/json"},
		description: "It ends with \"complete\": true; a file that does not is not whole. It takes as long as reading a partition of contents does.",
	}, a.exportPerson)
	register(a, api, operation{
		id: "erase-person", method: http.MethodPost, path: "/v1/privacy/erase", tag: "Operator",
		summary: "Erase a number and its texts for good",
		description: "What is still to be sent to it ends as failed, reason erased. Opt-outs stay in force, bills and history as they are. " +
			"Repeating it finishes what was interrupted.",
	}, a.erasePerson)
}

// person checks whom a request is about.
func (a *API) person(c *call, to, account string) (string, error) {
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(privacyBudget)) // not supported by test recorders
	if to == "" {
		return "", domain.RefuseField(CodeRequired, "to", "is required")
	}
	if account != "" {
		if err := a.known(account); err != nil {
			return "", err
		}
	}
	number, _, err := phone.Normalise(to, a.cfg.Country)
	return number, err
}

func (a *API) exportPerson(ctx context.Context, c *call, _ *noParams, body *PersonRequest) (*huma.StreamResponse, error) {
	number, err := a.person(c, body.To, body.Account)
	if err != nil {
		return nil, err
	}
	write, err := a.cfg.Privacy.Export(ctx, c.origin(), number, body.Account)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", "application/json")
		if err := write(h.BodyWriter()); err != nil {
			a.cfg.Logger.Warn("export was not finished", "request", c.request, "error", err)
		}
	}}, nil
}

func (a *API) erasePerson(ctx context.Context, c *call, _ *noParams, body *EraseRequest) (*answer[ErasedBody], error) {
	if err := recipient.CheckEraseReason(body.Reason); err != nil {
		return nil, err
	}
	number, err := a.person(c, body.To, body.Account)
	if err != nil {
		return nil, err
	}
	out, err := a.cfg.Privacy.Erase(ctx, c.origin(), Erasure{Number: number, Account: body.Account, Reason: body.Reason})
	if err != nil {
		return nil, err
	}
	return ok(out)
}
