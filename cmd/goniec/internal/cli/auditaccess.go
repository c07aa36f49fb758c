package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"time"

	"github.com/google/uuid"

	"goniec/cmd/goniec/internal/run"
	"goniec/domain/account"
	"goniec/eventstore"
)

// noteAccess records that somebody reads what is said in n, before they are shown
// it: what cannot be recorded is not read. The record is in the inbox when this
// returns; the journal has the event as soon as the partition's owner decides.
func (a *app) noteAccess(ctx context.Context, cluster run.KafkaConfig, n account.NoteAccess) error {
	n.By = reader()
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	store, err := cluster.Store()
	if err != nil {
		return failWith(ExitUsage, err)
	}
	producer, err := eventstore.NewProducer(store)
	if err != nil {
		return unavailable(err)
	}
	defer producer.Close()
	c := eventstore.Command{
		ID: uuid.NewString(), Type: account.CommandNoteAccess, Stream: account.AccessStream, Account: account.Installation,
		Actor: n.By, Time: time.Now(), Data: data,
	}
	p := eventstore.Partitioner{N: cluster.Partitions}.Of([]byte(account.Installation))
	if err := producer.Send(ctx, c.Message(store.Topics().Name(eventstore.InboxUrgent), p)); err != nil {
		return interrupted(ctx, unavailable(fmt.Errorf("that this is read could not be recorded, so it is not shown: %w", err)))
	}
	return nil
}

// reader is who runs this program.
func reader() string {
	name := "unknown"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	by := []rune("shell/" + name)
	return string(by[:min(len(by), account.MaxBy)])
}
