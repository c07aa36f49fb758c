package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"goniec/domain/account"
)

// keyPrefix lets people and scanners of leaked secrets know an API key.
const keyPrefix = "gnc_"

// maxKey bounds what is hashed for a look-up.
const maxKey = 128

// NewKey returns a new API key: 32 random bytes in text form. Only its
// account.HashKey is ever stored.
func NewKey() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return keyPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// call is what the middleware knows of the request that a handler answers.
type call struct {
	key     account.Key
	request string // id
	r       *http.Request
	w       http.ResponseWriter
}

func (c *call) actor() string { return "key:" + c.key.ID }

func (c *call) origin() Origin {
	return Origin{Account: c.key.Account, Actor: c.actor(), Request: c.request}
}

type callKey struct{}

// callOf returns the call of a handler's context; authenticate has put it there.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// started answers 503 until the reference view has caught up: before that a
// valid key would be refused.
func (a *API) started(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.hasStarted() {
			unavailable("the service is starting; try again").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secret, ok := bearer(r.Header.Get("Authorization"))
		if !ok {
			problem(http.StatusUnauthorized, CodeUnauthorized, "an API key is required: Authorization: Bearer <key>").write(w)
			return
		}
		key, ok := a.cfg.View.KeyByHash(account.HashKey(secret))
		if !ok {
			problem(http.StatusUnauthorized, CodeUnauthorized, "the API key is not known, or was revoked").write(w)
			return
		}
		c := &call{key: key, request: requestID(r.Context()), w: w}
		c.r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		next.ServeHTTP(w, c.r)
	})
}

func bearer(header string) (string, bool) {
	scheme, secret, ok := strings.Cut(header, " ")
	secret = strings.TrimSpace(secret)
	return secret, ok && strings.EqualFold(scheme, "Bearer") && secret != "" && len(secret) <= maxKey
}
