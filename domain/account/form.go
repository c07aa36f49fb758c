package account

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"goniec/domain"
)

// Bounds of a sender's form.
const (
	MaxDescription = 500  // characters of the type and of the kind (B4)
	MaxSamples     = 10   // B4
	MaxSample      = 1000 // characters (B4)
	MaxEmail       = 254  // bytes
	LogoSize       = 200  // pixels, both ways (B3)
	MaxLogoBytes   = 500 << 10
)

// DefaultCountry is where an entity is registered, and where its messages go,
// unless the form says otherwise (B3).
const DefaultCountry = "PL"

// Ways of communication (B4).
const (
	OneWay   = "1way"
	TwoWay   = "2way"
	BothWays = "both"
)

// Form is what a configuration is verified by (B1, B3, B4, B6). Name and Country
// are what makes it the one that it is (B9) and never change; the rest is saved
// in parts while it is New. Zero values are not given yet.
type Form struct {
	Company       string   `json:"company,omitempty"`       // company name, at most 11 letters A-Z, a-z and digits (B1)
	Name          string   `json:"name,omitempty"`          // sender name as shown on Viber, at most 20 characters (B3)
	Country       string   `json:"country,omitempty"`       // destination: ISO 3166-1 alpha-2 of the numbers that it sends to (B3)
	RegisteredIn  string   `json:"registered_in,omitempty"` // country of the entity's registration, ISO 3166-1 alpha-2 (B3)
	Type          string   `json:"type,omitempty"`          // description of the notification type, at most 500 characters (B4)
	Kind          string   `json:"kind,omitempty"`          // description of the notification kind, at most 500 characters (B4)
	Communication string   `json:"communication,omitempty"` // "1way", "2way" or "both" (B4)
	Samples       []string `json:"samples,omitempty"`       // messages sent so far by other channels: 1 to 10 of at most 1000 characters (B4)
	NoticeEmail   string   `json:"notice_email,omitempty"`  // e-mail address that notices about the sender go to (B6)
	Logo          *Logo    `json:"logo,omitempty"`          // what the journal keeps of the logo (B3)
}

// Logo describes an image; its bytes are not in the journal.
type Logo struct {
	Digest string `json:"digest"` // SHA-256 of the file, 64 hex digits; it lies in the topic blobs
	Type   string `json:"type"`   // "jpeg", "gif" or "png"
	Width  int    `json:"width"`  // pixels: 200
	Height int    `json:"height"` // pixels: 200
}

// Item is something that a form lacks. Code is stable.
type Item struct {
	Code  string `json:"code"`
	Field string `json:"field"` // of Form, by its JSON name
	Rule  string `json:"rule"`  // of docs/rules.md
	Needs string `json:"needs"` // what is asked for, in words
}

// Missing lists what the form lacks to be verified, in the form's order; none
// means that it may be submitted. It is the one place that says so (B5).
func Missing(f Form) []Item {
	var out []Item
	for _, c := range []struct {
		lacks bool
		Item
	}{
		{f.Company == "", Item{"company_missing", "company", "B1", "the company name"}},
		{f.Name == "", Item{"name_missing", "name", "B3", "the sender name"}},
		{f.Logo == nil, Item{"logo_missing", "logo", "B3", "a logo of 200×200 pixels"}},
		{f.RegisteredIn == "", Item{"registered_in_missing", "registered_in", "B3", "the country of registration"}},
		{f.Country == "", Item{"country_missing", "country", "B3", "the destination country"}},
		{f.Type == "", Item{"type_missing", "type", "B4", "a description of the notification type"}},
		{f.Kind == "", Item{"kind_missing", "kind", "B4", "a description of the notification kind"}},
		{f.Communication == "", Item{"communication_missing", "communication", "B4", "the way of communication (1way/2way/both)"}},
		{len(f.Samples) == 0, Item{"samples_missing", "samples", "B4", "at least one sample message"}},
		{f.NoticeEmail == "", Item{"notice_email_missing", "notice_email", "B6", "an e-mail address for notices"}},
	} {
		if c.lacks {
			out = append(out, c.Item)
		}
	}
	return out
}

// Missing lists what keeps the next submission from being made: nothing while there is none to make, and what an operator
// took as filled elsewhere is nobody's task any more (B5, B6).
func (s SenderState) Missing() []Item {
	if s.Status == SenderNew || (s.Status == SenderActive && s.Change != nil) {
		return Missing(s.Draft())
	}
	return nil
}

// incomplete refuses a submission; the field is the first that is missing, the
// message names all.
func incomplete(missing []Item) error {
	needs := make([]string, len(missing))
	for i, m := range missing {
		needs[i] = m.Needs
	}
	return domain.RefuseField(CodeFormIncomplete, missing[0].Field, "is missing: the form lacks %s", strings.Join(needs, ", "))
}

// Differences names the fields in which two forms differ, in the form's order (B8).
func Differences(a, b Form) []string {
	out := []string{}
	for _, c := range []struct {
		field string
		same  bool
	}{
		{"company", a.Company == b.Company},
		{"logo", sameLogo(a.Logo, b.Logo)},
		{"registered_in", a.RegisteredIn == b.RegisteredIn},
		{"type", a.Type == b.Type},
		{"kind", a.Kind == b.Kind},
		{"communication", a.Communication == b.Communication},
		{"samples", slices.Equal(a.Samples, b.Samples)},
		{"notice_email", a.NoticeEmail == b.NoticeEmail},
	} {
		if !c.same {
			out = append(out, c.field)
		}
	}
	return out
}

