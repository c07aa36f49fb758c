package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
)

func TestSwitch(t *testing.T) {
	t.Parallel()
	id := account.SenderID(acc, "GONIEC", "PL")
	for name, sw := range map[string]account.Switch{
		"all":            {Scope: "all"},
		"account/" + acc: {Scope: "account", Account: acc},
		"sender/" + id:   {Scope: "sender", Sender: id},
		"route/viber":    {Scope: "route", Route: "viber"},
		"route/sms":      {Scope: "route", Route: "sms"},
		"sender/" + account.SenderID(acc, "GONIEC", ""): {Scope: "sender", Account: acc, Sender: "GONIEC"},
	} {
		require.NoError(t, sw.Validate(), name)
		require.Equal(t, name, sw.Name())
		stream := sw.Stream()
		require.Equal(t, "pause/"+name, stream)

		on := given(t, stream, account.Pause{Switch: sw, Reason: "why", By: "key:1"})
		require.True(t, on.Paused)
		events, err := account.Decide(on, facts(now), account.Pause{Switch: sw, Reason: "another", By: "key:2"})
		require.NoError(t, err)
		require.Empty(t, events, "the first reason stands")
		events, err = account.Decide(on, facts(now), account.Resume{Switch: sw, Reason: "mended", By: "key:2"})
		require.NoError(t, err)
		require.Equal(t, []account.Event{account.PauseEnded{Switch: sw, Reason: "mended", By: "key:2"}}, events)
		off := account.Evolve(on, events[0], now)
		require.False(t, off.Paused)
		events, err = account.Decide(off, facts(now), account.Resume{Switch: sw, Reason: "again", By: "key:2"})
		require.NoError(t, err)
		require.Empty(t, events)
	}
}

func TestSwitchIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sw    account.Switch
		field string
	}{
		"no scope":               {account.Switch{}, "scope"},
		"another scope":          {account.Switch{Scope: "country"}, "scope"},
		"no account":             {account.Switch{Scope: "account"}, "account"},
		"no uuid":                {account.Switch{Scope: "account", Account: "1"}, "account"},
		"no sender":              {account.Switch{Scope: "sender", Account: acc}, "sender"},
		"a name without account": {account.Switch{Scope: "sender", Sender: "GONIEC"}, "sender"},
		"a bad name":             {account.Switch{Scope: "sender", Account: acc, Sender: "a/b"}, "sender"},
		"no route":               {account.Switch{Scope: "route"}, "route"},
		"another route":          {account.Switch{Scope: "route", Route: "fax"}, "route"},
		"too much for all":       {account.Switch{Scope: "all", Account: acc}, "account"},
		"too much for a route":   {account.Switch{Scope: "route", Route: "sms", Sender: key}, "sender"},
		"too much for account":   {account.Switch{Scope: "account", Account: acc, Route: "sms"}, "route"},
	} {
		var refused *domain.Error
		_, err := account.Decide(account.State{Stream: c.sw.Stream()}, facts(now), account.Pause{Switch: c.sw, Reason: "r", By: "b"})
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, c.field, refused.Field, name)
	}
	all := account.Switch{Scope: "all"}
	for _, c := range []account.Command{
		account.Pause{Switch: all, By: "b"}, account.Pause{Switch: all, Reason: strings.Repeat("x", 501), By: "b"}, account.Resume{Switch: all, Reason: "r"},
	} {
		_, err := account.Decide(account.State{Stream: all.Stream()}, facts(now), c)
		require.Error(t, err)
	}
	_, err := account.Decide(account.State{Stream: "pause/route/sms"}, facts(now), account.Pause{Switch: all, Reason: "r", By: "b"})
	require.Equal(t, account.CodeWrongStream, domain.CodeOf(err))
}

// The view says which switch holds which message back, and forgets it when it ends.
func TestViewOfPauses(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	facts := func(account, sender, country string) message.Pauses {
		return j.view.PauseFacts(account, sender, country, "viber", "sms")
	}
	require.Equal(t, message.Pauses{}, facts(acc, "GONIEC", "PL"))
	id, name := account.SenderID(acc, "GONIEC", "PL"), account.SenderID(acc, "GONIEC", "")
	for _, c := range []struct {
		sw                  account.Switch
		mine, abroad, other message.Pauses
	}{
		{account.Switch{Scope: "all"}, message.Pauses{All: "all"}, message.Pauses{All: "all"}, message.Pauses{All: "all"}},
		{account.Switch{Scope: "account", Account: acc}, message.Pauses{All: "account/" + acc}, message.Pauses{All: "account/" + acc}, message.Pauses{}},
		{account.Switch{Scope: "sender", Sender: id}, message.Pauses{All: "sender/" + id}, message.Pauses{}, message.Pauses{}},
		{account.Switch{Scope: "sender", Account: acc, Sender: "GONIEC"}, message.Pauses{All: "sender/" + name}, message.Pauses{All: "sender/" + name}, message.Pauses{}},
		{account.Switch{Scope: "route", Route: "viber"}, message.Pauses{Viber: "route/viber"}, message.Pauses{Viber: "route/viber"}, message.Pauses{Viber: "route/viber"}},
		{account.Switch{Scope: "route", Route: "sms"}, message.Pauses{SMS: "route/sms"}, message.Pauses{SMS: "route/sms"}, message.Pauses{SMS: "route/sms"}},
	} {
		j.do(c.sw.Stream(), account.Pause{Switch: c.sw, Reason: "why", By: "key:1"})
		require.Equal(t, c.mine, facts(acc, "GONIEC", "PL"))
		require.Equal(t, c.abroad, facts(acc, "GONIEC", "CZ"))
		require.Equal(t, c.other, facts(end, "GONIEC", "PL"))
		require.True(t, j.view.Paused(c.sw.Name()))
		require.Equal(t, []account.ActivePause{{Switch: c.sw, Reason: "why", By: "key:1", Since: now}}, j.view.Pauses())
		in := message.SendInstruction{Account: acc, Sender: "GONIEC", Country: "PL", Channel: domain.SMS, Route: "sms"}
		require.Equal(t, c.mine.Of(domain.SMS) != "", j.view.Holds(in))
		j.do(c.sw.Stream(), account.Resume{Switch: c.sw, Reason: "mended", By: "key:1"})
		require.False(t, j.view.Paused(c.sw.Name()))
		require.False(t, j.view.Holds(in))
	}
	require.Empty(t, j.view.Pauses())
}
