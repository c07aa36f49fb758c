package httpapi

import (
	"context"
	"errors"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	bill "goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

// What this package needs from outside. Every error that is neither a
// *domain.Error nor ErrNotFound is answered as 503 with Retry-After: the other
// side is not available now. Errors never hold numbers, texts or keys.

// ErrNotFound says that nothing of that name is known, or not yet.
var ErrNotFound = errors.New("not found")

// Accepter takes messages in.
type Accepter interface {
	// AcceptMessages returns when every message is durable (its content sealed
	// and written, then the command), with one answer per message in order. On an
	// error any of them may have been accepted; the same IdempotencyKey makes a
	// repeat harmless.
	AcceptMessages(ctx context.Context, messages []NewMessage) ([]Accepted, error)
}

// NewMessage is a request that Validate let through, normalised.
type NewMessage struct {
	Account        string
	Actor          string // who asked: "key:<key id>"
	To             string // E.164
	Country        string // of the number
	Sender         string
	Category       domain.Category
	PricedCategory domain.Category // D2
	Content        domain.Content
	Text           string // NFC
	TextLength     int    // code points
	ImageURL       string
	Button         Button
	Fallback       bool
	SMSText        string // final: own or derived, stripped where the account says so; "" without fallback
	SMSParts       int
	SMSEncoding    string // "gsm7" or "ucs2"
	Validity       time.Duration
	ClientRef      string
	Tags           []string
	SendAt         *time.Time // nil = now
	AskedFor       *time.Time // send_at as it was said, also when that means now: a repeat is known by it
	Test           bool
	IdempotencyKey string // "" = none
}

// Accepted answers one NewMessage: its id, or why it was refused although
// Validate let it through (such as CodeIdempotencyConflict).
type Accepted struct {
	ID       string
	Err      *domain.Error
	Repeated bool // this process has accepted the same before: it is not sent again
}

// Origin says on whose behalf a command is sent.
type Origin struct {
	Account string // the acting key's account
	Actor   string // "key:<key id>"
	Request string // id of the HTTP request, for correlation
}

// Outcome is the decider's answer to a command that it did not refuse.
type Outcome struct {
	Version int64    // of the stream after the command
	Events  []string // types of the events written; none when nothing changed
}

// Commander sends commands and waits for the decider's outcome. A refusal is a *domain.Error.
type Commander interface {
	// Configure decides a command on a stream of the accounts journal; owner is
	// the account in whose partition it lies (account.Installation for the default prices).
	// It waits for a while, not for ever, until this process's view shows what was decided.
	Configure(ctx context.Context, o Origin, owner, stream string, c account.Command) (Outcome, error)
	// Bill decides a command on a month of an account.
	Bill(ctx context.Context, o Origin, account string, month calendar.Month, c bill.Command) (Outcome, error)
	// Cancel stops what has not gone out of the account's message. Another
	// account's message is refused with message.CodeNotFound.
	Cancel(ctx context.Context, o Origin, messageID string) (Outcome, error)
	// Resolve takes an operator's word on an attempt of unknown outcome of a
	// message, whatever its account.
	Resolve(ctx context.Context, o Origin, messageID string, c message.Resolve) (Outcome, error)
	// OptOut records an opt-out of the account's recipient or, with Lift, its end.
	OptOut(ctx context.Context, o Origin, c OptOut) (Outcome, error)
}

// Blobs keeps files by their SHA-256 in hex; eventstore.MaxBlob bounds them.
type Blobs interface {
	// Put returns the digest when the file is durable: only then may a command name it.
	Put(ctx context.Context, data []byte) (digest string, err error)
	// Get returns a file, checked against its digest; ok is false when there is none.
	Get(ctx context.Context, digest string) (data []byte, ok bool, err error)
}

// Sealer seals what only the installation may read; context binds it to its place.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
}

// OptOut is what a client says of one recipient.
type OptOut struct {
	To     string // E.164
	Scopes []recipient.Scope
	Lift   bool
}

// Queries reads the projections.
type Queries interface {
	Reports
	// Message returns a message of the account, or ErrNotFound.
	Message(ctx context.Context, account, id string) (Message, error)
	// Messages returns a page, newest first.
	Messages(ctx context.Context, f Filter) ([]Message, error)
	// Unknown returns the oldest attempts of unknown outcome of all accounts; with an
	// id those of that message, or that attempt. For operators.
	Unknown(ctx context.Context, messageOrAttempt string, limit int) ([]UnknownAttempt, error)
	// Unmatched returns the newest reports that fit no attempt. For operators.
	Unmatched(ctx context.Context, limit int) ([]UnmatchedReport, error)
	// Billing returns the month's lines of the account, amounts rounded to 2 places.
	Billing(ctx context.Context, account, month string) ([]BillingLine, error)
	// SenderMonths returns the month of the account's senders, or of all accounts' for
	// "", by id. A sender that had not been active by then is missing.
	SenderMonths(ctx context.Context, account, month string) (map[string]SenderTraffic, error)
}

// Closing gathers what months' bills are computed from; see adapters/closing.
type Closing interface {
	// SealedFrom is the day from which on partitions seal a month.
	SealedFrom(month calendar.Month) calendar.Date
	// Gather returns a month's close, ready to be decided, or a *domain.Error that
	// says what is missing.
	Gather(ctx context.Context, account string, month calendar.Month) (bill.CloseMonth, error)
	// Preview returns the inputs of an open month as it stands now.
	Preview(ctx context.Context, account string, month calendar.Month) (bill.Inputs, error)
	// Forecast predicts the month in which now lies.
	Forecast(ctx context.Context, account string, now time.Time) (bill.Forecast, error)
	// Statement returns a closed month as it was decided, and when.
	Statement(ctx context.Context, account string, month calendar.Month) (bill.Statement, time.Time, error)
}

// Filter selects messages. Zero values select all.
type Filter struct {
	Account   string
	ID        string
	State     message.Status
	Sender    string
	From, To  time.Time // of acceptance: From ≤ t < To
	ClientRef string
	Number    string // E.164, of the recipient
	Limit     int
	After     *Cursor // continue behind this one
}

// Cursor is the place of a message in the list.
type Cursor struct {
	At time.Time `json:"a"` // of acceptance
	ID string    `json:"i"`
}

// Webhooks is the engine that calls clients' endpoints. Endpoints themselves
// are events of the accounts journal and are read from the view.
type Webhooks interface {
	// NewSecret makes a signing secret, as shown to the client once and as sealed for the journal.
	NewSecret() (plain, sealed string, err error)
	// CheckURL refuses with a *domain.Error what may not be called: neither https
	// nor loopback, or a private address.
	CheckURL(ctx context.Context, url string) error
	// CheckEvents refuses with a *domain.Error names that are no types of events.
	CheckEvents(names []string) error
	// Test calls the endpoint once with an event of type "webhook.test" and
	// returns what came of it.
	Test(ctx context.Context, account, endpoint string) (WebhookAttempt, error)
	// Log returns a page of attempts, newest first, and the cursor of the next
	// page, "" on the last. A cursor that was never given out is a *domain.Error.
	Log(ctx context.Context, account, endpoint, cursor string, limit int) (page []WebhookAttempt, next string, err error)
	// Resend queues an event once more, or answers ErrNotFound.
	Resend(ctx context.Context, account, endpoint, eventID string) error
}
