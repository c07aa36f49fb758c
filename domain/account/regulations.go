package account

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"goniec/domain"
	"goniec/domain/billing"
	"goniec/domain/money"
)

// RegulationsStream is the stream of Viber's regulations. It lies with account
// Installation; a version of the regulations is the stream's version.
const RegulationsStream = "regulations/viber"

const regulationsPrefix = "regulations/"

// RegulationsNoticeDays is how long ahead a version is announced, in days of 24
// hours, unless the command says otherwise (rules.md B12).
const RegulationsNoticeDays = 30

// Bounds of a version of the regulations.
const (
	MaxTitle              = 200
	MaxMinimums           = 500
	MaxMinimumMessages    = 1_000_000_000
	MaxRegulationsNotice  = 365                      // days
	maxRegulationsAhead   = 5 * 366 * 24 * time.Hour // of valid_from
	longestDay            = 25 * time.Hour           // when the clocks go back
	maxMinimumAmountRunes = 10
)

// How a minimum counts (rules.md F3).
const (
	UnitAmount      = billing.UnitAmount      // the default
	UnitMessages    = billing.UnitMessages    // reached by count: nothing is charged
	TrueUp          = billing.TrueUp          // the difference is charged; the default
	FullMinimum     = billing.Full            // the whole minimum on top
	PerCountry      = billing.PerCountry      // the default
	HighestOfSender = billing.HighestOfSender // of all the sender's countries
)

// Minimum is the minimum traffic of a configuration and month in a country (rules.md F3).
type Minimum struct {
	Country  string `json:"country"`            // destination, ISO 3166-1 alpha-2
	Currency string `json:"currency"`           // of the amount, ISO 4217: the minimum holds for accounts in this currency
	Unit     string `json:"unit"`               // what has to be reached: "amount", of charged Viber messages, or "messages", their number
	Amount   string `json:"amount"`             // the minimum amount, a decimal string with 2 places, above 0
	Messages int    `json:"messages,omitempty"` // with unit messages: how many are enough
	// what is charged below it: "true_up", the difference to the amount, or "full", the
	// whole amount on top
	Mode string `json:"mode"`
	// what it holds for: "per_country", each configuration, or "highest_of_sender", each
	// sender name once, by the highest of its countries
	Scope string `json:"scope"`
}

// PublishRegulations adds a version. Its text is a blob and durable before the
// command is sent. The same as the last one again changes nothing.
type PublishRegulations struct {
	Title       string    `json:"title"`
	Digest      string    `json:"digest"`       // SHA-256 of the text's file, hex
	ContentType string    `json:"content_type"` // one of RegulationsTypes
	ValidFrom   time.Time `json:"valid_from"`   // first instant of a day in the billing zone
	Minimums    []Minimum `json:"minimums"`
	NoticeDays  int       `json:"notice_days,omitempty"` // 0 = RegulationsNoticeDays
}

// AcceptRegulations says that an account accepts a version (rules.md B2). Repeating
// it changes nothing: the first acceptance stands.
type AcceptRegulations struct {
	Version int64  `json:"version"`
	Digest  string `json:"digest"`
	Label   string `json:"label"`
	Address string `json:"address"`
}

// RegulationsPublished is one version of the regulations. Version = stream version.
type RegulationsPublished struct {
	Title       string    `json:"title"`              // of this version, at most 200 characters
	Digest      string    `json:"digest"`             // SHA-256 of the text's file, 64 hex digits; it lies in the topic blobs
	ContentType string    `json:"content_type"`       // of the file: "application/pdf", "text/plain", "text/markdown" or "text/html"
	AnnouncedAt time.Time `json:"announced_at"`       // when it was published, UTC
	ValidFrom   time.Time `json:"valid_from"`         // first instant of a day in the billing zone, UTC
	Minimums    []Minimum `json:"minimums,omitempty"` // at most one for each country and currency
}

// RegulationsAccepted: the account accepted a version; who is also the event's actor.
type RegulationsAccepted struct {
	Version int64  `json:"version"` // the one that was accepted: that of stream regulations/viber
	Digest  string `json:"digest"`  // SHA-256 of the text's file that was accepted, 64 hex digits
	Label   string `json:"label"`   // of the API key that accepted
	Address string `json:"address"` // IP address that it was accepted from; sealed with the installation's key, base64
}

