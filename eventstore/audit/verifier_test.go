//go:build verifier

// The verifier of docs/verifier, in Python, against the same journals and the
// same faults. GONIEC_TEST_PYTHON names a Python that has its requirements.
package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/kafkatest"
)

// verdict is what the verifier says with --json.
type verdict struct {
	Intact     bool
	Events     int64
	Partitions []audit.Partition
	Broken     []audit.Fault
}

func python(t *testing.T, args ...string) (out []byte, code int) {
	t.Helper()
	interpreter := os.Getenv("GONIEC_TEST_PYTHON")
	require.NotEmpty(t, interpreter, "GONIEC_TEST_PYTHON is required")
	cmd := exec.CommandContext(t.Context(), interpreter, append([]string{"../../docs/verifier/verify.py"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	code = cmd.ProcessState.ExitCode()
	if code == 2 || code < 0 {
		require.NoError(t, err, "%s", &stderr)
	}
	if code != 0 && len(out) == 0 {
		out = stderr.Bytes()
	}
	return out, code
}

func (b *bundle) second(more ...string) verdict {
	b.t.Helper()
	out, code := python(b.t, append([]string{"journal", "--json", "--brokers", b.kafka.Brokers[0], "--prefix", b.prefix, "--installation", installation}, more...)...)
	var v verdict
	require.NoError(b.t, json.Unmarshal(out, &v), "%s", out)
	require.Equal(b.t, v.Intact, code == 0)
	return v
}

// agree lets both judge, and compares.
func (b *bundle) agree(cfg audit.Config, more ...string) verdict {
	b.t.Helper()
	r, err := audit.Verify(b.t.Context(), cfg)
	require.NoError(b.t, err)
	v := b.second(more...)
	require.Equal(b.t, r.Intact, v.Intact, "%v %v", r.Broken, v.Broken)
	require.Len(b.t, v.Broken, len(r.Broken))
	for i, f := range r.Broken {
		g := v.Broken[i]
		require.Equal(b.t, []any{f.Topic, f.Partition, f.Offset}, []any{g.Topic, g.Partition, g.Offset}, "%s; %s", f.What, g.What)
	}
	for i, p := range r.Partitions {
		require.Equal(b.t, []any{p.Topic, p.Partition, p.Events, p.Head}, []any{v.Partitions[i].Topic, v.Partitions[i].Partition, v.Partitions[i].Events, v.Partitions[i].Head})
	}
	return v
}

func TestBothVerifiersFindPlantedFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range spoilt {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.life(0, first)
			b.life(1, second)
			b.publish(tc.spoil)
			require.False(t, b.agree(b.config()).Intact)
		})
	}
}

func TestBothVerifiersFindForgeries(t *testing.T) {
	t.Parallel()
	for name, tc := range forged {
		if name == "unknown type" || name == "unreadable data" {
			continue // what types there are is not in docs/audit.md
		}
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.life(0, first)
			b.life(1, second)
			tc.forge(b.journal)
			b.publish(nil)
			require.False(t, b.agree(b.config()).Intact)
		})
	}
}

func TestBothVerifiersAgreeOnCheckpoints(t *testing.T) {
	t.Parallel()
	private, public, err := audit.NewKey("goniec-test")
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(key, []byte(public+"\n"), 0o600))
	for name, tc := range hidden {
		t.Run(name, func(t *testing.T) {
			honest, dishonest := twoJournals(t, tc.before, tc.after)
			p := honest.place(noon)
			signed, err := p.Sign(signer)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "checkpoint")
			require.NoError(t, os.WriteFile(file, signed, 0o600))
			for _, b := range []*bundle{honest, dishonest} {
				cfg := b.config()
				cfg.Kept = []audit.Checkpoint{p.Checkpoint}
				require.Equal(t, b == honest, b.agree(cfg, "--checkpoint", file, "--key", key).Intact)
			}
		})
	}
}

// 100,000 events, of which both say the same.
func TestBothVerifiersAgreeOnALongJournal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	for i := range 100_000 {
		b.grow(int32(i%2), 1)
	}
	b.publish(nil)
	v := b.agree(b.config())
	require.True(t, v.Intact)
	require.Equal(t, int64(100_022), v.Events)
}

