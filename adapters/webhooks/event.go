package webhooks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// The types of webhook events. They are stable: clients match on them.
const (
	MessageSent      = "message.sent"
	MessageDelivered = "message.delivered"
	MessageRead      = "message.read"
	MessageFailed    = "message.failed"
	MessageUnknown   = "message.unknown"
	MessageLate      = "message.late"
	RecipientReply   = "recipient.reply"
	RecipientOptOut  = "recipient.opt_out"
	WebhookTest      = "webhook.test"
)

// EventTypes returns the types that an endpoint may be registered for. An
// endpoint without a list gets all of them.
func EventTypes() []string {
	return []string{
		MessageSent, MessageDelivered, MessageRead, MessageFailed, MessageUnknown, MessageLate,
		RecipientReply, RecipientOptOut,
	}
}

// CheckEvents refuses names that are not event types with a *domain.Error.
func CheckEvents(names []string) error {
	for _, n := range names {
		if !slices.Contains(EventTypes(), n) {
			return domain.RefuseField(account.CodeInvalidValue, "events", "must be some of %s", strings.Join(EventTypes(), ", "))
		}
	}
	return nil
}

// Payload is the body of a webhook, as JSON.
type Payload struct {
	ID        string    `json:"id"` // of the event in the journal; also the header webhook-id
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened, not when it was sent
	Data      any       `json:"data"`
}

