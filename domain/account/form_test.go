package account_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"goniec/domain"
	"goniec/domain/account"
)

func ptr[T any](v T) *T { return &v }

func logo() *account.Logo {
	return &account.Logo{Digest: account.HashKey("the file"), Type: "png", Width: 200, Height: 200}
}

// complete saves all that goniec() lacks to be submitted.
func complete() account.SaveSender {
	return account.SaveSender{Changes: account.SenderDraftSaved{
		Type: ptr("finance"), Kind: ptr("personalised notifications"), Communication: ptr("1way"),
		Samples: &[]string{"Your parcel is on its way."}, NoticeEmail: ptr("office@example.com"), Logo: logo(),
	}}
}

func filled() *account.Form {
	return &account.Form{
		Company: "Goniec", Name: "GONIEC", Country: "PL", RegisteredIn: "PL", Type: "finance", Kind: "personalised notifications",
		Communication: "1way", Samples: []string{"Your parcel is on its way."}, NoticeEmail: "office@example.com", Logo: logo(),
	}
}

// Every limit of B1, B3, B4 and B6 at its edge, in characters and not in bytes.
func TestFormLimits(t *testing.T) {
	t.Parallel()
	type draft = account.SenderDraftSaved
	z := func(n int) string { return strings.Repeat("ż", n) }
	many := func(n int) *[]string { return ptr(strings.Split(strings.Repeat("x", n), "")) }
	for name, c := range map[string]struct {
		draft       draft
		code, field string
	}{
		"B1: company of 11":            {draft{Company: ptr("ABCDEFGHIJK")}, "", ""},
		"B1: company of 12":            {draft{Company: ptr("ABCDEFGHIJKL")}, "invalid_name", "company"},
		"B1: no company":               {draft{Company: ptr("")}, "required", "company"},
		"B3: registered elsewhere":     {draft{RegisteredIn: ptr("DE")}, "", ""},
		"B3: registered nowhere":       {draft{RegisteredIn: ptr("")}, "required", "registered_in"},
		"B3: country in words":         {draft{RegisteredIn: ptr("Polska")}, "invalid_country", "registered_in"},
		"B3: logo of 201":              {draft{Logo: &account.Logo{Digest: logo().Digest, Type: "png", Width: 201, Height: 200}}, "invalid_logo", "logo"},
		"B3: logo of 199":              {draft{Logo: &account.Logo{Digest: logo().Digest, Type: "png", Width: 200, Height: 199}}, "invalid_logo", "logo"},
		"B3: logo of another type":     {draft{Logo: &account.Logo{Digest: logo().Digest, Type: "webp", Width: 200, Height: 200}}, "invalid_logo", "logo"},
		"B3: logo without digest":      {draft{Logo: &account.Logo{Type: "png", Width: 200, Height: 200}}, "invalid_logo", "logo"},
		"B4: type of 500":              {draft{Type: ptr(z(500))}, "", ""},
		"B4: type of 501":              {draft{Type: ptr(z(501))}, "too_long", "type"},
		"B4: kind of 500, two lines":   {draft{Kind: ptr(z(249) + "\n" + z(250))}, "", ""},
		"B4: kind of 501":              {draft{Kind: ptr(z(501))}, "too_long", "kind"},
		"B4: blank kind":               {draft{Kind: ptr(" \n")}, "invalid_value", "kind"},
		"B4: kind with a NUL":          {draft{Kind: ptr("a\x00")}, "invalid_value", "kind"},
		"B4: both ways":                {draft{Communication: ptr("both")}, "", ""},
		"B4: three ways":               {draft{Communication: ptr("3way")}, "invalid_value", "communication"},
		"B4: 10 samples":               {draft{Samples: many(10)}, "", ""},
		"B4: 11 samples":               {draft{Samples: many(11)}, "too_many", "samples"},
		"B4: sample of 1000":           {draft{Samples: &[]string{z(1000)}}, "", ""},
		"B4: sample of 1001":           {draft{Samples: &[]string{"x", z(1001)}}, "too_long", "samples[1]"},
		"B4: empty sample":             {draft{Samples: &[]string{""}}, "required", "samples[0]"},
		"B6: e-mail of 254":            {draft{NoticeEmail: ptr(strings.Repeat("a", 242) + "@example.com")}, "", ""},
		"B6: e-mail of 255":            {draft{NoticeEmail: ptr(strings.Repeat("a", 243) + "@example.com")}, "invalid_value", "notice_email"},
		"B6: e-mail with a name":       {draft{NoticeEmail: ptr("Ola <ola@example.com>")}, "invalid_value", "notice_email"},
		"B6: e-mail without a country": {draft{NoticeEmail: ptr("ola@localhost")}, "invalid_value", "notice_email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := account.Decide(given(t, goniecStream(), goniec()), facts(now), account.SaveSender{Changes: c.draft})
			if c.code == "" {
				require.NoError(t, err)
				require.Equal(t, []account.Event{c.draft}, events)
				return
			}
			var refusal *domain.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, []string{c.code, c.field}, []string{refusal.Code, refusal.Field}, refusal.Message)
		})
	}
}