func TestTheSecondVerifierChecksProofs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	id := eventstore.DerivedID(0, []byte("an event of its own")).String()
	b.add(eventstore.Messages, 0, "number/"+numberOf(0), recipient.NotOnViber{Message: "another"}, func(e *eventstore.Event) { e.ID = id })
	b.grow(0, 6)
	b.publish(nil)
	private, public, err := audit.NewKey("goniec-test")
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	key := file("key", []byte(public+"\n"))
	old, err := b.place(noon).Sign(signer)
	require.NoError(t, err)
	proof, err := audit.Prove(t.Context(), b.config(), old, verifier, id)
	require.NoError(t, err)
	consistency, err := audit.ProveConsistency(t.Context(), b.config(), old, old, verifier)
	require.NoError(t, err)
	for name, good := range map[string][]byte{"proof": proof, "consistency": consistency} {
		out, code := python(t, "proof", file(name, good), "--key", key)
		require.Zero(t, code, "%s", out)
		for at := 7; at < len(good); at += len(good) / 25 {
			bad := bytes.Clone(good)
			bad[at] ^= 1
			out, code := python(t, "proof", file(name, bad), "--key", key)
			require.Equal(t, 1, code, "byte %d: %s", at, out)
		}
	}
	for from, to := range map[string]string{`"partition": 0`: `"partition": false`, `"index": 10`: `"index": 10.0`} {
		bad := bytes.Replace(proof, []byte(from), []byte(to), 1)
		require.NotEqual(t, proof, bad)
		out, code := python(t, "proof", file("number", bad), "--key", key)
		require.Equal(t, 1, code, "%s: %s", to, out)
	}
}

// What is right of one event is no proof of another one, and none of a place before the first.
func TestTheSecondVerifierRefusesAPlaceBeforeTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	last := ""
	for i := range 4 { // of a whole tree, the last one's path is also that of -1
		last = eventstore.DerivedID(0, fmt.Appendf(nil, "one of four %04d", i)).String()
		b.add(eventstore.Messages, 0, "number/"+numberOf(0), recipient.NotOnViber{Message: "an\u2028other"}, func(e *eventstore.Event) { e.ID, e.Actor = last, "shell/a\u2028b" })
	}
	b.publish(nil)
	signer, public := testKey(t)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	signed, err := b.place(noon).Sign(signer)
	require.NoError(t, err)
	proof, err := audit.Prove(t.Context(), b.config(), signed, verifier, last)
	require.NoError(t, err)
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "proof")
	require.NoError(t, os.WriteFile(key, []byte(public+"\n"), 0o600))
	for index, want := range map[string]int{"3": 0, "-1": 1} {
		require.NoError(t, os.WriteFile(file, bytes.Replace(proof, []byte(`"index": 3`), []byte(`"index": `+index), 1), 0o600))
		out, code := python(t, "proof", file, "--key", key)
		require.Equal(t, want, code, "%s: %s", index, out)
	}
}

// A journal that was written anew with fewer partitions holds less than its checkpoint names.
func TestBothVerifiersMissAPartition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	b.publish(nil)
	signer, public := testKey(t)
	place := b.place(noon)
	signed, err := place.Sign(signer)
	require.NoError(t, err)
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "checkpoint")
	require.NoError(t, os.WriteFile(key, []byte(public+"\n"), 0o600))
	require.NoError(t, os.WriteFile(file, signed, 0o600))

	small := kafkatest.Topics(t, 1)
	producer := kafkatest.Producer(t, small)
	for _, short := range []string{eventstore.Messages, eventstore.Accounts} {
		for _, e := range b.written[lane(short, 0)] {
			require.NoError(t, producer.Send(t.Context(), e.Message(small.Topics().Name(short), 0)))
		}
	}
	cfg := audit.Config{Client: kafkatest.Client(t, small), Topics: small.Topics(), Installation: installation, Partitions: 1, Kept: []audit.Checkpoint{place.Checkpoint}}
	_, err = audit.Verify(t.Context(), cfg)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	out, code := python(t, "journal", "--brokers", small.Brokers[0], "--prefix", small.Prefix, "--installation", installation, "--checkpoint", file, "--key", key)
	require.Equal(t, 1, code, "%s", out)
	require.Contains(t, string(out), "other partitions")
}

func TestTheSecondVerifierJudgesTheVectors(t *testing.T) {
	t.Parallel()
	at := func(name string) string { return filepath.Join(vectors, name) }
	judge := func(file string, more ...string) verdict {
		t.Helper()
		out, _ := python(t, append([]string{"records", at(file), "--installation", installation, "--json"}, more...)...)
		var v verdict
		require.NoError(t, json.Unmarshal(out, &v), "%s", out)
		return v
	}
	v := judge("journal.ndjson", "--key", at("key.pub"), "--checkpoint", at("older.checkpoint"), "--checkpoint", at("newer.checkpoint"))
	require.True(t, v.Intact, "%v", v.Broken)
	require.Equal(t, int64(28), v.Events)
	for _, file := range []string{"proof.json", "consistency.json"} {
		out, code := python(t, "proof", at(file), "--key", at("key.pub"))
		require.Zero(t, code, "%s", out)
	}
	text, err := os.ReadFile(at("faults.json"))
	require.NoError(t, err)
	var faults map[string]vectorFault
	require.NoError(t, json.Unmarshal(text, &faults))
	require.NotEmpty(t, faults)
	for file, want := range faults {
		v := judge(file)
		require.Len(t, v.Broken, 1, file)
		require.Equal(t, []any{want.Topic, want.Partition, want.Offset}, []any{v.Broken[0].Topic, v.Broken[0].Partition, v.Broken[0].Offset}, file)
	}
}
