// Package gateway is the edge's way in: it turns what clients ask for into
// records of Kafka. A message's content is sealed and written first, then the
// command; both are acknowledged by all in-sync replicas before the caller is.
package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
)

// Config wires a Gateway. All fields are required unless they say otherwise.
type Config struct {
	Producer *eventstore.Producer
	Keyring  *eventstore.Keyring
	Secrets  eventstore.Secrets
	Part     eventstore.Partitioner
	Topics   eventstore.Topics
	View     *account.View
	Accounts *eventstore.Follower // of the accounts journal into View
	Waiter   *eventstore.Waiter
	Clock    domain.Clock
	Tracer   *tracing.Tracer // nil = nothing is traced
	// Timeout of Kafka's acknowledgement and of an outcome; default eventstore.SendTimeout.
	Timeout time.Duration
}

// Gateway implements httpapi.Accepter and httpapi.Commander. Safe for
// concurrent use.
type Gateway struct {
	cfg  Config
	seen *recent
}

var (
	_ httpapi.Accepter  = (*Gateway)(nil)
	_ httpapi.Commander = (*Gateway)(nil)
)

// New returns a Gateway.
func New(cfg Config) *Gateway {
	if cfg.Timeout == 0 {
		cfg.Timeout = eventstore.SendTimeout
	}
	return &Gateway{cfg: cfg, seen: newRecent(100_000)}
}

// tracedOfBatch bounds the messages of one request that continue its trace.
const tracedOfBatch = 100

// AcceptMessages implements httpapi.Accepter. All contents are written and
// acknowledged before the first command is.
func (g *Gateway) AcceptMessages(ctx context.Context, messages []httpapi.NewMessage) ([]httpapi.Accepted, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	out := make([]httpapi.Accepted, len(messages))
	var contents, commands []*sarama.ProducerMessage
	known := map[string]string{}
	span := g.cfg.Tracer.Child(ctx, "inbox produce", trace.SpanKindProducer, attribute.Int("goniec.messages", len(messages)))
	defer span.End()
	for i := range messages {
		parent := ""
		if i < tracedOfBatch {
			parent = span.Parent()
		}
		p, err := g.prepare(ctx, &messages[i], parent)
		if err != nil {
			return nil, err
		}
		out[i].ID = p.id
		if messages[i].IdempotencyKey != "" {
			body, again := g.seen.get(p.id)
			if again && body != p.body {
				out[i].Err = domain.RefuseField(httpapi.CodeIdempotencyConflict, "Idempotency-Key", "the key was used for a message with another body, which stands")
				continue
			}
			known[p.id], out[i].Repeated = p.body, again
		}
		contents, commands = append(contents, p.content), append(commands, p.command)
	}
	for _, records := range [][]*sarama.ProducerMessage{contents, commands} {
		if err := g.cfg.Producer.Send(ctx, records...); err != nil {
			return nil, err
		}
	}
	for id, body := range known {
		g.seen.put(id, body)
	}
	return out, nil
}

// prepared is a message ready to be written.
type prepared struct {
	id, body         string
	content, command *sarama.ProducerMessage
}

func (g *Gateway) prepare(ctx context.Context, m *httpapi.NewMessage, trace string) (prepared, error) {
	c := &g.cfg
	number := c.Secrets.NumberKey(m.To)
	p := c.Part.Of([]byte(number))
	id := eventstore.NewID(p)
	if m.IdempotencyKey != "" {
		id = c.Secrets.IdempotentMessageID(p, m.Account, m.IdempotencyKey, m.To, m.ClientRef)
	}
	body := g.bodyDigest(m)
	key := message.ContentKey(id.String(), body)
	content, err := g.content(ctx, key, m)
	if err != nil {
		return prepared{}, err
	}
	data, err := json.Marshal(g.request(p, number, body, m))
	if err != nil {
		return prepared{}, fmt.Errorf("encode request: %w", err)
	}
	lane := eventstore.InboxUrgent
	if m.Category == domain.Promotional {
		lane = eventstore.InboxBulk
	}
	cmd := eventstore.Command{
		ID: id.String(), Type: message.CommandRequest, Stream: "message/" + id.String(), Account: m.Account,
		Actor: m.Actor, Time: c.Clock.Now(), Correlation: id.String(), TraceParent: trace, Data: data,
	}
	return prepared{
		id: id.String(), body: body, command: cmd.Message(c.Topics.Name(lane), p),
		content: &sarama.ProducerMessage{
			Topic: c.Topics.Name(eventstore.Contents), Partition: p, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(content),
		},
	}, nil
}

