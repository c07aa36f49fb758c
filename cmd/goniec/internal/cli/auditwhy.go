package cli

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/words"
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
	by := ""
	for _, d := range b.Decisions {
		a.say("%s  %s", d.At.UTC().Format("2006-01-02 15:04:05.000"), d.Decision)
		line := "    rule " + d.Rule
		if d.By != by { // else it is the one before's
			line += ", by " + d.By
			by = d.By
		}
		if len(d.Facts) > 0 {
			line += "; " + strings.Join(d.Facts, ", ")
		}
		a.say("%s", line)
	}
	if !b.Intact {
		a.say("Not to be relied on: the journal is broken, see audit verify.")
	}
}
