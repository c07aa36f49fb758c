package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/money"
)

// chunk is what goes in one request: rows of different recipients or references.
type chunk struct {
	lines    []int
	messages []httpapi.MessageRequest
	bytes    int
}

func (c *chunk) add(line int, m httpapi.MessageRequest) {
	b, _ := json.Marshal(m) // strings and numbers: cannot fail
	c.lines, c.messages, c.bytes = append(c.lines, line), append(c.messages, m), c.bytes+len(b)
}

func (c *chunk) full() bool { return len(c.messages) >= chunkSize || c.bytes >= chunkBytes }

// chunks reads the list again and hands its messages on in pieces; nth is the
// same for all of a piece. What scan has reported is not reported again.
func (r *fileRun) chunks(flush func(nth int, c *chunk) error) error {
	open, held := map[int]*chunk{}, 0
	take := func(nth int) error {
		c := open[nth]
		delete(open, nth)
		held -= len(c.messages)
		return flush(nth, c)
	}
	err := r.list.each(func(line int, m httpapi.MessageRequest, nth int) error {
		if open[nth] == nil {
			open[nth] = &chunk{}
		}
		open[nth].add(line, m)
		held++
		if open[nth].full() {
			return take(nth)
		}
		for n := range open { // one number a thousand times: many pieces of one
			if held < 2*chunkSize {
				break
			}
			if err := take(n); err != nil {
				return err
			}
		}
		return nil
	}, func(badRow) {})
	for nth := range open {
		if err == nil {
			err = take(nth)
		}
	}
	return err
}

// preview asks what everything would cost, and which rows would be refused.
func (r *fileRun) preview(ctx context.Context) error {
	sum := &estimate{Costs: []costs{}}
	r.report.Estimate = sum
	done := 0
	return r.chunks(func(_ int, c *chunk) error {
		out, err := r.api.Preview(ctx, c.messages)
		if err != nil {
			return err
		}
		if len(out.Results) != len(c.messages) {
			return fmt.Errorf("the preview answered %d of %d messages", len(out.Results), len(c.messages))
		}
		for i, p := range out.Results {
			if p.Code != "" {
				r.refused(c.lines[i], p.Code, p.Errors)
			} else if err := sum.add(p); err != nil {
				return err
			}
		}
		done += len(c.messages)
		r.bar.show("%s of %s looked at", words.Thousands(int64(done)), words.Thousands(int64(r.report.Rows)))
		return nil
	})
}

func (e *estimate) add(p httpapi.PreviewItem) error {
	e.Recipients++
	e.SMSParts += p.SMSParts
	at := -1
	for i := range e.Costs {
		if e.Costs[i].Currency == p.Currency {
			at = i
		}
	}
	if at < 0 {
		e.Costs, at = append(e.Costs, costs{Currency: p.Currency}), len(e.Costs)
	}
	return e.Costs[at].add(p.ViberPrice, p.SMSPrice)
}

// add counts a message's prices; one that goes on one channel only has none on
// the other. At worst both are charged: SMS in time, Viber late.
func (c *costs) add(viber, sms string) error {
	for _, x := range []struct {
		price string
		sums  []*money.Amount
	}{{viber, []*money.Amount{&c.viber, &c.highest}}, {sms, []*money.Amount{&c.sms, &c.highest}}} {
		if x.price == "" {
			continue
		}
		amount, err := money.Parse(x.price)
		for _, sum := range x.sums {
			if err == nil {
				*sum, err = sum.Plus(amount)
			}
		}
		if err != nil {
			return fmt.Errorf("the preview's prices: %w", err)
		}
	}
	c.Viber, c.SMS, c.Highest = c.viber.String(), c.sms.String(), c.highest.String()
	return nil
}

// send sends the run, after a question where that is due.
func (r *fileRun) send(ctx context.Context) error {
	if err := r.ask(ctx); err != nil {
		return err
	}
	err := r.chunks(func(nth int, c *chunk) error { return r.sendChunk(ctx, nth, c) })
	if err != nil {
		return err
	}
	r.bar.end()
	r.lookBack(ctx)
	if r.flags.watch && r.report.Accepted > 0 {
		r.report.States, err = r.a.followRun(ctx, r.api, r.report.Run)
	}
	return err
}

// key of the nth messages to the same recipients: the first ones have the run's.
func (r *fileRun) key(nth int) string {
	if nth == 1 {
		return r.report.Run
	}
	return fmt.Sprintf("%s/%d", r.report.Run, nth)
}

func (r *fileRun) sendChunk(ctx context.Context, nth int, c *chunk) error {
	if r.flags.ref == "" {
		for i := range c.messages {
			c.messages[i].ClientRef = r.report.Run
		}
	}
	if r.before == nil {
		r.before = r.lookFor(ctx, c.messages[0].ClientRef)
	}
	out, err := r.api.SendBatch(ctx, r.key(nth), c.messages)
	if err != nil {
		return err
	}
	if len(out.Results) != len(c.messages) {
		return fmt.Errorf("the batch answered %d of %d messages", len(out.Results), len(c.messages))
	}
	for i, res := range out.Results {
		if res.Code != "" {
			r.refused(c.lines[i], res.Code, res.Errors)
			continue
		}
		r.accepted(res)
	}
	r.bar.show("%s of %s accepted", words.Thousands(int64(r.report.Accepted)), words.Thousands(int64(r.report.Good)))
	return nil
}

// ask makes sure that many real people are meant to be written to.
func (r *fileRun) ask(ctx context.Context) error {
	if r.flags.yes || r.flags.test || r.report.Good <= askAbove || r.api.simulated() {
		return nil
	}
	question := fmt.Sprintf("Send to %s?", words.Count(r.report.Good, "recipient"))
	if r.a.tty(r.a.in) && !r.a.json {
		trial := *r // its refusals are found again when it is sent
		trial.report.BadRows = nil
		if err := trial.preview(ctx); err != nil {
			return err
		}
		r.bar.end()
		question = fmt.Sprintf("Send to %s, for at most %s?", words.Count(trial.report.Good, "recipient"), trial.report.Estimate.highest())
	}
	yes, err := r.a.confirm(question)
	if err == nil && !yes {
		r.a.say("nothing was sent")
		err = failWith(ExitFailed, errTold)
	}
	return err
}
