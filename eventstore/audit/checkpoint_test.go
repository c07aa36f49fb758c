package audit_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

// keys are a pair for checkpoints.
func keys(t *testing.T) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := audit.NewKey("goniec-test")
	require.NoError(t, err)
	signer, err := note.NewSigner(private)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	return signer, verifier
}

// place verifies the journal and makes a checkpoint of it.
func (b *bundle) place(at time.Time) audit.Place {
	b.t.Helper()
	r, err := audit.Verify(b.t.Context(), b.config())
	require.NoError(b.t, err)
	p, err := r.Place(at)
	require.NoError(b.t, err, "%v", r.Broken)
	return p
}

// grow writes more events of both topics.
func (b *bundle) grow(p int32, n int) {
	for range n {
		b.add(eventstore.Messages, p, "number/"+numberOf(p), recipient.NotOnViber{Message: "another"})
	}
}

func TestACheckpointIsReadAsItWasSigned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.publish(nil)
	signer, verifier := keys(t)
	p := b.place(noon)
	signed, err := p.Sign(signer)
	require.NoError(t, err)
	lines := strings.Split(string(signed), "\n")
	require.Equal(t, []string{"goniec checkpoint v1", "installation test-installation", "time 2026-11-16T12:00:00.000000Z"}, lines[:3])
	require.Regexp(t, `^messages 0 10 \d+ [0-9a-f]{64} [0-9a-f]{64}$`, lines[3])
	require.Regexp(t, `^messages 1 0 0 [0-9a-f]{64} e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855$`, lines[4])
	require.Len(t, lines, 3+4+3)

	again, err := audit.OpenCheckpoint(signed, verifier)
	require.NoError(t, err)
	require.Equal(t, p.Checkpoint, again)

	place, err := audit.OpenPlace(p.Encode(signed), verifier)
	require.NoError(t, err)
	require.Equal(t, p.Checkpoint, place.Checkpoint)
	require.Equal(t, p.Edges[0], place.Edges[0])

	_, stranger := keys(t)
	_, err = audit.OpenCheckpoint(signed, stranger)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	_, err = audit.OpenPlace(p.Encode(signed), stranger)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	_, err = audit.OpenPlace([]byte("{"), verifier)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
}

// Of a signed checkpoint no bit can be changed, and nothing added.
func TestEveryBitOfACheckpointCounts(t *testing.T) {
	t.Parallel()
	signer, verifier := keys(t)
	cp := audit.Checkpoint{Installation: installation, Time: noon, Extents: []audit.Extent{{Topic: "messages", Size: 3, Next: 5}}}
	signed, err := cp.Sign(signer)
	require.NoError(t, err)
	_, err = audit.OpenCheckpoint(signed, verifier)
	require.NoError(t, err)
	for i := range signed {
		for bit := range 8 {
			spoilt := bytes.Clone(signed)
			spoilt[i] ^= 1 << bit
			_, err := audit.OpenCheckpoint(spoilt, verifier)
			require.ErrorIs(t, err, audit.ErrCheckpoint, "byte %d, bit %d", i, bit)
		}
	}
	signatures := signed[bytes.Index(signed, []byte("\n\n"))+2:]
	for _, more := range [][]byte{[]byte("\n"), []byte(" "), signatures, []byte("— other AAAAAAAA\n")} {
		_, err = audit.OpenCheckpoint(append(bytes.Clone(signed), more...), verifier)
		require.ErrorIs(t, err, audit.ErrCheckpoint)
	}
}

