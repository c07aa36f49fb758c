package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/unicode/norm"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/calendar"
)

type senderParams struct {
	ID      string `path:"id" format:"uuid"`
	IfMatch string `header:"If-Match" doc:"The ETag of the version that was read: it is refused (412) if it has changed since. Without: whatever the version." example:"\"3\""`
}

// version is what If-Match names; 0 = any.
func (p *senderParams) version() (int64, error) {
	if p.IfMatch == "" || p.IfMatch == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(p.IfMatch, `"`), 10, 64)
	if err != nil || n < 1 || p.IfMatch != etag(n) {
		return 0, domain.RefuseField(CodeInvalidValue, "If-Match", `must be an ETag of this resource, such as "3", or *`)
	}
	return n, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// registerSenders adds configurations: clients write and submit their own, and
// operators decide on all.
func (a *API) registerSenders(api huma.API) {
	conflict := []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}
	op := func(id, method, path, summary string, status int, errors []int) operation {
		return operation{id: id, method: method, path: path, tag: "Senders", summary: summary, status: status, errors: errors}
	}
	register(a, api, op("list-senders", http.MethodGet, "/v1/senders", "Senders of the account; of all accounts for keys of the installation", 0, nil), a.senders)
	register(a, api, op("create-sender", http.MethodPost, "/v1/senders", "Create a sender, in state new", http.StatusCreated, conflict[:2]), a.createSender)
	register(a, api, op("get-sender", http.MethodGet, "/v1/senders/{id}", "A sender with its form and what it lacks", 0, conflict[:1]), a.sender)
	save := op("save-sender", http.MethodPatch, "/v1/senders/{id}", "Save a part of the form, in state new, or of an active sender's next version", 0, conflict)
	save.large, save.smaller = "logo", account.LogoTooLarge().Message // nothing else in it can be
	register(a, api, save, a.saveSender)
	a.registerLogo(api)
	submit := op("submit-sender", http.MethodPost, "/v1/senders/{id}/submit", "New to submitted: frozen from then on", 0, conflict)
	submit.description = "A client's form must lack nothing. An operator may submit a sender whose form is filled elsewhere."
	register(a, api, submit, a.submitSender)
	register(a, api, op("withdraw-sender", http.MethodPost, "/v1/senders/{id}/withdraw", "Submitted to new, until it is passed to Viber", 0, conflict),
		step(a, func(v int64, _ *noBody) account.Command { return account.WithdrawSender{IfVersion: v} }))
	disable := op("disable-sender", http.MethodPost, "/v1/senders/{id}/disable", "Ask for its end, or its end for good, at the end of a month", 0, conflict)
	disable.description = "Notice of 7 days before the month's end. Twice a year at most, but for a closing."
	register(a, api, disable, a.disableSender)
	register(a, api, op("withdraw-disable", http.MethodPost, "/v1/senders/{id}/disable/withdraw", "Take the notice back, before it takes effect", 0, conflict),
		step(a, func(v int64, _ *noBody) account.Command { return account.WithdrawDisable{IfVersion: v} }))
	register(a, api, op("enable-sender", http.MethodPost, "/v1/senders/{id}/enable", "Ask for it to be on again", 0, conflict), a.enableSender)
	register(a, api, op("withdraw-enable", http.MethodPost, "/v1/senders/{id}/enable/withdraw", "Leave it off", 0, conflict),
		step(a, func(v int64, _ *noBody) account.Command { return account.WithdrawEnable{IfVersion: v} }))
	a.registerSenderDecisions(api, conflict)
}

