package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
)

// verb does something and says what happened, in words; an error says that it did
// not go as the story has it.
type verb func(context.Context) (string, error)

// party is an account of the story.
type party struct {
	id, name string
	api      *client.Client // with its key
}

// named is a sender of the story.
type named struct {
	of      *party
	name    string
	service int64 // Viber's
}

func (s *named) id() string { return account.SenderID(s.of.id, s.name, "PL") }

// all does several things at one instant.
func all(verbs ...verb) verb {
	return func(ctx context.Context) (string, error) {
		told := make([]string, len(verbs))
		for i, do := range verbs {
			var err error
			if told[i], err = do(ctx); err != nil {
				return "", err
			}
		}
		return strings.Join(told, "; "), nil
	}
}

// open opens an account with a key.
func (m *month) open(p *party) verb {
	return func(ctx context.Context) (string, error) {
		if _, err := m.operator.CreateAccount(ctx, httpapi.AccountRequest{ID: p.id, Name: p.name, Currency: "PLN"}); err != nil {
			return "", err
		}
		var err error
		p.api, err = m.newKey(ctx, p.id, account.RoleClientAdmin)
		return "the account is opened", err
	}
}

// second gives the installation a second person, with a key of role billing.
func (m *month) second(ctx context.Context) (string, error) {
	var err error
	m.billing, err = m.newKey(ctx, account.Installation, account.RoleBilling)
	return "a second person gets a key for billing", err
}

func (m *month) newKey(ctx context.Context, of, role string) (*client.Client, error) {
	k, err := m.operator.IssueKey(ctx, of, httpapi.KeyRequest{Role: role, Label: "demo"})
	if err != nil {
		return nil, err
	}
	return m.target.clientWith(k.Key)
}

// regulations publishes a version with a minimum for Poland.
func (m *month) regulations(title, from, minimum string) verb {
	return func(ctx context.Context) (string, error) {
		r, err := m.operator.PublishRegulations(ctx, httpapi.RegulationsRequest{
			Title: title, Text: base64.StdEncoding.EncodeToString([]byte(title)), ContentType: "text/plain", ValidFrom: from,
			Minimums: []account.Minimum{{Country: "PL", Currency: "PLN", Amount: minimum}},
		})
		return fmt.Sprintf("version %d of the regulations is announced for %s: a minimum of %s", r.Version, from, words.Money(minimum, "PLN")), err
	}
}

func (m *month) accept(p *party, version string) verb {
	return func(ctx context.Context) (string, error) {
		_, err := p.api.AcceptRegulations(ctx, version)
		return "accepts version " + version + " of the regulations", err
	}
}

// prices publishes a version of the price list; from "" = now.
func (m *month) prices(from, viber, sms string) verb {
	return func(ctx context.Context) (string, error) {
		in := httpapi.PricesRequest{Currency: "PLN", Prices: []account.Price{
			{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Amount: viber},
			{Country: "PL", Channel: domain.SMS, Amount: sms},
		}}
		when := "from now on"
		if from != "" {
			at := m.time(from)
			in.ValidFrom, when = &at, "from "+from[:10]
		}
		p, err := m.operator.PublishPrices(ctx, in)
		return fmt.Sprintf("prices %s %s: Viber %s, SMS %s", p.Version, when, words.Money(viber, "PLN"), words.Money(sms, "PLN")), err
	}
}

// create makes a sender without its form.
func (m *month) create(s *named) verb {
	return func(ctx context.Context) (string, error) {
		_, err := s.of.api.CreateSender(ctx, httpapi.SenderRequest{Name: s.name, Company: s.name})
		return s.name + ": created", err
	}
}

// register creates a sender and fills its form in.
func (m *month) register(s *named) verb {
	return func(ctx context.Context) (string, error) {
		if _, err := m.create(s)(ctx); err != nil {
			return "", err
		}
		return m.fill(s, "orders")(ctx)
	}
}

// fill fills a sender's form in; kind describes the notifications.
func (m *month) fill(s *named, kind string) verb {
	return func(ctx context.Context) (string, error) {
		logo, err := logo()
		if err != nil {
			return "", err
		}
		text := func(s string) *string { return &s }
		b, err := s.of.api.SaveSender(ctx, s.id(), 0, httpapi.FormRequest{
			RegisteredIn: text("PL"), Type: text("sales"), Kind: &kind, Communication: text("1way"), NoticeEmail: text("office@example.com"),
			Samples: &[]string{"Your order is ready."}, Logo: &logo,
		})
		if err == nil && len(b.Missing) > 0 {
			err = fmt.Errorf("the form still lacks %v", b.Missing)
		}
		return fmt.Sprintf("%s: the form is filled in, nothing is missing", s.name), err
	}
}

// logo is a file of the size that is asked for (rules.md B3).
func logo() (string, error) {
	img := image.NewPaletted(image.Rect(0, 0, 200, 200), color.Palette{color.White, color.Black})
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return base64.StdEncoding.EncodeToString(b.Bytes()), err
}

