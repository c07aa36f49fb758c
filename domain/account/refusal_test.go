package account_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/account"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// blocked is the carrier's word for a recipient, some seconds after noon.
func blocked(recipient string, second float64) account.RefuseSender {
	return account.RefuseSender{Recipient: person(recipient), Code: "43", At: noon.Add(time.Duration(second * float64(time.Second)))}
}

func person(digit string) string { return "0000000" + digit + "-0000-8000-8000-000000000000" }

// hears is for commands that may change nothing.
func (l *life) hears(commands ...account.Command) *life {
	for _, c := range commands {
		events, err := l.decide(c)
		require.NoError(l.t, err)
		for _, e := range events {
			l.s = account.Evolve(l.s, e, l.now)
		}
	}
	return l
}

// rules.md B13: three recipients within 60 s.
func TestTheCarriersWordSuspends(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		words []account.Command
		want  bool
	}{
		"two recipients":                  {[]account.Command{blocked("1", 0), blocked("2", 1), blocked("1", 2), blocked("2", 3)}, false},
		"one recipient":                   {[]account.Command{blocked("1", 0), blocked("1", 1), blocked("1", 2), blocked("1", 3)}, false},
		"three within 60 s":               {[]account.Command{blocked("1", 0), blocked("2", 30), blocked("3", 60)}, true},
		"three within 61 s":               {[]account.Command{blocked("1", 0), blocked("2", 30), blocked("3", 61)}, false},
		"three, one of them again":        {[]account.Command{blocked("1", 0), blocked("1", 50), blocked("2", 70), blocked("3", 80)}, true},
		"in another order":                {[]account.Command{blocked("3", 60), blocked("1", 0), blocked("2", 30)}, true},
		"in another order, within 61 s":   {[]account.Command{blocked("3", 61), blocked("1", 0), blocked("2", 30)}, false},
		"read after what came much later": {[]account.Command{blocked("1", 0), blocked("2", 1), blocked("1", 500), blocked("3", 2)}, true},
		"the same refusals read twice":    {[]account.Command{blocked("1", 0), blocked("2", 1), blocked("1", 0), blocked("2", 1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := activeSince(t, "2026-01-05 10:00:00").to(noon.Add(time.Hour)).hears(c.words...)
			require.Equal(t, c.want, l.sender().Suspension != nil)
			if c.want {
				require.Equal(t, account.ByCarrier, l.sender().Suspension.By)
				require.Contains(t, l.sender().Suspension.Reason, "43")
				require.Empty(t, l.sender().Refusals)
			}
		})
	}
}

// The third one is noted and suspends in one decision; what comes after it, or
// again, changes nothing.
func TestRefusalsAreCountedOnce(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00").to(noon.Add(time.Hour)).do(blocked("1", 0), blocked("2", 1))
	events, err := l.decide(blocked("2", 1))
	require.NoError(t, err)
	require.Empty(t, events)
	events, err = l.decide(blocked("3", 2))
	require.NoError(t, err)
	require.Equal(t, []string{account.TypeSenderRefused, account.TypeSenderSuspended}, []string{events[0].EventType(), events[1].EventType()})
	l.do(blocked("3", 2))
	for _, c := range []account.Command{blocked("3", 2), blocked("4", 3)} {
		events, err = l.decide(c)
		require.NoError(t, err)
		require.Empty(t, events, "it is suspended already")
	}
}

// After a lift the counting begins anew.
func TestALiftForgetsRefusals(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00").to(noon.Add(10*time.Second)).do(blocked("1", 0), blocked("2", 1), blocked("3", 2))
	l.to(noon.Add(20 * time.Second)).do(account.LiftSuspension{Reason: "settled"})
	for _, c := range []account.Command{blocked("1", 0), blocked("4", 19), blocked("5", 20)} {
		events, err := l.decide(c)
		require.NoError(t, err)
		require.Empty(t, events, "before the lift")
	}
	l.do(blocked("1", 21), blocked("2", 22))
	require.Nil(t, l.sender().Suspension)
	l.do(blocked("3", 23))
	require.NotNil(t, l.sender().Suspension)
}

// The counting goes on from the state's cache.
func TestRefusalsSurviveARestart(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00").to(noon.Add(10*time.Second)).do(blocked("1", 0), blocked("2", 1))
	data, err := json.Marshal(l.s)
	require.NoError(t, err)
	l.s = account.State{}
	require.NoError(t, json.Unmarshal(data, &l.s))
	l.hears(blocked("2", 1), blocked("3", 2))
	require.NotNil(t, l.sender().Suspension)
}

// Only so many are remembered: an old one that is read again does not count anew.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00").to(noon.Add(24 * time.Hour))
	for i := range 100 {
		l.do(blocked("1", float64(100*i)))
	}
	require.Len(t, l.sender().Refusals, 32)
	events, err := l.decide(blocked("1", 0))
	require.NoError(t, err)
	require.Empty(t, events)
}

func TestRefusalsAreJudged(t *testing.T) {
	t.Parallel()
	l := activeSince(t, "2026-01-05 10:00:00")
	l.refused("invalid_value", account.RefuseSender{Recipient: "x", Code: "2", At: noon})
	l.refused("required", account.RefuseSender{Recipient: person("1"), At: noon})
	l.refused("required", account.RefuseSender{Recipient: person("1"), Code: "2"})
	l.do(disable("")).at("2026-05-05 10:00:00")
	l.refused("sender_state", blocked("1", 0))
}
