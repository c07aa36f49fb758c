package simulator

import (
	"context"
	"errors"
	"strings"

	"goniec/adapters/smpp"
	"goniec/domain"
	"goniec/domain/message"
)

// smsc gives the SMPP server its behaviour.
type smsc struct {
	cfg    Config
	engine *engine
	server *smpp.Server
	out    *outbound
}

func newSMSC(cfg Config, e *engine) (*smsc, error) {
	s := &smsc{cfg: cfg, engine: e}
	server, err := smpp.NewServer(smpp.ServerConfig{
		Addr: cfg.SMPPAddr, Handler: s.submit, Auth: cfg.Auth, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	s.server = server
	s.out = newOutbound(cfg, cfg.Workers, s.post, e.settle)
	return s, nil
}

// submit decides about one submit_sm; it is in the log, with its answer, when this returns.
func (s *smsc) submit(ctx context.Context, in smpp.Submit) smpp.Reply {
	number, sub := "+"+strings.TrimPrefix(in.Dest.Addr, "+"), submitOf(in)
	if n := number[1:]; !isDigits(n) || len(n) < 7 || len(n) > 15 {
		return s.refuse(sub)
	}
	entry, side, answer, err := s.engine.submit(domain.SMS, number, sub)
	if err != nil {
		s.cfg.Logger.Error("simulator: a submit could not be logged", "error", err)
		return smpp.Reply{Status: smpp.StatusSystemError}
	}
	if side.First {
		s.engine.reportFirst(ctx, entry.ID, s.out)
	}
	s.engine.answered(entry, answer.code(domain.SMS))
	return smpp.Reply{
		Action: actions[answer.Fault], Status: smpp.Status(answer.Status), // a command_status of the table
		MessageID: entry.ID, Delay: s.cfg.Delays.Answer,
	}
}

// actions say a Fault in the server's words. The garbled answer harms its own
// submit only; the cut one takes its whole bind along.
var actions = map[Fault]smpp.Action{
	FaultNone: smpp.Answer, FaultSilent: smpp.Silence, FaultCut: smpp.CutInAnswer, FaultGarbled: smpp.MalformedBody,
}

func submitOf(in smpp.Submit) Submit {
	return Submit{
		SystemID: in.SystemID, From: in.Source.Addr, Text: in.Text, NoReceipt: in.RegisteredDelivery&3 == 0,
		PartRef: int(in.Concat.Ref), PartTotal: int(in.Concat.Total), PartSeq: int(in.Concat.Seq),
	}
}

func (s *smsc) refuse(sub Submit) smpp.Reply {
	entry, err := s.engine.refuse(domain.SMS, "", sub)
	if err != nil {
		return smpp.Reply{Status: smpp.StatusSystemError}
	}
	s.engine.answered(entry, smpp.StatusBadDest.Code())
	return smpp.Reply{Status: smpp.StatusBadDest}
}

// post hands one report to a bind; nil once it was taken.
func (s *smsc) post(ctx context.Context, r *pending) error {
	sub := r.of.submit
	if r.plan.Do != Reply && sub.NoReceipt {
		return nil // nobody wants to be told
	}
	if s.server.Bound(sub.SystemID) == 0 {
		return errNotBound // rather than keep a worker waiting
	}
	phone, client := smpp.Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(r.of.number, "+")}, smpp.Address{Addr: sub.From}
	if !isDigits(client.Addr) {
		client.TON = 5 // alphanumeric
	}
	if r.plan.Do == Reply {
		return s.server.DeliverMO(ctx, smpp.MO{SystemID: sub.SystemID, From: phone, To: client, Text: r.plan.Text})
	}
	return s.server.DeliverReceipt(ctx, smpp.Receipt{
		SystemID: sub.SystemID, MessageID: r.of.id, Number: phone, To: client, Status: receiptStatus[r.plan.Do],
		Err: receiptError[r.plan.Do], Submitted: r.of.at, Done: r.plan.At,
	})
}

var errNotBound = errors.New("simulator: nobody is bound")

var receiptStatus = map[Report]message.ReportStatus{
	Delivered: message.ReportDelivered, Expired: message.ReportExpired, Undelivered: message.ReportUndelivered,
}

var receiptError = map[Report]string{Expired: "027", Undelivered: "001"}
