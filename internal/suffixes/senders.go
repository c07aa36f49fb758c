// Package suffixes is the table of rules.md on what the simulated carriers do,
// as data, and the load that is made from it: who sends what to which numbers.
package suffixes

import (
	"fmt"
	"slices"

	"goniec/adapters/simulator"
)

// DemoSender is the ordinary sender of the accounts that try things out.
const DemoSender = "GONIEC"

// demoService is Viber's service id of DemoSender; the sender for faults of
// suffix NN has demoService + NN (1 to 99).
const demoService = 1000

// Sender is one sender that the table needs, for Poland.
type Sender struct {
	Name, Company string
	ServiceID     int64
}

// Senders are DemoSender and one for each suffix with a script, so that one
// number's breaker or suspension never stops another's.
func Senders() []Sender {
	out := []Sender{{DemoSender, DemoSender, demoService}}
	for _, s := range slices.Sorted(slices.Values(simulator.Suffixes())) {
		out = append(out, Sender{FaultSender(s), DemoSender + s, serviceOf(s)})
	}
	return out
}

// FaultSender is the sender for messages to numbers of a suffix that makes the
// simulated carriers fail.
func FaultSender(suffix string) string { return DemoSender + " " + suffix }

// Services are Senders as the simulator knows them.
func Services() []simulator.Service {
	var out []simulator.Service
	for _, s := range Senders() {
		out = append(out, simulator.Service{ID: s.ServiceID, Name: s.Name})
	}
	return out
}

func serviceOf(suffix string) int64 {
	var n int64
	_, _ = fmt.Sscanf(suffix, "%d", &n) // suffixes are two digits
	return demoService + n
}
