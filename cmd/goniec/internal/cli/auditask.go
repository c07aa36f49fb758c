package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"goniec/adapters/phone"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

// told reads one story; what was asked for is not repeated, since it may be a number.
func (a *app) told(ctx context.Context, name string) (audit.Story, error) {
	cfg, closed, err := a.journal()
	if err != nil {
		return audit.Story{}, err
	}
	defer closed()
	s, err := audit.Tell(ctx, cfg, name)
	switch {
	case errors.Is(err, audit.ErrNoSuchStream):
		return s, failWith(ExitFailed, audit.ErrNoSuchStream)
	case err != nil:
		return s, interrupted(ctx, unavailable(err))
	}
	return s, nil
}

func (a *app) auditWhy() *cobra.Command {
	return &cobra.Command{
		Use: "why MESSAGE", Short: "Say why a message went as it did: each decision with its rule and the facts it used", Args: cobra.ExactArgs(1),
		Long: `Says from the journal alone why a message went as it did: each decision that was made of
it, the rule (docs/rules.md) and the facts that it was made by.`,
		Example: "goniec audit why 0002…",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.told(cmd.Context(), "message/"+strings.TrimPrefix(args[0], "message/"))
			if err != nil {
				return err
			}
			out := whyBody{Message: strings.TrimPrefix(s.Stream, "message/"), Intact: s.Intact, Decisions: decisions(s)}
			return a.show(out, func() { a.sayWhy(out) })
		},
	}
}

// whyBody is what `audit why` says with --json.
type whyBody struct {
	Message   string         `json:"message"`
	Intact    bool           `json:"intact"`
	Decisions []decisionBody `json:"decisions"`
}

type decisionBody struct {
	At       time.Time `json:"at"`
	Event    string    `json:"event_id"`
	Type     string    `json:"type"`
	Decision string    `json:"decision"`
	Rule     string    `json:"rule"`
	By       string    `json:"by"`
	Facts    []string  `json:"facts"`
}

// decisions are the steps that somebody decided, and not only learned.
func decisions(s audit.Story) []decisionBody {
	var out []decisionBody
	var teller words.Teller
	for _, step := range s.Steps {
		said := teller.Tell(step.Fact)
		rule := words.Rule(step.Fact)
		if rule == "" {
			continue
		}
		out = append(out, decisionBody{
			At: step.At, Event: step.ID, Type: step.Type, Decision: said, Rule: rule,
			By: cmp.Or(words.Actor(step.Actor), "goniec"), Facts: words.Facts(step.Fact),
		})
	}
	return out
}

func (a *app) sayWhy(b whyBody) {
	for _, d := range b.Decisions {
		a.say("%s  %s", d.At.UTC().Format("2006-01-02 15:04:05.000"), d.Decision)
		line := "    rule " + d.Rule + ", by " + d.By
		if len(d.Facts) > 0 {
			line += "; " + strings.Join(d.Facts, ", ")
		}
		a.say("%s", line)
	}
	if !b.Intact {
		a.say("Not to be relied on: the journal is broken, see audit verify.")
	}
}

func (a *app) auditState() *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "state STREAM --as-of TIME", Short: "Say what a stream had come to at a time, and how that differs from now", Args: cobra.ExactArgs(1),
		Long: `Replays a message, recipient, number, sender, account or another stream up to what the
journal had recorded at TIME (2026-11-28T20:00:00Z, or local time), and lists what has
changed since.`,
		Example: "goniec audit state sender/0002… --as-of '2026-11-01 12:00'",
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parseAt(asOf, time.Now())
			if err != nil || at == nil {
				return failWith(ExitUsage, errors.New("--as-of: must be a time, such as 2026-11-28T20:00:00Z"))
			}
			return a.stateAt(cmd.Context(), args[0], *at)
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "the `time` (required)")
	_ = cmd.MarkFlagRequired("as-of") // it was defined above
	return cmd
}