// B3: the sender name is part of what a configuration is (B9), and given with it.
func TestSenderNameLimits(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{strings.Repeat("ż", 20): "", strings.Repeat("ż", 21): "too_long", "Ż-1 & Co.": "", "a_b": "invalid_name"} {
		_, err := account.Decide(account.State{Stream: account.SenderStream(account.SenderID(acc, name, "PL"))}, facts(now),
			account.CreateSender{Account: acc, Name: name, Company: "Goniec", Country: "PL"})
		require.Equal(t, code, domain.CodeOf(err), name)
	}
}

// B1: a company name that is refused comes with one that would do, where no letter is lost.
func TestCompanyOffer(t *testing.T) {
	t.Parallel()
	for company, offer := range map[string]string{
		"Żabka": ": Zabka would do", "Łódź – Żabka sp. z o.o.": ": LodzZabkasp would do", "Müller": "", "Сова": "", "& .": "", "ABCDEFGHIJKL": ": ABCDEFGHIJK would do",
	} {
		_, err := account.Decide(account.State{Stream: account.SenderStream(account.SenderID(acc, "Sowa", "PL"))}, facts(now),
			account.CreateSender{Account: acc, Name: "Sowa", Company: company, Country: "PL"})
		require.EqualError(t, err, "invalid_name: company: must be at most 11 letters A-Z, a-z or digits"+offer)
	}
}

// B5: what a new configuration lacks, and one item less with each part that is saved.
func TestMissing(t *testing.T) {
	t.Parallel()
	codes := func(f account.Form) []string {
		out := []string{}
		for _, item := range account.Missing(f) {
			require.NotEmpty(t, item.Needs)
			require.Regexp(t, `^B[1346]$`, item.Rule)
			require.Equal(t, item.Field+"_missing", item.Code)
			out = append(out, item.Code)
		}
		return out
	}
	require.Equal(t, []string{
		"company_missing", "name_missing", "logo_missing", "registered_in_missing", "country_missing", "type_missing",
		"kind_missing", "communication_missing", "samples_missing", "notice_email_missing",
	}, codes(account.Form{}))
	s := given(t, goniecStream(), goniec())
	left := []string{"logo_missing", "type_missing", "kind_missing", "communication_missing", "samples_missing", "notice_email_missing"}
	require.Equal(t, left, codes(s.Sender.Filled()))

	all := complete().Changes
	for i, part := range []account.SenderDraftSaved{
		{Logo: all.Logo}, {Type: all.Type}, {Kind: all.Kind}, {Communication: all.Communication}, {Samples: all.Samples}, {NoticeEmail: all.NoticeEmail},
	} {
		s = account.Evolve(s, part, now)
		require.Equal(t, left[i+1:], codes(s.Sender.Filled()))
	}
	require.Equal(t, *filled(), s.Sender.Filled())

	s = given(t, goniecStream(), goniec(), complete(), account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr(""), Samples: &[]string{}, Logo: &account.Logo{}}})
	require.Equal(t, []string{"logo_missing", "kind_missing", "samples_missing"}, codes(s.Sender.Filled()))
	_, err := account.Decide(s, facts(now), account.SubmitSender{})
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, []string{"form_incomplete", "logo"}, []string{refusal.Code, refusal.Field})
	require.Equal(t, "is missing: the form lacks a logo of 200×200 pixels, a description of the notification kind, at least one sample message", refusal.Message)
}

