package dispatch

import (
	"context"
	"sync/atomic"
	"time"

	"goniec/adapters/smpp"
	"goniec/adapters/viber"
	"goniec/domain/message"
)

// Viber makes a Carrier of a Viber client. Its MaxConns should not be below the
// route's Concurrency.
func Viber(c *viber.Client) Carrier { return &viberCarrier{client: c} }

type viberCarrier struct {
	client *viber.Client
	seq    atomic.Int64
}

func (v *viberCarrier) Send(ctx context.Context, s Submission) Result {
	r := v.client.Send(ctx, viber.Submission{
		Attempt: s.Attempt, ServiceID: s.ServiceID, Number: s.To, Seq: v.seq.Add(1), Label: s.Label, TTLSec: s.TTLSec,
		TwoWay: s.TwoWay, Text: s.Text, ImageURL: s.ImageURL, Button: viber.Button{Caption: s.ButtonText, URL: s.ButtonURL},
	})
	return Result{Answer: r.Answer, RouteFault: r.RouteFault}
}

// SMS makes a Carrier of an SMPP client. The client's OnLate should hand the
// Answer to Dispatcher.Late, so that one that comes after "unknown" is not lost.
func SMS(c *smpp.Client) Carrier { return smsCarrier{c} }

type smsCarrier struct{ client *smpp.Client }

func (c smsCarrier) Send(ctx context.Context, s Submission) Result {
	m := smpp.Message{AttemptID: s.Attempt, From: s.From, To: s.To, Text: s.SMSText, Validity: time.Duration(s.TTLSec) * time.Second}
	if m.Text == "" {
		m.Text = s.Text
	}
	if s.Urgent {
		m.Priority = 1
	}
	r := c.client.Submit(ctx, m)
	return Result{Answer: r.Answer, RouteFault: r.Outcome == message.OutcomeUnknown}
}
