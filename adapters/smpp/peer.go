package smpp

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"
)

// peer is one connection of the Server.
type peer struct {
	*link
	server   *Server
	system   atomic.Pointer[string] // set when bound
	transmit bool                   // may submit; set with system, as is receive
	receive  bool                   // gets deliver_sm
	handling *gate
	wg       sync.WaitGroup
}

func (p *peer) run(ctx context.Context) {
	p.handling = newGate(p.server.cfg.MaxSubmits)
	for {
		_ = p.conn.SetReadDeadline(time.Now().Add(p.server.cfg.IdleTimeout))
		f, err := p.read()
		if err != nil {
			p.end(err)
			break
		}
		p.take(ctx, f)
	}
	p.wg.Wait()
}

func (p *peer) take(ctx context.Context, f frame) {
	system := p.system.Load()
	switch {
	case f.id == data.BIND_TRANSCEIVER || f.id == data.BIND_RECEIVER || f.id == data.BIND_TRANSMITTER:
		p.bind(f) //nolint:contextcheck // deliveries end with the connection, not with this frame
	case f.id == data.ENQUIRE_LINK && system != nil && p.server.cfg.Deaf(*system):
	case p.routine(f):
	case f.id == data.SUBMIT_SM:
		p.submit(ctx, f)
	default:
		_ = p.nack(f, StatusBadCommand)
	}
}

// bind judges a bind request; a refused one may be tried again on the connection.
func (p *peer) bind(f frame) {
	o := octets{b: f.body}
	id, password := o.cstring(), o.cstring()
	status := p.server.cfg.Auth(id, password)
	switch {
	case o.err != nil:
		status = StatusBindFailed
	case p.system.Load() != nil:
		status = StatusAlreadyBound
	case status == StatusOK && p.server.mailbox(id) == nil:
		status = StatusBindFailed
	}
	if status != StatusOK {
		_ = p.respond(f, status, nil)
		return
	}
	p.transmit, p.receive = f.id != data.BIND_RECEIVER, f.id != data.BIND_TRANSMITTER
	p.system.Store(&id) // before the client knows
	if p.respond(f, StatusOK, &p.server.cfg.SystemID) != nil {
		return
	}
	if p.receive {
		p.wg.Go(func() { p.deliverAll(p.server.mailbox(id)) })
	}
}

// submit hands a submit_sm to the handler.
func (p *peer) submit(ctx context.Context, f frame) {
	system := p.system.Load()
	if system == nil || !p.transmit {
		_ = p.respond(f, StatusNotBound, nil)
		return
	}
	m, err := decodeMessage(f.body)
	if err != nil {
		_ = p.respond(f, StatusBadLength, nil)
		return
	}
	if !p.handling.enter() {
		_ = p.respond(f, StatusQueueFull, nil)
		return
	}
	p.wg.Go(func() {
		defer p.handling.leave()
		r := p.server.cfg.Handler(ctx, submitOf(*system, m))
		if p.delay(r.Delay) {
			p.act(f, r)
		}
		if r.Sent != nil {
			r.Sent()
		}
	})
}

func submitOf(systemID string, m shortMessage) Submit {
	return Submit{
		SystemID: systemID, Source: m.source, Dest: m.dest, ESMClass: m.esmClass, DataCoding: m.coding,
		Priority: m.priority, RegisteredDelivery: m.registered, ValidityPeriod: m.validity,
		Concat: m.concat, Raw: m.payload, Text: decodeText(m.coding, m.payload), Received: time.Now(),
	}
}

// delay waits d; false when the connection ended meanwhile.
func (p *peer) delay(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ended:
		return false
	}
}

// act answers a submit_sm as its handler decided.
func (p *peer) act(f frame, r Reply) {
	switch r.Action {
	case Silence:
	case Cut:
		p.end(errCut)
	case CutInAnswer:
		_ = p.writeRaw(rawHeader(headerSize+9, f)[:10])
		p.end(errCut)
	case MalformedBody:
		_ = p.writeRaw(append(rawHeader(headerSize+3, f), 0xFF, 0xFE, 0xFD)) // message_id never ends
	case MalformedLength:
		_ = p.writeRaw(rawHeader(3, f))
	case Answer:
		p.accept(f, r)
	default:
		p.end(errors.New("the handler asked for an unknown action"))
	}
}

func (p *peer) accept(f frame, r Reply) {
	if r.Status != StatusOK {
		_ = p.respond(f, r.Status, nil)
		return
	}
	_ = p.respond(f, StatusOK, &r.MessageID)
}

// rawHeader begins a submit_sm_resp that claims a length.
func rawHeader(length int, f frame) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(length))  // constants
	b = binary.BigEndian.AppendUint32(b, uint32(f.id)|1<<31) // a bit pattern
	b = binary.BigEndian.AppendUint32(b, 0)
	return binary.BigEndian.AppendUint32(b, uint32(f.seq)) // a bit pattern
}
