package notices_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/adapters/mailer"
	"goniec/adapters/notices"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

const (
	address = "office@sowa.example.com"
	manager = `Jan "Żak" \`
)

var now = time.Date(2026, 11, 16, 9, 30, 0, 0, time.UTC)

// mailbox is an SMTP server; refuse is what it answers to a mail's recipient, nil = it takes it.
type mailbox struct {
	addr string

	mu     sync.Mutex
	refuse *smtp.SMTPError
	asked  int
	mails  []*mail.Message
	bodies []string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	b := &mailbox{}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{b}, nil }))
	s.Domain = "localhost"
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b.addr = ln.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return b
}

type session struct{ b *mailbox }

func (s session) Reset()        {}
func (s session) Logout() error { return nil }

func (s session) Mail(string, *smtp.MailOptions) error { return nil }

func (s session) Rcpt(string, *smtp.RcptOptions) error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.asked++
	if s.b.refuse != nil {
		return s.b.refuse
	}
	return nil
}

func (s session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.mails, s.b.bodies = append(s.b.mails, m), append(s.b.bodies, string(body))
	return err
}

func (b *mailbox) answers(e *smtp.SMTPError) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse, b.asked = e, 0
}

func (b *mailbox) got() (mails []*mail.Message, asked int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mails, b.asked
}

// world is an installation as the reactor sees it: the view and the journal of one sender.
type world struct {
	t        *testing.T
	kafka    eventstore.KafkaConfig
	producer *eventstore.Producer
	view     *account.View
	account  string
	stream   string
	version  int64
	box      *mailbox
	clock    *testkit.Clock
	log      *testkit.Log
}

func newWorld(t *testing.T) *world {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	w := &world{t: t, account: uuid.NewString(), view: account.NewView(), box: newMailbox(t), clock: testkit.NewClock(now), log: &testkit.Log{}}
	w.kafka = eventstore.KafkaConfig{Brokers: []string{addr}, Prefix: prefix, SessionTimeout: 6 * time.Second}
	require.NoError(t, eventstore.CreateTopics(w.kafka, eventstore.Layout{Partitions: 1, ReplicationFactor: 1, MinInsync: 1}))
	var err error
	w.producer, err = eventstore.NewProducer(w.kafka)
	require.NoError(t, err)
	t.Cleanup(w.producer.Close)
	settings := account.DefaultSettings()
	settings.ManagerName, settings.ManagerEmail = manager, "jan@goniec.example.com"
	w.view.Apply(account.AccountStream(w.account), 1, account.AccountCreated{Name: "Demo", Currency: "PLN", Settings: settings}, now)
	w.stream = account.SenderStream(account.SenderID(w.account, "Żabka", "PL"))
	email := address
	w.apply(account.SenderCreated{Account: w.account, Name: "Żabka", Company: "Zabka", Country: "PL"})
	w.apply(account.SenderDraftSaved{NoticeEmail: &email})
	return w
}

func (w *world) apply(fact account.Event) {
	w.version++
	w.view.Apply(w.stream, w.version, fact, now)
}

// happens writes an event to the journal; with seen the view has read it.
func (w *world) happens(fact account.Event, seen bool) (id string) {
	w.t.Helper()
	if seen {
		w.apply(fact)
	} else {
		w.version++
	}
	data, err := json.Marshal(fact)
	require.NoError(w.t, err)
	ev := &eventstore.Event{
		ID: uuid.NewString(), Type: fact.EventType(), Source: "goniec/test", Stream: w.stream, Time: now, Recorded: now,
		Version: w.version, CommandID: "c", Correlation: "story", Account: w.account, Actor: "test", Epoch: 1, Data: data,
	}
	require.NoError(w.t, w.producer.Send(w.t.Context(), ev.Message(w.kafka.Topics().Name(eventstore.Accounts), 0)))
	return ev.ID
}

func (w *world) run() {
	w.t.Helper()
	server, err := mailer.NewSMTP(mailer.SMTPConfig{Addr: w.box.addr, From: "no-reply@goniec.example.com"})
	require.NoError(w.t, err)
	n, err := notices.New(notices.Config{
		Kafka: w.kafka, View: w.view, Ready: func(context.Context) error { return nil }, Mailer: server, Zone: time.UTC, Clock: w.clock,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		require.NoError(w.t, <-done)
	})
	require.Eventually(w.t, func() bool { return len(n.Waiting()) == 0 }, time.Minute, 10*time.Millisecond)
}

func (w *world) awaits(n int) []*mail.Message {
	w.t.Helper()
	require.Eventually(w.t, func() bool { mails, _ := w.box.got(); return len(mails) >= n }, time.Minute, 10*time.Millisecond, "%s", w.log)
	mails, _ := w.box.got()
	require.Len(w.t, mails, n)
	require.NotContains(w.t, w.log.String(), address)
	return mails
}

// B8: the client is told by e-mail what became of a submission, at the form's address, with the account manager's for answers.
func TestTheClientIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.happens(account.SenderSubmitted{At: now, Number: 1}, true) // before the reactor was there
	w.run()
	id := w.happens(account.SenderReturned{Reasons: []string{"logo nieczytelne", "za mało przykładów"}}, true)
	w.happens(account.SenderReminded{}, true) // is for the operator
	w.happens(account.SenderSubmitted{At: now, Number: 2}, true)
	mails := w.awaits(2)
	m := mails[0]
	require.Equal(t, "<"+address+">", m.Header.Get("To"))
	require.Contains(t, m.Header.Get("Reply-To"), "jan@goniec.example.com")
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Viber, nadawca Żabka (PL): do poprawy / returned", subject)
	from, err := m.Header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, &mail.Address{Name: manager, Address: "no-reply@goniec.example.com"}, from[0])
	require.Contains(t, w.box.bodies[0], "logo nieczytelne")
	require.Equal(t, "<"+id+"@127.0.0.1>", m.Header.Get("Message-Id"), "the same if it comes twice")
}

// A server that is away, or says later, is asked again; one that says never is not, and what comes after goes out.
func TestAMailServersRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.box.answers(&smtp.SMTPError{Code: 451, Message: "later, " + address})
	w.happens(account.SenderSuspended{Reason: "x", By: account.ByOperator}, true)
	require.Eventually(t, func() bool { _, asked := w.box.got(); return asked >= 2 }, time.Minute, 10*time.Millisecond)
	w.box.answers(nil)
	w.awaits(1)

	w.box.answers(&smtp.SMTPError{Code: 550, Message: "nobody here is " + address})
	w.happens(account.SenderReinstated{Reason: "x"}, true)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "a client was not told by e-mail") }, time.Minute, 10*time.Millisecond)
	_, asked := w.box.got()
	require.Equal(t, 1, asked)
	w.box.answers(nil)
	w.happens(account.SenderClosed{Reason: "x"}, true)
	w.awaits(2)

	w.box.answers(&smtp.SMTPError{Code: 452, Message: "the box of " + address + " is full"})
	w.happens(account.SenderNoticeWithdrawn{}, true)
	require.Eventually(t, func() bool { _, asked := w.box.got(); return asked >= 2 }, time.Minute, 10*time.Millisecond) // the first one is noted
	w.clock.Advance(time.Hour)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "not_taken_in_time") }, time.Minute, 10*time.Millisecond)
	w.box.answers(nil)
	w.happens(account.SenderClosed{Reason: "x"}, true)
	w.awaits(3)
}

// A mail that goes out late, since we or the server were away, has its half an hour from
// the first try on: a server that takes no mail of strangers at once takes the second.
func TestALateMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	w.box.answers(&smtp.SMTPError{Code: 451, Message: "greylisted"})
	w.clock.Advance(time.Hour)
	w.happens(account.SenderSuspended{Reason: "x", By: account.ByOperator}, true)
	require.Eventually(t, func() bool { _, asked := w.box.got(); return asked >= 1 }, time.Minute, 10*time.Millisecond)
	w.box.answers(nil)
	w.awaits(1)
	require.NotContains(t, w.log.String(), "not_taken_in_time")
}

// An event that the view has not read is waited for: the address is in the view.
func TestTheViewIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run()
	fact := account.SenderNoticeWithdrawn{}
	w.happens(fact, false)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "has not read the event yet") }, time.Minute, 10*time.Millisecond)
	w.view.Apply(w.stream, w.version, fact, now)
	w.awaits(1)
}

// Every event that a client is told of has words in both languages.
func TestWordsOfEveryNotice(t *testing.T) {
	t.Parallel()
	for typ, n := range notices.Drafts(time.UTC) {
		require.NotEmpty(t, n.Subject, typ)
		require.Contains(t, n.Text, "Nazwa nadawcy: Sowa (PL)")
		require.Contains(t, n.Text, "Sender name: Sowa (PL)")
		require.NotContains(t, n.Text, "%!", typ)
	}
	require.Greater(t, len(notices.Drafts(time.UTC)), 10)
}
