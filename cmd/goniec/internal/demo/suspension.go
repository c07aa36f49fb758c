package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/internal/pause"
	"goniec/internal/suffixes"
	"goniec/projections"
)

// carriersWord is a refusal of a sender by the carrier, as the journal has it.
type carriersWord struct {
	recipient string
	at        time.Time
}

// checkSuspensions: a sender that the carrier refuses for three recipients within
// 60 s is suspended by it, and only such a one (rules.md B13); it takes no message
// then, and an operator lifts it.
func (d *demo) checkSuspensions(ctx context.Context, models *projections.Projector) error {
	api, err := d.target.apiClient()
	if err != nil {
		return err
	}
	operator, err := d.target.clientOf(d.target.running.OperatorKeyFile)
	if err != nil {
		return err
	}
	words := carriersWords(d.book.Messages())
	faults, suspended := d.unsaid(words), 0
	for _, id := range slices.Sorted(maps.Keys(words)) {
		want := enough(words[id])
		if want {
			suspended++
		}
		f, err := d.checkSuspension(ctx, api, operator, id, want)
		if err != nil {
			return err
		}
		faults = append(faults, f...)
	}
	d.report.add("who is refused by the carrier for three recipients is suspended", fmt.Sprintf("%d of %d senders suspended by the carrier, then lifted", suspended, len(words)), faults)
	return d.target.caughtUp(ctx, models) // with the lifts
}

// carriersWords lists the refusals by sender.
func carriersWords(messages []*Message) map[string][]carriersWord {
	out := map[string][]carriersWord{}
	for _, m := range messages {
		for _, e := range m.Events {
			if r, ok := e.Fact.(message.AttemptRefused); ok && r.AgainstSender != nil {
				id := r.AgainstSender.SenderID
				out[id] = append(out[id], carriersWord{r.AgainstSender.Recipient, e.Time})
			}
		}
	}
	return out
}

// enough says whether some 60 s hold three recipients.
func enough(words []carriersWord) bool {
	return slices.ContainsFunc(words, func(first carriersWord) bool {
		who := map[string]bool{}
		for _, w := range words {
			if after := w.at.Sub(first.at); after >= 0 && after <= time.Minute {
				who[w.recipient] = true
			}
		}
		return len(who) >= 3
	})
}

// unsaid: without kills every message to a suffix that refuses the sender is one
// word against it.
func (d *demo) unsaid(words map[string][]carriersWord) []string {
	sent, faults := map[string]int{}, []string{}
	for _, s := range d.plan.Sendings {
		if s.Want.Against {
			sent[s.Request.Sender]++
		}
	}
	for name, n := range sent {
		if got := len(words[d.senderID(name)]); d.opt.Kills == 0 && got != n {
			faults = append(faults, fmt.Sprintf("%s: %d messages were refused for their sender in the journal; %d had to be", name, got, n))
		}
	}
	return faults
}

func (d *demo) senderID(name string) string {
	return account.SenderID(d.target.running.Account, name, "PL")
}

// suspensionPatience is how long the reactor may take: after a kill its group waits
// for the dead member.
const suspensionPatience = 30 * time.Second

func (d *demo) checkSuspension(ctx context.Context, api, operator *client.Client, id string, want bool) ([]string, error) {
	s, err := awaitSuspension(ctx, api, id, want)
	if err != nil {
		return nil, err
	}
	switch by := s.Suspended; {
	case !want && by != nil:
		return []string{s.Name + " is suspended, and the carrier has not refused it for three recipients"}, nil
	case !want:
		return nil, nil
	case by == nil || by.By != account.ByCarrier:
		return []string{s.Name + " is not suspended by the carrier"}, nil
	}
	if f := d.stillTakes(ctx, api, s.Name); f != "" {
		return []string{f}, nil
	}
	s, err = operator.StepSender(ctx, id, "lift", 0, httpapi.ReasonRequest{Reason: "the end of the demo"})
	if err == nil && s.Suspended != nil {
		return []string{s.Name + " is suspended still, and an operator has lifted it"}, nil
	}
	return nil, err
}

func awaitSuspension(ctx context.Context, api *client.Client, id string, want bool) (httpapi.SenderBody, error) {
	for began := time.Now(); ; {
		s, err := api.Sender(ctx, id)
		if err != nil || (s.Suspended != nil) == want || time.Since(began) > suspensionPatience {
			return s, err
		}
		if err := pause.For(ctx, glance); err != nil {
			return s, err
		}
	}
}

// stillTakes asks for a message by a suspended sender, which has to be refused.
func (d *demo) stillTakes(ctx context.Context, api *client.Client, name string) string {
	i := slices.IndexFunc(d.plan.Sendings, func(s suffixes.Sending) bool { return s.Request.Sender == name })
	if i < 0 {
		return name + " was refused by the carrier, and nothing was sent by it"
	}
	_, err := api.Send(ctx, d.plan.Sendings[i].Key+"-again", d.plan.Sendings[i].Request)
	if refused := new(client.Error); !errors.As(err, &refused) || !slices.ContainsFunc(refused.Fields, func(f httpapi.FieldError) bool { return f.Code == message.CodeSenderSuspended }) {
		return fmt.Sprintf("%s is suspended, and a new message by it was not refused for that: %v", name, err)
	}
	return ""
}
