package cli

import (
	"context"
	"time"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
)

// earlier are the messages that a run found when it began.
type earlier struct {
	accepted map[string]time.Time // the newest maxList with the reference of the run's first message, by id
	all      bool                 // they are all of the run's, not only some
}

// lookPatience bounds the look for an earlier run: sending does not need Postgres.
const lookPatience = 5 * time.Second

// lookFor finds out, before the first message of a run goes, what is there with
// its reference: the API itself only tells what was repeated within a short time.
// What cannot be found out holds nothing up.
func (r *fileRun) lookFor(ctx context.Context, ref string) *earlier {
	e := &earlier{accepted: map[string]time.Time{}}
	if ref == "" {
		return e
	}
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	err := eachMessage(ctx, r.api, client.Filter{ClientRef: ref}, maxList, func(m httpapi.Message) error {
		e.accepted[m.ID] = m.AcceptedAt
		return nil
	})
	e.all = err == nil && r.flags.ref == "" && len(e.accepted) < maxList
	return e
}

// accepted counts a message that the API has taken in, now or before.
func (r *fileRun) accepted(res httpapi.ItemResult) {
	r.report.Accepted++
	at, known := r.before.accepted[res.ID]
	if !known && !res.Repeated {
		return
	}
	r.report.Repeated++
	if r.repeat == "" {
		r.repeat = res.ID
	}
	if known && (r.report.AlreadySent == nil || at.Before(*r.report.AlreadySent)) {
		r.report.AlreadySent = &at
	}
}

// lookBack asks when the run was begun, if it was and cannot be seen until now.
func (r *fileRun) lookBack(ctx context.Context) {
	if r.repeat == "" || r.report.AlreadySent != nil {
		return
	}
	if m, err := r.api.Message(ctx, r.repeat); err == nil {
		r.report.AlreadySent = &m.AcceptedAt
	}
}
