package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"goniec/domain/account"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

//go:generate env GONIEC_UPDATE=1 go test -run ^TestVectors$ .

// vectors is where whoever writes a verifier finds something to try it on.
const vectors = "../../docs/audit-vectors"

// vectorRecord is a record as a line of a vector's journal.
type vectorRecord struct {
	Topic     string      `json:"topic"`
	Partition int32       `json:"partition"`
	Offset    int64       `json:"offset"`
	Key       string      `json:"key"`
	Headers   [][2]string `json:"headers"`
	Value     string      `json:"value"`
}

// vectorFault is where a spoilt journal is first seen to be so.
type vectorFault struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	What      string `json:"what"`
}

// testKey is known to everybody: it signs vectors and nothing else.
func testKey(t *testing.T) (note.Signer, string) {
	t.Helper()
	const name = "goniec-vectors"
	seed := sha256.Sum256([]byte("goniec: a key that signs test vectors only"))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(name, public)
	require.NoError(t, err)
	v, err := note.NewVerifier(verifier)
	require.NoError(t, err)
	var hash [4]byte
	binary.BigEndian.PutUint32(hash[:], v.KeyHash())
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	require.NoError(t, err)
	return signer, verifier
}

// vectorJournal is what the vectors are made of.
func (b *bundle) vectorJournal(more int) {
	b.life(0, first)
	b.life(1, second)
	id := eventstore.DerivedID(0, []byte("the event that the proof is of")).String()
	b.add(eventstore.Messages, 0, "recipient/"+first, recipient.ReplyReceived{ID: "r2", Message: first}, func(e *eventstore.Event) {
		e.ID, e.Account, e.Correlation, e.Causation, e.TraceParent = id, account.Installation, "zażółć", "c", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		e.Inbox = &eventstore.Inbox{Urgent: 7, Bulk: 3}
	})
	b.grow(1, more)
}

func (b *bundle) lines(spoil func(records) records) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, short := range []string{eventstore.Messages, eventstore.Accounts} {
		for p := range int32(partitions) {
			var list records
			for _, e := range b.written[lane(short, p)] {
				list = append(list, b.record(e, short, p))
			}
			if short == eventstore.Messages && p == 0 && spoil != nil {
				list = spoil(list)
			}
			for offset, m := range list {
				key, _ := m.Key.Encode()
				value, _ := m.Value.Encode()
				r := vectorRecord{Topic: short, Partition: p, Offset: int64(offset), Key: string(key), Value: string(value), Headers: [][2]string{}}
				for _, h := range m.Headers {
					r.Headers = append(r.Headers, [2]string{string(h.Key), string(h.Value)})
				}
				require.NoError(b.t, enc.Encode(r))
			}
		}
	}
	return out.String()
}

// The vectors of docs/audit-vectors are what this build makes of the same facts.
func TestVectors(t *testing.T) {
	t.Parallel()
	signer, public := testKey(t)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	old, young := setup(t), setup(t)
	old.vectorJournal(0)
	young.vectorJournal(5)
	old.publish(nil)
	young.publish(nil)
	older, err := old.place(noon).Sign(signer)
	require.NoError(t, err)
	newer, err := young.place(noon.Add(time.Hour)).Sign(signer)
	require.NoError(t, err)
	id := young.written[lane(eventstore.Messages, 0)][10].ID
	proof, err := audit.Prove(t.Context(), young.config(), newer, verifier, id)
	require.NoError(t, err)
	consistency, err := audit.ProveConsistency(t.Context(), young.config(), older, newer, verifier)
	require.NoError(t, err)
	files := map[string]string{
		"key.pub": public + "\n", "older.checkpoint": string(older), "newer.checkpoint": string(newer), "proof.json": string(proof),
		"consistency.json": string(consistency), "journal.ndjson": young.lines(nil),
	}
	expected := map[string]vectorFault{}
	for name, tc := range spoilt {
		file := "fault-" + strings.ReplaceAll(name, " ", "-") + ".ndjson"
		files[file] = young.lines(tc.spoil)
		expected[file] = vectorFault{eventstore.Messages, 0, tc.offset, tc.what}
	}
	text, err := json.MarshalIndent(expected, "", "  ")
	require.NoError(t, err)
	files["faults.json"] = string(text) + "\n"
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(vectors, name)
		if os.Getenv("GONIEC_UPDATE") != "" {
			require.NoError(t, os.WriteFile(path, []byte(files[name]), 0o600))
		}
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, files[name], string(have), "%s: go generate ./eventstore/audit", name)
	}
}
