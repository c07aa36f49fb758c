package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/internal/suffixes"
)

// sendFlags are the flags of `send`.
type sendFlags struct {
	sender, category, sms, validity string
	image, buttonText, buttonURL    string
	ref, at, run                    string
	tags                            []string
	noFallback, test, watch         bool

	file, text, country        string
	dryRun, yes, sample, again bool
}

const sendLong = `Sends one message, or one to every row of a file, and says what came of it.

One message: the number and its text; "-" as text reads it from standard input.
With --watch a line is shown for each thing that happens, and the command ends
when the message has: with 0 if it was delivered, else with 1.

A file: CSV with a header, one of whose columns is "to". Separators "," and ";",
UTF-8 and Windows-1250 are recognised. --text, --sms and --ref may name columns:
"Dzień dobry {name}", or {name|Kliencie} with a default. A row that cannot be sent
is reported with its line and reason, and the others go. --dry-run says what would
be sent and what it would cost. With real carriers more than 100 recipients are
sent only after a question, or with --yes.

A file's run has a name. Repeating a command after it was interrupted sends nothing
twice: a row is known by the run, its number and its reference. Unless --run names
it, the name follows from the file's content and the options, so that the very same
list and text is not sent a second time by mistake. --again does so all the same.

--sample sends one message to each kind of number of the simulated carriers, and
shows how each ends. It is for trying goniec out: no phone receives anything.`

const sendExample = `goniec send +48500100201 "Dzień dobry" --watch
goniec send +48500100206 "Dzień dobry" --validity 15s --watch
goniec send +48500100201 "Your code is 4821" --category one_time_code --validity 60s
goniec send +48500100201 "Sale" --category promotional --button-text Open --button-url https://example.com/sale
goniec send --file people.csv --text "Dzień dobry {name|Kliencie}" --dry-run
goniec send --file people.csv --text "Dzień dobry {name|Kliencie}" --run november-reminder --watch
goniec send --sample`

func (a *app) sendCommand() *cobra.Command {
	f := &sendFlags{}
	cmd := &cobra.Command{
		Use: "send [NUMBER TEXT]", Short: "Send a message, or one to each row of a file", Long: sendLong, Example: sendExample,
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.api()
			if err != nil {
				return err
			}
			switch {
			case f.sample:
				return a.sendSample(cmd.Context(), api, f)
			case f.file != "":
				return a.sendFile(cmd.Context(), api, f)
			}
			return a.sendOne(cmd.Context(), api, f, args)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.sender, "sender", "", "`name` of the sender (default: the account's only active one, or the demo's)")
	fs.StringVar(&f.category, "category", "transactional", "`what` it is: transactional, promotional or one_time_code")
	fs.StringVar(&f.sms, "sms", "", "`text` of the SMS (default: the text, with the button's link)")
	fs.StringVar(&f.validity, "validity", "", "how `long` Viber is tried before the SMS goes, 15s to 24h (default: the account's)")
	fs.BoolVar(&f.noFallback, "no-fallback", false, "send no SMS when Viber does not deliver")
	fs.StringVar(&f.image, "image", "", "`URL` of an image")
	fs.StringVar(&f.buttonText, "button-text", "", "`text` of a button")
	fs.StringVar(&f.buttonURL, "button-url", "", "`link` of the button")
	fs.StringVar(&f.ref, "ref", "", "your own `reference`; for a file it may name columns (default for a file: the run)")
	fs.StringArrayVar(&f.tags, "tag", nil, "`tag` for your reports; may be repeated")
	fs.StringVar(&f.at, "at", "", "send at this `time`: 15:04, \"2006-01-02 15:04\", RFC 3339, or +90m from now")
	fs.BoolVar(&f.test, "test", false, "check and record it, but send and charge nothing")
	fs.BoolVar(&f.watch, "watch", false, "show what happens until it has ended")
	fs.StringVar(&f.file, "file", "", "CSV `file` with a column \"to\"; - is standard input")
	fs.StringVar(&f.text, "text", "", "`text` for each row of the file")
	fs.StringVar(&f.country, "country", run.Defaults().Country, "`country` of the file's numbers that have no prefix")
	fs.BoolVar(&f.dryRun, "dry-run", false, "say what would be sent and what it would cost")
	fs.BoolVar(&f.yes, "yes", false, "do not ask")
	fs.StringVar(&f.run, "run", "", "`name` of the run; repeating a run sends nothing twice")
	fs.BoolVar(&f.again, "again", false, "send the file once more, though the same list and text was sent")
	fs.BoolVar(&f.sample, "sample", false, "send to one number of each kind that the simulated carriers know")
	cmd.MarkFlagsRequiredTogether("button-text", "button-url")
	cmd.MarkFlagsMutuallyExclusive("file", "sample")
	cmd.MarkFlagsMutuallyExclusive("again", "run")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "watch")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "sample")
	return cmd
}

// maxRun bounds a run's name: it is a client_ref, and part of an Idempotency-Key.
const maxRun = 100

