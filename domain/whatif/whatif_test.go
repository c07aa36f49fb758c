package whatif_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/whatif"
)

func settings(t *testing.T, validity string, policies ...string) whatif.Settings {
	t.Helper()
	var s whatif.Settings
	if validity != "" {
		require.NoError(t, s.SetValidity(validity))
	}
	for i := 0; i < len(policies); i += 2 {
		require.NoError(t, s.Set(policies[i], policies[i+1]))
	}
	return s
}

// tried is one message: what it came to, as words, and what was assumed.
type tried struct {
	story   func(t *testing.T) *story
	set     []string // validity, then policies
	real    string
	whatIf  string
	assumed []whatif.Assumption
}

// in words: where it arrived, why it fell back, what it costs.
func in(f whatif.Figures) string {
	out := ""
	for word, n := range map[string]int64{"viber": f.ByViber, "sms": f.BySMS, "failed": f.Undelivered, "unknown": f.Unknown, "refused": f.Refused} {
		if n > 0 {
			out += word
		}
	}
	for reason := range f.Fallbacks {
		out += " after " + reason
	}
	if f.Late > 0 {
		out += " late"
	}
	if f.Double > 0 {
		out += " double"
	}
	if c := f.Cost["PLN"]; c.Total != 0 {
		out += " for " + c.Viber.Cents() + "+" + c.SMS.Cents()
	}
	return out
}

