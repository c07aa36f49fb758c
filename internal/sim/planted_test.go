//go:build planted

package sim

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bug is a mistake that somebody could make: text in one file is replaced. The
// new text asks planted.Is whether it is the one that is being looked for, so
// that one build holds them all. Nothing of it is in the program.
type bug struct {
	name, file string
	old, text  string // text is put behind old, or, where it begins with "=", in its place
}

var bugs = []bug{
	{"claim after call", "adapters/dispatch/owner.go", "func (o *owner) commit(jobs []*job) error {\n", `
	if planted.Is("claim after call") {
		o.start(jobs)
		return o.commitUntilTaken()
	}
`},
	{"claims sent again", "adapters/dispatch/takeover.go", "func (o *owner) inherit(left []*job) {\n", `
	if planted.Is("claims sent again") {
		o.start(left)
		return
	}
`},
	{"finished before its answer", "adapters/dispatch/answer.go", "func (o *owner) deliver(j *job, a message.Answer) {\n", `
	if planted.Is("finished before its answer") {
		o.finish(j)
	}
`},
	{"revokes unread at takeover", "adapters/dispatch/takeover.go", "func (o *owner) recallRevokes() error {\n", `
	if planted.Is("revokes unread at takeover") {
		return nil
	}
`},
	{"not_after ignored", "adapters/dispatch/job.go", "case d.cfg.Clock.Now().After(j.ins.NotAfter):", `=case !planted.Is("not_after ignored") && d.cfg.Clock.Now().After(j.ins.NotAfter):`},
	{"lease ignored", "adapters/dispatch/lease.go", "func (l *lease) wait(ctx context.Context, refused func()) bool {\n", `
	if planted.Is("lease ignored") {
		return true
	}
`},
	{"timer without barrier", "eventstore/decider/loop.go", "func (o *owner) moveSafe(now, due time.Time) error {\n", `
	if planted.Is("timer without barrier") {
		o.timers.safe = now
		return nil
	}
`},
	{"stale generation accepted", "eventstore/decider/loop.go", "o.claim.Member()", `=planted.Nil("stale generation accepted", o.claim.Member())`},
	{"state before commit", "eventstore/decider/loop.go", "func (o *owner) commit(ctx context.Context, g *group, inputs []*input) error {\n", `
	if planted.Is("state before commit") && len(g.records) > 0 {
		if err := g.save(); err != nil {
			return err
		}
		err := o.transact(g)
		if err == nil {
			o.advance(g)
		}
		return err
	}
`},
	{"unknown commit taken for done", "eventstore/decider/loop.go", "if err := o.transact(g); err != nil {", `=if err := o.transact(g); err != nil && !planted.Is("unknown commit taken for done") {`},
	{"offsets before the transaction", "eventstore/decider/loop.go", "func (o *owner) transact(g *group) error {\n", `
	if planted.Is("offsets before the transaction") {
		var early []eventstore.Offset
		for i, l := range o.lanes {
			early = append(early, eventstore.Offset{Topic: o.topics.Name(laneTopics[i]), Partition: o.part, Next: l.pos})
		}
		if err := o.producer.Write(nil, early, o.claim.Member()); err != nil {
			return err
		}
	}
`},
	{"offsets read before the producer", "eventstore/decider/owner.go", "p := claim.Partition\n", `
	if planted.Is("offsets read before the producer") {
		early, err := (&owner{cfg: &d.cfg, claim: claim, part: p, topics: d.cfg.Kafka.Topics()}).committed(ctx)
		if err != nil {
			return err
		}
		planted.Put(claim, early)
	}
`},
	{"offsets read before the producer", "eventstore/decider/inbox.go", "func (o *owner) committed(ctx context.Context) (c committed, err error) {\n", `
	if planted.Is("offsets read before the producer") && o.producer != nil {
		return planted.Get(o.claim).(committed), nil
	}
`},
	{"offsets read before the producer", "internal/sim/cluster_test.go", "return !k.pending(group, topic)", `=return !k.pending(group, topic) || planted.Is("offsets read before the producer")`}, // not RequireStable
	{"a torn transaction taken for whole", "eventstore/decider/inbox.go", "c.head == headOf(o.heads)", `=c.head == headOf(o.heads) || planted.Is("a torn transaction taken for whole")`},
	{"a stream left out of the state topic", "eventstore/decider/state_topic.go", "func (g *group) passStream(stream string) error {\n", `
	if planted.Is("a stream left out of the state topic") && kindOf(stream) == "message" {
		g.passed[stream] = true
		return nil
	}
`},
	{"an eviction passed over", "eventstore/decider/recover.go", "return r.g.forget(e)", `=if planted.Is("an eviction passed over") {
			return nil
		}
		return r.g.forget(e)`},
	{"an evicted message left in the state topic", "eventstore/decider/evict.go", "if err := g.replace(stream, old, &entry{agg: agg}); err != nil {\n\t\t\treturn err\n\t\t}\n", `
		if planted.Is("an evicted message left in the state topic") && g.cmd != nil {
			g.passed = map[string]bool{stream: true}
		}
`},
	{"ids of a former message", "eventstore/decider/decide.go", "g.follow(c)\n", `
	if planted.Is("ids of a former message") {
		g.seed = c.ID
	}
`},
	{"a seal that charges do not regard", "eventstore/decider/message.go", "part, err := g.partition()\n", `
	if planted.Is("a seal that charges do not regard") {
		part.SealedThrough = ""
	}
`},
	{"a month closed again", "domain/billing/decide.go", "digest, err := digestOf(in)\n", `
	if planted.Is("a month closed again") {
		s.Digest = ""
	}
`},
	{"a sender that ends again", "domain/account/sender_state.go", "s.Status, s.Notice, s.Change = SenderOff, nil, nil\n", `=notice := s.Notice
	s.Status, s.Notice, s.Change = SenderOff, nil, nil
	if planted.Is("a sender that ends again") {
		s.Notice = notice
	}
`},
	{"an end before its timer's time", "domain/account/timer.go", "add(TimerNotice, x.Notice.Effect)", `=due := x.Notice.Effect
		if planted.Is("an end before its timer's time") {
			due = due.Add(-3 * time.Second)
		}
		add(TimerNotice, due)`},
	{"an approval kept in memory only", "eventstore/decider/recover.go", "func (g *group) saveState(stream string, e *entry) (err error) {\n", `
	if planted.Is("an approval kept in memory only") && len(g.events) > 0 && g.events[len(g.events)-1].Type == "goniec.sender.approved.v1" {
		return nil
	}
`},
	{"epoch not raised", "eventstore/decider/owner.go", "o.epoch++", `=if !planted.Is("epoch not raised") {
		o.epoch++
	}`},
	{"fence ignored", "projections/checkpoint.go", "if runner == nil || *runner != e.runner {", `=if !planted.Is("fence ignored") && (runner == nil || *runner != e.runner) {`},
	{"fence ignored", "projections/checkpoint.go", "if err == nil && tag.RowsAffected() == 0 {\n\t\treturn ErrFenced", `=if err == nil && tag.RowsAffected() == 0 && !planted.Is("fence ignored") {
		return ErrFenced`},
	{"position apart from the rows", "projections/engine.go", "func (e *engine) write(ctx context.Context, known []mark, b *batch) error {\n", `
	if planted.Is("position apart from the rows") {
		if tx, err := e.pool.Begin(ctx); err == nil {
			_ = errors.Join(e.advance(ctx, tx, b), tx.Commit(ctx))
		}
	}
`},
	{"retry after unknown", "domain/message/answer.go", "func (d *decision) answer(c Answer) {\n", `
	if planted.Is("retry after unknown") && c.Outcome == OutcomeUnknown {
		c.Outcome, c.Verdict.Retry = OutcomeRefused, true
	}
`},
	{"a pause not asked for", "adapters/dispatch/job.go", "case d.cfg.Paused(j.ins):", `=case !planted.Is("a pause not asked for") && d.cfg.Paused(j.ins):`},
	{"a pause asked for before the content alone", "adapters/dispatch/job.go", "LeaseRefused(o.part) }) {\n\t\treturn j.notSent(reasonHandedBack)\n\t}\n", `
	if planted.Is("a pause asked for before the content alone") && j.refusal() == message.ReasonPaused {
		done, _ := o.d.breakers.allow(j.breaker())
		return j.call(r, content, done)
	}
`},
	{"a pause that a fallback does not regard", "domain/message/settle.go", "case d.f.Pauses.Of(ch) != \"\":\n\t\td.hold(ch)\n\tdefault:\n\t\td.emit(d.start(ch))", `=case d.f.Pauses.Of(ch) != "" && (d.s.Step == 0 || !planted.Is("a pause that a fallback does not regard")):
		d.hold(ch)
	default:
		d.emit(d.start(ch))`},
	{"a resume that forgets a lane", "eventstore/decider/resume.go", "for _, urgent := range []bool{true, false} {\n", `
		if planted.Is("a resume that forgets a lane") && !urgent {
			break
		}
`},
	{"a content from a copy that lags", "adapters/dispatch/job.go", "value, ok, err := o.d.cfg.Contents.Get(ctx, o.part, j.ins.Content, j.read)\n", `=since := j.read
	if planted.Is("a content from a copy that lags") {
		since = time.Time{}
	}
	value, ok, err := o.d.cfg.Contents.Get(ctx, o.part, j.ins.Content, since)
	if planted.Is("a content from a copy that lags") && err == nil && !ok {
		value, ok, err = o.d.cfg.Contents.Get(ctx, o.part, j.ins.Content, j.read)
	}
`},
	{"tombstones in a transaction of their own", "eventstore/decider/erase.go", "func (g *group) destroy(topic string, keys []string) {\n", `
	if planted.Is("tombstones in a transaction of their own") && topic == eventstore.Contents {
		before := g.records
		g.records = nil
		defer func() {
			_ = g.o.producer.Write(g.records, nil, g.o.claim.Member())
			g.records = before
		}()
	}
`},
	{"tombstones for what is asked for alone", "eventstore/decider/erase.go", "keys, ended = append(keys, key), ended+over\n", `
			if planted.Is("tombstones for what is asked for alone") {
				keys = keys[:len(keys)-1]
			}
`},
	{"an erased message that goes on", "eventstore/decider/erase.go", "key = message.ContentKey(s.ID, s.Accepted.BodyDigest)\n", `
	if planted.Is("an erased message that goes on") && s.Hold != "" {
		return key, 0, nil
	}
`},
	{"a parked message is told of its erasure", "eventstore/decider/erase.go", "if held, err := g.isParked(stream); err != nil || held {", `=if held, err := g.isParked(stream); err != nil || held && !planted.Is("a parked message is told of its erasure") {`},
	{"report counted twice", "domain/message/report.go", "func (d *decision) delivery(a Attempt, c Report, at time.Time) {\n", `
	if planted.Is("report counted twice") {
		d.deliver(a, c, at)
		return
	}
`},
}

