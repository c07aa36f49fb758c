package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/account"
	bill "goniec/domain/billing"
	"goniec/domain/calendar"
)

type billParam struct {
	Month string `path:"month" doc:"A calendar month in the billing zone." example:"2026-11"`
}

type creditParams struct {
	Month  string `path:"month" doc:"A calendar month in the billing zone." example:"2026-11"`
	Credit string `path:"credit" format:"uuid"`
}

// closeTime bounds how long one request closes accounts; what is left is told.
const closeTime = 45 * time.Second

// registerBills adds statements and the close of months (rules.md F2 to F4, F9).
func (a *API) registerBills(api huma.API) {
	errs := []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity}
	op := func(id, method, path, summary, description string) operation {
		return operation{id: id, method: method, path: path, tag: "Billing", summary: summary, description: description, errors: errs}
	}
	register(a, api, op("get-statement", http.MethodGet, "/v1/billing/{month}/statement", "A month's statement, line by line",
		"A closed month as it was decided, for ever; an open one as a preview."), a.statement)
	register(a, api, op("get-forecast", http.MethodGet, "/v1/billing/forecast", "What the current month comes to for each sender",
		"Linear: as much on every day of the month as on its days so far, of which today counts as a whole one. With the last day to give notice, and what waiting longer costs."), a.forecast)
	register(a, api, op("close-month", http.MethodPost, "/v1/billing/{month}/close", "Close a month, or say what that would write",
		"Possible when every partition has sealed the month, some days after its end; accounts' months are closed one after another. "+
			"Repeating it changes nothing."), a.closeMonth)
	register(a, api, op("request-credit", http.MethodPost, "/v1/billing/{month}/credits", "Ask for a sum off an open month",
		"It counts when somebody else has approved it before the close."), a.requestCredit)
	register(a, api, op("approve-credit", http.MethodPost, "/v1/billing/{month}/credits/{credit}/approve", "Approve a credit that somebody else asked for", ""),
		a.decideCredit(bill.CreditGranted))
	register(a, api, op("reject-credit", http.MethodPost, "/v1/billing/{month}/credits/{credit}/reject", "Reject a credit, or take it back", ""),
		a.decideCredit(bill.CreditRefused))
	a.registerParty(api)
	register(a, api, op("waive-minimum", http.MethodPost, "/v1/billing/{month}/waivers", "Free a sender that was suspended the whole month from its minimum", ""), a.waive)
}

func billMonth(s string) (calendar.Month, error) {
	m, err := calendar.ParseMonth(s)
	if err != nil {
		return m, domain.RefuseField(CodeInvalidValue, "month", "must be a month such as 2026-11")
	}
	return m, nil
}

func (a *API) statement(ctx context.Context, c *call, in *monthParam, _ *noBody) (*answer[StatementBody], error) {
	month, err := billMonth(in.Month)
	if err != nil {
		return nil, err
	}
	of, err := a.accountOf(c, in.Account)
	if err != nil {
		return nil, err
	}
	s, at, err := a.statementOf(ctx, of, month)
	if err != nil {
		return nil, err
	}
	owner, _ := a.cfg.View.AccountByID(of)
	return ok(statementBody(owner, s, at))
}

// statementOf is what a month came to; at is zero while it is open.
func (a *API) statementOf(ctx context.Context, of string, month calendar.Month) (s bill.Statement, at time.Time, err error) {
	if a.cfg.Bills.Month(of, month).Closed() {
		return a.cfg.Closing.Statement(ctx, of, month)
	}
	in, err := a.cfg.Closing.Preview(ctx, of, month)
	if err != nil {
		return s, at, err
	}
	s, err = bill.Compute(in)
	return s, at, err
}

func (a *API) closeMonth(ctx context.Context, c *call, in *billParam, body *CloseRequest) (*answer[CloseBody], error) {
	month, err := billMonth(in.Month)
	if err != nil {
		return nil, err
	}
	list, err := a.toClose(body.Account, month)
	if err != nil {
		return nil, err
	}
	out := CloseBody{Month: in.Month, Accounts: []ClosedBody{}}
	until := time.Now().Add(closeTime)
	for i, owner := range list {
		if time.Now().After(until) {
			out.Left = len(list) - i
			break
		}
		one, err := a.closeOne(ctx, c, owner, month, body.Confirm)
		if err != nil {
			return nil, err
		}
		out.Accounts = append(out.Accounts, one)
	}
	out.Totals, err = closedTotals(out.Accounts)
	if err != nil {
		return nil, err
	}
	return ok(out)
}

// toClose lists the accounts that there were in the month, or the one that is named.
func (a *API) toClose(named string, month calendar.Month) ([]account.Account, error) {
	if named != "" {
		owner, err := a.owner(named)
		if err != nil {
			return nil, err
		}
		return []account.Account{owner}, nil
	}
	return slices.DeleteFunc(a.cfg.View.Accounts(), func(x account.Account) bool {
		return !billed(x) || !x.Created.Before(month.Ends(a.cfg.Zone))
	}), nil
}

