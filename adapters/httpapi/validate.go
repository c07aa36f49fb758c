package httpapi

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"goniec/adapters/phone"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/sms"
)

// Bounds of a request (rules.md D1, D3, D3b).
const (
	MaxText       = 1000 // code points, after NFC
	MaxButtonText = 30
	MaxURL        = 2000 // bytes
	MaxClientRef  = 100
	MaxTags       = 10
	MaxTag        = 64
	MaxAhead      = 90 * 24 * time.Hour
	MaxSender     = account.MaxSenderName
)

// sendAtGrace is how far in the past send_at may lie and still mean now.
const sendAtGrace = 5 * time.Minute

// Validator judges requests from the reference view. It is the one place that
// does: single messages, batches and previews go through it. Safe for concurrent use.
type Validator struct {
	View    *account.View
	Clock   domain.Clock
	Country string         // of numbers in national form; "" = international only
	Zone    *time.Location // of billing
}

// Validate returns the message that a request asks for, or every fault found,
// each with its field. It writes nothing anywhere; the decider decides again.
func (v Validator) Validate(accountID string, r MessageRequest) (NewMessage, []*domain.Error) {
	a, ok := v.View.AccountByID(accountID)
	if !ok {
		return NewMessage{}, []*domain.Error{domain.Refuse(message.CodeAccountUnknown, "there is no such account")}
	}
	c := &check{view: v.View, account: a, now: v.Clock.Now(), zone: v.Zone, in: r}
	c.out = NewMessage{Account: accountID, ClientRef: r.ClientRef, Tags: r.Tags, Test: r.Test, Fallback: r.Fallback == nil || *r.Fallback}
	c.number(v.Country)
	c.content()
	c.category()
	c.sender()
	c.sms()
	c.times()
	c.references()
	if len(c.faults) == 0 {
		c.rules()
	}
	return c.out, c.faults
}

// check judges one request; each step looks at some fields and fills some of out.
type check struct {
	view    *account.View
	account account.Account
	now     time.Time
	zone    *time.Location
	in      MessageRequest
	out     NewMessage
	faults  []*domain.Error
}

func (c *check) refuse(code, field, format string, args ...any) {
	c.faults = append(c.faults, domain.RefuseField(code, field, format, args...))
}

func (c *check) number(country string) {
	if c.in.To == "" {
		c.refuse(CodeRequired, "to", "is required")
		return
	}
	var err error
	c.out.To, c.out.Country, err = phone.Normalise(c.in.To, country)
	c.add(err)
}

func (c *check) content() {
	c.out.Text = c.text("text", c.in.Text, true)
	c.out.TextLength = utf8.RuneCountInString(c.out.Text)
	if c.out.TextLength > MaxText {
		c.refuse(CodeTooLong, "text", "has %d characters; at most %d are possible", c.out.TextLength, MaxText)
	}
	c.out.Content = domain.PlainText
	if c.in.ImageURL != "" {
		c.out.ImageURL, c.out.Content = c.in.ImageURL, domain.Rich
		c.url("image_url", c.in.ImageURL)
	}
	if c.in.Button != nil {
		c.button(*c.in.Button)
	}
}

func (c *check) button(b Button) {
	c.out.Content = domain.Rich
	c.out.Button = Button{Text: c.text("button.text", b.Text, true), URL: b.URL}
	if n := utf8.RuneCountInString(c.out.Button.Text); n > MaxButtonText {
		c.refuse(CodeTooLong, "button.text", "has %d characters; at most %d are possible", n, MaxButtonText)
	}
	if b.URL == "" {
		c.refuse(CodeRequired, "button.url", "is required")
		return
	}
	c.url("button.url", b.URL)
}

// text normalises to NFC and refuses what no phone can show.
func (c *check) text(field, s string, required bool) string {
	if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		c.refuse(CodeInvalidEncoding, field, "holds characters that were broken on the way (U+FFFD)")
		return ""
	}
	if required && strings.TrimSpace(s) == "" {
		c.refuse(CodeRequired, field, "is required")
		return ""
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) {
		c.refuse(CodeInvalidValue, field, "holds control characters")
		return ""
	}
	return norm.NFC.String(s)
}