// Of a sender that has nothing to submit nothing is missing, also when an operator took its form as filled elsewhere; a new
// version that is being written lacks what any form may lack (B5, B6, B11).
func TestMissingOfTheNextSubmission(t *testing.T) {
	t.Parallel()
	elsewhere := []account.Command{goniec(), account.SubmitSender{Elsewhere: true}}
	require.Len(t, given(t, goniecStream(), goniec()).Sender.Missing(), 6)
	require.Empty(t, given(t, goniecStream(), elsewhere...).Sender.Missing(), "submitted")
	elsewhere = append(elsewhere, account.ApproveSender{ServiceID: 1})
	require.Empty(t, given(t, goniecStream(), elsewhere...).Sender.Missing(), "active")
	kind := account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr("promotions")}}
	require.Len(t, given(t, goniecStream(), append(elsewhere, kind)...).Sender.Missing(), 5, "a new version")
	whole := []account.Command{complete(), kind, account.SubmitSender{}}
	require.Empty(t, given(t, goniecStream(), append(elsewhere, whole...)...).Sender.Missing(), "a new version under review")
}

// What was written before there were forms still leads to a valid configuration.
func TestSenderWithoutForm(t *testing.T) {
	t.Parallel()
	s := account.State{Stream: goniecStream()}
	v := account.NewView()
	for _, e := range []account.Event{
		account.SenderCreated{Account: acc, Name: "GONIEC", Company: "Goniec", Country: "PL", TwoWay: true},
		account.SenderSubmitted{At: now},
		account.SenderReturned{Reasons: []string{"x"}},
		account.SenderSubmitted{At: now},
		account.SenderApproved{ServiceID: 7, ActiveOn: now},
	} {
		s = account.Evolve(s, e, now)
		v.Apply(s.Stream, s.Version, e, now)
	}
	require.Equal(t, account.SenderActive, s.Sender.Status)
	require.Equal(t, account.Form{Company: "Goniec", Name: "GONIEC", Country: "PL", RegisteredIn: "PL", Communication: "2way"}, s.Sender.Filled())
	got, _ := v.Sender(acc, "GONIEC", "PL")
	require.Equal(t, s.Sender.Filled(), got.Filled())
	require.Equal(t, account.Submission{Number: 2, At: now}, got.Submission)

	var cached account.State
	require.NoError(t, json.Unmarshal([]byte(`{"stream":"`+goniecStream()+`","version":1,"sender":{"account":"`+acc+`","name":"GONIEC","company":"Goniec","country":"PL","status":"new"}}`), &cached))
	require.Equal(t, "Goniec", cached.Sender.Filled().Company)
}

