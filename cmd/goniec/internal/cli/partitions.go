package cli

import (
	"strconv"

	"github.com/IBM/sarama"
	"github.com/spf13/cobra"

	"goniec/adapters/dispatch"
	"goniec/cmd/goniec/internal/words"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

func (a *app) partitionsCommand() *cobra.Command {
	return group("partitions", "The partitions: who owns them, what waits in them", a.partitionsList())
}

// partitionBody is what `partitions list` says of one partition.
type partitionBody struct {
	Partition  int32               `json:"partition"`
	Decider    eventstore.Standing `json:"decider"`
	Dispatcher eventstore.Standing `json:"dispatcher"`
}

// partitionsBody is what `partitions list` says with --json.
type partitionsBody struct {
	Partitions []partitionBody `json:"partitions"`
}

func (a *app) partitionsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show who owns each partition, and how much waits in its lanes", Args: cobra.NoArgs,
		Long: `Lists, for each partition, which process decides it and which one dispatches it (its name
and address, as Kafka's consumer groups know them), and how many offsets of each lane are
not committed as done; "none" where nothing was ever committed. Where only beats come,
offsets are committed once a minute: some dozens are no backlog. An owner that Kafka
names may still be taking the partition over: /readyz of that process says so. Ends with
1 when a partition has no owner.` + topicsTarget,
		RunE: func(*cobra.Command, []string) error { return a.partitions() },
	}
}

func (a *app) partitions() error {
	cfg, err := a.cluster()
	if err != nil {
		return err
	}
	kafka, err := cfg.Kafka.Store()
	if err != nil {
		return failWith(ExitUsage, err)
	}
	client, err := kafka.NewClient()
	if err != nil {
		return unavailable(err)
	}
	defer client.Close() //nolint:errcheck // nothing was written
	out, err := standings(client, kafka, cfg.Kafka.Partitions)
	if err != nil {
		return unavailable(err)
	}
	if err := a.show(out, func() { a.sayPartitions(out) }); err != nil {
		return err
	}
	for _, p := range out.Partitions {
		if p.Decider.Owner == "" || p.Dispatcher.Owner == "" {
			return failWith(ExitFailed, errTold)
		}
	}
	return nil
}

func standings(client sarama.Client, kafka eventstore.KafkaConfig, n int32) (out partitionsBody, err error) {
	deciders, err := eventstore.Standings(client, kafka, decider.GroupName, n, eventstore.InboxUrgent, eventstore.InboxBulk)
	if err != nil {
		return out, err
	}
	dispatchers, err := eventstore.Standings(client, kafka, dispatch.GroupName, n, eventstore.OutboxUrgent, eventstore.OutboxBulk)
	if err != nil {
		return out, err
	}
	for p := range n {
		out.Partitions = append(out.Partitions, partitionBody{p, deciders[p], dispatchers[p]})
	}
	return out, nil
}

func (a *app) sayPartitions(b partitionsBody) {
	var rows [][]string
	for _, p := range b.Partitions {
		row := []string{strconv.Itoa(int(p.Partition))}
		for _, s := range []eventstore.Standing{p.Decider, p.Dispatcher} {
			owner := s.Owner
			if owner == "" {
				owner = "nobody"
			}
			row = append(row, owner)
			for _, l := range s.Lanes {
				lag := "none"
				if l.Lag >= 0 {
					lag = words.Thousands(l.Lag)
				}
				row = append(row, lag)
			}
		}
		rows = append(rows, row)
	}
	a.table([]string{"PARTITION", "DECIDER", "INBOX.URGENT", "INBOX.BULK", "DISPATCHER", "OUTBOX.URGENT", "OUTBOX.BULK"}, rows)
	a.say("up to some dozens in INBOX.URGENT are no backlog: the processes' beats, which are committed once a minute")
}