func (c *check) url(field, s string) {
	if len(s) > MaxURL {
		c.refuse(CodeTooLong, field, "has %d bytes; at most %d are possible", len(s), MaxURL)
		return
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || strings.ContainsFunc(s, unprintable) {
		c.refuse(CodeInvalidURL, field, "must be an http or https URL such as https://example.com/a.jpg")
	}
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }

func (c *check) category() {
	cat := domain.Category(c.in.Category)
	if cat == "" {
		cat = c.account.Settings.DefaultCategory
	}
	switch {
	case cat == "":
		c.refuse(CodeRequired, "category", "is required: the account has no default")
	case !cat.Valid():
		c.refuse(message.CodeInvalidCategory, "category", "must be transactional, promotional or one_time_code")
	}
	c.out.Category, c.out.PricedCategory = cat, message.PricedCategory(cat, c.out.Content)
}

func (c *check) sender() {
	c.out.Sender = norm.NFC.String(c.in.Sender)
	if c.out.Sender == "" {
		c.refuse(CodeRequired, "sender", "is required")
		return
	}
	if !utf8.ValidString(c.in.Sender) || utf8.RuneCountInString(c.out.Sender) > MaxSender {
		c.refuse(message.CodeSenderUnknown, "sender", "is not a sender of this account")
		return
	}
	if c.out.Country == "" { // its number is at fault: the country is not known
		if len(c.view.SendersNamed(c.account.ID, c.out.Sender)) == 0 {
			c.refuse(message.CodeSenderUnknown, "sender", "is not a sender of this account")
		}
		return
	}
	switch f := c.view.SenderFacts(c.account.ID, c.out.Sender, c.out.Country); {
	case !f.Known:
		c.refuse(message.CodeSenderUnknown, "sender", "is not a sender of this account")
	case !f.InCountry:
		c.refuse(message.CodeSenderNotInCountry, "sender", "has no configuration for the number's country, %s", c.out.Country)
	case f.Suspended:
		c.refuse(message.CodeSenderSuspended, "sender", "is suspended for %s; an operator lifts that", c.out.Country)
	case !f.Active:
		c.notActive()
	}
}

// notActive says why the sender sends nothing, and what helps (D12).
func (c *check) notActive() {
	s, _ := c.view.Sender(c.account.ID, c.out.Sender, c.out.Country)
	refuse := func(format string, args ...any) {
		c.refuse(message.CodeSenderNotActive, "sender", format, append([]any{c.out.Country}, args...)...)
	}
	_, from := calendar.MayToggle(s.Ons, calendar.DateOf(c.now, c.zone))
	switch {
	case s.Status == account.SenderNew:
		refuse("is new for %s, not active: complete its form and submit it")
	case s.Status == account.SenderInReview:
		refuse("is under review for %s, not active: it can send once it is approved")
	case s.Closed:
		refuse("was closed for good for %s: send with another sender")
	case s.Enabling != nil:
		refuse("is disabled for %s; it is asked to be on from %s, and an operator confirms that", s.Enabling.From)
	default:
		refuse("is disabled for %s; it can be enabled from %s on", from)
	}
}

// sms fixes the SMS's text and its parts (D8).
func (c *check) sms() {
	own := ""
	if c.in.SMS != nil {
		own = c.text("sms.text", c.in.SMS.Text, true)
	}
	if !c.out.Fallback {
		return
	}
	text, field := own, "sms.text"
	if c.in.SMS == nil {
		text, field = withLink(c.out.Text, c.out.Button.URL), "text"
	}
	if c.account.Settings.PolishLetters == account.StripLetters || c.out.Category == domain.Promotional {
		text = sms.Strip(text)
	}
	parts, encoding := sms.Count(text)
	c.out.SMSText, c.out.SMSParts, c.out.SMSEncoding = text, parts, string(encoding)
	if limit := c.account.Settings.SMSMaxParts; parts > limit {
		c.refuse(CodeSMSTooLong, field, "takes %d SMS parts in %s; at most %d are allowed: give a shorter sms.text", parts, encoding, limit)
	}
}

// SMSTexts are the texts that an SMS may have which a request named none for: none,
// where no fallback was wanted, else the message's own with the link, its Polish letters
// kept or stripped (rules.md D8).
func SMSTexts(text, link string) []string {
	kept := withLink(text, link)
	return []string{"", kept, sms.Strip(kept)}
}

func withLink(text, link string) string {
	if link == "" || strings.Contains(text, link) {
		return text
	}
	return text + " " + link
}

func (c *check) times() {
	c.out.Validity = time.Duration(c.account.Settings.DefaultValidity) * time.Millisecond
	if c.in.Validity != "" {
		d, err := time.ParseDuration(c.in.Validity)
		if err != nil || d < account.MinValidity || d > account.MaxValidity || d%time.Millisecond != 0 {
			c.refuse(message.CodeInvalidValidity, "validity", "must be a duration from 15s to 24h, such as 10m")
		}
		c.out.Validity = d
	}
	if c.in.SendAt == nil {
		return
	}
	at := c.in.SendAt.UTC().Truncate(time.Microsecond)
	c.out.AskedFor = &at
	switch {
	case at.After(c.now.Add(MaxAhead)):
		c.refuse(message.CodeInvalidSendAt, "send_at", "must be at most 90 days ahead: %s at the latest", c.now.Add(MaxAhead).UTC().Format(time.RFC3339))
	case at.Before(c.now.Add(-sendAtGrace)):
		c.refuse(message.CodeInvalidSendAt, "send_at", "must not lie in the past")
	case at.After(c.now):
		c.out.SendAt = &at
	}
}

// references are kept in the journal as they are and for ever, so they may not
// carry what has to be erasable.
func (c *check) references() {
	if c.in.ClientRef != "" {
		c.reference("client_ref", c.in.ClientRef, MaxClientRef)
	}
	if len(c.in.Tags) > MaxTags {
		c.refuse(CodeTooMany, "tags", "are %d; at most %d are possible", len(c.in.Tags), MaxTags)
		return
	}
	seen := make(map[string]bool, len(c.in.Tags))
	for i, tag := range c.in.Tags {
		field := "tags[" + strconv.Itoa(i) + "]"
		c.reference(field, tag, MaxTag)
		if seen[tag] {
			c.refuse(CodeInvalidValue, field, "repeats an earlier one")
		}
		seen[tag] = true
	}
}

func (c *check) reference(field, s string, limit int) {
	switch {
	case strings.TrimSpace(s) == "":
		c.refuse(CodeRequired, field, "must not be empty")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsRune(s, utf8.RuneError):
		c.refuse(CodeInvalidValue, field, "must be text without control characters")
	case utf8.RuneCountInString(s) > limit:
		c.refuse(CodeTooLong, field, "must be at most %d characters", limit)
	case phone.Holds(s, c.out.To):
		c.refuse(CodeInvalidValue, field, "must not hold the recipient's number: it is kept in the history")
	}
}

// rules asks the domain what the decider will ask: here, with this view.
func (c *check) rules() {
	err := message.Check(message.Facts{
		Now:       c.now,
		AccountID: c.account.ID,
		Account:   c.view.AccountFacts(c.account.ID, c.now),
		Sender:    c.view.SenderFacts(c.account.ID, c.out.Sender, c.out.Country),
		Prices:    c.view.PriceFinder(c.account.ID),
	}, message.Request{
		Country: c.out.Country, Sender: c.out.Sender, Category: c.out.Category, Content: c.out.Content,
		SMSParts: c.out.SMSParts, Fallback: c.out.Fallback, ValidityMS: c.out.Validity.Milliseconds(), SendAt: c.out.SendAt,
	})
	c.add(err)
	c.add(message.CheckPaused(c.view.PauseFacts(c.account.ID, c.out.Sender, c.out.Country, "", "")))
}

func (c *check) add(err error) {
	var refusal *domain.Error
	if errors.As(err, &refusal) {
		c.faults = append(c.faults, refusal)
	}
}