func (a *API) registerSenderDecisions(api huma.API, conflict []int) {
	op := func(id, path, summary string, errors []int) operation {
		return operation{id: id, method: http.MethodPost, path: path, tag: "Operator", summary: summary, errors: errors}
	}
	register(a, api, op("pass-sender", "/v1/senders/{id}/pass", "Record that Viber got the submission", conflict),
		step(a, func(v int64, b *PassRequest) account.Command {
			return account.PassSender{On: orZero(b.On), Reference: b.Reference, IfVersion: v}
		}))
	register(a, api, op("approve-sender", "/v1/senders/{id}/approve", "Submitted to active", conflict),
		step(a, func(v int64, b *ApproveRequest) account.Command {
			return account.ApproveSender{ServiceID: b.ServiceID, ActiveOn: orZero(b.ActiveOn), IfVersion: v}
		}))
	register(a, api, op("return-sender", "/v1/senders/{id}/return", "Submitted to new, with reasons", conflict),
		step(a, func(v int64, b *ReturnRequest) account.Command {
			return account.ReturnSender{Reasons: b.Reasons, IfVersion: v}
		}))
	register(a, api, op("confirm-sender", "/v1/senders/{id}/confirm", "Say that it was switched off, or on, at Viber", conflict),
		step(a, func(v int64, _ *noBody) account.Command { return account.ConfirmSender{IfVersion: v} }))
	register(a, api, op("suspend-sender", "/v1/senders/{id}/suspend", "Stop an active sender at once", conflict),
		step(a, func(v int64, b *ReasonRequest) account.Command {
			return account.SuspendSender{Reason: b.Reason, By: account.ByOperator, IfVersion: v}
		}))
	register(a, api, op("lift-suspension", "/v1/senders/{id}/lift", "Lift a suspension", conflict),
		step(a, func(v int64, b *ReasonRequest) account.Command {
			return account.LiftSuspension{Reason: b.Reason, IfVersion: v}
		}))
	tasks := op("list-tasks", "/v1/tasks", "What operators have to do with senders, the most urgent first", nil)
	tasks.method = http.MethodGet
	register(a, api, tasks, a.tasks)
}

func (a *API) senders(ctx context.Context, c *call, _ *noParams, _ *noBody) (*answer[SenderList], error) {
	of := c.key.Account
	if c.everywhere() {
		of = ""
	}
	found := a.cfg.View.Senders(of)
	traffic := a.traffic(ctx, c, of)
	out := SenderList{Senders: make([]SenderBody, len(found))}
	for i, s := range found {
		out.Senders[i] = a.senderLine(c, s)
		out.Senders[i].Traffic = traffic(s.ID)
	}
	return ok(out)
}

// trafficBudget is how long an answer about senders waits for their traffic: the rest of it needs no Postgres.
const trafficBudget = 500 * time.Millisecond

// traffic finds senders' current month (rules.md A4); what read models do not say now
// is left out.
func (a *API) traffic(ctx context.Context, c *call, of string) func(id string) *SenderTraffic {
	ctx, cancel := context.WithTimeout(ctx, trafficBudget)
	defer cancel()
	found, err := a.cfg.Queries.SenderMonths(ctx, of, calendar.MonthOf(a.cfg.Clock.Now(), a.cfg.Zone).String())
	if err != nil {
		a.cfg.Logger.WarnContext(ctx, "senders are shown without their traffic", "request", c.request, "error", err)
	}
	return func(id string) *SenderTraffic {
		if t, ok := found[id]; ok {
			return &t
		}
		return nil
	}
}

// senderLine is a configuration as lists show it.
func (a *API) senderLine(c *call, s account.Sender) SenderBody {
	b := SenderBody{
		ID: s.ID, Account: s.Account, Name: s.Name, Company: s.Company, Country: s.Country, TwoWay: s.TwoWay,
		State: string(s.Status), ServiceID: s.ServiceID, Reasons: s.Reasons,
		Version: s.Version, Missing: c.needs(a.missing(s)), Reference: s.Reference,
	}
	if !s.ActiveOn.IsZero() {
		b.ActiveOn = &s.ActiveOn
	}
	if !s.PassedOn.IsZero() {
		b.PassedOn = &s.PassedOn
	}
	switchBody(&b, s)
	if c.key.Role == account.RoleOperator {
		for _, x := range a.cfg.View.LookAlikes(s) {
			b.LooksLike = append(b.LooksLike, LookAlike{ID: x.ID, Account: x.Account, Name: x.Name})
		}
	}
	return b
}

// missing is what keeps a configuration from being submitted by its client: of the
// form, and of the account's acceptance (B1, B5).
func (a *API) missing(s account.Sender) []account.Item {
	if s.Status != account.SenderNew {
		return s.Missing()
	}
	return append(s.Missing(), a.cfg.View.MissingRegulations(s.Account, a.cfg.Clock.Now())...)
}