// The form decides what the rest of the service knows of the sender.
func TestSavedFormIsSeen(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	j.do(account.AccountStream(acc), account.Create{Name: "Demo"})
	stream := goniecStream()
	j.do(stream, goniec())
	j.do(stream, complete())
	j.do(stream, account.SaveSender{Changes: account.SenderDraftSaved{Company: ptr("Sklep"), Communication: ptr("both")}})
	j.do(stream, account.SubmitSender{})
	j.do(stream, account.PassSender{Reference: "V-17"})
	s, _ := j.view.Sender(acc, "GONIEC", "PL")
	require.True(t, s.TwoWay)
	require.Equal(t, "Sklep", s.Company)
	require.Equal(t, "Sklep", j.view.SenderFacts(acc, "GONIEC", "PL").SMSFrom)
	require.Equal(t, []any{now, "V-17"}, []any{s.PassedOn, s.Reference})
	require.Equal(t, 1, s.Submission.Number)
	require.Empty(t, account.Differences(*s.Submission.Form, s.Filled()))

	j.do(stream, account.ReturnSender{Reasons: []string{"no such kind"}})
	j.do(stream, account.SaveSender{Changes: account.SenderDraftSaved{Kind: ptr("promotions"), Logo: &account.Logo{}}})
	s, _ = j.view.Sender(acc, "GONIEC", "PL")
	require.Equal(t, []string{"logo", "kind"}, account.Differences(*s.Submission.Form, s.Filled()), "B8: what differs from the old submission")
	require.Equal(t, []string{"no such kind"}, s.Reasons)
	j.do(stream, account.SaveSender{Changes: account.SenderDraftSaved{Logo: logo()}})
	j.do(stream, account.SubmitSender{})
	s, _ = j.view.Sender(acc, "GONIEC", "PL")
	require.Equal(t, 2, s.Submission.Number)
	require.Empty(t, s.Reasons)
	require.True(t, s.PassedOn.IsZero())
}

// B9: who might be taken for whom.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{
		{"GONIEC", "Goniec", "G o n i e c", "G0NlEC", "Gоniеc", "GÓNIEĆ", "Gon-iec."},
		{"Zabka", "Żabka", "ŻАВКА"},
		{"ALLEGRO", "A11egro", "AIIegro"},
	} {
		for _, n := range names {
			require.Equal(t, account.Likeness(names[0]), account.Likeness(n), n)
		}
	}
	require.NotEqual(t, account.Likeness("GONIEC"), account.Likeness("GONIE"))
	j := newJournal(t)
	for _, s := range []account.CreateSender{
		goniec(), {Account: acc, Name: "Goniec", Company: "x", Country: "PL"}, {Account: end, Name: "G0niec", Company: "x", Country: "DE"},
	} {
		j.do(account.SenderStream(account.SenderID(s.Account, s.Name, s.Country)), s)
	}
	s, _ := j.view.Sender(acc, "GONIEC", "PL")
	like := j.view.LookAlikes(s)
	require.Len(t, like, 1)
	require.Equal(t, "G0niec", like[0].Name)
}

// Whatever is asked in whatever order: a submission lacks nothing unless an operator
// took it so, nothing changes while it is frozen (B6), each submission has the next number (B8),
// and what was passed on is not withdrawn (B10).
func TestSenderInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := account.State{Stream: goniecStream()}
		v := account.NewView()
		at := now
		for _, c := range rapid.SliceOfN(senderCommand(), 1, 40).Draw(rt, "commands") {
			at = at.Add(time.Minute)
			before := s
			events, err := account.Decide(s, facts(at), c)
			if err != nil {
				var refusal *domain.Error
				require.ErrorAs(rt, err, &refusal)
				continue
			}
			for _, e := range events {
				s = account.Evolve(s, e, now)
				v.Apply(s.Stream, s.Version, e, at)
				keepsInvariants(rt, before, s, c, e)
				before = s
			}
			sameInView(rt, v, s)
		}
	})
}

