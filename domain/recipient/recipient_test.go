package recipient_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/recipient"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func facts(now time.Time) recipient.Facts {
	return recipient.Facts{Now: now, Account: "acc", Number: "num", Message: "msg", Sender: "GONIEC", TwoWay: true}
}

func decide(t require.TestingT, s recipient.State, now time.Time, c recipient.Command) (recipient.State, []recipient.Stamped) {
	out, err := recipient.Decide(s, facts(now), c)
	require.NoError(t, err)
	for _, e := range out {
		s = recipient.Evolve(s, e.Event, e.At)
	}
	return s, out
}

// rules.md E2, row by row: may it still be sent? Order: promotional Viber and
// SMS, transactional Viber and SMS, one-time code Viber and SMS.
func TestOptOutTable(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"viber_unsubscribe": "no no no yes no yes",
		"viber_block":       "no no no yes no yes",
		"sms_stop":          "no no yes no yes yes",
		"viber_stop":        "no no no yes no yes",
		"api":               "no no no no yes yes", // one-time codes: yes unless told
		"import":            "no no no no yes yes",
	} {
		t.Run(origin, func(t *testing.T) {
			t.Parallel()
			s, _ := decide(t, recipient.State{}, start, recipient.OptOut{Origin: origin})
			require.Equal(t, want, row(s))
		})
	}
}

func row(s recipient.State) string {
	word := map[bool]string{true: "yes", false: "no"}
	a := func(ch domain.Channel, c domain.Category) string { return word[s.Allowed(ch, c)] }
	return fmt.Sprintf("%s %s %s %s %s %s", a(domain.Viber, domain.Promotional), a(domain.SMS, domain.Promotional),
		a(domain.Viber, domain.Transactional), a(domain.SMS, domain.Transactional), a(domain.Viber, domain.OneTimeCode), a(domain.SMS, domain.OneTimeCode))
}

// E2: panel, API, import stop what was told.
func TestOptOutAsTold(t *testing.T) {
	t.Parallel()
	told := []recipient.Scope{{Channel: domain.SMS, Category: domain.OneTimeCode}}
	s, out := decide(t, recipient.State{}, start, recipient.OptOut{Origin: recipient.OriginAPI, Scopes: told})
	require.Equal(t, "yes yes yes yes yes no", row(s))
	require.Equal(t, recipient.OptOutRecorded{Account: "acc", Number: "num", Origin: "api", Stops: told, Message: "msg", Sender: "GONIEC"}, out[0].Event)
	require.Equal(t, start, out[0].At)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	bad := []recipient.Scope{{Channel: "fax", Category: domain.Promotional}}
	for code, c := range map[string][]recipient.Command{
		"unknown_origin": {recipient.OptOut{Origin: "rumour"}, recipient.Lift{Origin: "sms_stop"}},
		"unknown_scope":  {recipient.OptOut{Origin: "api", Scopes: bad}, recipient.Lift{Origin: "api", Scopes: bad}},
	} {
		for _, c := range c {
			out, err := recipient.Decide(recipient.State{}, facts(start), c)
			require.Equal(t, code, domain.CodeOf(err))
			require.Empty(t, out)
		}
	}
}

// E2: a subscribe event or a newer recorded consent lifts it; an import never lifts a later opt-out.
func TestLifts(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Hour)
	for _, tc := range []struct {
		name string
		said []string
		lift recipient.Command
		want string
	}{
		{"subscribe lifts an unsubscribe", []string{"viber_unsubscribe"}, recipient.Subscription{Subscribed: true, At: later}, "yes yes yes yes yes yes"},
		{"subscribe lifts a block and a STOP on Viber", []string{"viber_block", "viber_stop"}, recipient.Subscription{Subscribed: true, At: later}, "yes yes yes yes yes yes"},
		{"subscribe does not lift a STOP by SMS", []string{"viber_unsubscribe", "sms_stop"}, recipient.Subscription{Subscribed: true, At: later}, "no no yes no yes yes"},
		{"a subscribe event older than the opt-out lifts nothing", []string{"viber_unsubscribe"}, recipient.Subscription{Subscribed: true, At: start.Add(-time.Second)}, "no no no yes no yes"},
		{"a newer consent lifts", []string{"sms_stop"}, recipient.Lift{Origin: "api", At: later}, "yes yes yes yes yes yes"},
		{"a consent for one cell lifts that cell", []string{"sms_stop"}, recipient.Lift{Origin: "api", Scopes: []recipient.Scope{{Channel: domain.SMS, Category: domain.Promotional}}}, "no yes yes no yes yes"},
		{"an import of an older consent lifts nothing", []string{"sms_stop"}, recipient.Lift{Origin: "import", At: start.Add(-time.Hour)}, "no no yes no yes yes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := recipient.State{}
			for _, origin := range tc.said {
				s, _ = decide(t, s, start, recipient.OptOut{Origin: origin})
			}
			s, _ = decide(t, s, later, tc.lift)
			require.Equal(t, tc.want, row(s))
		})
	}
}

