package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goniec/adapters/simulator"
	"goniec/internal/suffixes"
)

// senders returns how to choose a message's sender: the one that is named; on
// the demo account the demo's; else the only active one.
func (a *app) senders(ctx context.Context, api *remote, f *sendFlags) (func(number string) string, error) {
	if f.sender != "" {
		return func(string) string { return f.sender }, nil
	}
	if api.demo() && api.simulated() {
		return demoSender, nil
	}
	list, err := api.Senders(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range list.Senders {
		if s.State == "active" && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil, failWith(ExitRefused, errors.New("the account has no active sender"))
	case 1:
		return func(string) string { return names[0] }, nil
	}
	slices.Sort(names)
	return nil, failWith(ExitUsage, fmt.Errorf("choose one of the account's senders with --sender: %s", strings.Join(names, ", ")))
}

// demoSender keeps numbers that the simulated carriers always refuse away from
// the others: their faults speak against their own sender's route only.
func demoSender(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	if len(digits) < 2 {
		return suffixes.DemoSender
	}
	suffix := digits[len(digits)-2:]
	if suffix >= "20" && suffix < "50" && slices.Contains(simulator.Suffixes(), suffix) {
		return suffixes.FaultSender(suffix)
	}
	return suffixes.DemoSender
}