// The types of regulations.
const (
	CommandPublishRegulations = "regulations.publish.v1"
	CommandAcceptRegulations  = "account.accept_regulations.v1"

	TypeRegulationsPublished = "goniec.regulations.published.v1"
	TypeRegulationsAccepted  = "goniec.account.regulations_accepted.v1"
)

// CodeTooSoon refuses a version that is not announced early enough (rules.md B12).
const CodeTooSoon = "too_soon"

func (PublishRegulations) CommandType() string { return CommandPublishRegulations }
func (AcceptRegulations) CommandType() string  { return CommandAcceptRegulations }
func (PublishRegulations) command()            {}
func (AcceptRegulations) command()             {}
func (RegulationsPublished) EventType() string { return TypeRegulationsPublished }
func (RegulationsAccepted) EventType() string  { return TypeRegulationsAccepted }
func (RegulationsPublished) account()          {}
func (RegulationsAccepted) account()           {}

// AcceptanceContext is what the address of an acceptance is sealed for.
func AcceptanceContext(account string, version int64) string {
	return "acceptance/" + account + "/" + strconv.FormatInt(version, 10)
}

// RegulationsTypes are the content types that a text may have, each with the
// ending of its file's name.
func RegulationsTypes() map[string]string {
	return map[string]string{"application/pdf": ".pdf", "text/plain": ".txt", "text/markdown": ".md", "text/html": ".html"}
}

