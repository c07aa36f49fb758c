package smpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"goniec/domain/message"
)

// Receipt is a delivery receipt to be delivered to an ESME.
type Receipt struct {
	SystemID  string // whose bind gets it
	MessageID string // as answered to the submit_sm
	Number    Address
	To        Address // the source of the submit_sm
	Status    message.ReportStatus
	Err       string // three characters; "000" if empty
	Submitted time.Time
	Done      time.Time // dates carry seconds, in UTC
	Text      string    // the first 20 characters of the message, if wished
	Form      ReceiptForm
}

// ReceiptForm is where a receipt says what it says.
type ReceiptForm string

// The forms. Both is the zero value.
const (
	FormBoth ReceiptForm = ""
	FormText ReceiptForm = "text" // short_message alone
	FormTLV  ReceiptForm = "tlv"  // receipted_message_id and message_state alone
)

// MO is a text from a phone to be delivered to an ESME.
type MO struct {
	SystemID string
	From, To Address
	Text     string
	Ref      byte // reference of a long one
}

// delivery is one deliver_sm until somebody takes it or ctx is over.
type delivery struct {
	ctx   context.Context //nolint:containedctx // it is the life of this one request
	pdu   *pdu.DeliverSM
	taken chan struct{}
}

// mailbox holds the deliveries of one system_id while nobody takes them.
type mailbox struct{ waiting chan *delivery }

// maxBoxes bounds the system_ids that are ever known.
const maxBoxes = 1000

// mailbox is nil when there are too many.
func (s *Server) mailbox(systemID string) *mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.boxes[systemID]
	if !ok && len(s.boxes) < maxBoxes {
		b = &mailbox{waiting: make(chan *delivery, s.cfg.MaxQueue)}
		s.boxes[systemID] = b
	}
	return b
}

// DeliverReceipt hands a receipt to a transceiver or receiver bound with its
// system_id, and returns nil once the ESME took it. While nobody is bound it
// waits; what is refused or not answered is repeated; both until ctx is over.
// Receipts may overtake each other. Errors: ctx's, ErrQueueFull, ErrClosed, ErrTooLong.
func (s *Server) DeliverReceipt(ctx context.Context, r Receipt) error {
	p, err := r.pdu()
	if err != nil {
		return err
	}
	return s.deliver(ctx, r.SystemID, []*pdu.DeliverSM{p})
}

// DeliverMO hands over a text, in parts if it is long, and returns nil once the
// ESME took all of it. Otherwise as DeliverReceipt.
func (s *Server) DeliverMO(ctx context.Context, m MO) error {
	pdus, err := m.pdus()
	if err != nil {
		return err
	}
	return s.deliver(ctx, m.SystemID, pdus)
}

func (s *Server) deliver(ctx context.Context, systemID string, pdus []*pdu.DeliverSM) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is left in the box is skipped
	all := make([]*delivery, len(pdus))
	for i, p := range pdus {
		all[i] = &delivery{ctx: ctx, pdu: p, taken: make(chan struct{})}
		if err := s.enqueue(systemID, all[i]); err != nil {
			return err
		}
	}
	for _, d := range all {
		select {
		case <-d.taken:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			return ErrClosed
		}
	}
	return nil
}

func (s *Server) enqueue(systemID string, d *delivery) error {
	box := s.mailbox(systemID)
	if box == nil {
		return ErrQueueFull
	}
	select {
	case box.waiting <- d:
		return nil
	default:
		return ErrQueueFull
	}
}

// deliverAll takes deliveries out of the box while the bind lasts, up to the window at once.
func (p *peer) deliverAll(box *mailbox) {
	window := make(chan struct{}, p.server.cfg.DeliverWindow)
	for {
		select {
		case window <- struct{}{}:
		case <-p.ended:
			return
		}
		select {
		case d := <-box.waiting:
			p.wg.Go(func() {
				defer func() { <-window }()
				p.deliver(box, d)
			})
		case <-p.ended:
			return
		}
	}
}

