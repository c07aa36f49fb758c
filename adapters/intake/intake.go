package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
	"go.opentelemetry.io/otel/trace"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/tracing"
)

// ReplyKept is how long the text of a reply can be read.
const ReplyKept = 30 * 24 * time.Hour

// Sender writes records and returns when all in-sync replicas have them;
// *eventstore.Producer is one.
type Sender interface {
	Send(ctx context.Context, msgs ...*sarama.ProducerMessage) error
}

// Sealer seals contents; *eventstore.Keyring is one.
type Sealer interface {
	SealContent(ctx context.Context, id, account string, expires time.Time, c eventstore.Content) ([]byte, error)
}

// Senders finds who has a Viber service id; *account.View is one.
type Senders interface {
	SendersByServiceID(id int64) []account.Sender
}

// Config of an Intake. Every field is required unless it says otherwise.
type Config struct {
	Producer Sender
	Keyring  Sealer
	Secrets  eventstore.Secrets
	Part     eventstore.Partitioner
	Topics   eventstore.Topics
	View     Senders
	Clock    domain.Clock
	Log      *slog.Logger
	Routes   map[string]Route // those that call back over HTTP
	Timeout  time.Duration    // of one notice; default eventstore.SendTimeout
	Metrics  Metrics          // may be nil
	Tracer   *tracing.Tracer  // nil = nothing is traced
}

// Route is a carrier that calls back, by the name that instructions use.
type Route struct {
	// Token must be presented by the carrier when it is not empty: in TokenHeader,
	// or as ?token=… where the carrier cannot send headers.
	Token string
}

// Metrics takes measurements. Implementations must be fast and safe for concurrent use.
type Metrics interface {
	// Taken: a notice of that kind is durable. Kinds: the report's status, "subscribe", "unsubscribe", "reply".
	Taken(route, kind string, took time.Duration)
	// Refused: a notice was not taken. Codes: "unknown_route", "bad_method", "bad_token", "bad_callback",
	// "unknown_status", "bad_number", "too_large", "unavailable".
	Refused(route, code string)
}

type noMetrics struct{}

func (noMetrics) Taken(string, string, time.Duration) {}
func (noMetrics) Refused(string, string)              {}

// Intake takes notices. Safe for concurrent use: notices share the producer's requests.
type Intake struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Intake, error) {
	if cfg.Metrics == nil {
		cfg.Metrics = noMetrics{}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = eventstore.SendTimeout
	}
	var faults []error
	need := func(ok bool, what string) {
		if !ok {
			faults = append(faults, errors.New("intake: "+what))
		}
	}
	need(cfg.Part.N > 0, "Part is required")
	need(len(cfg.Secrets.Partition) > 0 && len(cfg.Secrets.Recipient) > 0 && len(cfg.Secrets.Digest) > 0, "Secrets are required")
	need(cfg.Producer != nil && cfg.Keyring != nil, "Producer and Keyring are required")
	need(cfg.View != nil && cfg.Clock != nil && cfg.Log != nil, "View, Clock and Log are required")
	need(cfg.Timeout > 0, "Timeout must be positive")
	return &Intake{cfg: cfg}, errors.Join(faults...)
}

// place is where everything about a number lies.
type place struct {
	number string // keyed hash
	part   eventstore.Partition
}

func (in *Intake) place(e164 string) place {
	number, p := eventstore.NumberPartition(in.cfg.Secrets, in.cfg.Part, e164)
	return place{number, p}
}

// id is the same whenever the carrier repeats itself.
func (in *Intake) id(p place, parts ...string) string {
	return in.cfg.Secrets.FactID(p.part, parts...).String()
}

// instant writes a carrier's time as a part of an id.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// tell writes one command to the number's stream.
func (in *Intake) tell(ctx context.Context, p place, c eventstore.Command, data any) error {
	var err error
	if c.Data, err = json.Marshal(data); err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	span := in.cfg.Tracer.Child(ctx, "inbox produce", trace.SpanKindProducer)
	defer span.End()
	c.Stream, c.Time, c.TraceParent = "number/"+p.number, in.cfg.Clock.Now(), span.Parent()
	return in.cfg.Producer.Send(ctx, c.Message(in.cfg.Topics.Name(eventstore.InboxUrgent), p.part))
}

// whose is the account that has a Viber service id, and who the number is for
// it. Both are "" when no account has it, or more than one: then the decider
// goes by the last message alone.
func (in *Intake) whose(serviceID int64, p place, e164 string) (account, recipientID string) {
	for _, s := range in.cfg.View.SendersByServiceID(serviceID) {
		if account != "" && account != s.Account {
			return "", ""
		}
		account = s.Account
	}
	if account == "" {
		return "", ""
	}
	return account, in.cfg.Secrets.RecipientID(p.part, account, e164).String()
}

// heard is a reply of either channel. It holds a number and a text.
type heard struct {
	number, text, media string
	account             string
	actor               string
	reply               recipient.Reply // without ID, Number, Digest, Length and Keyword
}

// reply seals the text, and only then tells of it; the command holds no text.
func (in *Intake) reply(ctx context.Context, p place, h heard) error {
	r := h.reply
	r.Number, r.Digest = p.number, in.digest(h)
	r.Length, r.Keyword = utf8.RuneCountInString(h.text), recipient.Keyword(h.text)
	c := eventstore.Content{To: h.number, Text: h.text, ImageURL: h.media}
	sealed, err := in.cfg.Keyring.SealContent(ctx, r.ID, cmp.Or(h.account, eventstore.InstallationAccount), in.cfg.Clock.Now().Add(ReplyKept), c)
	if err != nil {
		return fmt.Errorf("seal reply: %w", err)
	}
	err = in.cfg.Producer.Send(ctx, &sarama.ProducerMessage{
		Topic: in.cfg.Topics.Name(eventstore.Contents), Partition: p.part,
		Key: sarama.StringEncoder(r.ID), Value: sarama.ByteEncoder(sealed),
	})
	if err != nil {
		return err
	}
	return in.tell(ctx, p, eventstore.Command{ID: r.ID, Type: recipient.CommandReply, Account: h.account, Actor: h.actor}, r)
}

func (in *Intake) digest(h heard) string {
	if h.media == "" {
		return in.cfg.Secrets.ContentDigest(h.text)
	}
	return in.cfg.Secrets.ContentDigest(h.text, h.media)
}

// validNumber says whether n is written as E.164: + and 7 to 15 digits, the first not 0.
func validNumber(n string) bool {
	digits, ok := strings.CutPrefix(n, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
