package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/adapters/phone"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
)

const privacyNeeds = `

The number is read from a file ("-": standard input) and never printed. Needs an
operator's key: that of the running up, or name its file with --key-file. Run book:
docs/runbooks/erasure.md.`

func (a *app) privacyCommand() *cobra.Command {
	return group("privacy", "What is kept about a person: hand it out, erase it", a.privacyExport(), a.privacyErase())
}

// personFlags say whom a command is about.
type personFlags struct{ file, account, country string }

func (f *personFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "number-file", "", "`file` with the number")
	cmd.Flags().StringVar(&f.account, "account", "", "`id` of the account (default: all)")
	cmd.Flags().StringVar(&f.country, "country", run.Defaults().Country, "`country` of a number in national form")
	_ = cmd.MarkFlagRequired("number-file") // it was defined above
}

// number reads the number, in E.164.
func (a *app) number(f personFlags) (string, error) {
	text, err := a.claimed("--number-file", f.file)
	if err != nil {
		return "", err
	}
	number, _, err := phone.Normalise(strings.TrimSpace(text), f.country)
	if err != nil {
		return "", failWith(ExitUsage, errors.New("--number-file: must hold one phone number"))
	}
	return number, nil
}

func (a *app) privacyExport() *cobra.Command {
	var f personFlags
	out := ""
	cmd := &cobra.Command{
		Use: "export --number-file FILE", Short: "Write everything that is kept about a number as one JSON file", Args: cobra.NoArgs,
		Long: `Writes what is kept about a number, by account: messages with their texts while those are
kept, replies, opt-outs. It goes to standard output or, with --out, to a new file that only
its owner can read.` + privacyNeeds,
		Example: "goniec privacy export --number-file number.txt --out person.json",
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) error {
			number, err := a.number(f)
			if err != nil {
				return err
			}
			return a.exportPerson(cmd.Context(), api, httpapi.PersonRequest{To: number, Account: f.account}, out)
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "new `file`")
	return cmd
}

func (a *app) exportPerson(ctx context.Context, api *remote, in httpapi.PersonRequest, path string) (err error) {
	to := a.out
	if path != "" {
		file, failed := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if failed != nil {
			return failWith(ExitUsage, fmt.Errorf("--out: %w", failed))
		}
		defer func() {
			if err = errors.Join(err, file.Close()); err != nil {
				_ = os.Remove(path) // the error counts
			}
		}()
		to = file
	}
	end := &tail{w: to}
	if err := api.ExportPerson(ctx, in, end); err != nil {
		return err
	}
	if !bytes.HasSuffix(bytes.TrimSpace(end.last), []byte(`"complete":true}`)) {
		return failWith(ExitFailed, errors.New("it is not whole: something was not available while it was written; repeat it"))
	}
	return nil
}

// tail passes on what is written and keeps its end.
type tail struct {
	w    io.Writer
	last []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const kept = 64
	t.last = append(t.last, b[max(0, len(b)-kept):]...)
	t.last = t.last[max(0, len(t.last)-kept):]
	return t.w.Write(b)
}

func (a *app) privacyErase() *cobra.Command {
	var f personFlags
	reason, yes := "", false
	cmd := &cobra.Command{
		Use: "erase --number-file FILE --reason TEXT", Short: "Erase a number and its texts for good", Args: cobra.NoArgs,
		Long: `Destroys the texts of all messages and replies of a number, and the number with them. What
was still to be sent to it ends as failed, reason erased. Opt-outs stay in force, bills and
history as they are. Who and why stands in the journal for ever: put nothing personal into
the reason. Repeating it finishes what was interrupted.` + privacyNeeds,
		Example: `goniec privacy erase --number-file number.txt --reason "request 2026/117" --yes`,
		RunE: a.withOperator(func(cmd *cobra.Command, api *remote, _ []string) error {
			number, err := a.number(f)
			if err != nil {
				return err
			}
			if !yes {
				if sure, err := a.confirm("erase all texts of this number for good? (--yes)"); err != nil || !sure {
					return err
				}
			}
			out, err := api.ErasePerson(cmd.Context(), httpapi.EraseRequest{To: number, Account: f.account, Reason: reason})
			if err != nil {
				return err
			}
			return a.show(out, func() { a.sayErased(out) })
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for the journal")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	_ = cmd.MarkFlagRequired("reason") // it was defined above
	return cmd
}

func (a *app) sayErased(b httpapi.ErasedBody) {
	if b.Contents == 0 {
		a.say("nothing is kept of this number")
	}
	for _, r := range b.Recipients {
		if r.Recipient == "" {
			a.say("%s of no account erased", words.Count(r.Contents, "text"))
			continue
		}
		a.say("%s erased: account %s, recipient/%s", words.Count(r.Contents, "text"), r.Account, r.Recipient)
	}
	if !b.Compacted {
		a.say("Kafka drops the bytes within three hours; until then see docs/runbooks/erasure.md")
	}
}
