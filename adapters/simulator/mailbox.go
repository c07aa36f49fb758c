package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Bounds of the mailbox: what is older, or larger, is not kept.
const (
	maxMails    = 200
	maxMailSize = 1 << 20 // bytes
)

// mailbox is a mail server (RFC 5321) that delivers nothing: what it is handed can be read on a page. Mails are kept in memory.
// Safe for concurrent use.
type mailbox struct {
	listener net.Listener
	server   *smtp.Server

	mu    sync.Mutex
	mails []string // the newest last
}

func newMailbox() (*mailbox, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("simulator: mail: %w", err)
	}
	m := &mailbox{listener: ln}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: m}, nil }))
	m.server.Domain, m.server.MaxMessageBytes, m.server.MaxRecipients = "localhost", maxMailSize, 10
	m.server.ReadTimeout, m.server.WriteTimeout = 10*time.Second, 10*time.Second
	m.server.ErrorLog = quietLog{}
	return m, nil
}

// quietLog leaves out what the library would log: it may hold an address.
type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

func (m *mailbox) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = m.server.Close() })
	defer stop()
	err := m.server.Serve(m.listener)
	if errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

func (m *mailbox) close() {
	_ = m.server.Close()
	_ = m.listener.Close() // the server knows it only once it serves
}

func (m *mailbox) put(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, text)
	m.mails = m.mails[max(0, len(m.mails)-maxMails):]
}

// show answers all mails as text, the newest first.
func (m *mailbox) show(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	mails := slices.Clone(m.mails)
	m.mu.Unlock()
	slices.Reverse(mails)
	if len(mails) == 0 {
		mails = []string{"No mail has come.\n"}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, strings.Join(mails, "\n"+strings.Repeat("=", 72)+"\n\n"))
}

// mailSession takes every mail.
type mailSession struct {
	box *mailbox
	to  []string
}

func (s *mailSession) Reset()                               { s.to = nil }
func (s *mailSession) Logout() error                        { return nil }
func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "not a mail"}
	}
	body := m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "not a mail"}
	}
	head := fmt.Sprintf("To: %s\n", strings.Join(s.to, ", "))
	for _, name := range []string{"From", "Reply-To", "Date", "Subject"} {
		if v := m.Header.Get(name); v != "" {
			if said, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
				v = said
			}
			head += name + ": " + v + "\n"
		}
	}
	s.box.put(head + "\n" + string(text))
	return nil
}
