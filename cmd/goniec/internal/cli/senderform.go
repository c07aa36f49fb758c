package cli

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/account"
	"goniec/domain/billing"
)

func (a *app) senderCommand() *cobra.Command {
	commands := []*cobra.Command{
		a.senderShow(), a.senderCreate(), a.senderSet(), a.senderLogo(),
		a.senderStep("submit", "Submit the form; it is frozen from then on", `Submits the form for verification. It must lack nothing (see "goniec sender show"), and
nothing can be changed until it is withdrawn or returned. An operator's key may
submit a sender whose form is filled elsewhere.`, "submit", nil),
		a.senderStep("withdraw", "Take a submission back for changes", `Takes a submission back, as long as it was not passed to Viber.`, "withdraw", nil),
	}
	cmd := group("sender", "Senders: their form, its verification, their end and beginning", slices.Concat(commands, a.senderSwitches(), a.senderReview())...)
	cmd.Long = `A sender is one sender name for one destination country. Its form is saved in parts, as
often as you like, and submitted when it lacks nothing.`
	return cmd
}

func (a *app) senderShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [ID]", Short: "Show the senders, or one with its form and what it lacks", Args: cobra.MaximumNArgs(1),
		Long: "Shows the account's senders; with an id that sender's form, what it lacks and, if it was\nreturned, why.",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			if len(args) == 0 {
				list, err := api.Senders(cmd.Context())
				if err != nil {
					return err
				}
				return a.show(list, func() { a.saySenders(list.Senders) })
			}
			s, err := api.Sender(cmd.Context(), args[0])
			if err != nil {
				return notFound(err, "sender")
			}
			return a.show(s, func() { a.saySender(s) })
		}),
	}
}

func (a *app) saySenders(list []httpapi.SenderBody) {
	if len(list) == 0 {
		a.say("there are no senders; the first one: goniec sender create --company NAME")
		return
	}
	var rows [][]string
	for _, s := range list {
		month, last := trafficWords(s.Traffic)
		rows = append(rows, []string{s.ID, s.Name, s.Country, badged(s), fmt.Sprint(len(s.Missing)), owedWords(s.Traffic), month, last})
	}
	a.table([]string{"ID", "NAME", "COUNTRY", "STATE", "MISSING", "MINIMUM", "THIS MONTH", "LAST MONTH"}, rows)
}

// owedWords is what a sender owes at least in the month.
func owedWords(t *httpapi.SenderTraffic) string {
	switch {
	case t == nil:
		return "-"
	case t.Free != "":
		return freeWords(t.Free)
	case t.MinimumMessages > 0:
		return words.Count(int(t.MinimumMessages), "message") + " or " + words.Money(t.Minimum, t.Currency)
	}
	return words.Money(t.Minimum, t.Currency)
}

func freeWords(reason string) string {
	said, ok := map[string]string{
		billing.ReasonActivationMonth: "none in the month of activation", billing.ReasonWaived: "waived", billing.ReasonNoMinimum: "none in the terms",
		billing.ReasonOtherCurrency: "none in the account's currency", "not_active": "none, it is not active",
	}[reason]
	if !ok {
		return reason
	}
	return said
}

// trafficWords is a sender's traffic of this month and of the last.
func trafficWords(t *httpapi.SenderTraffic) (month, last string) {
	if t == nil {
		return "-", "-"
	}
	both := func(messages int64, amount string) string {
		return words.Thousands(messages) + ", " + words.Money(amount, t.Currency)
	}
	return both(t.Messages, t.Amount), both(t.LastMessages, t.LastAmount)
}

// saySender shows the state, what is missing, then the form.
func (a *app) saySender(s httpapi.SenderBody) {
	a.say("%s for %s: %s, version %d (%s)", s.Name, s.Country, s.State, s.Version, s.ID)
	for _, r := range s.Reasons {
		a.say("  returned: %s", r)
	}
	a.saySwitches(s)
	if s.Traffic != nil {
		month, last := trafficWords(s.Traffic)
		a.say("  on Viber in %s: %s; last month %s; minimum: %s", s.Traffic.Month, month, last, owedWords(s.Traffic))
	}
	if s.State == string(account.SenderNew) && len(s.Missing) == 0 {
		a.say("  ready to be verified: goniec sender submit %s", s.ID)
	}
	for _, m := range s.Missing {
		a.say("  missing: %s", m.Needs)
	}
	a.sayFollows(s)
	if s.Submission != nil && len(s.Submission.Changed) > 0 {
		a.say("  changed since submission %d: %s", s.Submission.Number, strings.Join(s.Submission.Changed, ", "))
	}
	if s.Form == nil {
		return
	}
	f, logo := *s.Form, ""
	if f.Logo != nil {
		logo = fmt.Sprintf("%s, %d×%d, SHA-256 %s", f.Logo.Type, f.Logo.Width, f.Logo.Height, f.Logo.Digest)
	}
	rows := [][]string{
		{"company", f.Company},
		{"registered in", orDash(f.RegisteredIn)},
		{"logo", orDash(logo)},
		{"type", orDash(f.Type)},
		{"kind", orDash(f.Kind)},
		{"communication", orDash(f.Communication)},
		{"notice e-mail", orDash(f.NoticeEmail)},
	}
	for i, sample := range f.Samples {
		rows = append(rows, []string{fmt.Sprintf("sample %d", i+1), strings.Join(strings.Fields(sample), " ")})
	}
	a.table([]string{"FIELD", "VALUE"}, rows)
}