func (g *Gateway) request(p eventstore.Partition, number, body string, m *httpapi.NewMessage) message.Request {
	s := g.cfg.Secrets
	return message.Request{
		Recipient: s.RecipientID(p, m.Account, m.To).String(), Number: number, Country: m.Country, Sender: m.Sender,
		Category: m.Category, Content: m.Content, Digest: s.ContentDigest(m.Text, m.ImageURL, m.Button.Text, m.Button.URL, m.SMSText),
		BodyDigest: body, TextLength: m.TextLength, SMSParts: m.SMSParts, SMSEncoding: m.SMSEncoding, Fallback: m.Fallback,
		ValidityMS: m.Validity.Milliseconds(), SendAt: m.SendAt, ClientRef: m.ClientRef, Tags: m.Tags, Test: m.Test,
	}
}

// Recipient is who a number (E.164) is for an account.
func (g *Gateway) Recipient(account, e164 string) string {
	s := g.cfg.Secrets
	return s.RecipientID(g.cfg.Part.Of([]byte(s.NumberKey(e164))), account, e164).String()
}

// bodyDigest tells a repeat of a request from another one under the same key.
func (g *Gateway) bodyDigest(m *httpapi.NewMessage) string {
	sendAt := ""
	if m.AskedFor != nil {
		sendAt = m.AskedFor.UTC().Format(time.RFC3339Nano)
	}
	return g.cfg.Secrets.ContentDigest(
		m.To, m.Sender, string(m.Category), m.Text, m.ImageURL, m.Button.Text, m.Button.URL, m.SMSText, m.Validity.String(),
		strconv.FormatBool(m.Fallback), strconv.FormatBool(m.Test), sendAt, strings.Join(m.Tags, "\x00"),
	)[:32]
}

// content seals what people read. Its key expires the account's retention after
// the last moment at which it can be needed for sending.
func (g *Gateway) content(ctx context.Context, key string, m *httpapi.NewMessage) ([]byte, error) {
	begin := g.cfg.Clock.Now()
	if m.SendAt != nil && m.SendAt.After(begin) {
		begin = *m.SendAt
	}
	acc, _ := g.cfg.View.AccountByID(m.Account)
	last := begin.Add(m.Validity).Add(time.Duration(acc.Settings.SMSValidity) * time.Millisecond)
	days := acc.Settings.RetentionDays
	if m.Category == domain.OneTimeCode {
		days = 0 // rules.md D2
	}
	return g.cfg.Keyring.SealContent(ctx, key, m.Account, last.AddDate(0, 0, days), eventstore.Content{
		To: m.To, Text: m.Text, ImageURL: m.ImageURL, ButtonText: m.Button.Text, ButtonURL: m.Button.URL, SMSText: m.SMSText,
	})
}

// Configure implements httpapi.Commander.
func (g *Gateway) Configure(ctx context.Context, o httpapi.Origin, owner, stream string, c account.Command) (httpapi.Outcome, error) {
	return g.configure(ctx, o, owner, stream, c.CommandType(), c)
}

func (g *Gateway) configure(ctx context.Context, o httpapi.Origin, owner, stream, typ string, c any) (httpapi.Outcome, error) {
	out, err := g.do(ctx, eventstore.InboxUrgent, g.cfg.Part.Of([]byte(owner)), eventstore.Command{
		Type: typ, Stream: stream, Account: owner, Actor: o.Actor, Correlation: o.Request,
	}, c)
	if err != nil {
		return httpapi.Outcome{}, err
	}
	wait, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	_ = g.cfg.Accounts.CaughtUp(wait) // it is made, also where it is not visible yet: an error would have it made again
	return out, nil
}

