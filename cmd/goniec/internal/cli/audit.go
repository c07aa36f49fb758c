package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

func (a *app) auditCommand() *cobra.Command {
	var flags verifyFlags
	verify := &cobra.Command{
		Use: "verify", Short: "Check every event of the journal: hash chain, versions, types; ends with 1 at a fault", Args: cobra.NoArgs,
		Long: `Reads every journal partition and checks each event: its hash, that it follows the event
before it, its stream's version, its time, its type. With --checkpoint, that the journal
still holds what a checkpoint said: without one nothing shows that the end was cut off,
or that all was written anew. --from begins at a checkpoint instead of the beginning.`,
		Example: `goniec audit verify
goniec audit verify --checkpoint kept.checkpoint --key audit.key.pub
goniec audit verify --from yesterday.checkpoint --key audit.key.pub`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditVerify(cmd.Context(), &flags) },
	}
	flags.add(verify)
	show := &cobra.Command{
		Use: "show STREAM", Short: "Tell the whole story of a message or another stream from the journal alone",
		Long: "Tell the whole story of a stream from the journal alone: who, when, why, caused by what, by which rule.\n" +
			"STREAM is a message's id or a stream's name, such as message/ID, recipient/ID, sender/ID, account/ID, prices/default or pause/route/viber.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.auditShow(cmd.Context(), args[0]) },
	}
	cmd := group("audit", "Judge the journal from the journal alone",
		verify, a.auditKeygen(), a.auditCheckpoint(), a.auditConsistency(), a.auditProve(), a.auditCheckProof(),
		show, a.auditWhy(), a.auditState(), a.auditDiff(), a.auditSample(), a.auditMatch(), a.auditConsent(), a.auditWhatIf(),
		a.auditReport(), a.auditExport(), a.auditVerifyExport())
	cmd.PersistentFlags().StringVar(&a.named, "installation", "", "the `id` of the installation, as in ce_source and in checkpoints (default: that of the secrets file)")
	return cmd
}

// journal opens the journal that an audit reads; close it.
func (a *app) journal() (cfg audit.Config, closed func(), err error) {
	c, err := a.cluster()
	if err != nil {
		return cfg, nil, err
	}
	installation := a.named
	if installation == "" {
		secrets, err := run.ReadSecrets(c.Secrets)
		if err != nil {
			return cfg, nil, failWith(ExitUsage, fmt.Errorf("%w; who has no secrets names the journal with --installation", err))
		}
		installation = secrets.Installation
	}
	store, err := c.Kafka.Store()
	if err != nil {
		return cfg, nil, failWith(ExitUsage, err)
	}
	client, err := store.NewClient()
	if err != nil {
		return cfg, nil, unavailable(err)
	}
	if err := sameCount(client, store.Topics(), c.Kafka.Partitions); err != nil {
		_ = client.Close() // nothing was written
		return cfg, nil, err
	}
	p := a.progress()
	cfg = audit.Config{Client: client, Topics: store.Topics(), Installation: installation, Partitions: c.Kafka.Partitions}
	cfg.Progress = func(g audit.Progress) {
		if g.Done < g.Total {
			p.show("%d %%  %s", 100*g.Done/g.Total, words.Count(int(g.Events), "event"))
			return
		}
		p.end()
	}
	return cfg, func() {
		p.end()
		_ = client.Close() // nothing was written
	}, nil
}

// sameCount refuses a configuration that names another number of partitions than the
// journal has: the others would not be looked at.
func sameCount(client sarama.Client, topics eventstore.Topics, n int32) error {
	for _, short := range []string{eventstore.Messages, eventstore.Accounts} {
		parts, err := client.Partitions(topics.Name(short))
		if err != nil {
			return unavailable(fmt.Errorf("partitions of %s: %w", topics.Name(short), err))
		}
		if len(parts) != int(n) {
			return failWith(ExitUsage, fmt.Errorf("%s has %s, and kafka.partitions is %d", topics.Name(short), words.Count(len(parts), "partition"), n))
		}
	}
	return nil
}

