package httpapi

import (
	"time"

	"goniec/domain/account"
)

// CloseRequest closes a month.
type CloseRequest struct {
	Account string `json:"account,omitempty" format:"uuid" doc:"Default: every account that there was in the month."`
	Confirm bool   `json:"confirm,omitempty" doc:"Without it nothing is written: the answer says what would be."`
}

// CloseBody says what became of the accounts' month.
type CloseBody struct {
	Month    string         `json:"month" example:"2026-11"`
	Accounts []ClosedBody   `json:"accounts"`
	Totals   []BillingTotal `json:"totals" doc:"Sums of the accounts' totals, by currency."`
	Left     int            `json:"left,omitempty" doc:"Accounts that there was no time for: repeat the request."`
}

// Whether a month is closed.
const (
	MonthOpen   = "open"   // and with confirm: it could not be closed
	MonthClosed = "closed" // by this request or before it
)

// ClosedBody is the month of one account.
type ClosedBody struct {
	Account  string `json:"account" format:"uuid"`
	Name     string `json:"name"`
	State    string `json:"state" enum:"open,closed"`
	Changed  bool   `json:"changed,omitempty" doc:"It was closed by this request."`
	Lines    int    `json:"lines,omitempty" doc:"Of the statement that was, or would be, written."`
	Total    string `json:"total,omitempty" example:"120.50"`
	Currency string `json:"currency,omitempty" example:"PLN"`
	Code     string `json:"code,omitempty" doc:"Why it cannot be closed." example:"earlier_month_open"`
	Detail   string `json:"detail,omitempty"`
}

// StatementBody is a month of an account, line by line.
type StatementBody struct {
	Account     string           `json:"account" format:"uuid"`
	Name        string           `json:"name"`
	Month       string           `json:"month" example:"2026-11"`
	State       string           `json:"state" enum:"open,closed" doc:"open: a preview of what the month would come to if nothing else happened."`
	ClosedAt    *time.Time       `json:"closed_at,omitempty"`
	Party       *PartyBody       `json:"party,omitempty" doc:"Whom it is invoiced to, as it was named at the close. Absent: nobody was."`
	Currency    string           `json:"currency" example:"PLN"`
	Lines       []StatementLine  `json:"lines"`
	Obligations []ObligationBody `json:"obligations" doc:"What senders owed as a minimum, or why they did not."`
	Total       string           `json:"total" example:"120.50" doc:"The sum of the lines' amounts."`
}

// StatementLine is one position, rounded once.
type StatementLine struct {
	Kind         string `json:"kind" enum:"usage,adjustment,minimum,minimum_credit,credit"`
	Rule         string `json:"rule" example:"F1"`
	Sender       string `json:"sender,omitempty"`
	Country      string `json:"country,omitempty" example:"PL"`
	Channel      string `json:"channel,omitempty" example:"viber"`
	Category     string `json:"category,omitempty" doc:"The one that was priced."`
	Content      string `json:"content,omitempty"`
	PriceVersion string `json:"price_version,omitempty" example:"default@1"`
	Adjusts      string `json:"adjusts,omitempty" doc:"The closed month that late facts belong to." example:"2026-10"`
	TermsVersion string `json:"terms_version,omitempty"`
	Credit       string `json:"credit,omitempty" doc:"Its id."`
	Count        int64  `json:"count,omitempty"`
	Parts        int64  `json:"parts,omitempty"`
	Waived       int64  `json:"waived,omitempty" doc:"How many of count cost nothing."`
	Exact        string `json:"exact" example:"12.345600" doc:"6 places."`
	Amount       string `json:"amount" example:"12.35" doc:"Rounded half up to 2 places; negative where it takes off the total."`
	Note         string `json:"note,omitempty"`
}

// ObligationBody is what a month came to for a sender's minimum.
type ObligationBody struct {
	Month        string   `json:"month" example:"2026-11"`
	Sender       string   `json:"sender"`
	Countries    []string `json:"countries"`
	TermsVersion string   `json:"terms_version,omitempty"`
	Minimum      string   `json:"minimum,omitempty" example:"300.00"`
	Messages     int64    `json:"minimum_messages,omitempty" doc:"Where messages are counted."`
	Traffic      string   `json:"traffic" doc:"On Viber."`
	Charged      string   `json:"charged"`
	Reason       string   `json:"reason" enum:"reached,activation_month,waived,no_minimum,other_currency,charged"`
}

// CreditRequest asks for a sum off a month that is open.
type CreditRequest struct {
	Account string `json:"account" format:"uuid"`
	Credit  string `json:"credit,omitempty" format:"uuid" doc:"A new id, so that a repeat is the same credit. Default: one is made."`
	Amount  string `json:"amount" example:"10.00" doc:"In the account's currency."`
	Reason  string `json:"reason"`
}

// CreditDecision approves or rejects a credit.
type CreditDecision struct {
	Account string `json:"account" format:"uuid"`
	Reason  string `json:"reason,omitempty" doc:"Required to reject."`
}

// CreditBody answers what was said of a credit.
type CreditBody struct {
	Credit  string `json:"credit" format:"uuid"`
	State   string `json:"state" enum:"requested,approved,rejected"`
	Changed bool   `json:"changed"`
}

// WaiveRequest frees a sender from a month's minimum.
type WaiveRequest struct {
	Sender string `json:"sender" format:"uuid" doc:"Of the configuration, which was suspended the whole month."`
	Reason string `json:"reason"`
}

// billed says whether months of the account are closed.
func billed(a account.Account) bool { return a.ID != account.Installation }