func TestNothingToLift(t *testing.T) {
	t.Parallel()
	_, out := decide(t, recipient.State{}, start, recipient.Subscription{Subscribed: true, At: start})
	require.Empty(t, out)
}

// Suffix 09: an unsubscribe event brought twice by the carrier is one opt-out,
// dated by the carrier but not after the receipt.
func TestUnsubscribeTwice(t *testing.T) {
	t.Parallel()
	c := recipient.Subscription{At: start.Add(-2 * time.Second)}
	s, out := decide(t, recipient.State{}, start, c)
	require.Len(t, out, 1)
	require.Equal(t, start.Add(-2*time.Second), out[0].At)
	_, out = decide(t, s, start.Add(time.Minute), c)
	require.Empty(t, out)
	_, out = decide(t, s, start, recipient.Subscription{At: start.Add(time.Hour)})
	require.Equal(t, start, out[0].At)
}

// D9, E2, suffix 12: a reply STOP is a reply and an opt-out, once.
func TestReplies(t *testing.T) {
	t.Parallel()
	tak := recipient.Reply{ID: "r1", Channel: domain.Viber, Digest: "d", Length: 3, At: start}
	s, out := decide(t, recipient.State{}, start, tak)
	require.Equal(t, []recipient.Stamped{{Event: recipient.ReplyReceived{
		ID: "r1", Account: "acc", Channel: domain.Viber, Sender: "GONIEC", Message: "msg", Digest: "d", Length: 3, TwoWay: true,
	}, At: start}}, out)
	_, out = decide(t, s, start, tak)
	require.Empty(t, out)
	for ch, origin := range map[domain.Channel]string{domain.Viber: "viber_stop", domain.SMS: "sms_stop"} {
		_, out = decide(t, s, start, recipient.Reply{ID: "r2", Channel: ch, Keyword: "stop", At: start})
		require.Len(t, out, 2)
		require.Equal(t, origin, out[1].Event.(recipient.OptOutRecorded).Origin)
	}
}

func TestKeyword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"STOP", "stop", " Stop. ", "WYPISZ!", "Rezygnuję", "REZYGNUJE", "rezygnuje\u0328", "Koniec", "\"stop\""} {
		require.Equal(t, "stop", recipient.Keyword(text), text)
	}
	for _, text := range []string{"", "TAK", "nie stop", "stopy", "non-stop kasa", "s t o p", "STOP\x00STOP"} {
		require.Empty(t, recipient.Keyword(text), text)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	block := recipient.Scopes(recipient.OriginViberBlock, nil)
	require.Equal(t, []domain.Channel{domain.Viber, domain.SMS}, recipient.Closed(block, domain.Promotional))
	require.Equal(t, []domain.Channel{domain.Viber}, recipient.Closed(block, domain.OneTimeCode))
	require.Empty(t, recipient.Closed(recipient.Scopes(recipient.OriginSMSStop, nil), domain.OneTimeCode))
	require.Nil(t, recipient.Scopes("rumour", nil))
	block[0] = recipient.Scope{}
	require.NotEqual(t, block, recipient.Scopes(recipient.OriginViberBlock, nil))
}

func decideNumber(n recipient.NumberState, now time.Time, c recipient.NumberCommand) (recipient.NumberState, []recipient.Stamped) {
	out := recipient.DecideNumber(n, now, c)
	for _, e := range out {
		n = recipient.EvolveNumber(n, e.Event, e.At)
	}
	return n, out
}

