package suffixes

import (
	"crypto/rand"
	"fmt"
	"strings"

	"goniec/adapters/httpapi"
)

// Bounds of the number of messages: below, not every suffix has one; above,
// numbers would repeat.
const (
	MinMessages = 60
	MaxMessages = 100_000
)

// validity of every message, which the carriers' scripts assume.
const validity = "15s"

// Sending is one message to be sent, to a number that no other one is sent to:
// what a carrier says of one never meets another.
type Sending struct {
	N       int // from 0
	Want    Expectation
	Number  string
	Key     string // Idempotency-Key
	Request httpapi.MessageRequest
}

// Plan is all messages of a run.
type Plan struct {
	Marker   string // stands in every text
	Sendings []Sending
}

// NewPlan spreads n messages evenly over the table's suffixes, except for those
// of which only a few are sent.
func NewPlan(n int) Plan {
	p := Plan{Marker: "zq" + strings.ToLower(rand.Text()[:10])}
	run := p.Marker[2:]
	table := Expectations()
	left := make([]int, len(table))
	for i, e := range table {
		left[i] = e.Most
	}
	for i := 0; len(p.Sendings) < n; i++ {
		row := i % len(table)
		if table[row].Most > 0 {
			if left[row] == 0 {
				continue
			}
			left[row]--
		}
		p.Sendings = append(p.Sendings, sending(len(p.Sendings), table[row], run, p.Marker))
	}
	return p
}

func sending(n int, want Expectation, run, marker string) Sending {
	number, sender := numberOf(n, want.Suffix), senderOf(want.Suffix)
	return Sending{
		N: n, Want: want, Number: number, Key: fmt.Sprintf("demo-%s-%d", run, n),
		Request: httpapi.MessageRequest{
			To: number, Sender: sender, Category: "transactional", Validity: validity,
			Text:      fmt.Sprintf("Your parcel %s-%05d is at the pick-up point.", marker, n),
			ClientRef: fmt.Sprintf("demo-%05d", n), Tags: []string{"demo", "suffix-" + want.Suffix},
		},
	}
}

// other is a suffix without a script.
const other = "70"

// numberOf makes the n-th number: Polish, mobile, its end as the suffix says.
func numberOf(n int, suffix string) string {
	switch suffix {
	case "even":
		return spread([2]string{"50", "51"}, n, 0)
	case "odd":
		return spread([2]string{"60", "66"}, n, 1)
	}
	return fmt.Sprintf("+4850%05d%s", n, suffix)
}

// spread makes a number whose third-last digit is even or odd, which leaves half
// of the numbers: a second prefix makes up for it.
func spread(prefixes [2]string, n, odd int) string {
	half := n / 5
	return fmt.Sprintf("+48%s%04d%d%s", prefixes[half/10_000], half%10_000, n%5*2+odd, other)
}

// senderOf: a suffix with a script has a sender of its own, so that a breaker of
// one suffix's service never stops another's messages.
func senderOf(suffix string) string {
	if suffix == "even" || suffix == "odd" {
		return DemoSender
	}
	return FaultSender(suffix)
}
