package cli

import (
	"errors"
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
	Kept string `json:"kept"` // how long records are kept
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
		Long: "Lists the topics with their partitions and replicas, and how long records are kept." + topicsTarget,
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
	kept := keptFor()
	out := topicsBody{Topics: []topicBody{}}
	faults := 0
	for _, s := range states {
		faults += len(s.Faults)
		out.Topics = append(out.Topics, topicBody{s, kept[s.Name[len(cfg.Kafka.Prefix):]]})
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
		rows = append(rows, []string{t.Name, partitions, replicas, t.Kept})
	}
	a.table([]string{"TOPIC", "PARTITIONS", "REPLICAS", "KEPT"}, rows)
	if !judge {
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