// rules.md D3, D3b, D3c, D4: what other settings make of a message, and what has to be
// assumed where it never happened.
var table = map[string]tried{
	"Viber in time, in a longer time too": {
		func(t *testing.T) *story { t.Helper(); return deliveredOnViber(t, 10*time.Second) },
		[]string{"10m"},
		"viber for 0.12+0.00", "viber for 0.12+0.00", nil,
	},
	"Viber after its time: no SMS, had it been longer": {
		func(t *testing.T) *story {
			t.Helper()
			b := deliveredBySMS(t)
			return revived(t, b, 70*time.Second, message.ReportDelivered)
		},
		[]string{"90s"},
		"sms after deadline late double for 0.12+0.09", "viber for 0.12+0.00", nil,
	},
	"Viber never reported": {
		deliveredBySMS,
		[]string{"10m"},
		"sms after deadline for 0.00+0.09", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeMoved, whatif.AssumeSilent},
	},
	"Viber never reported, in a shorter time": {
		deliveredBySMS,
		[]string{"15s"},
		"sms after deadline for 0.00+0.09", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeMoved},
	},
	"Viber after the shorter time, which it is given": {
		func(t *testing.T) *story { t.Helper(); return deliveredOnViber(t, 45*time.Second) },
		[]string{"40s"},
		"viber for 0.12+0.00", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeSMS, whatif.AssumeLate},
	},
	"Viber after the deadline, but within the 30 s that it is given at least": {
		func(t *testing.T) *story { t.Helper(); return deliveredOnViber(t, 20*time.Second) },
		[]string{"15s"},
		"viber for 0.12+0.00", "sms after deadline late double for 0.12+0.09",
		[]whatif.Assumption{whatif.AssumeSMS},
	},
	"… and not charged": {
		func(t *testing.T) *story { t.Helper(); return deliveredOnViber(t, 20*time.Second) },
		[]string{"15s", "late_policy", "waive_viber"},
		"viber for 0.12+0.00", "sms after deadline late double for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeSMS},
	},
	"Viber gave up when its time was over": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).ask().taken().after(59500*time.Millisecond).report(0, message.ReportExpired)
			return b.taken().after(time.Second).report(1, message.ReportDelivered).over()
		},
		[]string{"10m"},
		"sms after expired for 0.00+0.09", "sms after expired for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeMoved, whatif.AssumeExpired},
	},
	"Viber gave up early": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).ask().taken().after(20*time.Second).report(0, message.ReportExpired)
			return b.taken().after(time.Second).report(1, message.ReportDelivered).over()
		},
		[]string{"10m"},
		"sms after expired for 0.00+0.09", "sms after expired for 0.00+0.09", nil,
	},
	"not on Viber, fallback at the deadline": {
		func(t *testing.T) *story {
			t.Helper()
			return newStory(t).ask().viberSays(9).taken().after(time.Second).report(1, message.ReportDelivered).over()
		},
		[]string{"", "fallback_at_once", "false"},
		"sms after not_on_viber for 0.00+0.09", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeMoved},
	},
	"an SMS where none was wanted": {
		func(t *testing.T) *story {
			t.Helper()
			return newStory(t).ask(func(r *message.Request) { r.Fallback, r.SMSParts, r.TextLength = false, 0, 100 }).taken().over()
		},
		[]string{"", "fallback", "true"},
		"failed", "sms after deadline for 0.00+0.18",
		[]whatif.Assumption{whatif.AssumeSMS, whatif.AssumeParts},
	},
	"no SMS where one went": {
		deliveredBySMS, []string{"", "fallback", "false"}, "sms after deadline for 0.00+0.09", "failed", nil,
	},
	"refused for a while": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).ask()
			for range 4 {
				b.viberSays(1).after(19 * time.Second)
			}
			return b.after(time.Minute).taken().after(time.Second).report(len(b.s.Attempts)-1, message.ReportDelivered).over()
		},
		[]string{"10m"},
		"sms after deadline for 0.00+0.09", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeMoved, whatif.AssumeTries},
	},
	"caught in the outbox": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).ask().taken().after(time.Minute+time.Second).report(0, message.ReportDelivered)
			return b.answer(message.Answer{Outcome: message.OutcomeNotSent, Reason: message.ReasonRevoked}).over()
		},
		[]string{"20s"},
		"viber after deadline late for 0.12+0.00", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeSMS, whatif.AssumeLate},
	},
	"opted out before the SMS": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).ask().taken().after(40 * time.Second)
			b.say("recipient", message.OptOut{Channels: []domain.Channel{domain.SMS}, Origin: "sms_stop"})
			return b.over()
		},
		[]string{"30s"},
		"failed", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeSMS, whatif.AssumeAround},
	},
	"held by a switch as long as it waited": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).pause(message.Pauses{Viber: "route/viber-1"}).ask().after(time.Minute + time.Second)
			return b.taken().after(time.Second).report(0, message.ReportDelivered).over()
		},
		[]string{"10m"},
		"sms after deadline for 0.00+0.09", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeMoved},
	},
	"held by a switch for a while": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).pause(message.Pauses{All: "all"}).ask().after(40 * time.Second).pause(message.Pauses{}).resume()
			return b.taken().after(10*time.Second).report(0, message.ReportDelivered).over()
		},
		[]string{"30s"},
		"viber for 0.12+0.00", "sms after deadline for 0.00+0.09",
		[]whatif.Assumption{whatif.AssumeSMS, whatif.AssumeAround},
	},
	"refused": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t)
			b.set = func(f *message.Facts) { f.Account.Active = false }
			return b.ask()
		},
		[]string{"90s"},
		"refused", "refused",
		[]whatif.Assumption{whatif.AssumeRefused},
	},
	"what the rules would not decide so": {
		func(t *testing.T) *story {
			t.Helper()
			b := newStory(t).ask().taken()
			b.facts = append(b.facts, whatif.Fact{Event: message.Failed{Reason: "old_rule"}, At: b.now, Recorded: b.now, Actor: "timer/of_old"})
			return b
		},
		[]string{"90s"},
		"failed", "failed",
		[]whatif.Assumption{whatif.AssumeAsItWas},
	},
}

// revived adds a report that came so long after the request, while others had come.
func revived(t *testing.T, b *story, after time.Duration, status message.ReportStatus) *story {
	t.Helper()
	b.now = start.Add(after)
	b.report(0, status)
	return b
}

func TestOtherSettings(t *testing.T) {
	t.Parallel()
	for name, tc := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tryWith(t, settings(t, tc.set[0], tc.set[1:]...), tc.story(t))
			require.Equal(t, tc.real, in(r.Real))
			require.Equal(t, tc.whatIf, in(r.WhatIf))
			var names []whatif.Assumption
			for _, a := range r.Assumed {
				names = append(names, a.Name)
				require.Equal(t, int64(1), a.Messages)
				require.NotEmpty(t, a.Meaning)
			}
			require.Equal(t, tc.assumed, names)
		})
	}
}

