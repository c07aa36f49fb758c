package notices

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	return outcome(c.DialAndSendWithContext(ctx, msg))
}

// message may hold what a server cannot be given: that is for ever.
func (s *SMTP) message(m Mail) (*mail.Msg, error) {
	msg := mail.NewMsg()
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Happened)
	msg.SetMessageIDWithValue(m.ID + "@" + s.host)
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	err := errors.Join(msg.FromFormat(m.From, s.cfg.From), msg.To(m.To))
	if m.ReplyTo != "" {
		err = errors.Join(err, msg.ReplyTo(m.ReplyTo))
	}
	if err != nil {
		return nil, Refusal("address") // go-mail's error holds it
	}
	return msg, nil
}

// outcome leaves a server's words out: they often repeat the address.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	var e *mail.SendError
	if !errors.As(err, &e) || e.IsTemp() || e.ErrorCode() < 500 {
		return errors.New("the mail server is away, or does not take the mail now")
	}
	return Refusal(fmt.Sprint(e.ErrorCode()))
}