// stateBody is what `audit state` says with --json.
type stateBody struct {
	Stream  string             `json:"stream"`
	AsOf    time.Time          `json:"as_of"`
	Intact  bool               `json:"intact"`
	Version int64              `json:"version"`
	State   json.RawMessage    `json:"state"`
	Now     int64              `json:"version_now"`
	Since   []audit.Difference `json:"changed_since"`
}

func (a *app) stateAt(ctx context.Context, name string, at time.Time) error {
	s, err := a.told(ctx, name)
	if err != nil {
		return err
	}
	then, now := s.StateAt(at), s.StateAt(s.Steps[len(s.Steps)-1].Recorded)
	out := stateBody{Stream: s.Stream, AsOf: at.UTC(), Intact: s.Intact, Version: then.Version, State: readable(then.State), Now: now.Version}
	if out.Since, err = audit.Compare(out.State, readable(now.State)); err != nil {
		return err
	}
	return a.show(out, func() { a.sayState(out) })
}

func (a *app) sayState(b stateBody) {
	if b.Version == 0 {
		a.say("%s was not there yet", b.Stream)
	} else {
		var text bytes.Buffer
		_ = json.Indent(&text, b.State, "", "  ") // it was just made
		a.say("%s, version %d: %s", b.Stream, b.Version, &text)
	}
	if len(b.Since) == 0 {
		a.say("nothing has changed since")
		return
	}
	a.say("changed since, up to version %d:", b.Now)
	for _, d := range b.Since {
		a.say("  %s: %s, now %s", d.Field, d.Then, d.Now)
	}
}

// readable is a state with the names of its Go fields, in small letters: what is
// kept in caches has names too short for people. Zero values are left out.
func readable(state any) json.RawMessage {
	if state == nil {
		return nil
	}
	b, err := json.Marshal(named(reflect.ValueOf(state)))
	if err != nil {
		return nil // a state is JSON in the caches, too
	}
	return b
}

func named(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return named(v.Elem())
	case reflect.Struct:
		if _, ok := v.Interface().(json.Marshaler); ok {
			return v.Interface()
		}
		out := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				out[small(f.Name)] = named(v.Field(i))
			}
		}
		return out
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Interface()
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = named(v.Index(i))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, key := range v.MapKeys() {
			out[fmt.Sprint(key)] = named(v.MapIndex(key))
		}
		return out
	}
	return v.Interface()
}

// small is ServiceID as service_id.
func small(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func (a *app) auditDiff() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "diff --from TIME [--to TIME]", Short: "List who changed which configuration between two times", Args: cobra.NoArgs,
		Long: `Lists the events of the accounts journal that were recorded between two times: settings,
keys, senders, prices, regulations, switches, bills; who, when, what. Without --to up to now.`,
		Example: "goniec audit diff --from 2026-11-01 --to 2026-12-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			begin, err := parseAt(from, now)
			if err != nil || begin == nil {
				return failWith(ExitUsage, errors.New("--from: must be a time, such as 2026-11-28T20:00:00Z"))
			}
			end, err := parseAt(cmp.Or(to, now.Format(time.RFC3339)), now)
			if err != nil || !end.After(*begin) {
				return failWith(ExitUsage, errors.New("--to: must be a time after --from"))
			}
			return a.diff(cmd.Context(), *begin, *end)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the first `time` (required)")
	cmd.Flags().StringVar(&to, "to", "", "the `time` before which (default: now)")
	_ = cmd.MarkFlagRequired("from") // it was defined above
	return cmd
}

// diffBody is what `audit diff` says with --json.
type diffBody struct {
	From    time.Time  `json:"from"`
	To      time.Time  `json:"to"`
	Changes []toldStep `json:"changes"`
}

func (a *app) diff(ctx context.Context, from, to time.Time) error {
	cfg, closed, err := a.journal()
	if err != nil {
		return err
	}
	defer closed()
	steps, err := audit.Changes(ctx, cfg, from, to)
	if err != nil {
		return interrupted(ctx, unavailable(err))
	}
	out := diffBody{From: from.UTC(), To: to.UTC(), Changes: tellSteps(steps)}
	return a.show(out, func() {
		for _, s := range out.Changes {
			a.say("%s  %s: %s", s.Recorded.UTC().Format("2006-01-02 15:04:05.000"), s.Stream, orType(s))
			a.say("    by %s%s", who(s), whence(s))
		}
		a.say("%s. Times are UTC.", words.Count(len(out.Changes), "change"))
	})
}

