//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"goniec/tools/chaos/check"
)

// report is what a run found.
type report struct {
	OK       bool           `json:"ok"`
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Settled  time.Duration  `json:"settled_ns"`
	Faults   map[kind]int   `json:"faults_by_kind"`
	Sent     int            `json:"sent"`
	Accepted int            `json:"accepted"`
	Tries    int            `json:"tries"`
	P50      time.Duration  `json:"accepted_p50_ns"`
	P99      time.Duration  `json:"accepted_p99_ns"`
	Longest  time.Duration  `json:"accepted_max_ns"`
	Rebuilt  int            `json:"rebuilt_models"`
	Logged   map[string]int `json:"logged"` // lines of goniec's logs, by what they mean
	Ended    map[string]int `json:"ended_by_itself"`
	Early    map[string]int `json:"not_started"` // ended before they were ready
	Check    *check.Report  `json:"check"`
	Wrong    []string       `json:"wrong"` // besides what the check found
}

func (r *report) fault(format string, args ...any) {
	r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...))
}

const panics = "panics"

// telling are lines of goniec's logs that count.
var telling = map[string]string{
	"a write was refused":                "fenced writes",
	"ownership starts over":              "unknown or refused commits",
	"is not a member of the group":       "found themselves removed",
	"answer not written; it is repeated": "answers repeated",
	"local state does not fit":           "state rebuilt",
	"part ended":                         "parts ended",
	"panic:":                             panics,
	"cannot be written: no space left":   "ends for want of disk", // as they must
	"level=ERROR":                        "errors",
}

// finish gathers the figures and decides.
func (r *report) finish(run *run) {
	w, l := run.w, run.load
	r.Faults, r.Sent, r.Accepted, r.Tries = run.c.done, len(l.sent), l.accepted(), l.tries
	r.P50, r.P99, r.Longest = l.latencies()
	r.Wrong = append(append(r.Wrong, run.c.wrong...), l.refused...)
	r.Logged, r.Ended, r.Early = map[string]int{}, map[string]int{}, map[string]int{}
	for name, p := range w.procs {
		if p.ended > 0 {
			r.Ended[name] = p.ended
		}
		if p.early > 0 {
			r.Early[name] = p.early
		}
		if err := r.count(p.log); err != nil {
			r.fault("%v", err)
		}
	}
	if n := r.Logged[panics]; n > 0 {
		r.fault("%d lines of the logs tell of a panic", n)
	}
	r.enough(w.opt, len(run.plan))
	if w.disk == nil && !w.opt.noDisk {
		r.fault("%v; -no-disk accepts that", errNoDisk)
	}
	r.OK = len(r.Wrong) == 0 && r.Check.OK()
}

func (r *report) count(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was read
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		for text, name := range telling {
			if strings.Contains(in.Text(), text) {
				r.Logged[name]++
			}
		}
	}
	return in.Err()
}

// enough refuses a run in which the faults hit nothing.
func (r *report) enough(opt options, planned int) {
	if planned == 0 {
		return
	}
	s := r.Check.Stats
	for _, t := range []struct {
		what      string
		got, want int
	}{
		{"takeovers", s.Takeovers, opt.minTakeovers},
		{"ownerships that started over or whose write was refused", r.Logged["unknown or refused commits"] + r.Logged["fenced writes"], opt.minRestarts},
		{"attempts whose outcome nobody knows", s.Unknown, opt.minUnknown},
		{"messages ended", s.Ended, opt.minEnded},
	} {
		if t.got < t.want {
			r.fault("the faults hit too little: %d %s, at least %d are wanted", t.got, t.what, t.want)
		}
	}
}

// write tells people; the JSON beside the logs tells programs.
func (r *report) write(out io.Writer) {
	s := r.Check.Stats
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	say("faults      %s", counts(r.Faults))
	say("load        %d sent, %d answered 202 in %d tries; 202 after %s (p99 %s, longest %s)", r.Sent, r.Accepted, r.Tries, r.P50, r.P99, r.Longest)
	say("journal     %d events, %d commands, %d messages, %d ended: %s", s.Events, s.Commands, s.Messages, s.Ended, counts(s.States))
	say("owners      %d ownerships, %d takeovers, %d events of transactions that did not count", s.Owners, s.Takeovers, s.Aborted)
	say("logs        %s", counts(r.Logged))
	say("carriers    calls %s; %d taken twice by one carrier, %d by both; %d attempts unknown, %d of them claimed before a crash", counts(s.Calls), s.Doubles, s.BothTook, s.Unknown, s.Crashed)
	say("processes   ended by themselves %s, before they were ready %s", counts(r.Ended), counts(r.Early))
	say("silence     %s without a decision, from %s", s.Longest.Round(10*time.Millisecond), s.LongestAt.Format("15:04:05.000"))
	say("read models %d rebuilt; settled after %s", r.Rebuilt, r.Settled.Round(time.Second))
	for _, f := range r.Check.Findings {
		say("FOUND       %s: %s", f.Kind, f.Detail)
	}
	for kind, n := range r.Check.More {
		say("FOUND       %s: %d more", kind, n)
	}
	for i, f := range r.Wrong {
		if i == maxShown {
			say("FOUND       %d more", len(r.Wrong)-maxShown)
			break
		}
		say("FOUND       %s", f)
	}
}

const maxShown = 30

func counts[K ~string](m map[K]int) string {
	var parts []string
	for k, n := range m {
		parts = append(parts, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func jsonInto(b []byte, v any) error { return json.Unmarshal(b, v) }
