package cli

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/words"
	"goniec/internal/pause"
)

// samples are the kinds of numbers that show what can happen to a message.
var samples = []struct{ suffix, kind string }{
	{"01", "delivered and read on Viber"},
	{"03", "Viber reports it expired"},
	{"04", "Viber delivers after the SMS did"},
	{"06", "Viber never reports anything"},
	{"09", "delivered, then unsubscribes"},
	{"11", "delivered, then answers TAK"},
	{"13", "reported before the carrier has answered"},
	{"14", "delivered just in time, reported too late"},
	{"20", "Viber fails twice, then takes it"},
	{"21", "Viber takes it without an answer"},
	{"22", "no carrier answers or takes it"},
	{"36", "has blocked the sender"},
	{"37", "is not on Viber"},
	{"48", "does not exist"},
	{"60", "the SMS cannot be delivered"},
	{"62", "the SMS is rejected"},
}

// sampleValidity is the one that the simulated carriers' scripts assume.
const sampleValidity = "15s"

// sampleBudget is how long the samples are followed; the slowest ends some
// seconds after the validity.
const sampleBudget = 90 * time.Second

// sampleBody is what `send --sample` says with --json, of each message.
type sampleBody struct {
	Suffix  string          `json:"suffix"`
	Kind    string          `json:"kind"`
	Ending  string          `json:"ending"`
	Message httpapi.Message `json:"message"`
}

func (a *app) sendSample(ctx context.Context, api *remote, f *sendFlags) error {
	if !api.simulated() {
		return failWith(ExitUsage, errors.New("--sample is for simulated carriers: its numbers may be somebody's. Start `goniec up`"))
	}
	ref := f.run
	if ref == "" {
		ref = "sample-" + uuid.NewString()[:8]
	}
	requests := make([]httpapi.MessageRequest, len(samples))
	for i, s := range samples {
		to := sampleNumber(ref, s.suffix)
		requests[i] = httpapi.MessageRequest{
			To: to, Sender: demoSender(to), Category: "transactional", Text: "goniec sample: the recipient of …" + s.suffix + " " + s.kind,
			SMS: &httpapi.SMSRequest{Text: "goniec sample " + s.suffix}, Validity: sampleValidity, ClientRef: ref, Test: f.test,
		}
		if f.sender != "" {
			requests[i].Sender = f.sender
		}
	}
	out, err := api.SendBatch(ctx, ref, requests)
	if err != nil {
		return perhapsSent(err, ref)
	}
	show := &sampleShow{a: a, kinds: map[string]int{}, seen: map[string]*sampleSeen{}}
	for i, r := range out.Results {
		if r.Code != "" {
			return failWith(ExitRefused, &client.Error{Status: 422, Code: r.Code, Fields: r.Errors})
		}
		show.kinds[r.ID] = i
	}
	a.say("%s accepted; the last ones end in some 20 s. The phones: %s", words.Count(len(out.Results), "message"), api.running.Simulator)
	return a.followSample(ctx, api, ref, show)
}

// sampleNumber differs from run to run: what a recipient did in an earlier one,
// such as to opt out, must not change this one.
func sampleNumber(ref, suffix string) string {
	h := sha256.Sum256([]byte(ref))
	return fmt.Sprintf("+48500%04d%s", binary.BigEndian.Uint32(h[:])%10_000, suffix)
}

// sampleShow prints each message once it has ended: one that was delivered when
// nothing has changed for a while, since it may be read yet. It prints it again
// if it changes after all.
type sampleShow struct {
	a     *app
	kinds map[string]int // by message id
	seen  map[string]*sampleSeen
}

type sampleSeen struct {
	ending, told string
	since        time.Time
}

func (a *app) followSample(ctx context.Context, api *remote, ref string, show *sampleShow) error {
	ctx, cancel := context.WithTimeout(ctx, sampleBudget)
	defer cancel()
	for {
		done, err := show.look(ctx, api, ref)
		if err != nil {
			return err
		}
		if done == len(show.kinds) {
			a.say("everything about one of them: goniec messages list --ref %s, then goniec messages show ID", ref)
			return nil
		}
		if err := pause.For(ctx, pollEvery); errors.Is(err, context.DeadlineExceeded) {
			return failWith(ExitFailed, fmt.Errorf("%s not ended after %s: goniec messages list --ref %s",
				words.Count(len(show.kinds)-done, "message"), words.Duration(sampleBudget), ref))
		} else if err != nil {
			return err
		}
	}
}

// look tells what is new; done counts the messages that are told and settled.
func (s *sampleShow) look(ctx context.Context, api *remote, ref string) (done int, err error) {
	err = eachMessage(ctx, api, client.Filter{ClientRef: ref}, 0, func(m httpapi.Message) error {
		i, ours := s.kinds[m.ID]
		if !ours || !m.Ended {
			return nil
		}
		seen, text := s.seen[m.ID], words.Ending(m)
		if seen == nil || seen.ending != text {
			seen = &sampleSeen{ending: text, since: time.Now()}
			if before := s.seen[m.ID]; before != nil {
				seen.told = before.told
			}
			s.seen[m.ID] = seen
		}
		if m.State == "delivered" && time.Since(seen.since) < settle {
			return nil
		}
		done++
		if seen.told == text {
			return nil
		}
		again := seen.told != ""
		seen.told = text
		return s.tell(i, m, text, again)
	})
	return done, err
}

func (s *sampleShow) tell(i int, m httpapi.Message, text string, again bool) error {
	body := sampleBody{Suffix: samples[i].suffix, Kind: samples[i].kind, Ending: text, Message: m}
	return s.a.show(body, func() {
		if again {
			text = "now: " + text
		}
		s.a.say("…%s  %-42s  %s", body.Suffix, body.Kind, text)
	})
}
