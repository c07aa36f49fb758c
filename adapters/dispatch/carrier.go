package dispatch

import (
	"context"

	"goniec/domain"
	"goniec/domain/message"
)

// Carrier makes one call. Send always answers and never repeats a call; it
// returns within the call time-out, or soon after ctx ends. Safe for concurrent use.
type Carrier interface {
	Send(ctx context.Context, s Submission) Result
}

// Result is the outcome of one call. The dispatcher fills in Attempt and At.
type Result struct {
	message.Answer
	// RouteFault says that the route, not the message, is at fault: it counts for
	// the breaker of (route, service id) (rules.md B13).
	RouteFault bool
}

// Submission is one attempt as a carrier gets it. It holds a number and a text:
// never log it.
type Submission struct {
	Attempt   string
	ServiceID int64           // Viber
	From      string          // SMS
	To        string          // E.164, with +
	Label     domain.Category // the priced category
	TTLSec    int             // how long the carrier may keep trying
	Urgent    bool
	TwoWay    bool // Viber: the recipient can answer

	Text       string
	ImageURL   string
	ButtonText string
	ButtonURL  string
	SMSText    string // final; "" = Text
}