func decideRegulations(s State, now time.Time, c PublishRegulations) ([]Event, error) {
	if s.Stream != RegulationsStream {
		return nil, wrongStream(s, c)
	}
	if err := checkText("title", c.Title, MaxTitle); err != nil {
		return nil, err
	}
	if !isHash(c.Digest) {
		return nil, domain.RefuseField(CodeInvalidValue, "digest", "must be a SHA-256 in lower-case hex")
	}
	if _, ok := RegulationsTypes()[c.ContentType]; !ok {
		return nil, domain.RefuseField(CodeInvalidValue, "content_type", "must be application/pdf, text/plain, text/markdown or text/html")
	}
	minimums, err := checkMinimums(c.Minimums)
	if err != nil {
		return nil, err
	}
	e := RegulationsPublished{
		Title: c.Title, Digest: c.Digest, ContentType: c.ContentType, AnnouncedAt: now, ValidFrom: c.ValidFrom.UTC(), Minimums: minimums,
	}
	if s.Regulations != nil && e.same(*s.Regulations) {
		return nil, nil
	}
	if err := checkValidFrom(s, now, c); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

func (e RegulationsPublished) same(o RegulationsPublished) bool {
	return e.Title == o.Title && e.Digest == o.Digest && e.ContentType == o.ContentType &&
		e.ValidFrom.Equal(o.ValidFrom) && slices.Equal(e.Minimums, o.Minimums)
}

// checkValidFrom keeps versions from beginning in the past, too soon or out of
// order. The first one may begin today: there is none that it changes. One that
// begins with the version before it takes its place.
func checkValidFrom(s State, now time.Time, c PublishRegulations) error {
	notice := c.NoticeDays
	if notice == 0 {
		notice = RegulationsNoticeDays
	}
	refuse := func(code, format string, args ...any) error {
		return domain.RefuseField(code, "valid_from", format, args...)
	}
	switch {
	case notice < 1 || notice > MaxRegulationsNotice:
		return domain.RefuseField(CodeInvalidValue, "notice_days", "must be from 1 to %d", MaxRegulationsNotice)
	case c.ValidFrom.IsZero():
		return required("valid_from")
	case c.ValidFrom.After(now.Add(maxRegulationsAhead)):
		return refuse(CodeInvalidValue, "must not lie more than five years ahead")
	case c.ValidFrom.Before(now.Add(-longestDay)):
		return refuse(CodeBackdated, "must not lie in the past")
	case s.Regulations == nil:
		return nil
	case c.ValidFrom.Before(now.Add(time.Duration(notice) * 24 * time.Hour)):
		return refuse(CodeTooSoon, "must lie at least %d days ahead: that long a new version is announced", notice)
	case c.ValidFrom.Before(s.Regulations.ValidFrom):
		return refuse(CodeBackdated, "must not lie before that of version %d, which is announced already", s.Version)
	}
	return nil
}

// checkMinimums fills in what holds unless a row says otherwise, and writes
// amounts with two places.
func checkMinimums(list []Minimum) ([]Minimum, error) {
	if len(list) > MaxMinimums {
		return nil, domain.RefuseField(CodeTooMany, "minimums", "must be at most %d rows", MaxMinimums)
	}
	out := make([]Minimum, len(list))
	type key struct{ country, currency string }
	seen := make(map[key]bool, len(list))
	for i, m := range list {
		field := fmt.Sprintf("minimums[%d]", i)
		m.Unit, m.Mode, m.Scope = cmp.Or(m.Unit, UnitAmount), cmp.Or(m.Mode, TrueUp), cmp.Or(m.Scope, PerCountry)
		amount, err := checkMinimum(field, m)
		if err != nil {
			return nil, err
		}
		if seen[key{m.Country, m.Currency}] {
			return nil, domain.RefuseField(CodeInvalidValue, field, "repeats an earlier one: each country has one in a currency")
		}
		seen[key{m.Country, m.Currency}] = true
		m.Amount = amount.String()
		out[i] = m
	}
	return out, nil
}

func checkMinimum(field string, m Minimum) (money.Cents, error) {
	if err := checkCountry(field+".country", m.Country); err != nil {
		return 0, err
	}
	if err := checkCurrency(field+".currency", m.Currency); err != nil {
		return 0, err
	}
	refuse := func(part, must string) (money.Cents, error) {
		return 0, domain.RefuseField(CodeInvalidValue, field+"."+part, "%s", must)
	}
	switch counted := m.Unit == UnitMessages; {
	case m.Unit != UnitAmount && !counted:
		return refuse("unit", "must be amount or messages")
	case m.Mode != TrueUp && m.Mode != FullMinimum:
		return refuse("mode", "must be true_up or full")
	case m.Scope != PerCountry && m.Scope != HighestOfSender:
		return refuse("scope", "must be per_country or highest_of_sender")
	case counted && (m.Messages < 1 || m.Messages > MaxMinimumMessages):
		return refuse("messages", fmt.Sprintf("must be from 1 to %d where the unit is messages", MaxMinimumMessages))
	case !counted && m.Messages != 0:
		return refuse("messages", "must be absent where the unit is amount")
	}
	amount, err := money.ParseCents(m.Amount)
	if err != nil || amount <= 0 || len(m.Amount) > maxMinimumAmountRunes {
		return refuse("amount", "must be a decimal above 0 such as 250.00, at most 2 digits after the point")
	}
	return amount, nil
}

// acceptRegulations takes an acceptance; that there is such a version with such a
// text is known to the edge, which reads both from the view.
func acceptRegulations(s State, c AcceptRegulations) ([]Event, error) {
	if StreamID(s.Stream) == Installation {
		return nil, domain.RefuseField(CodeInvalidValue, "account", "the installation accepts no regulations")
	}
	if c.Version < 1 {
		return nil, domain.RefuseField(CodeInvalidValue, "version", "must be 1 or more")
	}
	if !isHash(c.Digest) {
		return nil, domain.RefuseField(CodeInvalidValue, "digest", "must be a SHA-256 in lower-case hex")
	}
	if err := checkText("label", c.Label, MaxLabel); err != nil {
		return nil, err
	}
	if raw, err := base64.StdEncoding.DecodeString(c.Address); err != nil || len(raw) == 0 || len(c.Address) > MaxSecret {
		return nil, domain.RefuseField(CodeInvalidValue, "address", "must be a sealed address in base64, at most %d characters", MaxSecret)
	}
	if slices.Contains(s.Account.Accepted, c.Version) {
		return nil, nil
	}
	return []Event{RegulationsAccepted(c)}, nil
}