func tellSteps(steps []audit.Step) []toldStep {
	out := make([]toldStep, len(steps))
	var teller words.Teller
	for i, step := range steps {
		out[i] = toldStep{step, teller.Tell(step.Fact)}
	}
	return out
}

func (a *app) auditSample() *cobra.Command {
	var month, seed string
	var n int
	cmd := &cobra.Command{
		Use: "sample --month MONTH", Short: "Pick messages of a month at random, so that everybody picks the same, and tell their stories", Args: cobra.NoArgs,
		Long: `Picks messages that were requested in a month of the billing zone: those whose SHA-256 of
the seed, a line feed and the message's id comes first. Who has the journal and the seed
picks the same. Choose the seed after the month's last checkpoint was handed out.`,
		Example: "goniec audit sample --month 2026-11 --n 25 --seed 'auditor, 3 December' --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := calendar.ParseMonth(month)
			if err != nil {
				return failWith(ExitUsage, errors.New("--month: must be a month, such as 2026-11"))
			}
			if n < 1 || n > 1000 {
				return failWith(ExitUsage, errors.New("--n: must be from 1 to 1000"))
			}
			return a.sample(cmd.Context(), m, n, seed)
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "the `month` (required)")
	cmd.Flags().IntVar(&n, "n", 25, "how many messages")
	cmd.Flags().StringVar(&seed, "seed", "", "any text; write it down")
	_ = cmd.MarkFlagRequired("month") // it was defined above
	return cmd
}

// sampledBody is what `audit sample` says with --json.
type sampledBody struct {
	Month   string      `json:"month"`
	Seed    string      `json:"seed"`
	Of      int64       `json:"of"` // messages of the month
	Stories []toldStory `json:"stories"`
}

func (a *app) sample(ctx context.Context, m calendar.Month, n int, seed string) error {
	where, err := a.cluster()
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(where.Zone)
	if err != nil {
		return failWith(ExitUsage, errors.New("zone: is not a time zone"))
	}
	cfg, closed, err := a.journal()
	if err != nil {
		return err
	}
	defer closed()
	stories, of, err := audit.Sample(ctx, cfg, m.Start(zone), m.Next().Start(zone), n, seed)
	if err != nil {
		return interrupted(ctx, unavailable(err))
	}
	out := sampledBody{Month: m.String(), Seed: seed, Of: of, Stories: make([]toldStory, len(stories))}
	for i, s := range stories {
		out.Stories[i] = tellStory(s)
	}
	return a.show(out, func() {
		for _, s := range out.Stories {
			a.sayStory(s)
			a.say("")
		}
		a.say("%d of %s of %s, seed %q", len(out.Stories), words.Count(int(of), "message"), out.Month, seed)
	})
}

func (a *app) auditMatch() *cobra.Command {
	var text, sms, image, button, url string
	cmd := &cobra.Command{
		Use: "match MESSAGE --text-file FILE", Short: "Say whether a text is the one that was sent", Args: cobra.ExactArgs(1),
		Long: `Compares the keyed digest of a content with that of the message in the journal: the text,
and where the message had them the SMS text, the image and the button. "-" reads standard
input. A line feed at a file's end does not matter. It needs the installation's secrets,
and works when the text itself was erased long ago. It ends with 1 when they differ.`,
		Example: "goniec audit match 0002… --text-file claimed.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			parts := make([]string, 2)
			for i, f := range []struct{ flag, path string }{{"--text-file", text}, {"--sms-file", sms}} {
				part, err := a.textOf(f.flag, f.path)
				if err != nil {
					return err
				}
				parts[i] = part
			}
			return a.match(cmd.Context(), args[0], parts[0], image, button, url, parts[1])
		},
	}
	cmd.Flags().StringVar(&text, "text-file", "", "`file` with the text (required)")
	cmd.Flags().StringVar(&sms, "sms-file", "", "`file` with the SMS text, if the request had one of its own")
	cmd.Flags().StringVar(&image, "image-url", "", "the image's `URL`")
	cmd.Flags().StringVar(&button, "button-text", "", "the button's `text`")
	cmd.Flags().StringVar(&url, "button-url", "", "the button's `URL`")
	_ = cmd.MarkFlagRequired("text-file") // it was defined above
	return cmd
}

