package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/words"
	"goniec/eventstore/audit"
)

func (a *app) auditState() *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use: "state STREAM --as-of TIME", Short: "Say what a stream had come to at a time, and how that differs from now", Args: cobra.ExactArgs(1),
		Long: `Replays a message, recipient, number, sender, account or another stream up to what the
journal had recorded at TIME (2026-11-28T20:00:00Z, or local time), and lists what has
changed since.`,
		Example: "goniec audit state sender/0002… --as-of 2026-11-01T12:00:00Z",
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parseDated(asOf, time.Local)
			if err != nil {
				return failWith(ExitUsage, errors.New("--as-of: must be a time, such as 2026-11-28T20:00:00Z"))
			}
			return a.stateAt(cmd.Context(), args[0], at)
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "the `time`")
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
	then, err := s.StateAt(at)
	if err != nil {
		return err
	}
	now, err := s.StateAt(s.Steps[len(s.Steps)-1].Recorded)
	if err != nil {
		return err
	}
	out := stateBody{Stream: s.Stream, AsOf: at.UTC(), Intact: s.Intact, Version: then.Version, State: readable(then.State), Now: now.Version}
	if out.Since, err = audit.Compare(out.State, readable(now.State)); err != nil {
		return err
	}
	return a.show(out, func() { a.sayState(out) })
}

func (a *app) sayState(b stateBody) {
	if !b.Intact {
		defer a.say("Not to be relied on: the journal is broken, see audit verify.")
	}
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
	switch v.Kind() { //nolint:exhaustive // the rest are values as they stand
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
keys, senders, prices, regulations, switches, bills; who, when, what. Without --to up to now.
The journal of accounts is checked on the way, up to then.`,
		Example: "goniec audit diff --from 2026-11-01 --to 2026-12-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin, err := parseDated(from, time.Local)
			if err != nil {
				return failWith(ExitUsage, errors.New("--from: must be a time, such as 2026-11-28T20:00:00Z"))
			}
			end, err := parseDated(cmp.Or(to, time.Now().Format(time.RFC3339)), time.Local)
			if err != nil || !end.After(begin) {
				return failWith(ExitUsage, errors.New("--to: must be a time after --from"))
			}
			return a.diff(cmd.Context(), begin, end)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the first `time`")
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
		return unread(ctx, err)
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
