package decider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain/account"
	"goniec/domain/calendar"
	"goniec/eventstore"
)

// configure sends a command to the test's sender, in partition 0.
func (b *bench) configure(c account.Command) {
	b.t.Helper()
	stream := account.SenderStream(account.SenderID(testAccount, "SKLEP", "PL"))
	b.send(eventstore.InboxUrgent, 0, eventstore.Command{Type: c.CommandType(), Stream: stream, Account: testAccount, Actor: "key/1"}, c)
}

// switches are the middles of the types of the sender's events from the notice on.
func (b *bench) switches() (types []string) {
	b.t.Helper()
	for _, ev := range b.journal(eventstore.Accounts, 0) {
		name, _, _ := strings.Cut(strings.TrimPrefix(ev.Type, "goniec.sender."), ".")
		if len(types) > 0 || ev.Type == account.TypeSenderNoticeGiven {
			types = append(types, name)
		}
	}
	return types
}

func (b *bench) awaitSwitches(want ...string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return len(b.switches()) >= len(want) }, time.Minute, 20*time.Millisecond)
	b.decidedNow(0)
	require.Equal(b.t, want, b.switches())
}

// rules.md F5, F7: what a sender waits for happens once, whoever owns the partition
// when its time has come, and whatever he begins with.
func TestSenderTimersOverARestart(t *testing.T) {
	t.Parallel()
	december := calendar.Month{Year: 2026, Month: time.December}
	for name, dir := range map[string]func(t *testing.T, old string) string{
		"old directory":   func(_ *testing.T, old string) string { return old },
		"empty directory": func(t *testing.T, _ string) string { return t.TempDir() },
	} {
		for how, pass := range map[string]time.Duration{"from the journal": -1, "from the state topic": 50 * time.Millisecond} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				b := newBenchOn(t, monthEnd)
				before := t.TempDir()
				stop := b.start(before, passEvery(pass))
				for _, c := range []account.Command{
					account.CreateSender{Account: testAccount, Name: "SKLEP", Company: "Sklep", Country: "PL"},
					account.SubmitSender{Elsewhere: true},
					account.ApproveSender{ServiceID: 9},
					account.DisableSender{Reason: "season is over", Month: december},
				} {
					b.configure(c)
				}
				b.awaitSwitches("notice_given")
				if pass > 0 {
					b.awaitMarks()
				}
				stop()
				b.clock.Advance(31 * 24 * time.Hour) // due, and nobody there
				now := dir(t, before)
				stop = b.start(now, passEvery(pass))
				b.awaitSwitches("notice_given", "disabled")
				b.configure(account.EnableSender{})
				b.configure(account.ConfirmSender{})
				b.awaitSwitches("notice_given", "disabled", "enable_asked", "task_done")
				stop()
				b.clock.Advance(31 * 24 * time.Hour)
				b.start(dir(t, now))
				b.awaitSwitches("notice_given", "disabled", "enable_asked", "task_done", "enabled")
			})
		}
	}
}