// senderAnswer is a configuration with its form and its version.
func (a *API) senderAnswer(c *call, status int, s account.Sender) *answer[SenderBody] {
	b := a.senderLine(c, s)
	form := s.Filled()
	b.Form = &form
	if s.Status == account.SenderNew || s.Status == account.SenderInReview {
		f := a.cfg.View.Follows(s, a.cfg.Clock.Now(), a.cfg.Zone)
		b.Follows = &FollowsBody{
			Withdrawable: f.Withdrawable, VerificationDaysMin: account.VerificationDaysMin, VerificationDays: account.VerificationDays,
			ActivationDaysMin: account.PrefixDaysMin, ActivationDays: account.PrefixDays, MinimumFrom: f.MinimumFrom.String(), Minimum: f.Minimum,
		}
	}
	if last := s.Submission; last.Number > 0 {
		b.Submission = &SubmissionBody{Number: last.Number, At: last.At, Form: last.Form, Changed: []string{}}
		if last.Form != nil {
			b.Submission.Changed = account.Differences(*last.Form, s.Draft())
		}
	}
	if s.Change != nil {
		b.Change = &ChangeBody{Form: s.Draft(), UnderReview: s.Change.UnderReview, Reasons: s.Change.Reasons, Changed: account.Differences(form, s.Draft())}
	}
	year := calendar.DateOf(a.cfg.Clock.Now(), a.cfg.Zone).Year
	b.Switches = &SwitchesBody{Off: calendar.TogglesLeft(s.Offs, year), On: calendar.TogglesLeft(s.Ons, year)}
	return &answer[SenderBody]{Status: status, ETag: etag(s.Version), Body: b}
}

// visible finds a configuration that the key may see.
func (a *API) visible(c *call, id string) (account.Sender, error) {
	s, found := a.cfg.View.SenderByID(id)
	if !found || (!c.everywhere() && s.Account != c.key.Account) {
		return account.Sender{}, ErrNotFound
	}
	return s, nil
}

func (a *API) sender(ctx context.Context, c *call, in *idParam, _ *noBody) (*answer[SenderBody], error) {
	s, err := a.visible(c, in.ID)
	if err != nil {
		return nil, err
	}
	out := a.senderAnswer(c, http.StatusOK, s)
	out.Body.Traffic = a.traffic(ctx, c, s.Account)(s.ID)
	return out, nil
}

func (a *API) createSender(ctx context.Context, c *call, _ *noParams, body *SenderRequest) (*answer[SenderBody], error) {
	create, err := a.newSender(c, body)
	if err != nil {
		return nil, err
	}
	id := account.SenderID(create.Account, create.Name, create.Country)
	if err := a.room(id, create); err != nil {
		return nil, err
	}
	if err := a.acceptFirst(ctx, c, create.Account, body.AcceptRegulations); err != nil {
		return nil, err
	}
	if _, err := a.configure(ctx, c, create.Account, account.SenderStream(id), create); err != nil {
		return nil, err
	}
	s, found := a.cfg.View.SenderByID(id)
	if !found { // the view lags: what was asked for is what was decided
		v := account.NewView()
		v.Apply(account.SenderStream(id), 1, account.SenderCreated(create), a.cfg.Clock.Now())
		s, _ = v.SenderByID(id)
	}
	return a.senderAnswer(c, http.StatusCreated, s), nil
}

// newSender fills in what a request may leave out (B1, B3).
func (a *API) newSender(c *call, body *SenderRequest) (account.CreateSender, error) {
	r := *body
	if r.Account == "" && !c.everywhere() {
		r.Account = c.key.Account
	}
	_, known := a.cfg.View.AccountByID(r.Account)
	if !known || (!c.everywhere() && r.Account != c.key.Account) {
		return account.CreateSender{}, domain.RefuseField(CodeInvalidValue, "account", "there is no such account")
	}
	if r.Name == "" {
		r.Name = r.Company
	}
	if r.Country == "" {
		r.Country = account.DefaultCountry
	}
	if err := knownCountry(account.CodeInvalidCountry, "country", r.Country); err != nil {
		return account.CreateSender{}, err
	}
	return account.CreateSender{Account: r.Account, Name: norm.NFC.String(r.Name), Company: r.Company, Country: r.Country, TwoWay: r.TwoWay}, nil
}

// room bounds an account's configurations (B9), by this process's view: of those
// that are asked for at the same moment some may go beyond it.
func (a *API) room(id string, create account.CreateSender) error {
	if _, found := a.cfg.View.SenderByID(id); found {
		return nil // a repeat, or refused by the decider
	}
	if len(a.cfg.View.SendersNamed(create.Account, create.Name)) >= account.MaxCountries {
		return domain.RefuseField(CodeTooMany, "country", "is one too many: a sender name may have %d", account.MaxCountries)
	}
	if len(a.cfg.View.Senders(create.Account)) >= account.MaxSenders {
		return domain.RefuseField(CodeTooMany, "name", "is one too many: an account may have %d senders", account.MaxSenders)
	}
	return nil
}

