// Package mailer hands mails to an SMTP server.
package mailer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTPConfig says which server takes mails (RFC 5321).
type SMTPConfig struct {
	Addr     string // host:port; at port 465 TLS comes first, elsewhere STARTTLS
	TLS      bool   // false: neither, for a server on this machine
	From     string // address of the installation
	User     string // "" = no authentication
	Password string
}

// Mail is one mail, in plain text.
type Mail struct {
	ID       string // of what it tells of: a mail that goes out twice has it twice
	To       string
	ReplyTo  string // "" = nobody
	From     string // shown as the sender's name; "" = the installation's address alone
	Subject  string
	Text     string
	Happened time.Time
	File     File // attached; not required
}

// File is attached byte for byte.
type File struct {
	Name    string
	Content []byte
}

// Mailer hands a mail to a server. A Refusal means that the server will never take it; after any other error it is tried again.
// Errors hold no address.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Later is what a server says of a mail or its recipient that it does not take now, such as "452".
type Later string

func (e Later) Error() string { return "the mail is not taken now: " + string(e) }

// Refusal is a server's last word on a mail, such as "550".
type Refusal string

func (e Refusal) Error() string { return "the mail was refused: " + string(e) }

// sendTimeout bounds one conversation with the server.
const sendTimeout = 10 * time.Second

const implicitTLS = 465

// SMTP is a Mailer. It keeps no connection, and is safe for concurrent use.
type SMTP struct {
	cfg  SMTPConfig
	host string
	opts []mail.Option
}

// NewSMTP checks the configuration; it connects to nothing.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	host, service, err := net.SplitHostPort(cfg.Addr)
	port, numErr := strconv.Atoi(service)
	if err != nil || numErr != nil {
		return nil, errors.New("mail.addr: must be host:port")
	}
	if err := mail.NewMsg().From(cfg.From); err != nil {
		return nil, errors.New("mail.from: must be an e-mail address")
	}
	opts := []mail.Option{mail.WithPort(port), mail.WithTimeout(sendTimeout), mail.WithoutNoop()}
	switch {
	case !cfg.TLS:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	case port == implicitTLS:
		opts = append(opts, mail.WithSSL())
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if cfg.User != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(cfg.User), mail.WithPassword(cfg.Password))
	}
	s := &SMTP{cfg: cfg, host: host, opts: opts}
	_, err = s.client()
	return s, err
}

func (s *SMTP) client() (*mail.Client, error) {
	c, err := mail.NewClient(s.host, s.opts...)
	if err != nil {
		return nil, errors.New("mail: the settings fit no client")
	}
	return c, nil
}

// Send implements Mailer.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	err = c.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // what went wrong after that is no matter of the mail
	}
	return outcome(err)
}

// message may hold what a server cannot be given: that is for ever.
func (s *SMTP) message(m Mail) (*mail.Msg, error) {
	msg := mail.NewMsg()
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Happened)
	msg.SetMessageIDWithValue(m.ID + "@" + s.host)
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.SetAddrHeaderFromMailAddress(mail.HeaderFrom, &netmail.Address{Name: m.From, Address: s.cfg.From})
	if m.File.Name != "" {
		if err := msg.AttachReader(m.File.Name, bytes.NewReader(m.File.Content)); err != nil {
			return nil, fmt.Errorf("attach file: %w", err)
		}
	}
	err := msg.To(m.To)
	if m.ReplyTo != "" {
		err = errors.Join(err, msg.ReplyTo(m.ReplyTo))
	}
	if err != nil {
		return nil, Refusal("address") // go-mail's error holds it
	}
	return msg, nil
}

// outcome leaves a server's words out: they often repeat the address. What is said of the recipient or of the mail is its
// own; anything else, a wrong mail.from included, is the server's or ours and is tried again.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	var e *mail.SendError
	if !errors.As(err, &e) {
		return errAway
	}
	ofTheMail := e.Reason == mail.ErrSMTPRcptTo || e.Reason == mail.ErrSMTPData || e.Reason == mail.ErrSMTPDataClose
	switch {
	case ofTheMail && e.ErrorCode() >= 500:
		return Refusal(fmt.Sprint(e.ErrorCode()))
	case ofTheMail && e.ErrorCode() >= 400:
		return Later(fmt.Sprint(e.ErrorCode()))
	}
	return errAway
}

var errAway = errors.New("the mail server is away, or takes no mail of ours now")