// E6: remembered with an expiry of 7 days.
func TestNotOnViber(t *testing.T) {
	t.Parallel()
	n, _ := decideNumber(recipient.NumberState{}, start, recipient.Remember{Message: "msg"})
	require.True(t, n.NotOnViber(start.Add(7*24*time.Hour-time.Second)))
	require.False(t, n.NotOnViber(start.Add(7*24*time.Hour)))
	require.False(t, recipient.NumberState{}.NotOnViber(start))
}

func TestStoredReports(t *testing.T) {
	t.Parallel()
	stored := func(i int, received time.Time) recipient.Store {
		return recipient.Store{Report: recipient.StoredReport{ID: fmt.Sprint(i), Route: "viber", CarrierID: fmt.Sprint(i), Status: "delivered", Received: received}}
	}
	n, out := decideNumber(recipient.NumberState{}, start, stored(0, start))
	require.Len(t, out, 1)
	again := stored(0, start)
	again.Report.ID = "another command"
	_, out = decideNumber(n, start, again)
	require.Empty(t, out, "the same report twice")
	for i := 1; i < 40; i++ {
		n, _ = decideNumber(n, start, stored(i, start))
	}
	require.Len(t, n.Reports, recipient.MaxStored)
	require.Equal(t, "8", n.Reports[0].ID, "the oldest give way")
	n, out = decideNumber(n, start, recipient.Matched{ID: "8", Message: "m", Attempt: "a", Inferred: true})
	require.Equal(t, recipient.ReportMatched{ID: "8", Message: "m", Attempt: "a", Inferred: true}, out[0].Event)
	require.Equal(t, "9", n.Reports[0].ID)
	_, out = decideNumber(n, start, recipient.Matched{ID: "8"})
	require.Empty(t, out)
	n, _ = decideNumber(n, start.Add(recipient.StoredFor), stored(99, start.Add(recipient.StoredFor)))
	require.Len(t, n.Reports, 1, "too old to be matched")
}

func TestReplyOfANumber(t *testing.T) {
	t.Parallel()
	c := recipient.Reply{ID: "r", Channel: domain.SMS, Keyword: "stop", At: start}
	n, out := decideNumber(recipient.NumberState{}, start, c)
	require.Equal(t, []recipient.Stamped{{Event: recipient.ReplyReceived{ID: "r", Channel: domain.SMS, Keyword: "stop"}, At: start}}, out)
	_, out = decideNumber(n, start, c)
	require.Empty(t, out)
}

// Whatever is said in whatever order: state stays bounded, reads back from
// JSON, Evolve never changes the state it was given, and after a lift of all by
// API, dated now, everything is open.
func TestRecipientHolds(t *testing.T) {
	t.Parallel()
	origins := []string{"viber_unsubscribe", "viber_block", "viber_stop", "sms_stop", "api", "import"}
	rapid.Check(t, func(t *rapid.T) {
		s, now := recipient.State{}, start
		for range rapid.IntRange(0, 20).Draw(t, "commands") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "s")) * time.Second)
			at := now.Add(time.Duration(rapid.IntRange(-9, 9).Draw(t, "skew")) * time.Second)
			before := encode(t, s)
			next, _ := decide(t, s, now, rapid.OneOf(
				rapid.Map(rapid.SampledFrom(origins), func(o string) recipient.Command { return recipient.OptOut{Origin: o, At: at} }),
				rapid.Map(rapid.Bool(), func(b bool) recipient.Command { return recipient.Subscription{Subscribed: b, At: at} }),
				rapid.Just[recipient.Command](recipient.Lift{Origin: "import", At: at}),
				rapid.Just[recipient.Command](recipient.Reply{ID: "r", Keyword: "stop", Channel: domain.SMS, At: at}),
			).Draw(t, "command"))
			require.Equal(t, before, encode(t, s))
			s = next
			require.LessOrEqual(t, len(s.Stops), 6*len(origins))
			var back recipient.State
			require.NoError(t, json.Unmarshal(encode(t, s), &back))
			require.Equal(t, s, back)
		}
		s, _ = decide(t, s, now, recipient.Lift{Origin: "api"})
		require.Equal(t, "yes yes yes yes yes yes", row(s))
	})
}

func encode(t require.TestingT, v any) []byte {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}