// A text that is signed, and yet no checkpoint.
func TestSignedNonsenseIsNoCheckpoint(t *testing.T) {
	t.Parallel()
	signer, verifier := keys(t)
	hash := strings.Repeat("0", 64)
	head := "goniec checkpoint v1\ninstallation a\ntime 2026-11-16T12:00:00.000000Z\n"
	for text, why := range map[string]string{
		"hello\n": "it does not begin with",
		head:      "it does not begin with",
		"goniec checkpoint v1\ninstallation a\ntime now\nmessages 0 0 0 " + hash + " " + hash + "\n": "line 3: not a time",
		head + "messages 0 0 0 " + hash + "\n":                                                       "line 4: not six fields",
		head + "messages 0 -1 0 " + hash + " " + hash + "\n":                                         "line 4: not topic",
		head + "messages 0 5 4 " + hash + " " + hash + "\n":                                          "line 4: not topic",
		head + "messages 0 4 5 " + hash[:62] + " " + hash + "\n":                                     "another form",
		head + "messages 00 4 5 " + hash + " " + hash + "\n":                                         "another form",
		head + "messages 0 4 5 " + hash + " " + strings.Repeat("0", 63) + "A" + "\n":                 "another form",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		require.NoError(t, err)
		_, err = audit.OpenCheckpoint(signed, verifier)
		require.ErrorIs(t, err, audit.ErrCheckpoint, text)
		require.ErrorContains(t, err, why, text)
	}
}

func TestNamesOfKeysAreBounded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a+b", "ż", strings.Repeat("a", 101)} {
		_, _, err := audit.NewKey(name)
		require.ErrorContains(t, err, "name: ")
	}
}

// hidden are changes that a chain of hashes cannot show: what the journal was when the
// checkpoint was made, and what it is.
var hidden = map[string]struct {
	before, after func(*bundle)
	what          string
	offset        int64
}{
	"truncated tail": {
		func(b *bundle) { b.grow(0, 3) }, func(*bundle) {},
		"it ends before the 13 events that the checkpoint of 2026-11-16T12:00:00Z names: its end was cut off", 10,
	},
	"rewritten with hashes computed anew": {
		func(b *bundle) { b.grow(0, 3) },
		func(b *bundle) {
			b.add(eventstore.Messages, 0, "message/"+first, message.Read{})
			b.grow(0, 4)
		},
		"its first 13 events are not those that the checkpoint of 2026-11-16T12:00:00Z names: they were written anew", 12,
	},
	"a partition emptied": {
		func(b *bundle) { b.grow(1, 1) }, func(*bundle) {},
		"it ends before the 1 events that the checkpoint of 2026-11-16T12:00:00Z names: its end was cut off", 0,
	},
}

// twoJournals begin alike, and differ from then on.
func twoJournals(t *testing.T, before, after func(*bundle)) (honest, forged *bundle) {
	t.Helper()
	honest, forged = setup(t), setup(t)
	for b, then := range map[*bundle]func(*bundle){honest: before, forged: after} {
		b.life(0, first)
		then(b)
		b.publish(nil)
	}
	return honest, forged
}

// What a chain of hashes cannot show, a checkpoint does.
func TestCheckpointsFindWhatAChainHides(t *testing.T) {
	t.Parallel()
	for name, tc := range hidden {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			honest, forged := twoJournals(t, tc.before, tc.after)

			cfg := forged.config()
			r, err := audit.Verify(t.Context(), cfg)
			require.NoError(t, err)
			require.True(t, r.Intact, "the chain alone says nothing: %v", r.Broken)
			cfg.Kept = []audit.Checkpoint{honest.place(noon).Checkpoint}
			r, err = audit.Verify(t.Context(), cfg)
			require.NoError(t, err)
			require.Len(t, r.Broken, 1)
			require.Equal(t, tc.what, r.Broken[0].What)
			require.Equal(t, tc.offset, r.Broken[0].Offset)
			_, err = r.Place(noon)
			require.ErrorIs(t, err, audit.ErrNoPlace)
		})
	}
}

