package message

import (
	"time"

	"goniec/domain"
)

// Limits of a request (rules.md D3, D3b, D8).
const (
	MinValidity        = 15 * time.Second
	MaxValidity        = 24 * time.Hour
	MaxAhead           = 90 * 24 * time.Hour
	MaxSMSParts        = 255
	DefaultSMSValidity = 24 * time.Hour
	DefaultReportWait  = time.Hour
)

// PricedCategory returns what a message is priced and labelled as: Viber takes
// anything richer than text as promotional, whatever it says (rules.md D2).
func PricedCategory(category domain.Category, content domain.Content) domain.Category {
	if content == domain.Rich {
		return domain.Promotional
	}
	return category
}

// Validate says what of r itself breaks the rules at now, whatever the account's
// settings: nil or a *domain.Error with code and field.
func (r Request) Validate(now time.Time) error {
	switch {
	case !r.Category.Valid():
		return domain.RefuseField(CodeInvalidCategory, "category", "must be transactional, promotional or one_time_code")
	case r.Content != domain.PlainText && r.Content != domain.Rich:
		return domain.RefuseField(CodeInvalidContent, "content", "must be text or rich")
	case r.ValidityMS > MaxValidity.Milliseconds() || r.ValidityMS < MinValidity.Milliseconds():
		return domain.RefuseField(CodeInvalidValidity, "validity", "must be from 15s to 24h")
	case r.SendAt != nil && r.SendAt.After(now.Add(MaxAhead)):
		return domain.RefuseField(CodeInvalidSendAt, "send_at", "must be at most 90 days ahead: %s at the latest", now.Add(MaxAhead).UTC().Format(time.RFC3339))
	case r.Fallback && (r.SMSParts < 1 || r.SMSParts > MaxSMSParts):
		return domain.RefuseField(CodeInvalidSMS, "sms", "must have at least one part")
	}
	return nil
}

// Check says whether the rules refuse r with the facts f: nil or a *domain.Error.
// The edge asks it with its own view before it takes a request, Decide asks again.
func Check(f Facts, r Request) error {
	if err := r.Validate(f.Now); err != nil {
		return err
	}
	switch {
	case !f.Account.Known:
		return domain.Refuse(CodeAccountUnknown, "no such account")
	case !f.Account.Active:
		return domain.Refuse(CodeAccountNotActive, "the account is not active")
	case f.Account.Unaccepted != 0:
		return domain.Refuse(CodeNotAccepted, "version %[1]d of the regulations is in force and the account has not accepted it: read it at /v1/regulations/%[1]d/text, "+
			"then accept it with POST /v1/regulations/%[1]d/acceptance or goniec regulations accept %[1]d", f.Account.Unaccepted)
	case !f.Sender.Known:
		return domain.RefuseField(CodeSenderUnknown, "sender", "the account has no sender of this name")
	case !f.Sender.InCountry:
		return domain.RefuseField(CodeSenderNotInCountry, "sender", "the sender has no configuration for the number's country")
	case f.Sender.Suspended:
		return domain.RefuseField(CodeSenderSuspended, "sender", "the sender is suspended; an operator lifts that")
	case !f.Sender.Active:
		return domain.RefuseField(CodeSenderNotActive, "sender", "the sender is not active")
	}
	return checkPlan(f, r)
}

// CheckPaused refuses new requests while everything, their account or their sender
// is paused (D17). Only the edge asks it: what was taken in waits, and never
// fails because of a pause. A paused route refuses nothing.
func CheckPaused(p Pauses) error {
	if p.All == "" {
		return nil
	}
	return domain.Refuse(CodePaused, "sending is paused by the operator (switch %s); nothing was accepted, try again when it is resumed", p.All)
}

// checkPlan looks at the channels that r may take: one must be open, and each
// must have a price.
func checkPlan(f Facts, r Request) error {
	open := false
	for _, ch := range planOf(r.Fallback) {
		open = open || f.allowed(ch, r.Category)
		if _, _, ok := f.price(f.Now, r.Country, ch, PricedCategory(r.Category, r.Content), r.Content); !ok {
			return domain.Refuse(CodeNoPrice, "no price for %s to this country", ch)
		}
	}
	if !open {
		return domain.RefuseField(CodeOptedOut, "to", "the recipient has opted out")
	}
	return nil
}

// request begins a message's life; one that exists is left alone.
func (d *decision) request(r Request) {
	if d.s.Status != none {
		return
	}
	if err := Check(d.f, r); err != nil {
		d.emit(d.refusal(r, domain.CodeOf(err)))
		return
	}
	d.emit(d.acceptance(r))
	switch {
	case r.Test:
	case d.s.CancelAsked || d.f.CancelledBy != nil:
		if !d.s.CancelAsked {
			d.emit(CancelRequested{By: *d.f.CancelledBy})
		}
		d.emit(Cancelled{})
	case r.SendAt != nil && r.SendAt.After(d.f.Now):
		d.emit(Waiting{Until: instant(*r.SendAt), Reason: ReasonScheduled})
	default:
		d.look()
		d.release()
	}
}

func (d *decision) refusal(r Request, code string) Refused {
	return Refused{
		Account: d.f.AccountID, Recipient: r.Recipient, Number: r.Number, Country: r.Country, Sender: r.Sender,
		Category: string(r.Category), ClientRef: r.ClientRef, Tags: r.Tags, Reason: code, Facts: d.used(),
	}
}

func (d *decision) acceptance(r Request) Accepted {
	f := d.f
	sendAt := r.SendAt
	if sendAt != nil {
		at := instant(*sendAt)
		sendAt = &at
	}
	return Accepted{
		Account: f.AccountID, Recipient: r.Recipient, Number: r.Number, Country: r.Country, Sender: r.Sender,
		Category: r.Category, PricedCategory: PricedCategory(r.Category, r.Content), Content: r.Content,
		Digest: r.Digest, BodyDigest: r.BodyDigest, TextLength: r.TextLength, SMSParts: r.SMSParts, SMSEncoding: r.SMSEncoding,
		ServiceID: f.Sender.ServiceID, SMSFrom: f.Sender.SMSFrom, Fallback: r.Fallback,
		FallbackAtOnce: f.Account.FallbackAtOnce, LatePolicy: orElse(f.Account.LatePolicy, LatePolicyBillBoth),
		ValidityMS: r.ValidityMS, SMSValidityMS: orElse(f.Account.SMSValidity, DefaultSMSValidity).Milliseconds(),
		ReportWaitMS: orElse(f.Account.ReportWait, DefaultReportWait).Milliseconds(),
		SendAt:       sendAt, ClientRef: r.ClientRef, Tags: r.Tags, Test: r.Test, Basis: BasisDeclaration, Facts: d.used(),
	}
}

// used are the facts that the decision looked at; the sender's from SenderFacts
// when the caller has not filled them in.
func (d *decision) used() UsedFacts {
	u := d.f.Used
	u.SenderID = orElse(u.SenderID, d.f.Sender.ID)
	u.SenderVersion = orElse(u.SenderVersion, d.f.Sender.Version)
	return u
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
