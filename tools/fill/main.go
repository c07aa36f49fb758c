// Command fill writes commands straight into the inboxes of an installation, for
// measuring deciders alone, and waits until they are decided.
//
//	go run ./tools/fill -brokers HOST:PORT -prefix goniec. -n 1000000 -history 500000
//	go run ./tools/fill -brokers HOST:PORT -prefix goniec. -probe
//
// A message of -n lives until its deadline in 24 h, since no dispatcher answers.
// -history makes the journal longer without more to be alive: opt-outs of a few
// recipients, lifted again, an event each. -probe says how long it takes until a
// command is decided in every partition.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/decider"
)

const perSend = 5000

type filler struct {
	kafka      eventstore.KafkaConfig
	account    string
	partitions int32
	client     sarama.Client
	producer   *eventstore.Producer
	recipients []string // those of -history, by turns of the partitions
}

func main() {
	brokers := flag.String("brokers", "", "host:port, comma separated")
	prefix := flag.String("prefix", "goniec.", "of the topics")
	account := flag.String("account", "00000000-0000-8000-8000-000000000001", "account of the messages")
	partitions := flag.Int("partitions", 4, "of the installation")
	n := flag.Int("n", 0, "messages")
	history := flag.Int("history", 0, "events of opt-outs")
	probe := flag.Bool("probe", false, "one command in each partition")
	flag.Parse()
	f := &filler{kafka: eventstore.KafkaConfig{Brokers: strings.Split(*brokers, ","), Prefix: *prefix}, account: *account, partitions: int32(*partitions)} // partitions are few
	if err := f.run(context.Background(), *n, *history, *probe); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func (f *filler) run(ctx context.Context, n, history int, probe bool) (err error) {
	if f.producer, err = eventstore.NewProducer(f.kafka); err != nil {
		return err
	}
	defer f.producer.Close()
	if f.client, err = f.kafka.NewClient(); err != nil {
		return err
	}
	defer func() { _ = f.client.Close() }()
	for i := range 1000 * f.partitions {
		f.recipients = append(f.recipients, eventstore.NewID(i%f.partitions).String())
	}
	began := time.Now()
	if probe {
		n = int(f.partitions)
	}
	if err := f.write(ctx, n, f.request); err != nil {
		return err
	}
	if err := f.write(ctx, history, f.toggle); err != nil {
		return err
	}
	if !probe {
		fmt.Fprintf(os.Stdout, "%d commands written in %.1f s\n", n+history, time.Since(began).Seconds())
	}
	for p := range f.partitions {
		if err := f.decided(ctx, p); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stdout, "decided in every partition after %.1f s\n", time.Since(began).Seconds())
	return nil
}

// write sends n commands, some thousands at a time.
func (f *filler) write(ctx context.Context, n int, command func(i int) (eventstore.Command, error)) error {
	topic := f.kafka.Topics().Name(eventstore.InboxUrgent)
	for from := 0; from < n; from += perSend {
		var batch []*sarama.ProducerMessage
		for i := from; i < min(from+perSend, n); i++ {
			c, err := command(i)
			if err != nil {
				return err
			}
			batch = append(batch, c.Message(topic, int32(i)%f.partitions)) // few enough for 32 bits
		}
		if err := f.producer.Send(ctx, batch...); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) request(i int) (eventstore.Command, error) {
	p := int32(i) % f.partitions
	id := eventstore.NewID(p).String()
	return f.command(id, message.CommandRequest, "message/"+id, message.Request{
		Recipient: eventstore.NewID(p).String(), Number: strings.ReplaceAll(id, "-", ""), Country: "PL", Sender: "GONIEC",
		Category: domain.Transactional, Content: domain.PlainText, Digest: id, BodyDigest: strings.ReplaceAll(id, "-", ""), TextLength: 60,
		SMSParts: 1, SMSEncoding: "gsm7", Fallback: true, ValidityMS: (24 * time.Hour).Milliseconds(),
	})
}

// toggle opts a recipient out and, the next time that it is its turn, in again.
func (f *filler) toggle(i int) (eventstore.Command, error) {
	who := f.recipients[i%len(f.recipients)]
	o := recipient.OptOut{Number: strings.ReplaceAll(who, "-", ""), Origin: recipient.OriginAPI, At: domain.SystemClock.Now()}
	o.Scopes = []recipient.Scope{{Channel: domain.Viber, Category: domain.Promotional}}
	typ := recipient.CommandOptOut
	if i/len(f.recipients)%2 == 1 {
		typ = recipient.CommandLift
	}
	return f.command(eventstore.NewID(int32(i)%f.partitions).String(), typ, "recipient/"+who, o)
}

func (f *filler) command(id, typ, stream string, data any) (eventstore.Command, error) {
	raw, err := json.Marshal(data)
	return eventstore.Command{ID: id, Type: typ, Stream: stream, Account: f.account, Actor: "fill", Time: domain.SystemClock.Now(), Data: raw}, err
}

// decided waits until the partition's inbox is decided up to its end.
func (f *filler) decided(ctx context.Context, p eventstore.Partition) error {
	topic := f.kafka.Topics().Name(eventstore.InboxUrgent)
	end, err := eventstore.EndOffset(f.client, topic, p)
	if err != nil {
		return err
	}
	for {
		at, _, err := eventstore.Committed(ctx, f.client, f.kafka.Prefix+decider.GroupName, topic, p)
		if err != nil || at >= end {
			return err
		}
		time.Sleep(100 * time.Millisecond) //nolint:forbidigo // a tool that polls
	}
}