// maxClaimed bounds a text that is compared, in bytes.
const maxClaimed = 64 << 10

func (a *app) textOf(flag, path string) (string, error) {
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

func (a *app) match(ctx context.Context, id string, parts ...string) error {
	secrets, err := a.secrets()
	if err != nil {
		return err
	}
	s, err := a.told(ctx, "message/"+strings.TrimPrefix(id, "message/"))
	if err != nil {
		return err
	}
	accepted, ok := s.Steps[0].Fact.(message.Accepted)
	if !ok {
		return failWith(ExitFailed, errors.New("the message was never accepted: the journal has no digest of it"))
	}
	out := matchBody{Message: strings.TrimPrefix(s.Stream, "message/"), Matches: secrets.ContentDigest(parts...) == accepted.Digest, At: s.Steps[0].At, Intact: s.Intact}
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

// secrets are those that key identities and digests.
func (a *app) secrets() (eventstore.Secrets, error) {
	c, err := a.cluster()
	if err != nil {
		return eventstore.Secrets{}, err
	}
	s, err := run.ReadSecrets(c.Secrets)
	if err != nil {
		return eventstore.Secrets{}, failWith(ExitUsage, err)
	}
	return s.Keys(), nil
}

func (a *app) auditConsent() *cobra.Command {
	var file, account, at, country string
	cmd := &cobra.Command{
		Use: "consent --number-file FILE --account ID", Short: "Say what a recipient allowed at a time, by the journal", Args: cobra.NoArgs,
		Long: `Says which messages a recipient of an account had opted out of at a time, since when and how
they said so. The number is read from a file ("-": standard input) and not printed.`,
		Example: "goniec audit consent --number-file - --account 0000… --at 2026-11-28T20:00:00Z",
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			t, err := parseAt(cmp.Or(at, now.Format(time.RFC3339)), now)
			if err != nil {
				return failWith(ExitUsage, errors.New("--at: must be a time, such as 2026-11-28T20:00:00Z"))
			}
			text, err := a.textOf("--number-file", file)
			if err != nil {
				return err
			}
			number, err := phone.Parse(strings.TrimSpace(text), country)
			if err != nil {
				return failWith(ExitUsage, errors.New("--number-file: must hold one phone number"))
			}
			return a.consent(cmd.Context(), number.E164, account, *t)
		},
	}
	cmd.Flags().StringVar(&file, "number-file", "", "`file` with the number (required)")
	cmd.Flags().StringVar(&account, "account", "", "`id` of the account (required)")
	cmd.Flags().StringVar(&at, "at", "", "the `time` (default: now)")
	cmd.Flags().StringVar(&country, "country", "PL", "`country` of a number in national form")
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

func (a *app) consent(ctx context.Context, e164, account string, at time.Time) error {
	secrets, err := a.secrets()
	if err != nil {
		return err
	}
	where, err := a.cluster()
	if err != nil {
		return err
	}
	_, p := eventstore.NumberPartition(secrets, eventstore.Partitioner{N: where.Kafka.Partitions}, e164)
	out := consentBody{At: at.UTC(), Recipient: secrets.RecipientID(p, account, e164).String(), Intact: true}
	var state recipient.State
	s, err := a.told(ctx, "recipient/"+out.Recipient)
	switch {
	case errors.Is(err, audit.ErrNoSuchStream): // nothing is known of them
	case err != nil:
		return err
	default:
		out.Intact = s.Intact
		state, _ = s.StateAt(at).State.(recipient.State)
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