func sameLogo(a, b *Logo) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// with is the form after a save.
func (f Form) with(e SenderDraftSaved) Form {
	set := func(to, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&f.Company, e.Company)
	set(&f.RegisteredIn, e.RegisteredIn)
	set(&f.Type, e.Type)
	set(&f.Kind, e.Kind)
	set(&f.Communication, e.Communication)
	set(&f.NoticeEmail, e.NoticeEmail)
	if e.Samples != nil {
		f.Samples = nil
		if len(*e.Samples) > 0 {
			f.Samples = *e.Samples
		}
	}
	if e.Logo != nil {
		f.Logo = e.Logo
		if *e.Logo == (Logo{}) {
			f.Logo = nil
		}
	}
	return f
}

// basics are the company name and whether replies are shown (D9): the form's once
// it says them, else as they were.
func (f Form) basics(company string, twoWay bool) (string, bool) {
	if f.Company != "" {
		company = f.Company
	}
	if f.Communication != "" {
		twoWay = f.Communication != OneWay
	}
	return company, twoWay
}

// changing leaves of a save what it really changes.
func (e SenderDraftSaved) changing(f Form) SenderDraftSaved {
	drop := func(to **string, now string) {
		if *to != nil && **to == now {
			*to = nil
		}
	}
	drop(&e.Company, f.Company)
	drop(&e.RegisteredIn, f.RegisteredIn)
	drop(&e.Type, f.Type)
	drop(&e.Kind, f.Kind)
	drop(&e.Communication, f.Communication)
	drop(&e.NoticeEmail, f.NoticeEmail)
	if e.Samples != nil && slices.Equal(*e.Samples, f.Samples) {
		e.Samples = nil
	}
	if e.Logo != nil && sameLogo(f.with(SenderDraftSaved{Logo: e.Logo}).Logo, f.Logo) {
		e.Logo = nil
	}
	return e
}

// check refuses what a form may not hold. An empty value is taken away again, but
// for the company name, the country and the way of communication.
func (e SenderDraftSaved) check() error {
	for _, err := range []error{
		given(e.Company, func(s string) error { return checkCompany("company", s) }),
		given(e.RegisteredIn, func(s string) error { return checkCountry("registered_in", s) }),
		given(e.Type, func(s string) error { return checkFree("type", s, MaxDescription) }),
		given(e.Kind, func(s string) error { return checkFree("kind", s, MaxDescription) }),
		given(e.Communication, checkCommunication),
		given(e.NoticeEmail, func(s string) error { return checkEmail("notice_email", s) }),
		given(e.Samples, checkSamples),
		given(e.Logo, checkLogo),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func given[T any](v *T, check func(T) error) error {
	if v == nil {
		return nil
	}
	return check(*v)
}

// checkFree allows lines, which checkText does not, and nothing at all.
func checkFree(field, s string, limit int) error {
	switch {
	case s == "":
		return nil
	case strings.TrimSpace(s) == "":
		return domain.RefuseField(CodeInvalidValue, field, "must not be blank")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }):
		return domain.RefuseField(CodeInvalidValue, field, "must be UTF-8 text without control characters")
	case utf8.RuneCountInString(s) > limit:
		return domain.RefuseField(CodeTooLong, field, "must be at most %d characters", limit)
	}
	return nil
}

func checkCommunication(s string) error {
	if s != OneWay && s != TwoWay && s != BothWays {
		return domain.RefuseField(CodeInvalidValue, "communication", "must be 1way, 2way or both")
	}
	return nil
}

func checkSamples(samples []string) error {
	if len(samples) > MaxSamples {
		return domain.RefuseField(CodeTooMany, "samples", "must be at most %d samples, each of at most %d characters", MaxSamples, MaxSample)
	}
	for i, s := range samples {
		field := fmt.Sprintf("samples[%d]", i)
		if s == "" {
			return required(field)
		}
		if err := checkFree(field, s, MaxSample); err != nil {
			return err
		}
	}
	return nil
}

func checkEmail(field, s string) error {
	if s == "" {
		return nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > MaxEmail || !strings.Contains(s[strings.LastIndexByte(s, '@')+1:], ".") {
		return domain.RefuseField(CodeInvalidValue, field, "must be an e-mail address such as office@example.com")
	}
	return nil
}

func checkLogo(l Logo) error {
	if l == (Logo{}) {
		return nil
	}
	if !isHash(l.Digest) || !slices.Contains([]string{"jpeg", "gif", "png"}, l.Type) || l.Width != LogoSize || l.Height != LogoSize {
		return invalidLogo("must be a JPG, GIF or PNG of exactly %d×%d pixels, with its SHA-256", LogoSize, LogoSize)
	}
	return nil
}

func invalidLogo(format string, args ...any) *domain.Error {
	return domain.RefuseField(CodeInvalidLogo, "logo", format, args...)
}