// An SMS that never was arrives as often as those that were.
func TestInventedSMSArriveAsOftenAsOthers(t *testing.T) {
	t.Parallel()
	var list []*story
	for range 2 {
		list = append(list, deliveredBySMS(t))
	}
	lost := newStory(t).ask().taken().after(time.Minute)
	list = append(list, lost.taken().after(time.Second).report(1, message.ReportUndelivered).over())
	for range 6 {
		list = append(list, deliveredOnViber(t, 45*time.Second))
	}
	r := tryWith(t, settings(t, "30s"), list...)
	require.Equal(t, int64(6), r.Real.ByViber)
	require.Equal(t, int64(2+4), r.WhatIf.BySMS, "two thirds of six")
	require.Equal(t, int64(1+2), r.WhatIf.Undelivered)
	require.Equal(t, int64(9), r.WhatIf.Messages)
	require.Equal(t, int64(6), assumed(r)[whatif.AssumeSMS])
	require.Equal(t, int64(-6), r.Difference.ByViber)
	require.Equal(t, "-0.72", r.Difference.Cost["PLN"].Viber.Cents())
	require.Equal(t, "0.54", r.Difference.Cost["PLN"].SMS.Cents())
	require.Equal(t, "-0.18", r.Difference.Cost["PLN"].Total.Cents())
}

// rules.md F8: another list of prices for all that is charged, in its currency.
func TestOtherPrices(t *testing.T) {
	t.Parallel()
	list := account.PricesPublished{Currency: "PLN", Prices: []account.Price{
		{Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, Amount: "0.20"},
		{Country: "PL", Channel: domain.SMS, Amount: "0.05"},
	}}
	stories := []*story{deliveredOnViber(t, time.Second), deliveredBySMS(t)}
	r := tryWith(t, whatif.Settings{Prices: &list}, stories...)
	require.Equal(t, "0.21", r.Real.Cost["PLN"].Total.Cents())
	require.Equal(t, "0.25", r.WhatIf.Cost["PLN"].Total.Cents())
	require.Empty(t, r.Assumed)

	list.Currency = "EUR"
	r = tryWith(t, whatif.Settings{Prices: &list}, stories...)
	require.Equal(t, r.Real, r.WhatIf)
	require.Equal(t, int64(2), assumed(r)[whatif.AssumePrices])

	list.Currency, list.Prices = "PLN", list.Prices[:1]
	r = tryWith(t, whatif.Settings{Prices: &list}, stories...)
	require.Equal(t, int64(2), r.WhatIf.Refused, "without a price for the SMS nothing is accepted")
}

// Tallies of several readers add up to that of one.
func TestMerge(t *testing.T) {
	t.Parallel()
	s := settings(t, "30s")
	stories := []*story{deliveredOnViber(t, 45*time.Second), deliveredBySMS(t), deliveredOnViber(t, 45*time.Second)}
	all := whatif.NewTally(s, world())
	for _, b := range stories {
		part := whatif.NewTally(s, world())
		require.NoError(t, part.Add("m", b.facts))
		require.NoError(t, all.Merge(part))
	}
	r, err := all.Result()
	require.NoError(t, err)
	require.Equal(t, tryWith(t, s, stories...), r)
}

func TestWhatIsNotCounted(t *testing.T) {
	t.Parallel()
	test := newStory(t).ask(func(r *message.Request) { r.Test = true })
	open := newStory(t).ask().taken()
	r := tryWith(t, settings(t, "30s"), test, open)
	require.Zero(t, r.Real.Messages)
	require.Equal(t, int64(1), r.Open)
	require.False(t, whatif.Settled(open.s))
	require.True(t, whatif.Settled(deliveredOnViber(t, time.Second).s))
	require.False(t, whatif.Settled(deliveredBySMS(t).s), "Viber may still deliver")
}

func TestSettingsAreRefusedByName(t *testing.T) {
	t.Parallel()
	var s whatif.Settings
	for _, name := range whatif.Policies() {
		err := s.Set(name, "much")
		require.Equal(t, whatif.CodeInvalidValue, domain.CodeOf(err))
		require.ErrorContains(t, err, name)
	}
	require.ErrorContains(t, s.Set("colour", "red"), "colour")
	for _, bad := range []string{"", "60", "14s", "25h"} {
		require.ErrorContains(t, s.SetValidity(bad), "validity: must be a duration from 15s to 24h0m0s")
	}
}
