package eventstore

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
)

// CommandBeat says that a process which takes carriers' reports is alive. After
// a gap in the beats the owners hold their timers back for a while: reports may
// still be on their way from the carriers' retries.
const CommandBeat = "beat.v1"

// Beat is the data of a CommandBeat. At is real time, not domain time.
type Beat struct {
	Process string    `json:"process"`
	At      time.Time `json:"at"`
}

// BeatEvery is the interval of beats.
const BeatEvery = time.Second

// RunBeats writes a beat into every partition of inbox.urgent each second until
// ctx ends. A beat that fails is not repeated: the next one follows. told gets
// the result of each.
func RunBeats(ctx context.Context, p *Producer, t Topics, n int32, process string, log *slog.Logger, told func(error)) error {
	tick := time.NewTicker(BeatEvery)
	defer tick.Stop()
	for {
		err := sendBeats(ctx, p, t, n, process)
		told(err)
		if err != nil && ctx.Err() == nil {
			log.Warn("beat not written", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func sendBeats(ctx context.Context, p *Producer, t Topics, n int32, process string) error {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	now := time.Now().UTC()
	data, err := json.Marshal(Beat{Process: process, At: now})
	if err != nil {
		return err
	}
	msgs := make([]*sarama.ProducerMessage, n)
	for i := range n {
		c := Command{ID: uuid.NewString(), Type: CommandBeat, Stream: "beat", Actor: "process/" + process, Time: now, Data: data}
		msgs[i] = c.Message(t.Name(InboxUrgent), i)
	}
	return p.Send(ctx, msgs...)
}