// sayFollows tells what follows the submission, when it comes next or was made (rules.md B6).
func (a *app) sayFollows(s httpapi.SenderBody) {
	if s.Follows == nil || len(s.Missing) > 0 {
		return
	}
	f := *s.Follows
	switch {
	case s.State == string(account.SenderNew):
		a.say("  from the submission on nothing of it can be changed; until it is passed on to Viber it can be withdrawn")
	case f.Withdrawable:
		a.say("  nothing of it can be changed; until it is passed on to Viber it can be withdrawn: goniec sender withdraw %s", s.ID)
	default:
		a.say("  it was passed on to Viber: nothing of it can be changed, and it cannot be withdrawn")
	}
	a.say("  Viber's verification takes %d to %d working days from then, the activation of the name %d to %s more",
		f.VerificationDaysMin, f.VerificationDays, f.ActivationDaysMin, words.Count(f.ActivationDays, "day"))
	a.say("  minimum: %s", followingMinimum(f))
}

// followingMinimum is what is owed after the activation, and from when.
func followingMinimum(f httpapi.FollowsBody) string {
	m := f.Minimum
	if m == nil {
		return "none in the regulations for its country and the account's currency"
	}
	owed := words.Money(m.Amount, m.Currency) + " a month"
	if m.Unit == account.UnitMessages {
		owed += ", unless " + words.Count(m.Messages, "Viber message") + " are charged"
	}
	return owed + ", from the month after its activation on: " + f.MinimumFrom + " at the earliest"
}

func (a *app) senderCreate() *cobra.Command {
	var in httpapi.SenderRequest
	cmd := &cobra.Command{
		Use: "create", Short: "Create a sender, in state new", Args: cobra.NoArgs,
		Example: "goniec sender create --company Zabka --name \"Żabka\" --country PL",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, _ []string) error {
			s, err := api.CreateSender(cmd.Context(), in)
			if err != nil {
				return err
			}
			return a.show(s, func() { a.saySender(s) })
		}),
	}
	fs := cmd.Flags()
	fs.StringVar(&in.Company, "company", "", "company `name`: at most 11 letters A-Z, a-z and digits")
	fs.StringVar(&in.Name, "name", "", "sender `name` as Viber shows it, at most 20 characters; it stays (default: the company name)")
	fs.StringVar(&in.Country, "country", account.DefaultCountry, "destination `country`; it stays")
	fs.Int64Var(&in.AcceptRegulations, "accept-regulations", 0, "accept this `version` of the regulations herewith; see regulations list")
	fs.StringVar(&in.Account, "account", "", "`id` of the account, with an operator's key")
	_ = cmd.MarkFlagRequired("company") // it was defined above
	return cmd
}

// ifVersion is the flag that guards a step against changes of others.
func ifVersion(cmd *cobra.Command, version *int64) {
	cmd.Flags().Int64Var(version, "if-version", 0, "only if it is still at this `version`; see show")
}

func (a *app) senderSet() *cobra.Command {
	var version int64
	var f formFlags
	cmd := &cobra.Command{
		Use: "set ID", Short: "Save a part of the form", Args: cobra.ExactArgs(1),
		Long: `Saves what is named and leaves the rest as it is; an empty value is taken away. Samples are
kept for ever: no recipient's data belongs in them. The logo is kept without its
metadata.`,
		Example: "goniec sender set ID --type finance --kind \"one-time codes\" --communication 1way\ngoniec sender set ID --sample \"Your code: 1234\" --sample \"Your parcel is on its way.\" --logo logo.png",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			in, err := f.request(cmd)
			if err != nil {
				return err
			}
			s, err := api.SaveSender(cmd.Context(), args[0], version, in)
			if err != nil {
				return notFound(err, "sender")
			}
			return a.show(s, func() { a.saySender(s) })
		}),
	}
	f.define(cmd)
	ifVersion(cmd, &version)
	return cmd
}

func (a *app) senderLogo() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "logo ID", Short: "Save the logo as goniec keeps it", Args: cobra.ExactArgs(1),
		Example: "goniec sender logo ID --out logo.png",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			data, err := api.SenderLogo(cmd.Context(), args[0])
			if err != nil {
				return notFound(err, "sender or logo")
			}
			return a.saveFile(path, data)
		}),
	}
	cmd.Flags().StringVar(&path, "out", "", "the `file` to write")
	_ = cmd.MarkFlagRequired("out") // it was defined above
	return cmd
}

