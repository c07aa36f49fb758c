package eventstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/eventstore"
)

func installKeys(primary string, names ...string) eventstore.InstallationKeys {
	ik := eventstore.InstallationKeys{Primary: primary, Keys: map[string][]byte{}}
	for i, name := range append(names, primary) {
		ik.Keys[name] = bytes.Repeat([]byte{byte(len(name)*16 + i)}, 32)
	}
	return ik
}

// rules.md D11.
func TestSealedValuesAreBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	ik := installKeys("k1")
	sealed, err := ik.Seal([]byte("zażółć"), "here")
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "zażółć")
	again, err := ik.Seal([]byte("zażółć"), "here")
	require.NoError(t, err)
	require.NotEqual(t, sealed, again, "each has its own nonce")
	plain, err := ik.Open(sealed, "here")
	require.NoError(t, err)
	require.Equal(t, "zażółć", string(plain))

	_, err = ik.Open(sealed, "there")
	require.Error(t, err)
	var wire struct {
		K string `json:"k"`
		D []byte `json:"d"`
	}
	require.NoError(t, json.Unmarshal(sealed, &wire))
	wire.D[len(wire.D)-1] ^= 1
	touched, err := json.Marshal(wire)
	require.NoError(t, err)
	_, err = ik.Open(touched, "here")
	require.Error(t, err)
	_, err = ik.Open([]byte("no JSON"), "here")
	require.Error(t, err)
}

// A new primary seals from now on; what the old one sealed still opens, until it is taken away.
func TestInstallationKeysRotate(t *testing.T) {
	t.Parallel()
	old := installKeys("k1")
	sealed, err := old.Seal([]byte("x"), "c")
	require.NoError(t, err)
	rotated := eventstore.InstallationKeys{Primary: "k2", Keys: map[string][]byte{"k1": old.Keys["k1"], "k2": bytes.Repeat([]byte{9}, 32)}}
	plain, err := rotated.Open(sealed, "c")
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
	fresh, err := rotated.Seal([]byte("y"), "c")
	require.NoError(t, err)
	_, err = old.Open(fresh, "c")
	require.ErrorIs(t, err, eventstore.ErrKeyGone)
	_, err = eventstore.InstallationKeys{Primary: "k3"}.Seal([]byte("x"), "c")
	require.Error(t, err, "a primary that is not there")
}

// ring is a keyring on a topic of its own; apply brings it what the topic holds.
type ring struct {
	*shelf
	*eventstore.Keyring
	install eventstore.InstallationKeys
	read    map[eventstore.Partition]int64
}

func newRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{shelf: newShelf(t), install: installKeys("k1"), read: map[eventstore.Partition]int64{}}
	r.Keyring = r.another()
	return r
}

func (r *ring) another() *eventstore.Keyring {
	return eventstore.NewKeyring(r.install, r.producer, r.topics, eventstore.Partitioner{N: 2})
}

// published returns the records of the topic keys that no call returned before.
func (r *ring) published() (out []*eventstore.Record) {
	r.t.Helper()
	for p := range eventstore.Partition(2) {
		end, err := eventstore.EndOffset(r.client, r.topics.Name(eventstore.Keys), p)
		require.NoError(r.t, err)
		require.NoError(r.t, eventstore.ReadRange(r.t.Context(), r.client, r.topics.Name(eventstore.Keys), p, r.read[p], end, func(rec *eventstore.Record) error {
			out = append(out, rec)
			return nil
		}))
		r.read[p] = end
	}
	return out
}

func (r *ring) seal(k *eventstore.Keyring, id, account string, expires time.Time) []byte {
	r.t.Helper()
	b, err := k.SealContent(r.t.Context(), id, account, expires, eventstore.Content{To: "+48500100201", Text: "Dzień dobry"})
	require.NoError(r.t, err)
	return b
}