// closeOne closes the month of an account, or says why it cannot be. Only what ends
// the whole request is an error.
func (a *API) closeOne(ctx context.Context, c *call, owner account.Account, month calendar.Month, confirm bool) (ClosedBody, error) {
	out := ClosedBody{Account: owner.ID, Name: owner.Name, State: MonthOpen}
	if m := a.cfg.Bills.Month(owner.ID, month); m.Closed() {
		out.State, out.Total, out.Currency = MonthClosed, m.Total.String(), m.Currency
		return out, nil
	}
	s, changed, err := a.write(ctx, c, owner.ID, month, confirm)
	var refusal *domain.Error
	if errors.As(err, &refusal) {
		fault := c.said(fieldErrors([]*domain.Error{refusal}))[0]
		out.Code, out.Detail = fault.Code, detailOf(fault.Field, fault.Message)
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Lines, out.Total, out.Currency = len(s.Lines), s.Total.String(), s.Currency
	if confirm {
		out.State, out.Changed = MonthClosed, changed
	}
	return out, nil
}

// write computes a statement as the decision will and, when that is confirmed, has it
// decided: with the credits and waivers that there are by then.
func (a *API) write(ctx context.Context, c *call, of string, month calendar.Month, confirm bool) (s bill.Statement, changed bool, err error) {
	if a.cfg.Clock.Now().Before(month.Ends(a.cfg.Zone)) {
		return s, false, domain.Refuse(bill.CodeMonthOpen, "%s can be closed when it is sealed, from %s on", month, a.cfg.Closing.SealedFrom(month))
	}
	gathered, err := a.cfg.Closing.Gather(ctx, of, month)
	if err != nil {
		return s, false, err
	}
	if s, err = bill.Compute(gathered.Inputs); err != nil || !confirm {
		return s, false, err
	}
	out, err := a.bill(ctx, c, of, month, gathered)
	if err != nil {
		return s, false, err
	}
	s, err = bill.Compute(a.cfg.Bills.Month(of, month).Fill(gathered.Inputs))
	return s, len(out.Events) > 0, err
}

// bill decides a command on a month and waits until it is visible here.
func (a *API) bill(ctx context.Context, c *call, of string, month calendar.Month, command bill.Command) (Outcome, error) {
	out, err := a.cfg.Commander.Bill(ctx, c.origin(), of, month, command)
	if err != nil {
		return Outcome{}, err
	}
	a.waitVisible(ctx, a.cfg.Bills, bill.Stream(of, month), out.Version)
	return out, nil
}

// owner finds the account whose months are asked for; one that has none is refused.
func (a *API) owner(of string) (account.Account, error) {
	x, known := a.cfg.View.AccountByID(of)
	if !known || !billed(x) {
		return account.Account{}, domain.RefuseField(CodeInvalidValue, "account", "is not an account that is billed")
	}
	return x, nil
}

func (a *API) requestCredit(ctx context.Context, c *call, in *billParam, body *CreditRequest) (*answer[CreditBody], error) {
	month, err := billMonth(in.Month)
	if err != nil {
		return nil, err
	}
	if _, err := a.owner(body.Account); err != nil {
		return nil, err
	}
	if body.Credit == "" {
		body.Credit = uuid.NewString()
	}
	out, err := a.bill(ctx, c, body.Account, month, bill.RequestCredit{Credit: body.Credit, Amount: body.Amount, Reason: body.Reason})
	if err != nil {
		return nil, err
	}
	return ok(CreditBody{Credit: body.Credit, State: string(bill.CreditAsked), Changed: len(out.Events) > 0})
}

func (a *API) decideCredit(as bill.CreditStatus) func(context.Context, *call, *creditParams, *CreditDecision) (*answer[CreditBody], error) {
	return func(ctx context.Context, c *call, in *creditParams, body *CreditDecision) (*answer[CreditBody], error) {
		month, err := billMonth(in.Month)
		if err != nil {
			return nil, err
		}
		if _, err := a.owner(body.Account); err != nil {
			return nil, err
		}
		var command bill.Command = bill.ApproveCredit{Credit: in.Credit}
		if as == bill.CreditRefused {
			command = bill.RejectCredit{Credit: in.Credit, Reason: body.Reason}
		}
		out, err := a.bill(ctx, c, body.Account, month, command)
		if err != nil {
			return nil, err
		}
		return ok(CreditBody{Credit: in.Credit, State: string(as), Changed: len(out.Events) > 0})
	}
}

func (a *API) waive(ctx context.Context, c *call, in *billParam, body *WaiveRequest) (*answer[ChangedBody], error) {
	month, err := billMonth(in.Month)
	if err != nil {
		return nil, err
	}
	s, known := a.cfg.View.SenderByID(body.Sender)
	if !known {
		return nil, domain.RefuseField(CodeInvalidValue, "sender", "is not the id of a sender")
	}
	out, err := a.bill(ctx, c, s.Account, month, bill.WaiveMinimum{
		Sender: s.ID, Reason: body.Reason, SuspendedWholeMonth: s.SuspendedThroughout(month, a.cfg.Zone),
	})
	if err != nil {
		return nil, err
	}
	return ok(ChangedBody{Changed: len(out.Events) > 0})
}
