package intake

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goniec/adapters/smpp"
	"goniec/domain"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// replyRepeat is how long the same text from the same number counts as the
// carrier's repeat: a deliver_sm of a reply has neither id nor time.
const replyRepeat = 5 * time.Minute

// SMPPHandler returns the handler of a route's inbound SMPP messages: nil is answered OK
// by the client, an error makes the carrier repeat. A notice whose number is not
// E.164 would be the same the next time: it is logged, without the number, and
// taken off the carrier's hands.
func (in *Intake) SMPPHandler(route string) smpp.Handler {
	return func(ctx context.Context, msg smpp.Inbound) error {
		began := time.Now()
		if !validNumber(msg.Number) {
			in.cfg.Metrics.Refused(route, codeBadNumber)
			in.cfg.Log.Warn("inbound SMS dropped: its number is not E.164", "route", route, "kind", string(msg.Kind))
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, in.cfg.Timeout)
		defer cancel()
		ctx, span := in.cfg.Tracer.Root(ctx, "", "receive "+route, trace.SpanKindServer, attribute.String("goniec.route", route))
		defer span.End()
		if err := in.takeSMS(ctx, route, msg); err != nil {
			in.cfg.Metrics.Refused(route, codeUnavailable)
			return err
		}
		in.cfg.Metrics.Taken(route, kindOfSMS(msg), time.Since(began))
		return nil
	}
}

func kindOfSMS(msg smpp.Inbound) string {
	if msg.Kind == smpp.KindReply {
		return "reply"
	}
	return string(msg.Status)
}

func (in *Intake) takeSMS(ctx context.Context, route string, msg smpp.Inbound) error {
	p, actor := in.place(msg.Number), "carrier/"+route
	if msg.Kind == smpp.KindReply {
		h := heard{number: msg.Number, text: msg.Text, actor: actor}
		id := in.id(p, "sms reply", route, p.number, msg.To, in.digest(h), instant(msg.Received.Truncate(replyRepeat)))
		h.reply = recipient.Reply{ID: id, Route: route, Channel: domain.SMS, To: msg.To, At: msg.At}
		return in.reply(ctx, p, h)
	}
	told := msg.At
	if told.Equal(msg.Received) { // the receipt has no time of its own
		told = time.Time{}
	}
	id := in.id(p, "sms", route, p.number, msg.CarrierID, string(msg.Status), instant(told))
	return in.tell(ctx, p, eventstore.Command{ID: id, Type: recipient.CommandReport, Actor: actor}, recipient.Report{
		Number: p.number, Route: route, Channel: domain.SMS, CarrierID: msg.CarrierID,
		Status: string(msg.Status), Code: msg.Code, At: msg.At, Received: msg.Received,
	})
}