var programFlag = flag.String("sim.program", "", "where the program with the planted bugs is kept")

const plantedPackage = `package planted

import "os"

var name, kept = os.Getenv("GONIEC_PLANTED"), map[any]any{}

func Is(n string) bool { return n == name }

func Nil[T any](n string, p *T) *T {
	if Is(n) {
		return nil
	}
	return p
}

func Put(k, v any) { kept[k] = v }

func Get(k any) any { return kept[k] }
`

// overlay writes the files with every bug in them, and what tells the compiler.
func overlay(t *testing.T, root, dir string) string {
	t.Helper()
	texts := map[string]string{"internal/planted/planted.go": plantedPackage}
	for _, b := range bugs {
		if _, ok := texts[b.file]; !ok {
			body, err := os.ReadFile(filepath.Join(root, b.file))
			require.NoError(t, err)
			texts[b.file] = regexp.MustCompile(`(?m)^package \w+\n`).ReplaceAllString(string(body), "$0\nimport \"goniec/internal/planted\"\n")
		}
		require.Equal(t, 1, strings.Count(texts[b.file], b.old), "%s: %q must stand once in %s: say anew where it is planted", b.name, b.old, b.file)
		text, inPlace := strings.CutPrefix(b.text, "=")
		if !inPlace {
			text = b.old + text
		}
		texts[b.file] = strings.Replace(texts[b.file], b.old, text, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		require.NoError(t, os.WriteFile(to, []byte(text), 0o600))
		replace[filepath.Join(root, file)] = to
	}
	body, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	out := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(out, body, 0o600))
	return out
}

// Each planted bug is found within 10,000 seeds.
func TestPlantedBugs(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	program := *programFlag
	if program == "" {
		program = filepath.Join(dir, "sim.test")
	}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay(t, root, dir), "-o", program, ".") //nolint:gosec // ours
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	places := make(chan struct{}, runtime.NumCPU())
	done := map[string]bool{}
	for _, b := range bugs {
		if done[b.name] {
			continue
		}
		done[b.name] = true
		t.Run(strings.ReplaceAll(b.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			run := exec.CommandContext(t.Context(), program, "-test.run=^TestSimulation$", "-sim.seeds=10000", "-sim.brief") //nolint:gosec // ours
			run.Env = append(os.Environ(), "GONIEC_PLANTED="+b.name, "GOMAXPROCS=1")
			out, err := run.CombinedOutput()
			require.Error(t, err, "not found within 10,000 seeds")
			found := regexp.MustCompile(`(?m)^found.*`).FindString(string(out))
			require.NotEmpty(t, found, "%s", out)
			t.Log(found)
		})
	}
}