func (f *sendFlags) check(args []string) error {
	var what string
	switch {
	case f.run != "" && (len(f.run) > maxRun || strings.ContainsFunc(f.run, func(r rune) bool { return r <= ' ' || r > '~' })):
		what = fmt.Sprintf("--run: at most %d letters, digits and signs, without spaces", maxRun)
	case f.sample && len(args) > 0:
		what = "--sample takes no number and no text"
	case f.file != "" && (len(args) > 0 || f.text == ""):
		what = "--file takes its numbers from the file and its text from --text"
	case f.file != "" && f.watch && f.ref != "":
		what = "--watch follows a file by its run, which --ref replaces: use one of them"
	case f.file == "" && f.again:
		what = "--again goes with --file; a single message is sent each time"
	case f.file == "" && f.text != "":
		what = "--text goes with --file; a single message is: goniec send NUMBER TEXT"
	case f.file == "" && !f.sample && len(args) != 2:
		what = "a number and a text are required, or --file, or --sample"
	default:
		return nil
	}
	return failWith(ExitUsage, errors.New(what))
}

// message is what the flags say of every message: all but number, text and sender.
func (f *sendFlags) message() (httpapi.MessageRequest, error) {
	m := httpapi.MessageRequest{Category: f.category, ImageURL: f.image, Validity: f.validity, ClientRef: f.ref, Tags: f.tags, Test: f.test}
	if f.buttonText != "" {
		m.Button = &httpapi.Button{Text: f.buttonText, URL: f.buttonURL}
	}
	if f.sms != "" {
		m.SMS = &httpapi.SMSRequest{Text: f.sms}
	}
	if f.noFallback {
		m.Fallback = new(bool)
	}
	at, err := parseAt(f.at, time.Now())
	m.SendAt = at
	return m, err
}

// parseAt reads a time as people write it, in this machine's zone.
func parseAt(s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	if rest, ok := strings.CutPrefix(s, "+"); ok {
		if d, err := time.ParseDuration(rest); err == nil && d >= 0 {
			return new(now.Add(d)), nil
		}
	}
	if t, err := parseDated(s, now.Location()); err == nil {
		return &t, nil
	}
	if t, err := time.ParseInLocation("15:04", s, now.Location()); err == nil {
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
		if at.Before(now) {
			at = at.AddDate(0, 0, 1)
		}
		return &at, nil
	}
	return nil, failWith(ExitUsage, errors.New(`--at: must be a time such as 15:04, "2006-01-02 15:04", 2006-01-02T15:04:00+01:00 or +90m`))
}

// parseDated reads a time with its date, of a zone where it names none.
func parseDated(s string, zone *time.Location) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err = time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	return t, err
}

func (a *app) sendOne(ctx context.Context, api *remote, f *sendFlags, args []string) error {
	m, err := f.message()
	if err != nil {
		return err
	}
	if m.Text, err = a.textOf(args[1]); err != nil {
		return err
	}
	pick, err := a.senders(ctx, api, f)
	if err != nil {
		return err
	}
	m.To, m.Sender = args[0], pick(args[0])
	if f.dryRun {
		return a.previewOne(ctx, api, m)
	}
	key := f.run
	if key == "" {
		key = uuid.NewString()
	}
	sent, err := api.Send(ctx, key, m)
	if err != nil {
		return perhapsSent(err, key)
	}
	if err := a.show(sent, func() { a.sayAccepted(f, m, sent) }); err != nil || !f.watch {
		return err
	}
	return a.watch(ctx, api, sent.ID)
}

// maxTextInput bounds a text read from standard input; the API bounds it further.
const maxTextInput = 64 << 10

func (a *app) textOf(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	b, err := io.ReadAll(io.LimitReader(a.in, maxTextInput))
	if err != nil {
		return "", fmt.Errorf("standard input: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func (a *app) sayAccepted(f *sendFlags, m httpapi.MessageRequest, sent httpapi.AcceptedBody) {
	a.say("accepted %s", sent.ID)
	if sent.PricedCategory != "" && sent.PricedCategory != m.Category {
		a.say("priced as %s: it has an image or a button", sent.PricedCategory)
	}
	if f.sender == "" && m.Sender != suffixes.DemoSender {
		a.say("sender %s", m.Sender)
	}
	if sent.SendAt != nil {
		a.say("goes at %s", zoned(*sent.SendAt))
	}
	if !f.watch {
		a.say("see what becomes of it: goniec messages show %s", sent.ID)
	}
}

// perhapsSent tells how to repeat safely what may have been taken in.
func perhapsSent(err error, key string) error {
	var p *client.Error
	if errors.As(err, &p) && !p.Unavailable() {
		return err
	}
	return fmt.Errorf("%w\nIt may have been accepted all the same. To repeat it without sending it twice: --run %s", err, key)
}

func (a *app) previewOne(ctx context.Context, api *remote, m httpapi.MessageRequest) error {
	out, err := api.Preview(ctx, []httpapi.MessageRequest{m})
	if err != nil {
		return err
	}
	if len(out.Results) != 1 {
		return errors.New("the preview has no result")
	}
	p := out.Results[0]
	if p.Code != "" {
		return failWith(ExitRefused, &client.Error{Status: 422, Code: p.Code, Fields: p.Errors})
	}
	return a.show(p, func() {
		a.say("to %s from %s, priced as %s", p.Country, m.Sender, p.PricedCategory)
		a.say("on Viber: %s", words.Money(p.ViberPrice, p.Currency))
		if p.SMSParts > 0 {
			a.say("as SMS:   %s (%s, %s)", words.Money(p.SMSPrice, p.Currency), words.Count(p.SMSParts, "part"), p.SMSEncoding)
		}
		if m.SendAt != nil {
			a.say("it would go at %s", zoned(*m.SendAt))
		}
		a.say("nothing was sent")
	})
}