// A reading that goes on from a checkpoint says the same as one from the beginning.
func TestGoingOnFromACheckpoint(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	b.publish(nil)
	early := b.place(noon)
	b.written = map[string][]*eventstore.Event{} // what follows continues the chain
	b.grow(0, 7)
	b.publish(nil)
	late := b.place(noon.Add(time.Hour))

	cfg := b.config()
	cfg.From, cfg.Kept = &early, []audit.Checkpoint{early.Checkpoint, late.Checkpoint}
	r, err := audit.Verify(t.Context(), cfg)
	require.NoError(t, err)
	require.True(t, r.Intact, "%v", r.Broken)
	p, err := r.Place(noon.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, late, p)

	t.Run("a wrong edge makes no roots", func(t *testing.T) {
		wrong := early
		wrong.Edges = append(wrong.Edges[:0:0], wrong.Edges...)
		wrong.Edges[0] = append(wrong.Edges[0][:0:0], wrong.Edges[0]...)
		wrong.Edges[0][0][3] ^= 1
		for _, from := range []audit.Place{wrong, {Checkpoint: early.Checkpoint}} {
			cfg := cfg
			cfg.From = &from
			r, err := audit.Verify(t.Context(), cfg)
			require.NoError(t, err)
			require.True(t, r.Intact, "the chain goes on: %v", r.Broken)
			_, err = r.Place(noon)
			require.ErrorIs(t, err, audit.ErrNoPlace)
		}
	})
	t.Run("a false head is found at once", func(t *testing.T) {
		cfg := cfg
		wrong := early
		wrong.Extents = append(wrong.Extents[:0:0], wrong.Extents...)
		wrong.Extents[0].Head[0] ^= 1
		cfg.From, cfg.Kept = &wrong, nil
		r, err := audit.Verify(t.Context(), cfg)
		require.NoError(t, err)
		require.Len(t, r.Broken, 1)
		require.Equal(t, early.Extents[0].Next, r.Broken[0].Offset)
	})
	t.Run("a shorter journal", func(t *testing.T) {
		short := setup(t)
		short.life(0, first)
		short.publish(nil)
		cfg := short.config()
		cfg.From = &late
		r, err := audit.Verify(t.Context(), cfg)
		require.NoError(t, err)
		require.Contains(t, r.Broken[0].What, "its end was cut off")
	})
}

func TestACheckpointOfAnotherJournalIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(nil)
	p := b.place(noon)
	for name, change := range map[string]func(*audit.Checkpoint){
		"installation": func(c *audit.Checkpoint) { c.Installation = "another" },
		"missing":      func(c *audit.Checkpoint) { c.Extents = c.Extents[1:] },
		"unknown": func(c *audit.Checkpoint) {
			c.Extents = append(c.Extents[:4:4], audit.Extent{Topic: "messages", Partition: 9})
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := p
			change(&other.Checkpoint)
			for _, cfg := range []audit.Config{
				{Client: b.client, Topics: b.kafka.Topics(), Installation: installation, Partitions: partitions, Kept: []audit.Checkpoint{other.Checkpoint}},
				{Client: b.client, Topics: b.kafka.Topics(), Installation: installation, Partitions: partitions, From: &other},
			} {
				_, err := audit.Verify(t.Context(), cfg)
				require.ErrorIs(t, err, audit.ErrCheckpoint)
			}
		})
	}
}

