package audit_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

func TestStatesAreReplayedUpToATime(t *testing.T) {
	t.Parallel()
	at := func(s audit.Story, when time.Time) audit.Replayed {
		r, err := s.StateAt(when)
		require.NoError(t, err)
		return r
	}
	b := setup(t)
	b.life(0, first)
	b.add(eventstore.Messages, 0, "recipient/"+first, recipient.OptOutRecorded{Account: installation, Origin: recipient.OriginSMSStop, Stops: []recipient.Scope{{Channel: domain.SMS, Category: domain.Promotional}}})
	b.add(eventstore.Accounts, 0, account.SenderStream(first), account.SenderSubmitted{})
	b.publish(nil)
	s, err := audit.Tell(t.Context(), b.config(), first)
	require.NoError(t, err)

	require.Equal(t, audit.Replayed{}, at(s, noon.Add(time.Second)), "the partition had an owner, the message was not there")
	accepted := at(s, noon.Add(2*time.Second))
	require.Equal(t, int64(1), accepted.Version)
	require.Equal(t, "GONIEC", accepted.State.(message.State).Accepted.Sender)
	require.Equal(t, first, accepted.State.(message.State).ID)
	require.Empty(t, accepted.State.(message.State).Attempts)
	now := at(s, noon.Add(time.Hour))
	require.Equal(t, int64(4), now.Version)
	require.Len(t, now.State.(message.State).Attempts, 1)

	s, err = audit.Tell(t.Context(), b.config(), "recipient/"+first)
	require.NoError(t, err)
	require.False(t, at(s, noon.Add(time.Hour)).State.(recipient.State).Allowed(domain.SMS, domain.Promotional))
	require.True(t, at(s, s.Steps[0].Recorded).State.(recipient.State).Allowed(domain.SMS, domain.Promotional))
	s, err = audit.Tell(t.Context(), b.config(), account.SenderStream(first))
	require.NoError(t, err)
	require.Equal(t, "GONIEC", at(s, noon.Add(time.Hour)).State.(account.State).Sender.Name)
	s, err = audit.Tell(t.Context(), b.config(), "partition/0")
	require.NoError(t, err)
	require.Equal(t, int64(1), at(s, noon.Add(time.Hour)).Version)
}

// A message that was evicted, and came again under its id, knows nothing of its first life.
func TestAStateIsOfTheStreamsLastLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.add(eventstore.Messages, 0, "partition/0", partition.Evicted{Messages: []string{first}})
	b.add(eventstore.Messages, 0, "message/"+first, message.Accepted{Account: account.Installation, Number: numberOf(0), Sender: "AGAIN"}, func(e *eventstore.Event) { e.Version = 1 })
	b.publish(nil)
	s, err := audit.Tell(t.Context(), b.config(), first)
	require.NoError(t, err)
	require.True(t, s.Intact)
	now, err := s.StateAt(noon.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, int64(1), now.Version)
	require.Equal(t, "AGAIN", now.State.(message.State).Accepted.Sender)
	require.Empty(t, now.State.(message.State).Attempts)
}