// deliver sends one deliver_sm; unless it is taken it goes back into the box after a while.
func (p *peer) deliver(box *mailbox, d *delivery) {
	if d.ctx.Err() != nil {
		return
	}
	if p.taken(d) {
		close(d.taken)
		return
	}
	p.delay(p.server.cfg.DeliverRetry) // a bind that ended is no reason to wait
	select {
	case box.waiting <- d:
	case <-d.ctx.Done():
	case <-p.server.stop:
	}
}

func (p *peer) taken(d *delivery) bool {
	ctx, cancel := context.WithTimeout(d.ctx, p.server.cfg.DeliverTimeout)
	defer cancel()
	call, err := p.begin(d.pdu)
	if err != nil {
		return false
	}
	f, err := p.await(ctx, call, nil)
	return err == nil && f.status == StatusOK
}

// statNames are the words of a receipt's text and the values of message_state.
var statNames = map[message.ReportStatus]struct {
	stat  string
	state byte
}{
	message.ReportDelivered: {"DELIVRD", 2}, message.ReportExpired: {"EXPIRED", 3}, message.ReportDeleted: {"DELETED", 4},
	message.ReportUndelivered: {"UNDELIV", 5}, message.ReportAccepted: {"ACCEPTD", 6}, message.ReportRejected: {"REJECTD", 8},
}

func (r Receipt) pdu() (*pdu.DeliverSM, error) {
	d, err := newDeliver(r.Number, r.To)
	if err != nil || len(r.MessageID) > maxID {
		return nil, ErrTooLong
	}
	d.EsmClass = esmReceipt
	text := ""
	if r.Form != FormTLV {
		text = r.text()
	}
	_ = d.Message.SetMessageDataWithEncoding([]byte(text), codingOnly(codingGSM7)) // bounded by text
	if r.Form != FormText {
		d.RegisterOptionalParam(pdu.Field{Tag: tagReceiptedMessageID, Data: append([]byte(r.MessageID), 0)})
		d.RegisterOptionalParam(pdu.Field{Tag: tagMessageState, Data: []byte{statNames[r.Status].state}})
	}
	return d, nil
}

// text is the receipt of SMPP 3.4, appendix B, with seconds.
func (r Receipt) text() string {
	const date = "060102150405"
	code, delivered := r.Err, "000"
	if code == "" {
		code = "000"
	}
	if r.Status == message.ReportDelivered {
		delivered = "001"
	}
	text := fmt.Sprintf("id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:%.20s",
		r.MessageID, delivered, r.Submitted.UTC().Format(date), r.Done.UTC().Format(date), statNames[r.Status].stat, code, r.Text)
	return text[:min(len(text), 254)]
}

func (m MO) pdus() ([]*pdu.DeliverSM, error) {
	coding, payloads, err := encodeText(m.Text)
	if err != nil {
		return nil, ErrTooLong
	}
	all := make([]*pdu.DeliverSM, len(payloads))
	for i, payload := range payloads {
		d, err := newDeliver(m.From, m.To)
		if err != nil {
			return nil, ErrTooLong
		}
		d.EsmClass, d.Message = shortMessageOf(coding, payload, Concat{Ref: uint16(m.Ref), Total: uint8(len(payloads)), Seq: uint8(i + 1)}) // at most 255 parts
		all[i] = d
	}
	return all, nil
}

func newDeliver(from, to Address) (*pdu.DeliverSM, error) {
	d := pdu.NewDeliverSM().(*pdu.DeliverSM) //nolint:forcetypeassert // what it makes is one
	var errs [2]error
	d.SourceAddr, errs[0] = pdu.NewAddressWithTonNpiAddr(from.TON, from.NPI, from.Addr)
	d.DestAddr, errs[1] = pdu.NewAddressWithTonNpiAddr(to.TON, to.NPI, to.Addr)
	return d, errors.Join(errs[:]...)
}
