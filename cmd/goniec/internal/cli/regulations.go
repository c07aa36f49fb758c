package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/account"
)

func (a *app) regulationsCommand() *cobra.Command {
	cmd := group("regulations", "Viber's regulations: versions, texts and their acceptance",
		a.regulationsList(), a.regulationsShow(), a.regulationsAccept(), a.regulationsPublish())
	cmd.Long = `The regulations come in versions, each in force from its first day on. An account accepts
a version before it creates its first sender; one that has not accepted the version in
force sends nothing. A coming version can be accepted before its first day.`
	return cmd
}

func (a *app) regulationsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the versions, and which the account has accepted", Args: cobra.NoArgs,
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, _ []string) error {
			list, err := api.Regulations(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(list, func() { a.sayRegulations(list) })
		}),
	}
}

func (a *app) sayRegulations(list httpapi.RegulationsList) {
	if len(list.Versions) == 0 {
		a.say("no regulations are published: nothing has to be accepted")
		return
	}
	var rows [][]string
	for _, r := range list.Versions {
		state := ""
		switch r.Version {
		case list.InForce:
			state = "in force"
		case list.Coming:
			state = "coming"
		}
		accepted := ""
		if i := slices.IndexFunc(list.Accepted, func(x httpapi.AcceptanceBody) bool { return x.Version == r.Version }); i >= 0 {
			accepted = list.Accepted[i].At.UTC().Format("2006-01-02") + " by " + list.Accepted[i].By
		}
		rows = append(rows, []string{fmt.Sprint(r.Version), r.ValidFrom, orDash(state), orDash(accepted), r.Title})
	}
	a.table([]string{"VERSION", "FROM", "STATE", "ACCEPTED", "TITLE"}, rows)
	for _, m := range list.Missing {
		a.say("missing: %s: goniec regulations show %d, then goniec regulations accept %d", m.Needs, list.InForce, list.InForce)
	}
}

func (a *app) regulationsShow() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "show VERSION", Short: "Show the text of a version, or save it as it was published", Args: cobra.ExactArgs(1),
		Example: "goniec regulations show 1 --out regulations.pdf",
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			data, err := api.RegulationsText(cmd.Context(), args[0])
			if err != nil {
				return noSuchVersion(err)
			}
			if path != "" {
				return a.saveFile(path, data)
			}
			if slices.Contains(data, 0) || string(data[:min(len(data), 5)]) == "%PDF-" {
				return failWith(ExitUsage, errors.New("the text is no plain text: save it with --out FILE"))
			}
			return a.show(map[string]string{"text": string(data)}, func() { a.say("%s", data) })
		}),
	}
	cmd.Flags().StringVar(&path, "out", "", "the `file` to write")
	return cmd
}

func noSuchVersion(err error) error { return notFound(err, "version of the regulations") }

func (a *app) regulationsAccept() *cobra.Command {
	return &cobra.Command{
		Use: "accept VERSION", Short: "Accept a version for the account", Args: cobra.ExactArgs(1),
		Long: `Accepts a version that is in force or coming, for the account of the key. Kept with it are
the time, the key with its label and, sealed, the address that the request came from.`,
		RunE: a.withAPI(func(cmd *cobra.Command, api *remote, args []string) error {
			out, err := api.AcceptRegulations(cmd.Context(), args[0])
			if err != nil {
				return noSuchVersion(err)
			}
			return a.show(out, func() {
				a.say("version %s of the regulations is accepted%s", args[0], already(out.Changed, "; it was already"))
			})
		}),
	}
}

func (a *app) regulationsPublish() *cobra.Command {
	var in httpapi.RegulationsRequest
	var text, minimums string
	var yes bool
	cmd := &cobra.Command{
		Use: "publish", Short: "Publish a version", Args: cobra.NoArgs,
		Long: `Publishes a version, which needs an operator's key. It begins at least 30 days ahead; only
the first one may begin at once. From its first day on accounts that have not accepted it
send nothing. A version cannot be taken back; a later one with the same first day takes
its place.

Without --yes nothing is published: it says which minimums would change, and for which
senders. The minimums are a CSV, YAML or JSON file with country, currency and amount, and
where they differ unit (amount or messages, then with messages), mode (true_up or full) and
scope (per_country or highest_of_sender).`,
		Example: "goniec regulations publish --title \"Regulations 2027\" --text regulations.pdf --valid-from 2027-01-01 --minimums minimums.csv --yes",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) (err error) {
			if in.Text, in.ContentType, err = readText(text); err != nil {
				return err
			}
			if in.Minimums, err = readMinimums(minimums); err != nil {
				return err
			}
			return a.publishRegulations(cmd.Context(), api, in, yes)
		}),
	}
	fs := cmd.Flags()
	fs.StringVar(&in.Title, "title", "", "`title` of the version")
	fs.StringVar(&text, "text", "", "`file` with the text: .pdf, .txt, .md or .html, at most 1 MB")
	fs.StringVar(&in.ValidFrom, "valid-from", "", "first `day`, in the billing zone")
	fs.StringVar(&minimums, "minimums", "", "`file` with the minimums: .csv, .yaml or .json")
	fs.BoolVar(&yes, "yes", false, "publish it")
	for _, name := range []string{"title", "text", "valid-from"} {
		_ = cmd.MarkFlagRequired(name) // they were defined above
	}
	return cmd
}