// step takes a step of a sender, as the client or, with by, as an operator.
func (m *month) step(s *named, by func() *client.Client, step string, in any, told string) verb {
	return func(ctx context.Context) (string, error) {
		_, err := by().StepSender(ctx, s.id(), step, 0, in)
		return s.name + ": " + told, err
	}
}

func (m *month) client(s *named) func() *client.Client {
	return func() *client.Client { return s.of.api }
}
func (m *month) office() *client.Client { return m.operator }
func (m *month) other() *client.Client  { return m.billing }

func (m *month) submit(s *named) verb {
	return m.step(s, m.client(s), "submit", nil, "submitted, and frozen")
}

func (m *month) pass(s *named) verb {
	return m.step(s, m.office, "pass", httpapi.PassRequest{}, "passed on to Viber")
}

func (m *month) giveBack(s *named, reason string) verb {
	return m.step(s, m.office, "return", httpapi.ReturnRequest{Reasons: []string{reason}}, "returned: "+reason)
}

func (m *month) approve(s *named) verb {
	return m.step(s, m.office, "approve", httpapi.ApproveRequest{ServiceID: s.service}, "approved, active; this month is free of the minimum")
}

// notice asks for a sender's end with the current month's or, confirmed, a later one's.
func (m *month) notice(s *named, month string) verb {
	return func(ctx context.Context) (string, error) {
		b, err := s.of.api.StepSender(ctx, s.id(), "disable", 0, httpapi.DisableRequest{Reason: "the season is over", Month: month})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s: notice; it ends with %s, whose minimum applies", s.name, b.Notice.Month), nil
	}
}

func (m *month) closeForGood(s *named) verb {
	return m.step(s, m.client(s), "disable", httpapi.DisableRequest{Reason: "the shop is gone", Close: true}, "closed for good")
}

// enable asks for a sender to be on again as soon as possible.
func (m *month) enable(s *named) verb {
	return m.step(s, m.client(s), "enable", httpapi.EnableRequest{AsSoonAsPossible: true}, "asked to be on again as soon as possible; this month's minimum will apply in full")
}

func (m *month) confirm(s *named, told string) verb {
	return m.step(s, m.office, "confirm", nil, told)
}

func (m *month) suspend(s *named, reason string) verb {
	return m.step(s, m.office, "suspend", httpapi.ReasonRequest{Reason: reason}, "suspended: "+reason)
}

func (m *month) lift(s *named) verb {
	return m.step(s, m.office, "lift", httpapi.ReasonRequest{Reason: "Viber has mended it"}, "the suspension is lifted")
}

func (m *month) waive(s *named, month string) verb {
	return func(ctx context.Context) (string, error) {
		_, err := m.billing.Waive(ctx, month, httpapi.WaiveRequest{Sender: s.id(), Reason: "suspended through Viber's fault"})
		return fmt.Sprintf("%s: the minimum of %s is waived", s.name, month), err
	}
}

// off looks at a sender: its end has to have come by now.
func (m *month) off(s *named, told string) verb {
	return func(ctx context.Context) (string, error) {
		b, err := s.of.api.Sender(ctx, s.id())
		if err == nil && b.State != string(account.SenderOff) {
			err = fmt.Errorf("%s is %s, and has to be off", s.name, b.State)
		}
		return s.name + ": " + told, err
	}
}

// How the simulated carriers treat a message, by its number's end.
const (
	delivered    = "70" // on Viber, at once
	asSMS        = "37" // not on Viber
	reportedLate = "14" // on Viber at once, and after the SMS; Viber's report comes ten days later
)

// send sends messages by a sender, each to a number of its own.
func (m *month) send(s *named, n int, end, told string) verb {
	return func(ctx context.Context) (string, error) {
		list := make([]httpapi.MessageRequest, n)
		for i := range list {
			list[i] = m.message(s, end)
		}
		out, err := s.of.api.SendBatch(ctx, fmt.Sprintf("month-%d", m.sent), list)
		if err == nil && out.Accepted != n {
			err = fmt.Errorf("%d of %d messages were accepted", out.Accepted, n)
		}
		m.accepted += out.Accepted
		return fmt.Sprintf("%s: %s %s", s.name, words.Count(n, "message"), told), err
	}
}

// sendOne sends one message, for a refusal of it.
func (m *month) sendOne(s *named) verb {
	return func(ctx context.Context) (string, error) {
		_, err := s.of.api.Send(ctx, fmt.Sprintf("month-%d", m.sent), m.message(s, delivered))
		return s.name + ": a message", err
	}
}

// message is one to a number of its own, whose third-last digit is odd: it is
// delivered and not seen.
func (m *month) message(s *named, end string) httpapi.MessageRequest {
	m.sent++
	return httpapi.MessageRequest{
		To: fmt.Sprintf("+4850%04d1%s", m.sent, end), Sender: s.name, Category: string(domain.Transactional), Text: fmt.Sprintf("Your order %05d is ready.", m.sent),
	}
}