func TestChangesOfConfiguration(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.life(0, first)
	b.life(1, second)
	b.add(eventstore.Accounts, 0, account.SenderStream(first), account.SenderSubmitted{})
	b.publish(nil)
	all, err := audit.Changes(t.Context(), b.config(), noon, noon.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.True(t, slices.IsSortedFunc(all, func(a, b audit.Step) int { return a.Recorded.Compare(b.Recorded) }))
	some, err := audit.Changes(t.Context(), b.config(), all[1].Recorded, all[2].Recorded)
	require.NoError(t, err)
	require.Equal(t, all[1:2], some)
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	got, err := audit.Compare(json.RawMessage(`{"a":1,"b":{"c":"x","d":[1]},"e":{"f":1}}`), json.RawMessage(`{"a":1,"b":{"c":"y","d":[1,2]},"g":{"h":true}}`))
	require.NoError(t, err)
	var said []string
	for _, d := range got {
		said = append(said, fmt.Sprintf("%s: %s, now %s", d.Field, d.Then, d.Now))
	}
	require.Equal(t, []string{`b.c: "x", now "y"`, `b.d: [1], now [1,2]`, `e.f: 1, now null`, `g.h: null, now true`}, said)
	got, err = audit.Compare(nil, json.RawMessage(`{"a":1}`))
	require.NoError(t, err)
	require.Len(t, got, 1)
	_, err = audit.Compare(json.RawMessage(`{`), nil)
	require.Error(t, err)
}

// What lies about configurations, or hides messages, is not answered from.
func TestABrokenJournalHasNoChangesAndNoSample(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(records) records{
		"changed": func(r records) records { r[1].Value = flip(r[1].Value); return r },
		"removed": func(r records) records { return slices.Delete(r, 1, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.life(0, first)
			b.life(1, second)
			b.add(eventstore.Accounts, 0, account.SenderStream(first), account.SenderSubmitted{})
			b.publish(spoil)
			_, _, err := audit.Sample(t.Context(), b.config(), noon, noon.Add(time.Hour), 7, "november")
			broken := (*audit.BrokenError)(nil)
			require.ErrorAs(t, err, &broken)
			require.Equal(t, int64(1), broken.Fault.Offset)
			_, err = audit.Changes(t.Context(), b.config(), noon, noon.Add(time.Hour))
			require.NoError(t, err, "the journal of accounts is right")
		})
	}
	b := setup(t)
	b.life(0, first)
	b.add(eventstore.Accounts, 0, account.SenderStream(first), account.SenderSubmitted{}, func(e *eventstore.Event) { e.Version = 5 })
	b.publish(nil)
	_, err := audit.Changes(t.Context(), b.config(), noon, noon.Add(time.Hour))
	broken := (*audit.BrokenError)(nil)
	require.ErrorAs(t, err, &broken)
	require.Equal(t, "version 5 of the stream follows version 1", broken.Fault.What)
}

// A sample depends on the seed and on what the messages are called, on nothing else.
func TestSamples(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var names []string
	for i := range 60 {
		p := int32(i % 2)
		id := eventstore.DerivedID(p, fmt.Appendf(nil, "%016d", i)).String()
		names = append(names, "message/"+id)
		b.add(eventstore.Messages, p, "message/"+id, message.Accepted{Account: account.Installation})
		b.add(eventstore.Messages, p, "message/"+id, message.Released{})
	}
	b.add(eventstore.Messages, 0, "recipient/"+first, recipient.ReplyReceived{ID: "r", Message: names[0][len("message/"):]})
	b.publish(nil)
	stories, of, err := audit.Sample(t.Context(), b.config(), noon, noon.Add(time.Hour), 7, "november")
	require.NoError(t, err)
	require.Equal(t, int64(60), of)
	slices.SortFunc(names, func(x, y string) int {
		a, b := sha256.Sum256([]byte("november\n"+x[len("message/"):])), sha256.Sum256([]byte("november\n"+y[len("message/"):]))
		return slices.Compare(a[:], b[:])
	})
	require.Len(t, stories, 7)
	for i, s := range stories {
		require.Equal(t, names[i], s.Stream)
		require.True(t, s.Intact)
		require.GreaterOrEqual(t, len(s.Steps), 2)
	}
	other, _, err := audit.Sample(t.Context(), b.config(), noon, noon.Add(time.Hour), 7, "december")
	require.NoError(t, err)
	require.NotEqual(t, stories[0].Stream, other[0].Stream)
	all, _, err := audit.Sample(t.Context(), b.config(), noon, noon.Add(time.Hour), 100, "x")
	require.NoError(t, err)
	require.Len(t, all, 60)
	related := 0
	for _, s := range all {
		related += len(s.Steps) - 2
	}
	require.Equal(t, 1, related, "the reply, with its message")
	none, of, err := audit.Sample(t.Context(), b.config(), noon.Add(-time.Hour), noon, 7, "x")
	require.NoError(t, err)
	require.Empty(t, none)
	require.Zero(t, of)
}