// Bill implements httpapi.Commander. As Configure, it waits for this process's views.
func (g *Gateway) Bill(ctx context.Context, o httpapi.Origin, of string, month calendar.Month, c billing.Command) (httpapi.Outcome, error) {
	return g.configure(ctx, o, of, billing.Stream(of, month), c.CommandType(), c)
}

// Cancel implements httpapi.Commander.
func (g *Gateway) Cancel(ctx context.Context, o httpapi.Origin, messageID string) (httpapi.Outcome, error) {
	id, p, err := g.cfg.Part.ParseID(messageID)
	if err != nil {
		return httpapi.Outcome{}, domain.Refuse(message.CodeNotFound, "no such message")
	}
	messageID = id.String() // capital digits name the same message, and must not name another stream
	return g.do(ctx, eventstore.InboxUrgent, p, eventstore.Command{
		Type: message.CommandCancel, Stream: "message/" + messageID, Account: o.Account, Actor: o.Actor, Correlation: messageID,
	}, message.Cancel{By: o.Actor})
}

// Resolve implements httpapi.Commander.
func (g *Gateway) Resolve(ctx context.Context, o httpapi.Origin, messageID string, c message.Resolve) (httpapi.Outcome, error) {
	id, p, err := g.cfg.Part.ParseID(messageID)
	if err != nil {
		return httpapi.Outcome{}, domain.Refuse(message.CodeNotFound, "no such message")
	}
	messageID = id.String()
	return g.do(ctx, eventstore.InboxUrgent, p, eventstore.Command{
		Type: message.CommandResolve, Stream: "message/" + messageID, Account: o.Account, Actor: o.Actor, Correlation: messageID,
	}, c)
}

// OptOut implements httpapi.Commander.
func (g *Gateway) OptOut(ctx context.Context, o httpapi.Origin, c httpapi.OptOut) (httpapi.Outcome, error) {
	number := g.cfg.Secrets.NumberKey(c.To)
	p := g.cfg.Part.Of([]byte(number))
	typ := recipient.CommandOptOut
	if c.Lift {
		typ = recipient.CommandLift
	}
	return g.do(ctx, eventstore.InboxUrgent, p, eventstore.Command{
		Type: typ, Stream: "recipient/" + g.cfg.Secrets.RecipientID(p, o.Account, c.To).String(), Account: o.Account, Actor: o.Actor, Correlation: o.Request,
	}, recipient.OptOut{Number: number, Origin: recipient.OriginAPI, Scopes: c.Scopes, At: g.cfg.Clock.Now()})
}

// do sends a command and waits for the decider's word.
func (g *Gateway) do(ctx context.Context, lane string, p eventstore.Partition, c eventstore.Command, data any) (httpapi.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	var err error
	if c.Data, err = json.Marshal(data); err != nil {
		return httpapi.Outcome{}, fmt.Errorf("encode %s: %w", c.Type, err)
	}
	c.ID, c.Time, c.Outcome = uuid.NewString(), g.cfg.Clock.Now(), true
	span := g.cfg.Tracer.Child(ctx, "inbox produce", trace.SpanKindProducer)
	defer span.End()
	c.TraceParent = span.Parent()
	wait := g.cfg.Waiter.Expect(c.ID)
	if err := g.cfg.Producer.Send(ctx, c.Message(g.cfg.Topics.Name(lane), p)); err != nil {
		g.cfg.Waiter.Forget(c.ID)
		return httpapi.Outcome{}, err
	}
	out, err := wait(ctx)
	if err != nil {
		return httpapi.Outcome{}, err
	}
	if out.Refused != nil {
		return httpapi.Outcome{}, out.Refused
	}
	return httpapi.Outcome{Version: out.Version, Events: out.Events}, nil
}