// Every event of a journal can be proven, and no byte of a proof changed.
func TestProofs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	for i := range 5 {
		b.grow(0, i)
	}
	ids := map[string]*eventstore.Event{}
	for key, list := range b.written {
		for i, e := range list {
			p := int32(0)
			if strings.HasSuffix(key, "/1") {
				p = 1
			}
			sum := make([]byte, 16)
			copy(sum[2:], fmt.Sprint(len(ids), i))
			e.ID = eventstore.DerivedID(p, sum).String()
			if i > 0 {
				e.PrevHash = list[i-1].Hash
			}
			e.Hash = e.ComputeHash()
			ids[e.ID] = e
		}
	}
	b.publish(nil)
	signer, verifier := keys(t)
	signed, err := b.place(noon).Sign(signer)
	require.NoError(t, err)
	var one []byte
	for id, e := range ids {
		proof, err := audit.Prove(t.Context(), b.config(), signed, verifier, id)
		require.NoError(t, err)
		proven, err := audit.CheckProof(proof, verifier)
		require.NoError(t, err)
		require.Equal(t, e.Hash, proven.Event.Hash)
		require.Equal(t, e.Data, proven.Event.Data)
		require.Equal(t, noon, proven.New.Time)
		again, err := audit.Prove(t.Context(), b.config(), signed, verifier, fmt.Sprintf("%s%s/%d@%d", b.prefix, proven.Event.Topic, proven.Event.Partition, proven.Index))
		require.NoError(t, err)
		require.Equal(t, proof, again, "by its place")
		if len(proof) > len(one) { // one with a path
			one = proof
		}
	}
	spoiltNowhere(t, one, verifier)

	for _, name := range []string{
		attempt, "event-1", "messages/0@0", b.prefix + "messages/0@00", b.prefix + "messages/9@0", b.prefix + "messages/0@-1", b.prefix + "messages/0@99999", b.prefix + "messages/0@0x",
	} {
		_, err = audit.Prove(t.Context(), b.config(), signed, verifier, name)
		require.ErrorIs(t, err, audit.ErrNoSuchEvent, name)
	}
	_, stranger := keys(t)
	_, err = audit.CheckProof(one, stranger)
	require.ErrorIs(t, err, audit.ErrCheckpoint)
}

// spoiltNowhere changes each byte of a proof, in two ways, and takes each away.
func spoiltNowhere(t *testing.T, proof []byte, verifier note.Verifier) {
	t.Helper()
	for i := range proof {
		for _, by := range []byte{1, 0x20} {
			spoilt := bytes.Clone(proof)
			spoilt[i] ^= by
			_, err := audit.CheckProof(spoilt, verifier)
			require.Error(t, err, "byte %d of %q", i, proof)
		}
		_, err := audit.CheckProof(append(bytes.Clone(proof[:i]), proof[i+1:]...), verifier)
		require.Error(t, err, "without byte %d", i)
	}
	for _, rubbish := range []string{"", "{}", "null", "[]", `{"format":"goniec-proof-v1"}`, `{"format":"goniec-consistency-v1"}`, string(proof) + "\n"} {
		_, err := audit.CheckProof([]byte(rubbish), verifier)
		require.Error(t, err, rubbish)
	}
}

func TestConsistency(t *testing.T) {
	t.Parallel()
	old, young, forged := setup(t), setup(t), setup(t)
	for _, b := range []*bundle{old, young, forged} {
		b.life(0, first)
	}
	young.grow(0, 9)
	forged.add(eventstore.Messages, 0, "message/"+first, message.Read{})
	old.grow(0, 1)
	forged.grow(0, 9)
	signer, verifier := keys(t)
	signed := map[*bundle][]byte{}
	for i, b := range []*bundle{old, young, forged} {
		b.publish(nil)
		var err error
		signed[b], err = b.place(noon.Add(time.Duration(i) * time.Hour)).Sign(signer)
		require.NoError(t, err)
	}
	proof, err := audit.ProveConsistency(t.Context(), young.config(), signed[old], signed[young], verifier)
	require.NoError(t, err)
	proven, err := audit.CheckProof(proof, verifier)
	require.NoError(t, err)
	require.Nil(t, proven.Event)
	require.Equal(t, noon, proven.Old.Time)
	spoiltNowhere(t, proof, verifier)

	_, err = audit.ProveConsistency(t.Context(), forged.config(), signed[old], signed[forged], verifier)
	require.ErrorIs(t, err, audit.ErrProof)
	require.ErrorContains(t, err, "messages/0 of the newer does not continue the older")
	_, err = audit.ProveConsistency(t.Context(), young.config(), signed[young], signed[old], verifier)
	require.ErrorContains(t, err, "messages/0 holds 11 events in the newer, and held 19")
}
