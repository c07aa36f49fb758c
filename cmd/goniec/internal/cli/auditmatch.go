package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

func (a *app) auditMatch() *cobra.Command {
	var text, sms, image, button, url string
	cmd := &cobra.Command{
		Use: "match MESSAGE --text-file FILE", Short: "Say whether a text is the one that was sent", Args: cobra.ExactArgs(1),
		Long: `Compares the keyed digest of a content with that of the message in the journal: the text,
and where the message had them the SMS text, the image and the button. "-" reads standard
input. A line feed at a file's end does not matter. It needs the installation's secrets,
and works when the text itself was erased long ago. That it was asked is an event. It ends with 1 when they differ.`,
		Example: "goniec audit match 0002… --text-file claimed.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			parts := make([]string, 2)
			for i, f := range []struct{ flag, path string }{{"--text-file", text}, {"--sms-file", sms}} {
				part, err := a.claimed(f.flag, f.path)
				if err != nil {
					return err
				}
				parts[i] = part
			}
			return a.match(cmd.Context(), args[0], parts[0], image, button, url, parts[1])
		},
	}
	cmd.Flags().StringVar(&text, "text-file", "", "`file` with the text")
	cmd.Flags().StringVar(&sms, "sms-file", "", "`file` with the SMS text, if the request had one of its own")
	cmd.Flags().StringVar(&image, "image-url", "", "the image's `URL`")
	cmd.Flags().StringVar(&button, "button-text", "", "the button's `text`")
	cmd.Flags().StringVar(&url, "button-url", "", "the button's `URL`")
	_ = cmd.MarkFlagRequired("text-file") // it was defined above
	return cmd
}

// maxClaimed bounds a text that is compared, in bytes.
const maxClaimed = 64 << 10

// claimed is a file's text as a request holds it; "" without a file.
func (a *app) claimed(flag, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", failWith(ExitUsage, fmt.Errorf("%s: the file cannot be read", flag))
		}
		defer f.Close() //nolint:errcheck // it is only read
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxClaimed+1))
	if err != nil || len(b) > maxClaimed {
		return "", failWith(ExitUsage, fmt.Errorf("%s: cannot be read, or is longer than %d bytes", flag, maxClaimed))
	}
	return norm.NFC.String(strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")), nil
}

// matchBody is what `audit match` says with --json.
type matchBody struct {
	Message string    `json:"message"`
	Matches bool      `json:"matches"`
	At      time.Time `json:"accepted_at"`
	Intact  bool      `json:"intact"`
}

// digested says whether the parts have that digest: text, image, button and its URL, SMS
// text. Without an SMS text it is one that goniec makes of the text.
func digested(s eventstore.Secrets, parts []string, digest string) bool {
	last := len(parts) - 1
	texts := []string{parts[last]}
	if parts[last] == "" {
		texts = httpapi.SMSTexts(parts[0], parts[last-1])
	}
	return slices.ContainsFunc(texts, func(text string) bool { return s.ContentDigest(append(slices.Clone(parts[:last]), text)...) == digest })
}

func (a *app) match(ctx context.Context, id string, parts ...string) error {
	where, secrets, err := a.secrets()
	if err != nil {
		return err
	}
	s, err := a.told(ctx, "message/"+strings.TrimPrefix(id, "message/"))
	if err != nil {
		return err
	}
	if err := a.noteAccess(ctx, where.Kafka, account.NoteAccess{What: account.AccessMatch, Subject: s.Stream}); err != nil {
		return err
	}
	out := matchBody{Message: strings.TrimPrefix(s.Stream, "message/"), Intact: s.Intact}
	for _, step := range s.Steps { // a message may come again under its id, 35 days after its end
		if accepted, ok := step.Fact.(message.Accepted); ok && !out.Matches {
			out.At, out.Matches = step.At, digested(secrets, parts, accepted.Digest)
		}
	}
	if out.At.IsZero() {
		return failWith(ExitFailed, errors.New("the message was never accepted: the journal has no digest of it"))
	}
	if err := a.show(out, func() {
		if out.Matches {
			a.say("This is the content of message %s, accepted %s.", out.Message, moment(out.At))
		} else {
			a.say("This is not the content of message %s.", out.Message)
		}
		if !out.Intact {
			a.say("Not to be relied on: the journal is broken, see audit verify.")
		}
	}); err != nil {
		return err
	}
	if !out.Matches {
		return failWith(ExitFailed, errTold)
	}
	return nil
}