// refused expects a refusal with that code, of the whole or of a field, and tells it
// in its own words.
func (m *month) refused(code, tried string, do verb) verb {
	return func(ctx context.Context) (string, error) {
		_, err := do(ctx)
		var e *client.Error
		switch {
		case err == nil:
			return "", fmt.Errorf("%s was not refused, and has to be with %s", tried, code)
		case errors.As(err, &e) && (e.Code == code || slices.ContainsFunc(e.Fields, func(f httpapi.FieldError) bool { return f.Code == code })):
			return tried + " is refused: " + inWords(e), nil
		}
		return "", fmt.Errorf("%s has to be refused with %s: %w", tried, code, err)
	}
}

// inWords tells a refusal; one of several fields names these.
func inWords(e *client.Error) string {
	switch len(e.Fields) {
	case 0:
		return e.Error()
	case 1:
		return fmt.Sprintf("%s (%s)", e.Fields[0].Message, e.Fields[0].Code)
	}
	fields := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = f.Field
	}
	return fmt.Sprintf("%s (%s)", strings.Join(fields, ", "), e.Fields[0].Code)
}

// credit asks for a sum off a month: the first person's word, which counts nothing alone.
func (m *month) credit(p *party, month, id, amount string) verb {
	return func(ctx context.Context) (string, error) {
		_, err := m.operator.RequestCredit(ctx, month, httpapi.CreditRequest{Account: p.id, Credit: id, Amount: amount, Reason: "a wrong link in a mailing"})
		return fmt.Sprintf("a credit of %s is asked for, off %s of %s", words.Money(amount, "PLN"), month, p.name), err
	}
}

func (m *month) approveCredit(by func() *client.Client, p *party, month, id string) verb {
	return func(ctx context.Context) (string, error) {
		_, err := by().DecideCredit(ctx, month, id, "approve", httpapi.CreditDecision{Account: p.id})
		return "the second person approves the credit", err
	}
}

// closeMonth closes a month of every account, after a dry run that says the same.
func (m *month) closeMonth(month string) verb {
	return func(ctx context.Context) (string, error) {
		dry, err := m.billing.CloseMonth(ctx, month, httpapi.CloseRequest{})
		if err != nil {
			return "", err
		}
		out, err := m.billing.CloseMonth(ctx, month, httpapi.CloseRequest{Confirm: true})
		if err != nil {
			return "", err
		}
		told := month + " is closed"
		for i, a := range out.Accounts {
			if !a.Changed || i >= len(dry.Accounts) || dry.Accounts[i].Total != a.Total {
				return "", fmt.Errorf("%s of %s: %s (%s)", month, a.Name, a.Detail, a.Code)
			}
			told += fmt.Sprintf("; %s %s", a.Name, words.Money(a.Total, a.Currency))
		}
		return told, nil
	}
}

// closedBefore expects that closing a month again changes nothing.
func (m *month) closedBefore(month string) verb {
	return func(ctx context.Context) (string, error) {
		out, err := m.billing.CloseMonth(ctx, month, httpapi.CloseRequest{Confirm: true})
		for _, a := range out.Accounts {
			if a.State != httpapi.MonthClosed || a.Changed {
				err = fmt.Errorf("%s of %s is closed twice", month, a.Name)
			}
		}
		return "closing " + month + " once more changes nothing", err
	}
}

// late expects that charges of a closed month stand as adjustments in an open one.
func (m *month) late(p *party, month, of string) verb {
	return func(ctx context.Context) (string, error) {
		s, err := p.api.Statement(ctx, p.id, month)
		if err != nil {
			return "", err
		}
		for _, l := range s.Lines {
			if l.Kind == billing.KindAdjustment && l.Adjusts == of {
				return fmt.Sprintf("Viber has reported %s of %s that it kept silent about: %s, an adjustment in %s",
					words.Count(int(l.Count), "message"), of, words.Money(l.Amount, s.Currency), month), nil
			}
		}
		return "", fmt.Errorf("no late delivery of %s is adjusted in %s", of, month)
	}
}

// notClosed expects that a month cannot be closed yet.
func (m *month) notClosed(month, code string) verb {
	return func(ctx context.Context) (string, error) {
		out, err := m.billing.CloseMonth(ctx, month, httpapi.CloseRequest{Confirm: true})
		if err == nil && len(out.Accounts) == 0 {
			err = errors.New("there are no accounts to close")
		}
		why := ""
		for _, a := range out.Accounts {
			if why = a.Detail; a.Code != code {
				err = fmt.Errorf("the close of %s has to be refused with %s: %s (%s)", month, code, a.Detail, a.Code)
			}
		}
		return fmt.Sprintf("closing %s is refused: %s (%s)", month, why, code), err
	}
}