// MessageData is the data of message.* events. State is what this event says of
// the message; a message never falls from read to delivered, or from delivered to
// sent, so a client keeps the highest it has seen.
type MessageData struct {
	MessageID string         `json:"message_id"`
	State     string         `json:"state"`
	Channel   domain.Channel `json:"channel,omitempty"` // absent where the attempt began before the account had an endpoint
	ClientRef string         `json:"client_ref,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
	Parts     int            `json:"parts,omitempty"` // accepted SMS parts
	Reason    string         `json:"reason,omitempty"`
	Code      string         `json:"code,omitempty"` // the carrier's
	Late      bool           `json:"late,omitempty"`
	Double    bool           `json:"double,omitempty"`
	Inferred  bool           `json:"inferred,omitempty"` // matched without the carrier's id
}

// ReplyData is the data of recipient.reply.
type ReplyData struct {
	ReplyID   string         `json:"reply_id"`
	Recipient string         `json:"recipient"`
	Channel   domain.Channel `json:"channel"`
	Sender    string         `json:"sender,omitempty"`
	MessageID string         `json:"message_id,omitempty"` // the last message of that sender within 72 h
	ClientRef string         `json:"client_ref,omitempty"` // of that message
	Tags      []string       `json:"tags,omitempty"`
	Length    int            `json:"length"`
	Keyword   string         `json:"keyword,omitempty"`
	TwoWay    bool           `json:"two_way"`
}

// OptOutData is the data of recipient.opt_out.
type OptOutData struct {
	Recipient string            `json:"recipient"`
	Origin    string            `json:"origin"`
	Stops     []recipient.Scope `json:"stops"`
	Sender    string            `json:"sender,omitempty"`
	MessageID string            `json:"message_id,omitempty"` // the message that it answered, if known
	ClientRef string            `json:"client_ref,omitempty"` // of that message
	Tags      []string          `json:"tags,omitempty"`
}

// TestData is the data of webhook.test.
type TestData struct {
	Endpoint string `json:"endpoint"`
}

// notice is a webhook event before it is known who gets it.
type notice struct {
	event   *eventstore.Event
	typ     string
	message string // whose note completes the data; "" = none
	attempt string // whose channel the note knows; "" = none
	data    any    // *MessageData, *ReplyData or *OptOutData
}

// note is what is remembered of a message for its later events.
type note struct {
	clientRef string
	tags      []string
	channels  map[string]domain.Channel // by attempt
}

// complete adds what the note knows and the event does not say.
func (n *notice) complete(x note) {
	switch d := n.data.(type) {
	case *MessageData:
		if d.ClientRef == "" && d.Tags == nil {
			d.ClientRef, d.Tags = x.clientRef, x.tags
		}
		if d.Channel == "" {
			d.Channel = x.channels[n.attempt]
		}
	case *ReplyData:
		d.ClientRef, d.Tags = x.clientRef, x.tags
	case *OptOutData:
		d.ClientRef, d.Tags = x.clientRef, x.tags
	}
}

func (n *notice) payload() ([]byte, error) {
	return encode(Payload{ID: n.event.ID, Type: n.typ, Timestamp: n.event.Time.UTC(), Data: n.data})
}

func encode(p Payload) ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode a payload of %s: %w", p.Type, err)
	}
	return b, nil
}

// translate returns the webhook event that ev is, or nil.
func translate(ev *eventstore.Event) (*notice, error) {
	fact, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return nil, err
	}
	switch fact := fact.(type) {
	case message.Event:
		return messageNotice(ev, fact), nil
	case recipient.Event:
		return recipientNotice(ev, fact), nil
	}
	return nil, nil
}

func messageNotice(ev *eventstore.Event, fact message.Event) *notice {
	n := &notice{event: ev, message: strings.TrimPrefix(ev.Stream, "message/")}
	d := &MessageData{MessageID: n.message}
	n.data = d
	switch f := fact.(type) {
	case message.AttemptAccepted:
		n.typ, n.attempt, d.State, d.Parts = MessageSent, f.Attempt, "sent", f.Parts
	case message.AttemptResolved:
		n.typ, n.attempt, d.State, d.Parts, d.Inferred = MessageSent, f.Attempt, "sent", f.Parts, f.Inferred
	case message.Delivered:
		n.typ, d.State, d.Channel, d.Inferred = MessageDelivered, "delivered", f.Channel, f.Inferred
		if d.Late, d.Double = f.Late, f.Double; d.Late || d.Double {
			n.typ = MessageLate
		}
	case message.Read:
		n.typ, n.attempt, d.State, d.Inferred = MessageRead, f.Attempt, "read", f.Inferred
	case message.Failed:
		n.typ, d.State, d.Reason, d.Code = MessageFailed, "failed", f.Reason, f.Code
	case message.Refused:
		n.typ, d.State, d.Reason, d.ClientRef, d.Tags = MessageFailed, "failed", f.Reason, f.ClientRef, f.Tags
	case message.Cancelled:
		n.typ, d.State, d.Reason = MessageFailed, "cancelled", "cancelled"
	case message.Unknown:
		n.typ, d.State, d.Reason = MessageUnknown, "unknown", f.Reason
	default:
		return nil
	}
	return n
}

func recipientNotice(ev *eventstore.Event, fact recipient.Event) *notice {
	id := strings.TrimPrefix(ev.Stream, "recipient/")
	switch f := fact.(type) {
	case recipient.ReplyReceived:
		return &notice{event: ev, typ: RecipientReply, message: f.Message, data: &ReplyData{
			ReplyID: f.ID, Recipient: id, Channel: f.Channel, Sender: f.Sender, MessageID: f.Message,
			Length: f.Length, Keyword: f.Keyword, TwoWay: f.TwoWay,
		}}
	case recipient.OptOutRecorded:
		return &notice{event: ev, typ: RecipientOptOut, message: f.Message, data: &OptOutData{
			Recipient: id, Origin: f.Origin, Stops: f.Stops, Sender: f.Sender, MessageID: f.Message,
		}}
	default:
		return nil
	}
}

// regarded says which journal events are looked at; all others are passed by
// unread.
func regarded(typ string) bool {
	switch typ {
	case message.TypeAccepted, message.TypeAttemptStarted, // for the notes
		message.TypeAttemptAccepted, message.TypeAttemptResolved, message.TypeDelivered, message.TypeRead,
		message.TypeFailed, message.TypeRefused, message.TypeCancelled, message.TypeUnknown,
		recipient.TypeReplyReceived, recipient.TypeOptOutRecorded:
		return true
	}
	return false
}

func wants(e account.Endpoint, typ string) bool {
	return len(e.Events) == 0 || slices.Contains(e.Events, typ)
}