func (a *app) publishRegulations(ctx context.Context, api *remote, in httpapi.RegulationsRequest, yes bool) error {
	preview, err := api.PreviewRegulations(ctx, httpapi.MinimumsRequest{ValidFrom: in.ValidFrom, Minimums: in.Minimums})
	if err != nil {
		return err
	}
	if !yes {
		return a.show(preview, func() {
			a.sayMinimums(preview)
			a.say("From %s on accounts that have not accepted the version send nothing: their clients accept it before.", in.ValidFrom)
			a.say("Nothing was published: repeat with --yes to publish the version.")
		})
	}
	out, err := api.PublishRegulations(ctx, in)
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.sayMinimums(preview)
		a.say("version %d of the regulations is published; it is in force from %s, and who has not accepted it by then sends nothing", out.Version, out.ValidFrom)
	})
}

// readText reads a file of a version; its name's ending says what it is.
func readText(path string) (text, contentType string, err error) {
	for typ, ending := range account.RegulationsTypes() {
		if filepath.Ext(path) == ending {
			contentType = typ
		}
	}
	if contentType == "" {
		return "", "", failWith(ExitUsage, errors.New("--text: the file must be a .pdf, .txt, .md or .html"))
	}
	data, err := readBounded("--text", path, httpapi.MaxRegulationsText)
	return base64.StdEncoding.EncodeToString(data), contentType, err
}

func (a *app) sayMinimums(p httpapi.MinimumsPreview) {
	if len(p.Changes) == 0 {
		a.say("no minimum differs from the version in force then")
		return
	}
	rows := make([][]string, len(p.Changes))
	for i, c := range p.Changes {
		rows[i] = []string{c.Country, minimumWords(c.Before), minimumWords(c.After)}
	}
	a.table([]string{"COUNTRY", "BEFORE", "AFTER"}, rows)
	if len(p.Senders) == 0 {
		a.say("for no sender that there is")
		return
	}
	rows = make([][]string, len(p.Senders))
	for i, s := range p.Senders {
		rows[i] = []string{s.Sender, s.Country, string(s.State), s.Account}
	}
	a.table([]string{"SENDER", "COUNTRY", "STATE", "ACCOUNT"}, rows)
}

func minimumWords(m *account.Minimum) string {
	if m == nil {
		return "–"
	}
	s := words.Money(m.Amount, m.Currency)
	if m.Unit == account.UnitMessages {
		s += fmt.Sprintf(" below %s", words.Count(m.Messages, "message"))
	}
	if m.Mode == account.FullMinimum {
		s += ", on top"
	}
	if m.Scope == account.HighestOfSender {
		s += ", the highest of the sender's"
	}
	return s
}

var minimumColumns = []string{"country", "currency", "unit", "amount", "messages", "mode", "scope"}

func readMinimums(path string) ([]account.Minimum, error) {
	if path == "" {
		return nil, nil
	}
	rows, err := readRows("--minimums", path, minimumColumns, account.MaxMinimums)
	if err != nil {
		return nil, err
	}
	out := make([]account.Minimum, len(rows))
	for i, r := range rows {
		v := r.Values
		out[i] = account.Minimum{Country: v["country"], Currency: v["currency"], Unit: v["unit"], Amount: v["amount"], Mode: v["mode"], Scope: v["scope"]}
		if v["messages"] == "" {
			continue
		}
		if out[i].Messages, err = strconv.Atoi(v["messages"]); err != nil {
			return nil, failWith(ExitUsage, fmt.Errorf("--minimums: line %d: messages must be a whole number", r.Line))
		}
	}
	return out, nil
}

func readBounded(flag, path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: %w", flag, err))
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: %w", flag, err))
	}
	if int64(len(data)) > limit {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: the file may have %d bytes", flag, limit))
	}
	return data, nil
}
