package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"goniec/adapters/viber"
	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// TokenHeader carries a route's token.
const TokenHeader = "X-Callback-Token"

// Codes of refused callbacks, besides those of viber.ParseCallback.
const (
	codeUnknownRoute = "unknown_route"
	codeBadMethod    = "bad_method"
	codeBadToken     = "bad_token"
	codeTooLarge     = "too_large"
	codeBadNumber    = "bad_number"
	codeUnavailable  = "unavailable"
)

const callbackPath = "/callbacks/viber/"

// ViberHandler takes POST /callbacks/viber/{route}. 200: the notice is durable.
// 503: it is not, tell us again. 4xx: telling it again would not help (404 no such
// route, 403 wrong token, 413 too large, 400 not readable).
func (in *Intake) ViberHandler() http.Handler { return http.HandlerFunc(in.serveViber) }

func (in *Intake) serveViber(w http.ResponseWriter, r *http.Request) {
	name, found := strings.CutPrefix(r.URL.Path, callbackPath)
	route, known := in.cfg.Routes[name]
	switch {
	case !found || !known:
		in.refuse(w, "", http.StatusNotFound, codeUnknownRoute) // the name is not ours: no label
		return
	case r.Method != http.MethodPost:
		in.refuse(w, name, http.StatusMethodNotAllowed, codeBadMethod)
		return
	case !sameToken(route.Token, presented(r)):
		in.refuse(w, name, http.StatusForbidden, codeBadToken)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, viber.MaxCallback))
	if err != nil {
		in.unreadable(w, name, err)
		return
	}
	cb, err := viber.ParseCallback(body)
	switch code := domain.CodeOf(err); {
	case code == viber.CodeUnknownStatus: // well formed, and nothing that we could do with it
		in.refuse(w, name, http.StatusOK, code)
	case err != nil:
		in.refuse(w, name, http.StatusBadRequest, code)
	default:
		in.takeViber(w, r, name, cb)
	}
}

func presented(r *http.Request) string {
	if t := r.Header.Get(TokenHeader); t != "" {
		return t
	}
	return r.URL.Query().Get("token")
}

// sameToken compares in constant time, whatever the lengths.
func sameToken(want, got string) bool {
	if want == "" {
		return true
	}
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(got))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (in *Intake) unreadable(w http.ResponseWriter, route string, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		in.refuse(w, route, http.StatusRequestEntityTooLarge, codeTooLarge)
		return
	}
	in.again(w, route) // it did not arrive whole
}

// again tells the carrier to say it once more.
func (in *Intake) again(w http.ResponseWriter, route string) {
	w.Header().Set("Retry-After", "1")
	in.refuse(w, route, http.StatusServiceUnavailable, codeUnavailable)
}

func (in *Intake) takeViber(w http.ResponseWriter, r *http.Request, route string, cb viber.Callback) {
	began := time.Now()
	if !validNumber(cb.Number) {
		in.refuse(w, route, http.StatusBadRequest, codeBadNumber)
		return
	}
	if err := in.Viber(r.Context(), route, cb); err != nil {
		in.cfg.Log.Warn("callback not written; the carrier will repeat it", "route", route, "error", err)
		in.again(w, route)
		return
	}
	in.cfg.Metrics.Taken(route, string(cb.Kind), time.Since(began))
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{\"status\":0}\n") // the carrier may be gone
}

func (in *Intake) refuse(w http.ResponseWriter, route string, status int, code string) {
	in.cfg.Metrics.Refused(route, code)
	if status != http.StatusServiceUnavailable {
		in.cfg.Log.Warn("callback refused", "route", route, "status", status, "code", code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code}) // see above
}

// Viber makes one callback durable; its number must be E.164. Repeats are
// recognised by (route, token, kind, time).
func (in *Intake) Viber(ctx context.Context, route string, cb viber.Callback) error {
	ctx, cancel := context.WithTimeout(ctx, in.cfg.Timeout)
	defer cancel()
	p, actor := in.place(cb.Number), "carrier/"+route
	received := in.cfg.Clock.Now()
	at := cb.Time
	if at.IsZero() {
		at = received
	}
	id := in.id(p, "viber", route, cb.Token, string(cb.Kind), instant(cb.Time))
	switch cb.Kind {
	case viber.Subscribe, viber.Unsubscribe:
		acc, rcp := in.whose(cb.ServiceID, p, cb.Number)
		return in.tell(ctx, p, eventstore.Command{ID: id, Type: recipient.CommandSubscription, Account: acc, Actor: actor}, recipient.Subscription{
			Number: p.number, Route: route, ServiceID: cb.ServiceID, Recipient: rcp, Subscribed: cb.Kind == viber.Subscribe, At: at,
		})
	case viber.Reply:
		acc, rcp := in.whose(cb.ServiceID, p, cb.Number)
		return in.reply(ctx, p, heard{number: cb.Number, text: cb.Text, media: cb.Media, account: acc, actor: actor, reply: recipient.Reply{
			ID: id, Route: route, Channel: domain.Viber, ServiceID: cb.ServiceID, Recipient: rcp, At: at,
		}})
	case viber.Delivered, viber.Seen, viber.Expired:
	}
	return in.tell(ctx, p, eventstore.Command{ID: id, Type: recipient.CommandReport, Actor: actor}, recipient.Report{
		Number: p.number, Route: route, Channel: domain.Viber, ServiceID: cb.ServiceID, CarrierID: cb.Token,
		Status: string(viberStatuses[cb.Kind]), Code: strconv.Itoa(cb.Status), At: at, Received: received,
	})
}

var viberStatuses = map[viber.Kind]message.ReportStatus{
	viber.Delivered: message.ReportDelivered, viber.Seen: message.ReportRead, viber.Expired: message.ReportExpired,
}
