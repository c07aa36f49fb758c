//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

// kind of fault.
type kind string

// The kinds. A fault begins at its time, lasts, and is undone.
const (
	killProcess kind = "kill"     // kill -9 of a goniec process, started again after its time
	freeze      kind = "freeze"   // SIGSTOP past the session time-out, then SIGCONT: a zombie
	wrongClock  kind = "clock"    // kill -9, started again with a wrong clock, and once more with the right one
	fullDisk    kind = "disk"     // the process's data directory is filled
	cut         kind = "cut"      // connections are closed and refused
	mute        kind = "mute"     // connections stay open and carry nothing
	slow        kind = "slow"     // every packet takes a while
	killBroker  kind = "broker"   // kill -9 of a broker
	noQuorum    kind = "quorum"   // two brokers at once
	killDB      kind = "postgres" // immediate shutdown of Postgres
	killCarrier kind = "carriers" // kill -9 of the simulated carriers
	viberFaults kind = "viber500" // Viber answers 500
)

// processes and brokers of a run.
const (
	processes = 3
	brokers   = 3
)

// diskProcess is the process whose data lies on a small disk of its own.
const diskProcess = "p3"

// fault is one planned fault.
type fault struct {
	At     time.Duration // after the load began
	For    time.Duration
	Kind   kind
	Target string // "p1", "b2", "p1/kafka", "-"
	Arg    time.Duration
}

func (f fault) String() string {
	return fmt.Sprintf("%8s %-8s %-12s for %-6s arg %s", f.At.Round(100*time.Millisecond), f.Kind, f.Target, f.For.Round(100*time.Millisecond), f.Arg)
}

// holds names what the fault keeps for itself: two faults never hold the same.
func (f fault) holds() string {
	switch {
	case f.Kind == killBroker, f.Kind == noQuorum, strings.HasPrefix(f.Target, "b"):
		return "brokers" // never two at once
	case f.Kind == killCarrier, f.Kind == viberFaults:
		return "carriers"
	case f.Target == "-":
		return string(f.Kind)
	}
	return f.Target
}

// rest is how long what a fault held stays untouched after it.
func (f fault) rest() time.Duration {
	if f.holds() == "brokers" {
		return 8 * time.Second // replicas catch up
	}
	return 2 * time.Second
}

// hand is what is dealt from again and again: every kind comes, some more often.
// The first ones come in every run, however short.
func hand() (first, rest []kind) {
	return []kind{killProcess, freeze, killBroker, mute, killProcess, killDB, cut, fullDisk},
		[]kind{wrongClock, killCarrier, viberFaults, slow, killProcess, freeze, killBroker, mute, cut, slow}
}

// quorumFrom is the length of a run from which one quorum fault is planned.
const quorumFrom = 5 * time.Minute

// newPlan plans n faults for a run, the same for the same seed.
func newPlan(seed uint64, length time.Duration, n int) []fault {
	rng := rand.New(rand.NewPCG(seed, 0)) // makes plans, guards nothing
	kinds := deal(rng, n)
	if length >= quorumFrom && n > 0 {
		kinds[n/2] = noQuorum
	}
	free := map[string]time.Duration{}
	var plan []fault
	step := length / time.Duration(max(n, 1))
	for i, k := range kinds {
		at := step*time.Duration(i) + time.Duration(rng.Float64()*0.8*float64(step))
		plan = append(plan, place(rng, free, k, at))
	}
	slices.SortFunc(plan, func(a, b fault) int { return int(a.At - b.At) })
	return plan
}

// deal deals n kinds, hand after hand, each shuffled.
func deal(rng *rand.Rand, n int) []kind {
	var out []kind
	first, rest := hand()
	for len(out) < n {
		next := append(shuffled(rng, first), shuffled(rng, rest)...)
		out = append(out, next...)
	}
	return out[:n]
}

func shuffled(rng *rand.Rand, kinds []kind) []kind {
	out := slices.Clone(kinds)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// place gives the fault a target that is free, or the moment from which it is.
func place(rng *rand.Rand, free map[string]time.Duration, k kind, at time.Duration) fault {
	var best fault
	for range 12 {
		f := aim(rng, k)
		f.At = max(at, free[f.holds()])
		if best.Kind == "" || f.At < best.At {
			best = f
		}
	}
	free[best.holds()] = best.At + best.For + best.rest()
	return best
}

// aim chooses target, duration and size of a fault.
func aim(rng *rand.Rand, k kind) fault {
	between := func(lo, hi float64) time.Duration {
		return time.Duration((lo + rng.Float64()*(hi-lo)) * float64(time.Second)).Round(100 * time.Millisecond)
	}
	process := fmt.Sprintf("p%d", 1+rng.IntN(processes))
	f := fault{Kind: k, Target: "-"}
	switch k {
	case killProcess:
		f.Target, f.For = process, between(0.5, 4)
	case freeze:
		f.Target, f.For = process, between(sessionTimeout.Seconds()+2, sessionTimeout.Seconds()+6)
	case wrongClock:
		f.Target, f.For = process, between(8, 15)
		f.Arg = between(5, 40)
		if rng.IntN(2) == 0 {
			f.Arg = -f.Arg
		}
	case fullDisk:
		f.Target, f.For = diskProcess, between(3, 8)
	case cut:
		f.Target, f.For = link(rng, process), between(1, 5)
	case mute:
		f.Target, f.For = link(rng, process), between(4, sessionTimeout.Seconds()+5)
	case slow:
		f.Target, f.For, f.Arg = link(rng, process), between(5, 15), between(0.1, 0.6)
	case killBroker:
		f.Target, f.For = fmt.Sprintf("b%d", 1+rng.IntN(brokers)), between(2, 8)
	case noQuorum:
		n := rng.IntN(brokers)
		f.Target, f.For = fmt.Sprintf("b%d+b%d", 1+n, 1+(n+1)%brokers), between(2, 4)
	case killDB, killCarrier:
		f.For = between(1, 6)
	case viberFaults:
		f.For = between(4, 12)
	}
	return f
}

// link chooses a connection: mostly a process's to Kafka, since that is where
// ownership is lost.
func link(rng *rand.Rand, process string) string {
	switch n := rng.IntN(10); {
	case n < 5:
		return process + "/kafka"
	case n < 6:
		return fmt.Sprintf("b%d", 1+rng.IntN(brokers))
	case n < 8:
		return process + "/postgres"
	case n < 9:
		return process + "/viber"
	}
	return process + "/smpp"
}

// writePlan writes a plan as lines that readPlan reads.
func writePlan(path string, plan []fault) error {
	var b strings.Builder
	for _, f := range plan {
		fmt.Fprintln(&b, f)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

var errPlan = errors.New("not a line of a plan")

func readPlan(path string) ([]fault, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was read
	var plan []fault
	for in := bufio.NewScanner(file); in.Scan(); {
		f, err := parseFault(in.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %q", path, err, in.Text())
		}
		plan = append(plan, f)
	}
	return plan, nil
}

func parseFault(line string) (f fault, err error) {
	w := strings.Fields(line)
	if len(w) != 7 || w[3] != "for" || w[5] != "arg" {
		return f, errPlan
	}
	f.Kind, f.Target = kind(w[1]), w[2]
	for i, into := range map[int]*time.Duration{0: &f.At, 4: &f.For, 6: &f.Arg} {
		d, perr := time.ParseDuration(w[i])
		*into, err = d, errors.Join(err, perr)
	}
	return f, err
}