func keepsInvariants(rt *rapid.T, before, after account.State, c account.Command, e account.Event) {
	if before.Sender == nil {
		return
	}
	switch e := e.(type) {
	case account.SenderSubmitted:
		submit, _ := c.(account.SubmitSender)
		require.Equal(rt, len(account.Missing(*e.Form)) > 0, e.Elsewhere)
		require.True(rt, !e.Elsewhere || submit.Elsewhere)
		require.Equal(rt, before.Sender.Submission.Number+1, e.Number)
		require.Equal(rt, *e.Form, after.Sender.Filled())
	case account.SenderWithdrawn:
		require.True(rt, before.Sender.PassedOn.IsZero())
	case account.SenderDraftSaved:
		require.NotEqual(rt, before.Sender.Filled(), after.Sender.Filled(), "an event changes something")
		require.NotEqual(rt, account.SenderDraftSaved{}, e)
	}
	if before.Sender.Status != account.SenderNew && !atOnce(e) {
		require.Equal(rt, before.Sender.Filled(), after.Sender.Filled(), "frozen")
		require.Equal(rt, before.Sender.TwoWay, after.Sender.TwoWay)
	}
	data, err := json.Marshal(after)
	require.NoError(rt, err)
	var cached account.State
	require.NoError(rt, json.Unmarshal(data, &cached))
	require.True(rt, reflect.DeepEqual(after, cached), "the cache gives back what it was given")
}

// atOnce says whether an active sender's form changes with e: by its address for
// notices, or by the approval of a new version (B11).
func atOnce(e account.Event) bool {
	switch e := e.(type) {
	case account.SenderDraftSaved:
		return e == account.SenderDraftSaved{NoticeEmail: e.NoticeEmail}
	case account.SenderChangeApproved:
		return true
	}
	return false
}

func sameInView(rt *rapid.T, v *account.View, s account.State) {
	if s.Sender == nil {
		return
	}
	got, _ := v.Sender(acc, "GONIEC", "PL")
	require.Equal(rt, s.Sender.Filled(), got.Filled())
	require.Equal(rt, []any{s.Version, s.Sender.Company, s.Sender.TwoWay, s.Sender.Status, s.Sender.Submission.Number, s.Sender.PassedOn},
		[]any{got.Version, got.Company, got.TwoWay, got.Status, got.Submission.Number, got.PassedOn})
}

func senderCommand() *rapid.Generator[account.Command] {
	return rapid.Custom(func(rt *rapid.T) account.Command {
		switch rapid.IntRange(0, 12).Draw(rt, "command") {
		case 0:
			return goniec()
		case 1, 2, 3:
			return account.SaveSender{Changes: draft(rt), IfVersion: rapid.Int64Range(0, 6).Draw(rt, "version") % 4}
		case 4:
			return complete()
		case 5, 6:
			return account.SubmitSender{}
		case 7:
			return account.SubmitSender{Elsewhere: rapid.Bool().Draw(rt, "elsewhere")}
		case 8:
			return account.PassSender{}
		case 9:
			return account.WithdrawSender{}
		case 10:
			return account.ReturnSender{Reasons: []string{"x"}}
		case 11:
			return account.ApproveSender{ServiceID: 7}
		}
		return rapid.SampledFrom([]account.Command{account.DisableSender{Reason: "x"}, account.WithdrawDisable{}, account.EnableSender{}, account.SuspendSender{Reason: "x", By: "operator"}}).Draw(rt, "toggle")
	})
}

// draft saves some fields, with values that are possible or not.
func draft(rt *rapid.T) account.SenderDraftSaved {
	maybe := func(name string, values ...string) *string {
		if rapid.Bool().Draw(rt, name) {
			return ptr(rapid.SampledFrom(values).Draw(rt, name))
		}
		return nil
	}
	d := account.SenderDraftSaved{
		Company: maybe("company", "Goniec", "Sklep", "Żabka"), RegisteredIn: maybe("registered in", "PL", "DE"),
		Type: maybe("type", "", "finance"), Kind: maybe("kind", "", "promotions", strings.Repeat("x", 501)),
		Communication: maybe("communication", "1way", "both"), NoticeEmail: maybe("e-mail", "", "a@example.com"),
	}
	if rapid.Bool().Draw(rt, "samples") {
		d.Samples = ptr(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 3).Draw(rt, "samples"))
	}
	if rapid.Bool().Draw(rt, "logo") {
		d.Logo = rapid.SampledFrom([]*account.Logo{logo(), {}}).Draw(rt, "logo")
	}
	return d
}
