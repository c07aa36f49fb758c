package smpp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

const (
	headerSize = 16
	maxPDU     = 64 << 10 // message_payload may hold that much; more is no PDU
)

// errFraming: a command_length that cannot be; where the next PDU begins is lost with it.
var errFraming = errors.New("impossible command_length")

// frame is a PDU whose body is not read yet: its length is all that was judged.
type frame struct {
	id     data.CommandIDType
	status Status
	seq    int32
	body   []byte
}

// response says whether the frame answers a request (generic_nack does).
func (f frame) response() bool { return f.id < 0 }

// wire reads frames and writes PDUs. One goroutine may read; any may write.
type wire struct {
	conn     net.Conn
	in       *bufio.Reader
	patience time.Duration // how long one write may take

	mu  sync.Mutex
	out *pdu.ByteBuffer
}

func newWire(conn net.Conn, patience time.Duration) *wire {
	return &wire{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), patience: patience, out: pdu.NewBuffer(nil)}
}

// read blocks until a whole frame is there.
func (w *wire) read() (frame, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return frame{}, fmt.Errorf("read header: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < headerSize || n > maxPDU {
		return frame{}, errFraming
	}
	h := pdu.ParseHeader(head)
	f := frame{id: h.CommandID, status: Status(h.CommandStatus), seq: h.SequenceNumber, body: make([]byte, n-headerSize)} // a bit pattern, not a number
	if _, err := io.ReadFull(w.in, f.body); err != nil {
		return frame{}, fmt.Errorf("read body: %w", err)
	}
	return f, nil
}

// write sends one PDU whole, or returns an error: then the peer cannot have
// all of it, and the connection, which may hold half of it, is closed.
func (w *wire) write(p pdu.PDU) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.Reset()
	p.Marshal(w.out)
	return w.send(w.out.Bytes())
}

// writeRaw is write for octets that need not be a PDU.
func (w *wire) writeRaw(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.send(b)
}

func (w *wire) send(b []byte) error {
	err := w.conn.SetWriteDeadline(time.Now().Add(w.patience))
	if err == nil {
		_, err = w.conn.Write(b)
	}
	if err != nil {
		_ = w.conn.Close()
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// respond answers f with a status and, if there is one, a C-octet string (a
// message_id or a system_id). A refusal has no body (SMPP 3.4, 4.4.2).
func (w *wire) respond(f frame, s Status, text *string) error {
	n := headerSize
	if text != nil {
		n += len(*text) + 1
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, n), uint32(n)) // text is bounded by its callers
	b = binary.BigEndian.AppendUint32(b, uint32(f.id)|1<<31)          // a bit pattern
	b = binary.BigEndian.AppendUint32(b, uint32(s))
	b = binary.BigEndian.AppendUint32(b, uint32(f.seq)) // a bit pattern
	if text != nil {
		b = append(append(b, *text...), 0)
	}
	return w.writeRaw(b)
}

// nack answers a PDU that is not understood.
func (w *wire) nack(f frame, s Status) error {
	f.id = data.GENERIC_NACK
	return w.respond(f, s, nil)
}
