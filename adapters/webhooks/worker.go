package webhooks

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/sony/gobreaker/v2"

	"goniec/domain/account"
)

const (
	// recordTimeout bounds the writing of a result, which goes on when the call's
	// context has ended: what was sent must be known.
	recordTimeout = 5 * time.Second
	// storeAway is how long a job waits for Postgres. It uses up no attempt.
	storeAway = 5 * time.Second
	// viewGrace is how long an endpoint may be missing in this process's view
	// before it counts as removed.
	viewGrace = time.Minute
)

// worker is the River worker: one attempt of one delivery.
type worker struct {
	river.WorkerDefaults[job]
	cfg     Config
	store   *store
	lanes   *lanes
	caller  *caller
	metrics *metrics
}

// Timeout implements river.Worker.
func (w *worker) Timeout(*river.Job[job]) time.Duration { return jobTimeout(w.cfg) }

func jobTimeout(c Config) time.Duration { return c.Timeout + 2*recordTimeout }

// NextRetry implements river.Worker.
func (w *worker) NextRetry(j *river.Job[job]) time.Time {
	return time.Now().Add(w.delay(j))
}

// delay is the schedule's wait after this attempt, less up to a tenth. It is
// the same whenever it is asked for, so that the log tells what River does.
func (w *worker) delay(j *river.Job[job]) time.Duration {
	i := min(max(j.Attempt, 1), len(w.cfg.Schedule)) - 1
	if i < 0 {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write(strconv.AppendInt(nil, j.ID*64+int64(j.Attempt), 10)) // never fails
	d := w.cfg.Schedule[i]
	return d - d/10*time.Duration(h.Sum32()%1024)/1024
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	d, err := w.store.load(ctx, j.Args.Endpoint, j.Args.Event)
	switch {
	case errors.Is(err, errNoDelivery):
		return river.JobCancel(err)
	case err != nil:
		return waitForStore(ctx)
	case d.state != statePending || d.round != j.Args.Round: // done in a round before this process died, or resent since
		return nil
	}
	e, ok := w.endpoint(d.account, j.Args.Endpoint)
	switch {
	case !ok && time.Since(d.created) < viewGrace:
		return river.JobSnooze(w.cfg.Poll)
	case !ok:
		return w.end(ctx, j, d, ErrorRemoved, stateCancelled)
	case time.Now().After(d.deadline):
		return w.end(ctx, j, d, ErrorExpired, stateGivenUp)
	}
	return w.attempt(ctx, j, d, e)
}

func waitForStore(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return river.JobSnooze(storeAway)
}

func (w *worker) endpoint(accountID, id string) (account.Endpoint, bool) {
	return endpointOf(w.cfg.View, accountID, id)
}

// end closes a delivery without a call.
func (w *worker) end(ctx context.Context, j *river.Job[job], d delivery, class, state string) error {
	a := Attempt{Attempt: d.attempts, At: time.Now().UTC(), Error: class, Done: true}
	if err := w.store.record(ctx, j.Args, d, a, state); err != nil {
		return waitForStore(ctx)
	}
	if state == stateGivenUp {
		w.gaveUp(ctx, j.Args, d, class)
	}
	return river.JobCancel(errAttempt(class))
}

// errAttempt is a failed attempt by its class: River keeps its text.
type errAttempt string

func (e errAttempt) Error() string { return "attempt failed: " + string(e) }

// attempt makes one call, unless the endpoint is being left alone.
func (w *worker) attempt(ctx context.Context, j *river.Job[job], d delivery, e account.Endpoint) error {
	res, err := w.lanes.breaker(e.ID).Execute(func() (result, error) {
		r := w.caller.call(ctx, e, j.Args.Event, d.payload)
		switch {
		case r.class == "":
			return r, nil
		case ctx.Err() != nil: // we stopped, not they
			return r, context.Canceled
		}
		return r, errAttempt(r.class)
	})
	switch {
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return river.JobSnooze(w.lanes.snooze())
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	w.metrics.attempt(res)
	return w.settle(ctx, j, d, res)
}

// settle stores what a call brought and tells River what to do next.
func (w *worker) settle(ctx context.Context, j *river.Job[job], d delivery, res result) error {
	a := Attempt{Attempt: d.attempts + 1, At: res.at, Duration: res.took, Status: res.status, Error: res.class}
	delay := w.delay(j)
	next := time.Now().UTC().Add(delay)
	state := statePending
	switch {
	case res.class == "":
		state = stateDelivered
	case j.Attempt >= j.MaxAttempts || next.After(d.deadline):
		state = stateGivenUp
	default:
		a.Next = next
	}
	a.Done = state != statePending
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := w.store.record(ctx, j.Args, d, a, state); err != nil {
		return river.JobSnooze(storeAway) // it may be called again: at least once
	}
	return w.verdict(ctx, j, d, res, state)
}

func (w *worker) verdict(ctx context.Context, j *river.Job[job], d delivery, res result, state string) error {
	switch state {
	case stateDelivered:
		return nil
	case statePending:
		return errAttempt(res.class) // retried by NextRetry
	}
	w.gaveUp(ctx, j.Args, d, res.class)
	if j.Attempt >= j.MaxAttempts {
		return errAttempt(res.class) // River discards it
	}
	return river.JobCancel(errAttempt(res.class))
}

func (w *worker) gaveUp(ctx context.Context, j job, d delivery, class string) {
	w.metrics.givenUp.Inc()
	w.cfg.Log.WarnContext(ctx, "webhook given up", "endpoint", j.Endpoint, "account", d.account, "event_id", j.Event, "type", d.typ, "error", class)
}

func endpointOf(v *account.View, accountID, id string) (account.Endpoint, bool) {
	for _, e := range v.Endpoints(accountID) {
		if e.ID == id {
			return e, true
		}
	}
	return account.Endpoint{}, false
}
