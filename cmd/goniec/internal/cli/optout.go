package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/adapters/recipients"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/recipient"
)

func (a *app) optOutCommand() *cobra.Command {
	return group("optout", "Record that recipients opted out, or consented again",
		a.optOut("add", "Record that recipients have opted out", `Records that a recipient does not want to be written to. Messages that still wait are
stopped as well. Without --scope it stops everything but one-time codes.`,
			func(ctx context.Context, api *remote, in httpapi.OptOutRequest) (httpapi.ChangedBody, error) {
				return api.OptOut(ctx, in)
			}),
		a.optOut("lift", "Record that recipients have consented again", `Records that a recipient may be written to again. Without --scope it opens everything.`,
			func(ctx context.Context, api *remote, in httpapi.OptOutRequest) (httpapi.ChangedBody, error) {
				return api.LiftOptOut(ctx, in)
			}))
}

const optOutFiles = `

Numbers are one on the command line, or a file's: one a line, or CSV with a column
"to". With "--file -" they come from standard input, and so stay out of the shell's
history. No number is printed.`

// optOutBody is what `optout` says with --json.
type optOutBody struct {
	Recipients int      `json:"recipients"`
	Changed    int      `json:"changed"` // of the others it was so already
	Bad        int      `json:"bad"`
	BadRows    []badRow `json:"bad_rows"`
}

type optOutCall func(context.Context, *remote, httpapi.OptOutRequest) (httpapi.ChangedBody, error)

func (a *app) optOut(use, short, long string, call optOutCall) *cobra.Command {
	var file, country string
	var scopes []string
	cmd := &cobra.Command{
		Use: use + " [NUMBER]", Short: short, Long: long + optOutFiles,
		Example: fmt.Sprintf("goniec optout %s +48500100201\ngoniec optout %s --file - --scope viber:promotional", use, use),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || (len(args) == 1) == (file != "") {
				return failWith(ExitUsage, errors.New("one number is required, or --file"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := parseScopes(scopes)
			if err != nil {
				return err
			}
			api, err := a.api()
			if err != nil {
				return err
			}
			o := &optOutRun{a: a, api: api, call: call, request: in, body: optOutBody{BadRows: []badRow{}}, bar: a.progress()}
			if file == "" {
				return o.single(cmd.Context(), args[0])
			}
			return o.file(cmd.Context(), file, country)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&file, "file", "", "`file` of numbers, one a line, or CSV with a column \"to\"; - is standard input")
	fs.StringVar(&country, "country", run.Defaults().Country, "`country` of the file's numbers that have no prefix")
	fs.StringArrayVar(&scopes, "scope", nil, "`channel:category` that it is about, such as viber:promotional; may be repeated")
	return cmd
}

func parseScopes(in []string) (httpapi.OptOutRequest, error) {
	var out httpapi.OptOutRequest
	for _, s := range in {
		channel, category, _ := strings.Cut(s, ":")
		scope := recipient.Scope{Channel: domain.Channel(channel), Category: domain.Category(category)}
		if !scope.Valid() {
			return out, failWith(ExitUsage, errors.New("--scope: must be viber or sms, a colon, and transactional, promotional or one_time_code"))
		}
		out.Scopes = append(out.Scopes, scope)
	}
	return out, nil
}

type optOutRun struct {
	a       *app
	api     *remote
	call    optOutCall
	request httpapi.OptOutRequest
	body    optOutBody
	bar     *progress
}

func (o *optOutRun) single(ctx context.Context, number string) error {
	if err := o.one(ctx, number); err != nil {
		return err
	}
	return o.end()
}

func (o *optOutRun) one(ctx context.Context, number string) error {
	in := o.request
	in.To = number
	out, err := o.call(ctx, o.api, in)
	if err != nil {
		return err
	}
	o.body.Recipients++
	if out.Changed {
		o.body.Changed++
	}
	o.bar.show("%s recorded", words.Count(o.body.Recipients, "recipient"))
	return nil
}

// file records one number after the other; repeating it changes nothing more.
func (o *optOutRun) file(ctx context.Context, path, country string) error {
	in, done, err := o.a.openList(path)
	if err != nil {
		return err
	}
	defer done()
	defer o.bar.end()
	list, shift, err := numbers(in, country)
	if err != nil {
		return usage("--file", err)
	}
	for {
		row, err := list.Next()
		var left *recipients.BadRow
		switch {
		case errors.Is(err, io.EOF):
			return o.end()
		case errors.As(err, &left):
			o.bad(badOf(left.Line-shift, left.Err))
			continue
		case err != nil:
			return err
		}
		err = o.one(ctx, row.To)
		var p *client.Error
		if errors.As(err, &p) && len(p.Fields) > 0 {
			o.bad(badRow{Line: row.Line - shift, Code: p.Code, Field: p.Fields[0].Field, Message: p.Fields[0].Message})
		} else if err != nil {
			return fmt.Errorf("%w\n%s recorded so far; the command may be repeated", err, words.Count(o.body.Recipients, "recipient"))
		}
	}
}

func (o *optOutRun) bad(b badRow) {
	o.body.Bad++
	if len(o.body.BadRows) < keepBad {
		o.body.BadRows = append(o.body.BadRows, b)
	}
}

// numbers reads CSV, or lines of numbers, which are CSV without a header: then
// lines are counted one too high, by shift.
func numbers(in io.ReadSeeker, country string) (list *recipients.Reader, shift int, err error) {
	opts := recipients.Options{Country: country}
	list, err = recipients.NewReader(in, opts)
	if domain.CodeOf(err) != recipients.CodeHeader {
		return list, 0, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	list, err = recipients.NewReader(io.MultiReader(strings.NewReader("to\n"), in), opts)
	return list, 1, err
}

func (o *optOutRun) end() error {
	o.bar.end()
	err := o.a.show(o.body, func() {
		for i, b := range o.body.BadRows {
			if i == shownBad {
				o.a.say("… and %s more (--json lists them)", words.Count(o.body.Bad-shownBad, "bad row"))
				break
			}
			o.a.say("%s", b)
		}
		before := ""
		if n := o.body.Recipients - o.body.Changed; n > 0 {
			before = fmt.Sprintf("; of %s it was so already", words.Thousands(int64(n)))
		}
		o.a.say("recorded of %s%s", words.Count(o.body.Recipients, "recipient"), before)
	})
	if err != nil || o.body.Bad == 0 {
		return err
	}
	return failWith(ExitFailed, errTold)
}