func (a *app) auditVerify(ctx context.Context, f *verifyFlags) error {
	cfg, closed, err := a.journal()
	if err != nil {
		return err
	}
	defer closed()
	if err := f.set(a, &cfg); err != nil {
		return err
	}
	run.LimitAudit()
	r, err := audit.Verify(ctx, cfg)
	if err != nil {
		return interrupted(ctx, unavailable(err))
	}
	if err := a.show(r, func() { a.sayVerified(r, len(cfg.Kept)) }); err != nil {
		return err
	}
	if !r.Intact {
		return failWith(ExitFailed, &audit.BrokenError{Fault: r.Broken[0]})
	}
	return nil
}

// interrupted prefers the reason why ctx ended.
func interrupted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (a *app) sayVerified(r audit.Report, kept int) {
	rows := make([][]string, len(r.Partitions))
	for i, p := range r.Partitions {
		last := "–"
		if p.Recorded != nil {
			last = moment(*p.Recorded)
		}
		verdict := "intact"
		if !p.Intact {
			verdict = "BROKEN"
		}
		rows[i] = []string{fmt.Sprintf("%s/%d", p.Topic, p.Partition), words.Thousands(p.Events), words.Thousands(p.Streams), last, p.Head[:16] + "…", verdict}
	}
	a.table([]string{"partition", "events", "streams", "last recorded", "head", ""}, rows)
	for _, f := range r.Broken {
		a.say("broken at %s", f)
	}
	if r.Intact {
		a.say("intact: %s of %s follow one another by hash and by version, %.1f s",
			words.Count(int(r.Events), "event"), words.Count(int(r.Streams), "stream"), r.Seconds)
		if kept > 0 {
			a.say("agrees with %s", words.Count(kept, "checkpoint"))
		}
	}
}

// toldStep is a step of a story with its words.
type toldStep struct {
	audit.Step
	Words string `json:"words"`
}

// toldStory is audit.Story with the words of each step.
type toldStory struct {
	Stream string       `json:"stream"`
	Intact bool         `json:"intact"`
	Broken *audit.Fault `json:"broken,omitempty"`
	Steps  []toldStep   `json:"steps"`
}

func (a *app) auditShow(ctx context.Context, name string) error {
	s, err := a.told(ctx, name)
	if err != nil {
		return err
	}
	out := tellStory(s)
	return a.show(out, func() { a.sayStory(out) })
}

func tellStory(s audit.Story) toldStory {
	return toldStory{Stream: s.Stream, Intact: s.Intact, Broken: s.Broken, Steps: tellSteps(s.Steps)}
}

func (a *app) sayStory(s toldStory) {
	a.say("%s", s.Stream)
	for _, step := range s.Steps {
		a.say("%s  %s", step.At.UTC().Format("2006-01-02 15:04:05.000"), orType(step))
		a.say("    by %s%s", who(step), whence(step))
	}
	first := s.Steps[0]
	if s.Broken != nil {
		a.say("Not to be relied on: the journal is broken at %s.", *s.Broken)
		return
	}
	a.say("The chain of %s/%d is intact from its first event on: nothing of this was changed, removed or added later. Times are UTC.", first.Topic, first.Partition)
}

func orType(s toldStep) string {
	if s.Words == "" {
		return s.Type
	}
	return s.Words
}

func who(s toldStep) string {
	if s.Actor == "" {
		return "goniec"
	}
	return words.Actor(s.Actor)
}

// whence says why, caused by what, and where it stands.
func whence(s toldStep) string {
	out := ""
	var data struct {
		Rule  string `json:"rule"`
		Facts struct {
			SenderVersion int   `json:"sender_version"`
			PolicyVersion int   `json:"policy_version"`
			ViewOffset    int64 `json:"view_offset"`
		} `json:"facts"`
	}
	_ = json.Unmarshal(s.Data, &data) // what is not there is not told
	if data.Rule != "" {
		out += ", rule " + data.Rule
	}
	if data.Facts.SenderVersion > 0 {
		out += fmt.Sprintf(", on sender version %d and policy version %d", data.Facts.SenderVersion, data.Facts.PolicyVersion)
	}
	if s.Command != "" {
		out += ", command " + s.Command
	}
	if s.Causation != "" {
		out += ", caused by " + s.Causation
	}
	out += fmt.Sprintf(" [%s/%d@%d", s.Topic, s.Partition, s.Offset)
	if s.Related {
		out += " of " + s.Stream
	}
	return out + " " + s.Hash[:12] + "…]"
}