func TestContentIsOpenedWhereverItsDayKeyIsKnown(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	day := time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)
	value := r.seal(r.Keyring, "m1", "acc", day)
	require.NotContains(t, string(value), "+48500100201")
	c, err := r.OpenContent("m1", value)
	require.NoError(t, err)
	require.Equal(t, eventstore.Content{To: "+48500100201", Text: "Dzień dobry"}, c)
	_, err = r.OpenContent("m2", value)
	require.Error(t, err, "bound to the message")

	other := r.another()
	_, err = other.OpenContent("m1", value)
	require.ErrorIs(t, err, eventstore.ErrKeyGone)
	keys := r.published()
	require.Len(t, keys, 1, "published before it is used")
	require.NoError(t, other.Apply(keys[0]))
	c, err = other.OpenContent("m1", value)
	require.NoError(t, err)
	require.Equal(t, "Dzień dobry", c.Text)

	r.seal(r.Keyring, "m2", "acc", day.Add(-23*time.Hour))
	require.Empty(t, r.published(), "the same account and day: the same key")
	r.seal(r.Keyring, "m3", "acc", day.Add(time.Hour))
	r.seal(r.Keyring, "m4", "other", day)
	r.seal(other, "m5", "acc", day)
	require.Len(t, r.published(), 3, "another day, another account, another process: other keys")
}

// A tombstone ends what its key sealed, and a new key is made for the same day.
func TestADestroyedDayKeyIsGone(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	day := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	value := r.seal(r.Keyring, "m1", "acc", day)
	kept := r.seal(r.Keyring, "m2", "acc", day.AddDate(0, 0, 1))
	var name []byte
	for _, rec := range r.published() {
		require.NoError(t, r.Apply(rec))
		if bytes.HasPrefix(rec.Key, []byte("acc/2026-11-23/")) {
			name = rec.Key
		}
	}
	require.NotNil(t, name)
	require.NoError(t, r.Apply(&eventstore.Record{Key: name}))
	_, err := r.OpenContent("m1", value)
	require.ErrorIs(t, err, eventstore.ErrKeyGone)
	_, err = r.OpenContent("m2", kept)
	require.NoError(t, err)

	fresh := r.seal(r.Keyring, "m3", "acc", day)
	_, err = r.OpenContent("m3", fresh)
	require.NoError(t, err)
	require.Len(t, r.published(), 1)
	_, err = r.OpenContent("m1", value)
	require.ErrorIs(t, err, eventstore.ErrKeyGone, "still gone")
	require.NoError(t, r.Apply(&eventstore.Record{Key: []byte("acc/2020-01-01/unknown")}), "one that was never there")
}

// A day key of foreign hands, or one that was moved to another name, is refused,
// and no error says what was sealed.
func TestDayKeysOfForeignHandsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	r.seal(r.Keyring, "m1", "acc", time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	rec := *r.published()[0]
	rec.Key = []byte("other/2026-11-23/moved")
	require.Error(t, r.another().Apply(&rec))
	strange := eventstore.NewKeyring(installKeys("k9"), r.producer, r.topics, eventstore.Partitioner{N: 2})
	require.ErrorIs(t, strange.Apply(r.publishedAgain()), eventstore.ErrKeyGone)

	for _, value := range []string{"", "null", "{}", `{"k":"x"}`, `{"k":1}`, "+48500100201"} {
		_, err := r.OpenContent("m1", []byte(value))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "48500100201")
	}
}

func (r *ring) publishedAgain() *eventstore.Record {
	r.t.Helper()
	r.read = map[eventstore.Partition]int64{}
	all := r.published()
	require.NotEmpty(r.t, all)
	return all[0]
}

// A key that could not be published is not used.
func TestAnUnpublishedDayKeyIsNotUsed(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.SealContent(ctx, "m1", "acc", time.Now(), eventstore.Content{Text: "x"})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	r.seal(r.Keyring, "m2", "acc", time.Now())
	require.NotEmpty(t, r.published())
}

// What is sealed with a day key is read as long as that key is there, and only at its place.
func TestADayKeyEndsWhatItSealed(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	day := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	b, err := r.Seal(t.Context(), "", day, []byte("+48500100201"), "parked/1")
	require.NoError(t, err)
	require.NotContains(t, string(b), "+48500100201")
	plain, err := r.Open(b, "parked/1")
	require.NoError(t, err)
	require.Equal(t, "+48500100201", string(plain))
	_, err = r.Open(b, "parked/2")
	require.Error(t, err)
	require.NotErrorIs(t, err, eventstore.ErrKeyGone)
	_, err = r.Open([]byte("x"), "parked/1")
	require.Error(t, err)
	keys := r.published()
	require.Len(t, keys, 1)
	require.Contains(t, string(keys[0].Key), "installation/2026-11-23/")
	require.NoError(t, r.Apply(&eventstore.Record{Key: keys[0].Key}))
	_, err = r.Open(b, "parked/1")
	require.ErrorIs(t, err, eventstore.ErrKeyGone)
}
