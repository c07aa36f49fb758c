package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
	"goniec/internal/pause"
)

const (
	pollEvery = 200 * time.Millisecond
	// settle is how long a delivered message is still watched: it may be read,
	// or be delivered on the other channel as well.
	settle = 2500 * time.Millisecond
	// appears is how long a message that was accepted may take to be visible.
	appears = 30 * time.Second
	// quiet is after how long without news a person is told that it may take long.
	quiet = 30 * time.Second
)

// stepBody is a line of `send --watch --json`.
type stepBody struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	httpapi.TimelineStep
}

// endBody is its last line.
type endBody struct {
	Message httpapi.Message `json:"message"`
	Ending  string          `json:"ending"`
}

// watch shows a message's steps as they come until it has ended.
func (a *app) watch(ctx context.Context, api *remote, id string) error {
	w := &watcher{a: a, api: api, id: id, news: time.Now(), began: time.Now()}
	for !w.over() {
		if err := w.look(ctx); err != nil {
			return w.stopped(ctx, err)
		}
		if err := pause.For(ctx, pollEvery); err != nil {
			return w.stopped(ctx, err)
		}
	}
	m := w.last
	if err := a.show(endBody{m, words.Ending(m)}, func() { a.say("%s", words.Ending(m)) }); err != nil {
		return err
	}
	if m.Test || m.State == "delivered" || m.State == "read" {
		return nil
	}
	return failWith(ExitFailed, errTold)
}

type watcher struct {
	a     *app
	api   *remote
	id    string
	last  httpapi.Message
	shown int
	began time.Time
	news  time.Time // when something new was seen
	told  bool
}

func (w *watcher) look(ctx context.Context) error {
	m, err := w.api.Message(ctx, w.id)
	var p *client.Error
	if errors.As(err, &p) && p.Status == http.StatusNotFound && time.Since(w.began) < appears && w.shown == 0 {
		return nil // accepted, but not visible yet
	}
	if err != nil {
		return err
	}
	for _, s := range m.Timeline[min(w.shown, len(m.Timeline)):] {
		text := words.Step(s)
		if err := w.a.show(stepBody{w.id, text, s}, func() { w.a.say("%s  %s", clock(s.At), text) }); err != nil {
			return err
		}
		w.news = time.Now()
	}
	w.last, w.shown = m, max(w.shown, len(m.Timeline))
	w.patience()
	return nil
}

func (w *watcher) patience() {
	if w.told || w.last.Ended || time.Since(w.news) < quiet || !w.a.tty(w.a.err) {
		return
	}
	w.told = true
	w.a.say("              nothing new for %s; Ctrl-C ends the watching, not the message", words.Duration(quiet))
}

func (w *watcher) over() bool {
	if w.last.Test && w.shown > 0 {
		return true
	}
	return w.last.Ended && (w.last.State != "delivered" || time.Since(w.news) >= settle)
}

// stopped tells how to see more, when the watching was ended from outside.
func (w *watcher) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		w.a.say("the message goes on: goniec messages show %s", w.id)
		return failWith(ExitInterrupted, errTold)
	}
	return err
}