// saveFile writes what was asked for and says so.
func (a *app) saveFile(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o644); err != nil { //nolint:gosec // for whoever asked, as their other files are
		return failWith(ExitUsage, fmt.Errorf("--out: %w", err))
	}
	saved := struct {
		File   string `json:"file"`
		Bytes  int    `json:"bytes"`
		SHA256 string `json:"sha256"`
	}{path, len(data), fmt.Sprintf("%x", sha256.Sum256(data))}
	return a.show(saved, func() { a.say("%s: %d bytes, SHA-256 %s", saved.File, saved.Bytes, saved.SHA256) })
}

// formFlags are the parts of the form.
type formFlags struct {
	company, registeredIn, typ, kind, communication, email, logo string
	samples                                                      []string
}

func (f *formFlags) define(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.company, "company", "", "company `name`: at most 11 letters A-Z, a-z and digits")
	fs.StringVar(&f.registeredIn, "registered-in", "", "`country` of the entity's registration")
	fs.StringVar(&f.typ, "type", "", "`description` of the notification type, at most 500 characters")
	fs.StringVar(&f.kind, "kind", "", "`description` of the notification kind, at most 500 characters")
	fs.StringVar(&f.communication, "communication", "", "`way`: 1way, 2way or both")
	fs.StringVar(&f.email, "notice-email", "", "`address` for notices")
	fs.StringArrayVar(&f.samples, "sample", nil, "sample `message`, 1 to 10 times, at most 1000 characters each; they replace those before")
	fs.StringVar(&f.logo, "logo", "", "`file` with the logo: JPG, GIF or PNG of exactly 200×200 pixels")
}

// request holds the parts that were named.
func (f *formFlags) request(cmd *cobra.Command) (httpapi.FormRequest, error) {
	named := func(flag string, value *string) *string {
		if cmd.Flags().Changed(flag) {
			return value
		}
		return nil
	}
	in := httpapi.FormRequest{
		Company: named("company", &f.company), RegisteredIn: named("registered-in", &f.registeredIn), Type: named("type", &f.typ), Kind: named("kind", &f.kind),
		Communication: named("communication", &f.communication), NoticeEmail: named("notice-email", &f.email), Logo: named("logo", &f.logo),
	}
	if cmd.Flags().Changed("sample") {
		in.Samples = samplesOf(f.samples)
	}
	if in == (httpapi.FormRequest{}) {
		return in, failWith(ExitUsage, errors.New("nothing to save: name at least one part of the form"))
	}
	if in.Logo == nil {
		return in, nil
	}
	file, err := readLogo(f.logo)
	in.Logo = &file
	return in, err
}

// samplesOf takes a single empty sample for none.
func samplesOf(list []string) *[]string {
	if len(list) == 1 && list[0] == "" {
		list = []string{}
	}
	return &list
}

// readLogo judges the file before it is sent.
func readLogo(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", failWith(ExitUsage, fmt.Errorf("--logo: %w", err))
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, account.MaxLogoBytes+1))
	if err != nil {
		return "", failWith(ExitUsage, fmt.Errorf("--logo: %w", err))
	}
	if _, _, err := account.CleanLogo(data); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(data), nil
}

// senderStep is POST /v1/senders/{id}/<path>; body is asked for when the flags were read.
func (a *app) senderStep(use, short, long, path string, body func() any) *cobra.Command {
	return stepCommand(use, short, long, a.stepSender(path, body))
}

// operatorStep is senderStep with an operator's key.
func (a *app) operatorStep(use, short, long, path string, body func() any) *cobra.Command {
	return stepCommand(use, short, long, a.withOperator(a.step(path, body)))
}

func stepCommand(use, short, long string, run func(*cobra.Command, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use + " ID", Short: short, Long: long, Args: cobra.ExactArgs(1), RunE: run}
	cmd.Flags().Int64("if-version", 0, "only if it is still at this `version`; see show")
	return cmd
}

func (a *app) stepSender(path string, body func() any) func(*cobra.Command, []string) error {
	return a.withAPI(a.step(path, body))
}

func (a *app) step(path string, body func() any) func(*cobra.Command, *remote, []string) error {
	return func(cmd *cobra.Command, api *remote, args []string) error {
		version, err := cmd.Flags().GetInt64("if-version")
		if err != nil {
			return err
		}
		var in any
		if body != nil {
			in = body()
		}
		s, err := api.StepSender(cmd.Context(), args[0], path, version, in)
		if err != nil {
			return notFound(err, "sender")
		}
		return a.show(s, func() {
			a.say("%s for %s is %s, version %d", s.Name, s.Country, s.State, s.Version)
			a.sayFollows(s)
			a.saySwitches(s)
		})
	}
}
