package httpapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter keeps one token bucket per account, refilled at the account's rate
// and holding one second's worth. It grows with the number of accounts only.
// It counts in real time, as every process for itself.
type limiter struct {
	standard int
	now      func() time.Time // replaced in tests

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newLimiter(standard int) *limiter {
	return &limiter{standard: standard, now: time.Now, buckets: map[string]*rate.Limiter{}}
}

// take takes one token of the account whose own limit is perSec (0 = standard).
func (l *limiter) take(account string, perSec int) (limit, remaining int, wait time.Duration) {
	if perSec <= 0 {
		perSec = l.standard
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.buckets[account]
	if !ok {
		b = rate.NewLimiter(rate.Limit(perSec), perSec)
		l.buckets[account] = b
	}
	if b.Burst() != perSec { // the settings have changed
		b.SetLimitAt(now, rate.Limit(perSec))
		b.SetBurstAt(now, perSec)
	}
	if b.AllowN(now, 1) {
		return perSec, int(b.TokensAt(now)), 0
	}
	missing := 1 - b.TokensAt(now)
	return perSec, 0, time.Duration(missing / float64(perSec) * float64(time.Second))
}

// limit answers 429 when the account's bucket is empty, and tells each answer's
// reader how much is left.
func (a *API) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		acc, _ := a.cfg.View.AccountByID(c.key.Account)
		limit, remaining, wait := a.limits.take(c.key.Account, acc.Settings.RequestsPerSec)
		w.Header().Set("RateLimit-Limit", strconv.Itoa(limit))
		w.Header().Set("RateLimit-Remaining", strconv.Itoa(remaining))
		w.Header().Set("RateLimit-Reset", "1")
		if wait > 0 {
			p := problem(http.StatusTooManyRequests, CodeTooManyRequests, "the account may send "+strconv.Itoa(limit)+" requests a second")
			p.retryAfter = wait
			p.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}
