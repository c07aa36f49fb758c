package cli

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/eventstore"
)

func (a *app) topicsCommand() *cobra.Command {
	return group("topics", "Kafka's topics: create, check, list", a.topicsCreate(), a.topicsCheck(), a.topicsList())
}

const topicsTarget = "\n\nIt works on the cluster of --config, else on that of the running up."

// topicBody is what `topics` says of one topic.
type topicBody struct {
	eventstore.TopicState
	Kept   string `json:"kept"`   // how long records are kept
	Schema string `json:"schema"` // where it stands what the records are
	*topicUse
}

// topicUse is what `topics list` says more.
type topicUse struct {
	eventstore.TopicUse
	Lag *int64 `json:"lag,omitempty"` // offsets that are not worked off yet; of inboxes and outboxes
}

// topicsBody is what `topics` says with --json.
type topicsBody struct {
	Topics []topicBody `json:"topics"`
}

func (a *app) topicsCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create", Short: "Create the topics that are missing", Args: cobra.NoArgs,
		Long: "Creates the topics that are missing, with the partitions, replicas and retention of the\nconfiguration, and leaves the others alone. Then it checks them all." + topicsTarget,
		RunE: func(*cobra.Command, []string) error { return a.topics(true, true) },
	}
}

func (a *app) topicsCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Compare the topics with what goniec needs", Args: cobra.NoArgs,
		Long: "Names every topic that is missing, or whose partitions, replicas, retention, compaction\nor min.insync.replicas are not as they must be. goniec refuses to run on such topics." + topicsTarget,
		RunE: func(*cobra.Command, []string) error { return a.topics(false, true) },
	}
}

func (a *app) topicsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the topics", Args: cobra.NoArgs,
		Long: `Lists the topics with their partitions and replicas, how many offsets and bytes they hold
(on all replicas), how many offsets of an inbox or outbox are not worked off yet, how long
records are kept, and where it stands what they are.` + topicsTarget,
		RunE: func(*cobra.Command, []string) error { return a.topics(false, false) },
	}
}

// topics creates, if asked to, and shows; with judge faults are a failure.
func (a *app) topics(create, judge bool) error {
	cfg, err := a.cluster()
	if err != nil {
		return err
	}
	states, err := topicStates(cfg.Kafka, create)
	if err != nil {
		return unavailable(err)
	}
	uses := map[string]*topicUse{}
	if !judge {
		if uses, err = topicUses(cfg.Kafka); err != nil {
			return unavailable(err)
		}
	}
	kept := keptFor()
	out := topicsBody{Topics: []topicBody{}}
	faults := 0
	for _, s := range states {
		faults += len(s.Faults)
		short := s.Name[len(cfg.Kafka.Prefix):]
		out.Topics = append(out.Topics, topicBody{s, kept[short], schemaFor(short), uses[short]})
	}
	if err := a.show(out, func() { a.sayTopics(out, faults, judge) }); err != nil {
		return err
	}
	if judge && faults > 0 {
		return failWith(ExitFailed, errTold)
	}
	return nil
}

func topicStates(cfg run.KafkaConfig, create bool) (states []eventstore.TopicState, err error) {
	kafka, err := cfg.Store()
	if err != nil {
		return nil, err
	}
	if create {
		if err := eventstore.CreateTopics(kafka, cfg.Layout()); err != nil {
			return nil, err
		}
	}
	admin, err := kafka.NewAdmin()
	if err != nil {
		return nil, err
	}
	defer func(admin sarama.ClusterAdmin) { err = errors.Join(err, admin.Close()) }(admin)
	return eventstore.CheckTopics(admin, kafka.Topics(), cfg.Layout())
}

// topicUses asks what the topics hold and what of them waits, by short name.
func topicUses(cfg run.KafkaConfig) (map[string]*topicUse, error) {
	kafka, err := cfg.Store()
	if err != nil {
		return nil, err
	}
	client, err := kafka.NewClient()
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing was written
	list, err := eventstore.TopicUses(client, kafka.Topics())
	if err != nil {
		return nil, err
	}
	out := map[string]*topicUse{}
	for short, use := range list {
		out[short] = &topicUse{TopicUse: use}
	}
	all, err := standings(client, kafka, cfg.Partitions)
	if err != nil {
		return nil, err
	}
	for _, p := range all.Partitions {
		for _, l := range slices.Concat(p.Decider.Lanes, p.Dispatcher.Lanes) {
			if use := out[l.Topic]; use != nil {
				if use.Lag == nil {
					use.Lag = new(int64)
				}
				if l.Lag < 0 { // nothing was ever committed
					l.Lag = l.End
				}
				*use.Lag += l.Lag
			}
		}
	}
	return out, nil
}

// schemaFor says where it stands what a topic's records are.
func schemaFor(short string) string {
	if short == eventstore.Messages || short == eventstore.Accounts {
		return "/events, catalog/asyncapi.json"
	}
	return "goniec's own, changes without notice"
}

// keptFor says of each topic, by its short name, how long records are kept.
func keptFor() map[string]string {
	out := map[string]string{}
	for _, s := range eventstore.Specs() {
		ms, err := strconv.ParseInt(s.Configs["retention.ms"], 10, 64)
		switch {
		case s.Configs["cleanup.policy"] == "compact":
			out[s.Short] = "last of each key"
		case err != nil || ms < 0:
			out[s.Short] = "for ever"
		default:
			out[s.Short] = words.Count(int(time.Duration(ms)*time.Millisecond/(24*time.Hour)), "day")
		}
	}
	return out
}

func (a *app) sayTopics(b topicsBody, faults int, judge bool) {
	var rows [][]string
	for _, t := range b.Topics {
		partitions, replicas := "missing", ""
		if t.Exists {
			partitions, replicas = strconv.Itoa(int(t.Partitions)), strconv.Itoa(int(t.Replicas))
		}
		row := []string{t.Name, partitions, replicas, t.Kept}
		if !judge {
			row = append(row, t.columns()...)
			row = append(row, t.Schema)
		}
		rows = append(rows, row)
	}
	header := []string{"TOPIC", "PARTITIONS", "REPLICAS", "KEPT"}
	if !judge {
		header = append(header, "OFFSETS", "BYTES", "LAG", "SCHEMA")
	}
	a.table(header, rows)
	if !judge {
		a.say("LAG is what owners have not committed: up to a minute of the processes' beats is no backlog")
		return
	}
	for _, t := range b.Topics {
		for _, f := range t.Faults {
			a.say("%s: %s", t.Name, f)
		}
	}
	if faults == 0 {
		a.say("all as they must be")
	}
}

// columns are offsets, bytes and lag.
func (u *topicUse) columns() []string {
	if u == nil {
		return []string{"", "", ""}
	}
	lag := ""
	if u.Lag != nil {
		lag = words.Thousands(*u.Lag)
	}
	return []string{words.Thousands(u.Offsets), words.Thousands(u.Bytes), lag}
}