func (a *API) saveSender(ctx context.Context, c *call, in *senderParams, body *FormRequest) (*answer[SenderBody], error) {
	changes, err := body.changes()
	if err != nil {
		return nil, err
	}
	if _, err := a.visible(c, in.ID); err != nil { // before anything is kept
		return nil, err
	}
	if changes.Logo, err = a.keepLogo(ctx, body.Logo); err != nil {
		return nil, err
	}
	return a.decideSender(ctx, c, in, func(v int64) account.Command { return account.SaveSender{Changes: changes, IfVersion: v} })
}

// explain says why a form that was read cannot be sent back whole (B9).
func (r *FormRequest) explain(field string) string {
	if field == "name" || field == "country" {
		return "is fixed when the sender is created: leave it out; another name or country is another sender (POST /v1/senders)"
	}
	return ""
}

// changes are what the domain judges, but for the logo: texts in NFC.
func (r *FormRequest) changes() (account.SenderDraftSaved, error) {
	d := account.SenderDraftSaved{
		Company: r.Company, RegisteredIn: r.RegisteredIn, Communication: r.Communication, NoticeEmail: r.NoticeEmail,
		Type: nfc(r.Type), Kind: nfc(r.Kind),
	}
	if r.RegisteredIn != nil && *r.RegisteredIn != "" {
		if err := knownCountry(account.CodeInvalidCountry, "registered_in", *r.RegisteredIn); err != nil {
			return d, err
		}
	}
	if r.Samples != nil {
		samples := make([]string, len(*r.Samples))
		for i, s := range *r.Samples {
			samples[i] = norm.NFC.String(s)
		}
		d.Samples = &samples
	}
	return d, nil
}

func nfc(s *string) *string {
	if s == nil {
		return nil
	}
	t := norm.NFC.String(*s)
	return &t
}

// submitSender names all that is missing; the decider's refusal names the first.
func (a *API) submitSender(ctx context.Context, c *call, in *senderParams, _ *noBody) (*answer[SenderBody], error) {
	if err := a.acceptedBySender(c, in.ID); err != nil {
		return nil, err
	}
	out, err := a.decideSender(ctx, c, in, func(v int64) account.Command {
		return account.SubmitSender{Elsewhere: c.key.Role == account.RoleOperator, IfVersion: v}
	})
	if domain.CodeOf(err) != account.CodeFormIncomplete {
		return out, err
	}
	s, _ := a.cfg.View.SenderByID(in.ID)
	if lacking := a.lacking(s); lacking != nil {
		return nil, lacking
	}
	return nil, err // it was filled meanwhile
}

// acceptedBySender refuses a client's submission before the regulations in force
// are accepted: that is the account's fact, which a sender's decision does not see.
func (a *API) acceptedBySender(c *call, id string) error {
	s, err := a.visible(c, id)
	if err != nil || c.everywhere() || s.Status != account.SenderNew || a.cfg.View.Unaccepted(s.Account, a.cfg.Clock.Now()) == 0 {
		return err
	}
	return a.lacking(s)
}

// lacking names all that is missing, nil when nothing is.
func (a *API) lacking(s account.Sender) error {
	var faults []*domain.Error
	for _, m := range a.missing(s) {
		faults = append(faults, domain.RefuseField(account.CodeFormIncomplete, m.Field, "is missing: %s", m.Needs))
	}
	if len(faults) == 0 {
		return nil
	}
	return refusals(faults)
}

// step is one of the sender's transitions that If-Match may guard.
func step[B any](a *API, command func(version int64, body *B) account.Command) func(context.Context, *call, *senderParams, *B) (*answer[SenderBody], error) {
	return func(ctx context.Context, c *call, in *senderParams, body *B) (*answer[SenderBody], error) {
		return a.decideSender(ctx, c, in, func(v int64) account.Command { return command(v, body) })
	}
}

// decideSender sends a command to a visible configuration. The answer shows the view after it.
func (a *API) decideSender(ctx context.Context, c *call, in *senderParams, command func(version int64) account.Command) (*answer[SenderBody], error) {
	s, err := a.visible(c, in.ID)
	if err != nil {
		return nil, err
	}
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	_, err = a.configureHere(ctx, c, s.Account, account.SenderStream(in.ID), command(version))
	if refusal := new(domain.Error); errors.As(err, &refusal) && refusal.Code == account.CodeVersionConflict {
		err = domain.RefuseField(refusal.Code, "If-Match", "%s", refusal.Message)
	}
	if err != nil {
		return nil, err
	}
	s, _ = a.cfg.View.SenderByID(in.ID)
	return a.senderAnswer(c, http.StatusOK, s), nil
}
