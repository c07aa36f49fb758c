package simulator

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"goniec/domain"
)

const (
	maxSubmitBody = 64 << 10
)

// wireSubmit is send_message's body.
type wireSubmit struct {
	Service int64       `json:"service_id"`
	Dest    string      `json:"dest"`
	Seq     int64       `json:"seq"`
	Type    int         `json:"type"`
	Label   string      `json:"label"`
	TTL     *int        `json:"ttl"`
	Tag     string      `json:"tag"`
	Message wireContent `json:"message"`
}

type wireContent struct {
	Text     string  `json:"#txt"`
	Image    string  `json:"#img"`
	Caption  string  `json:"#caption"`
	Action   string  `json:"#action"`
	Tracking *string `json:"#tracking_data"`
}

type wireAnswer struct {
	Status int    `json:"status"`
	Seq    int64  `json:"seq"`
	Token  string `json:"message_token,omitempty"`
}

// Statuses of a submit that is refused for its shape.
const (
	statusBadService = 2
	statusBadData    = 3
	statusBadType    = 5
	statusBadParams  = 6
	statusBadLabel   = 18
	statusBadTTL     = 20
	statusBadNumber  = 27
)

// shape says what a message type needs and takes.
type shape struct{ text, image, button, tracking bool }

// shapes are the types that are served, as Viber documents them.
var shapes = map[int]shape{
	106: {text: true}, 206: {text: true, tracking: true}, 225: {text: true, tracking: true},
	107: {image: true}, 207: {image: true, tracking: true},
	108: {text: true, image: true, button: true}, 208: {text: true, image: true, button: true, tracking: true},
	109: {text: true, button: true}, 209: {text: true, button: true, tracking: true},
}

// fault is the status with which Viber refuses a submit whatever its number; 0: none.
func (w wireSubmit) fault() int {
	sh, known := shapes[w.Type]
	m := w.Message
	switch {
	case !isDigits(w.Dest) || len(w.Dest) < 7 || len(w.Dest) > 15:
		return statusBadNumber
	case !known:
		return statusBadType
	case w.Label != "transaction" && w.Label != "promotion":
		return statusBadLabel
	case w.TTL != nil && (*w.TTL < 30 || *w.TTL > 1_209_600):
		return statusBadTTL
	case utf8.RuneCountInString(m.Text) > 1000 || utf8.RuneCountInString(m.Caption) > 30:
		return statusBadData
	case (m.Text != "") != sh.text || (m.Image != "") != sh.image || (m.Caption != "") != sh.button ||
		(m.Action != "") != sh.button || (m.Tracking != nil) != sh.tracking:
		return statusBadParams
	}
	return 0
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (w wireSubmit) entry() Submit {
	s := Submit{
		Service: w.Service, Seq: w.Seq, Tag: w.Tag, Type: w.Type, Label: w.Label,
		Text: w.Message.Text, Image: w.Message.Image, Caption: w.Message.Caption, Action: w.Message.Action,
	}
	if w.TTL != nil {
		s.TTL = *w.TTL
	}
	if w.Message.Tracking != nil {
		s.Tracking = *w.Message.Tracking
	}
	return s
}

// viberService answers send_message.
type viberService struct {
	cfg     Config
	engine  *engine
	reports *outbound
	known   map[int64]string // services

	mu     sync.Mutex
	held   map[net.Conn]struct{} // connections without an answer
	idle   sync.WaitGroup        // their handlers, which the HTTP server does not wait for
	closed bool
}

func newViberService(cfg Config, e *engine, reports *outbound, known map[int64]string) *viberService {
	return &viberService{cfg: cfg, engine: e, reports: reports, known: known, held: map[net.Conn]struct{}{}}
}

func (v *viberService) serves(id int64) bool {
	_, known := v.known[id]
	return known
}

// ServeHTTP implements http.Handler for POST send_message.
func (v *viberService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSubmitBody))
	if err != nil {
		http.Error(w, "the body cannot be read, or is too large", http.StatusRequestEntityTooLarge)
		return
	}
	var in wireSubmit
	if json.Unmarshal(body, &in) != nil || !utf8.Valid(body) {
		v.refuse(w, "", wireSubmit{}, statusBadData)
		return
	}
	number := "+" + in.Dest
	switch fault := in.fault(); {
	case fault == statusBadNumber:
		v.refuse(w, "", in, fault)
	case fault != 0:
		v.refuse(w, number, in, fault)
	case in.Service <= 0 || v.cfg.StrictServices && !v.serves(in.Service):
		v.refuse(w, number, in, statusBadService)
	default:
		v.take(w, r, number, in)
	}
}

func (v *viberService) refuse(w http.ResponseWriter, number string, in wireSubmit, status int) {
	entry, err := v.engine.refuse(domain.Viber, number, in.entry())
	if err != nil {
		v.broken(w, err)
		return
	}
	answer := Answer{Status: status}
	v.engine.answered(entry, answer.code(domain.Viber))
	writeAnswer(w, wireAnswer{Status: status, Seq: in.Seq})
}

// broken: what cannot be logged is not taken.
func (v *viberService) broken(w http.ResponseWriter, err error) {
	v.cfg.Logger.Error("simulator: a submit could not be logged", "error", err)
	http.Error(w, "the log cannot be written", http.StatusServiceUnavailable)
}

func (v *viberService) take(w http.ResponseWriter, r *http.Request, number string, in wireSubmit) {
	entry, side, answer, err := v.engine.submit(domain.Viber, number, in.entry())
	if err != nil {
		v.broken(w, err)
		return
	}
	if side.First {
		v.engine.reportFirst(r.Context(), entry.ID, v.reports)
	}
	pause(r.Context().Done(), v.cfg.Delays.Answer)
	v.engine.answered(entry, answer.code(domain.Viber))
	v.answer(w, answer, wireAnswer{Status: answer.Status, Seq: in.Seq, Token: entry.ID})
}

func (v *viberService) answer(w http.ResponseWriter, answer Answer, wire wireAnswer) {
	switch answer.Fault {
	case FaultNone:
		if wire.Status != 0 {
			wire.Token = ""
		}
		writeAnswer(w, wire)
	case FaultInternal:
		http.Error(w, "internal error", http.StatusInternalServerError)
	case FaultSilent:
		v.hold(w, nil)
	case FaultCut:
		v.hold(w, []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 96\r\n\r\n{\"status\":0,\"mess"))
	case FaultGarbled:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>status 0, or so</body></html>")
	}
}

func writeAnswer(w http.ResponseWriter, a wireAnswer) {
	body, err := json.Marshal(a)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// hold takes the connection over. With a beginning of an answer it writes that
// and cuts; without one it keeps silent until the client goes, or for Hold.
func (v *viberService) hold(w http.ResponseWriter, beginning []byte) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	defer func() { _ = conn.Close() }()
	if len(beginning) > 0 {
		_, _ = conn.Write(beginning)
		return
	}
	if !v.keep(conn) {
		return
	}
	defer v.drop(conn)
	if conn.SetDeadline(time.Now().Add(v.cfg.Hold)) == nil {
		_, _ = io.Copy(io.Discard, rw)
	}
}

func (v *viberService) keep(conn net.Conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.held[conn] = struct{}{}
	v.idle.Add(1)
	return true
}

func (v *viberService) drop(conn net.Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.held, conn)
	v.idle.Done()
}

// close ends the connections that were kept silent, and waits for their handlers.
func (v *viberService) close() {
	v.mu.Lock()
	v.closed = true
	for conn := range v.held {
		_ = conn.Close()
	}
	v.mu.Unlock()
	v.idle.Wait()
}