// secrets are those that key identities and digests, and the cluster they belong to.
func (a *app) secrets() (cluster run.Config, keys eventstore.Secrets, err error) {
	c, err := a.cluster()
	if err != nil {
		return c, keys, err
	}
	s, err := run.ReadSecrets(c.Secrets)
	if err != nil {
		return c, keys, failWith(ExitUsage, err)
	}
	return c, s.Keys(), nil
}

func (a *app) auditConsent() *cobra.Command {
	var file, of, at, country string
	cmd := &cobra.Command{
		Use: "consent --number-file FILE --account ID", Short: "Say what a recipient allowed at a time, by the journal", Args: cobra.NoArgs,
		Long: `Says which messages a recipient of an account had opted out of at a time, since when and how
they said so. The number is read from a file ("-": standard input) and not printed. That it was asked
is an event.`,
		Example: "goniec audit consent --number-file - --account 0000… --at 2026-11-28T20:00:00Z",
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := parseDated(cmp.Or(at, time.Now().Format(time.RFC3339)), time.Local)
			if err != nil {
				return failWith(ExitUsage, errors.New("--at: must be a time, such as 2026-11-28T20:00:00Z"))
			}
			number, err := a.number(personFlags{file: file, country: country})
			if err != nil {
				return err
			}
			return a.consent(cmd.Context(), number, of, t)
		},
	}
	cmd.Flags().StringVar(&file, "number-file", "", "`file` with the number")
	cmd.Flags().StringVar(&of, "account", "", "`id` of the account")
	cmd.Flags().StringVar(&at, "at", "", "the `time` (default: now)")
	cmd.Flags().StringVar(&country, "country", run.Defaults().Country, "`country` of a number in national form")
	_ = cmd.MarkFlagRequired("number-file") // both were defined above
	_ = cmd.MarkFlagRequired("account")
	return cmd
}

// consentBody is what `audit consent` says with --json.
type consentBody struct {
	At        time.Time     `json:"at"`
	Recipient string        `json:"recipient"`
	Intact    bool          `json:"intact"`
	Cells     []consentCell `json:"allowed"`
}

// consentCell is one channel and category (rules.md E2).
type consentCell struct {
	Channel  domain.Channel   `json:"channel"`
	Category domain.Category  `json:"category"`
	Allowed  bool             `json:"allowed"`
	Stops    []recipient.Stop `json:"stops,omitempty"`
}

func (a *app) consent(ctx context.Context, e164, of string, at time.Time) error {
	where, secrets, err := a.secrets()
	if err != nil {
		return err
	}
	if _, err := a.told(ctx, account.AccountStream(of)); errors.Is(err, audit.ErrNoSuchStream) {
		return failWith(ExitUsage, errors.New("--account: the journal holds no such account"))
	} else if err != nil {
		return err
	}
	_, p := eventstore.NumberPartition(secrets, eventstore.Partitioner{N: where.Kafka.Partitions}, e164)
	out := consentBody{At: at.UTC(), Recipient: secrets.RecipientID(p, of, e164).String(), Intact: true}
	if err := a.noteAccess(ctx, where.Kafka, account.NoteAccess{What: account.AccessConsent, Subject: "recipient/" + out.Recipient}); err != nil {
		return err
	}
	var state recipient.State
	s, err := a.told(ctx, "recipient/"+out.Recipient)
	switch {
	case errors.Is(err, audit.ErrNoSuchStream): // nothing is known of them
	case err != nil:
		return err
	default:
		out.Intact = s.Intact
		then, err := s.StateAt(at)
		if err != nil {
			return err
		}
		state, _ = then.State.(recipient.State) // the zero one: there was nothing yet
	}
	for _, scope := range recipient.AllScopes() {
		cell := consentCell{Channel: scope.Channel, Category: scope.Category, Allowed: state.Allowed(scope.Channel, scope.Category)}
		for _, stop := range state.Stops {
			if stop.Scope() == scope {
				cell.Stops = append(cell.Stops, stop)
			}
		}
		out.Cells = append(out.Cells, cell)
	}
	return a.show(out, func() { a.sayConsent(out) })
}

func (a *app) sayConsent(b consentBody) {
	var rows [][]string
	for _, c := range b.Cells {
		said := "no opt-out"
		for i, stop := range c.Stops {
			if i == 0 {
				said = ""
			} else {
				said += "; "
			}
			said += fmt.Sprintf("opted out %s, %s", moment(stop.At), strings.ReplaceAll(stop.Origin, "_", " "))
		}
		rows = append(rows, []string{words.Channel(string(c.Channel)), strings.ReplaceAll(string(c.Category), "_", " "), said})
	}
	a.table([]string{"channel", "category", "at " + moment(b.At)}, rows)
	if !b.Intact {
		a.say("Not to be relied on: the journal is broken, see audit verify.")
	}
}
