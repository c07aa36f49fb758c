package billing_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/money"
)

const account = "11111111-1111-4111-8111-111111111111"

var november = calendar.Month{Year: 2026, Month: time.November}

func cents(t testing.TB, s string) money.Cents {
	t.Helper()
	c, err := money.ParseCents(s)
	require.NoError(t, err)
	return c
}

func amount(t testing.TB, s string) money.Amount {
	t.Helper()
	a, err := money.Parse(s)
	require.NoError(t, err)
	return a
}

// viber is usage of GONIEC in Poland.
func viber(t testing.TB, count int64, sum string, change ...func(*billing.Usage)) billing.Usage {
	t.Helper()
	u := billing.Usage{Key: billing.Key{
		Sender: "GONIEC", Country: "PL", Channel: domain.Viber, Category: domain.Transactional, Content: domain.PlainText, PriceVersion: "default@3",
	}, Count: count, Parts: count, Amount: amount(t, sum)}
	for _, fn := range change {
		fn(&u)
	}
	return u
}

func in(country string) func(*billing.Usage) {
	return func(u *billing.Usage) { u.Country = country }
}

func late(m calendar.Month) func(*billing.Usage) {
	return func(u *billing.Usage) { u.Adjusts = m }
}

func sms(u *billing.Usage) { u.Channel, u.Category, u.Content = domain.SMS, "", "" }

func sender(country string) billing.SenderMonth {
	return billing.SenderMonth{ID: "sender-" + country, Name: "GONIEC", Country: country, Activated: november.Add(-3).First()}
}

func minimum(t testing.TB, country, sum string, change ...func(*billing.Minimum)) billing.Minimum {
	t.Helper()
	m := billing.Minimum{
		Country: country, Unit: billing.UnitAmount, Amount: amount(t, sum), Mode: billing.TrueUp, Scope: billing.PerCountry, Currency: "PLN",
	}
	for _, fn := range change {
		fn(&m)
	}
	return m
}

func full(m *billing.Minimum)    { m.Mode = billing.Full }
func highest(m *billing.Minimum) { m.Scope = billing.HighestOfSender }
func euro(m *billing.Minimum)    { m.Currency = "EUR" }

func messages(n int64) func(*billing.Minimum) {
	return func(m *billing.Minimum) { m.Unit, m.Messages = billing.UnitMessages, n }
}

func inputs(change ...func(*billing.Inputs)) billing.Inputs {
	in := billing.Inputs{Account: account, Month: november, Currency: "PLN", Terms: billing.Terms{Version: "regulations@2"}}
	for _, fn := range change {
		fn(&in)
	}
	return in
}

// of makes inputs of usage, senders and minimums.
func of(usage []billing.Usage, senders []billing.SenderMonth, minimums ...billing.Minimum) billing.Inputs {
	return inputs(func(in *billing.Inputs) { in.Usage, in.Senders, in.Terms.Minimums = usage, senders, minimums })
}

func compute(t testing.TB, in billing.Inputs) billing.Statement {
	t.Helper()
	s, err := billing.Compute(in)
	require.NoError(t, err)
	return s
}

// lines are the amounts of a kind.
func lines(s billing.Statement, kind string) []string {
	var out []string
	for _, l := range s.Lines {
		if l.Kind == kind {
			out = append(out, l.Amount.String())
		}
	}
	return out
}

// reasons are why the month's obligations stand as they do, in their order.
func reasons(s billing.Statement) []string {
	var out []string
	for _, o := range s.Obligations {
		if o.Month == s.Month {
			out = append(out, o.Reason)
		}
	}
	return out
}

type usages = []billing.Usage

type senders = []billing.SenderMonth

// rules.md F2, F3: who owes a minimum, and how much.
func TestMinimum(t *testing.T) {
	t.Parallel()
	firstMonth, beforeIt, suspended := sender("PL"), sender("PL"), sender("PL")
	firstMonth.Activated = november.Last()
	beforeIt.Activated = november.First().Add(-1)
	suspended.SuspendedWholeMonth = true
	waive := func(in billing.Inputs) billing.Inputs {
		in.Waivers = []billing.Waiver{{SenderID: "sender-PL", Reason: "our fault", By: "key:1"}}
		return in
	}
	for name, c := range map[string]struct {
		in     billing.Inputs
		charge []string
		reason []string
	}{
		"F3 true_up: the difference":         {of(usages{viber(t, 10, "60")}, senders{sender("PL")}, minimum(t, "PL", "100")), []string{"40.00"}, []string{"charged"}},
		"F3 true_up: no traffic at all":      {of(nil, senders{sender("PL")}, minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
		"F3 reached exactly":                 {of(usages{viber(t, 10, "100")}, senders{sender("PL")}, minimum(t, "PL", "100")), nil, []string{"reached"}},
		"F3 a cent below":                    {of(usages{viber(t, 10, "99.99")}, senders{sender("PL")}, minimum(t, "PL", "100")), []string{"0.01"}, []string{"charged"}},
		"F3 full: the whole on top":          {of(usages{viber(t, 10, "99.99")}, senders{sender("PL")}, minimum(t, "PL", "100", full)), []string{"100.00"}, []string{"charged"}},
		"F3 full, reached":                   {of(usages{viber(t, 10, "100")}, senders{sender("PL")}, minimum(t, "PL", "100", full)), nil, []string{"reached"}},
		"F3 SMS do not count":                {of(usages{viber(t, 10, "200", sms)}, senders{sender("PL")}, minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
		"F3 adjustments of other months not": {of(usages{viber(t, 10, "200", late(november.Add(-1)))}, senders{sender("PL")}, minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
		"F3 other countries do not count":    {of(usages{viber(t, 10, "200", in("DE"))}, senders{sender("PL")}, minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
		"F2 the month of activation":         {of(nil, senders{firstMonth}, minimum(t, "PL", "100")), nil, []string{"activation_month"}},
		"F2 the month after, not prorated":   {of(nil, senders{beforeIt}, minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
		"F3 waived":                          {waive(of(nil, senders{suspended}, minimum(t, "PL", "100"))), nil, []string{"waived"}},
		"F3 suspended, not waived":           {of(nil, senders{suspended}, minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
		"F3 waived, not suspended":           {waive(of(nil, senders{sender("PL")}, minimum(t, "PL", "100"))), []string{"100.00"}, []string{"charged"}},
		"no minimum for the country":         {of(nil, senders{sender("DE")}, minimum(t, "PL", "100")), nil, []string{"no_minimum"}},
		"no minimum in the currency":         {of(nil, senders{sender("PL"), sender("DE")}, minimum(t, "PL", "9", euro), minimum(t, "DE", "50")), []string{"50.00"}, []string{"charged", "other_currency"}},
		"no terms":                           {of(nil, senders{sender("PL")}), nil, []string{"no_minimum"}},
		"F3 messages reached, cheap":         {of(usages{viber(t, 50, "5")}, senders{sender("PL")}, minimum(t, "PL", "100", messages(50))), nil, []string{"reached"}},
		"F3 messages not reached":            {of(usages{viber(t, 49, "5")}, senders{sender("PL")}, minimum(t, "PL", "100", messages(50))), []string{"95.00"}, []string{"charged"}},
		"F3 messages not reached, dear":      {of(usages{viber(t, 49, "105")}, senders{sender("PL")}, minimum(t, "PL", "100", messages(50))), nil, []string{"reached"}},
		"F3 messages not reached, full":      {of(usages{viber(t, 49, "105")}, senders{sender("PL")}, minimum(t, "PL", "100", messages(50), full)), []string{"100.00"}, []string{"charged"}},
		"F3 each configuration":              {of(usages{viber(t, 1, "30")}, senders{sender("PL"), sender("DE")}, minimum(t, "PL", "100"), minimum(t, "DE", "50")), []string{"50.00", "70.00"}, []string{"charged", "charged"}},
		"a row in the account's currency":    {of(nil, senders{sender("PL")}, minimum(t, "PL", "9", euro), minimum(t, "PL", "100")), []string{"100.00"}, []string{"charged"}},
	} {
		s := compute(t, c.in)
		require.Equal(t, c.charge, lines(s, billing.KindMinimum), name)
		require.Equal(t, c.reason, reasons(s), name)
	}
}

// rules.md F3: welcome messages and late ones count, also such that cost nothing.
func TestWaivedMessagesCount(t *testing.T) {
	t.Parallel()
	free := viber(t, 20, "0", func(u *billing.Usage) { u.Waived = 20 })
	s := compute(t, of(usages{viber(t, 30, "3"), free}, senders{sender("PL")}, minimum(t, "PL", "100", messages(50))))
	require.Equal(t, []string{"reached"}, reasons(s))
	require.Equal(t, billing.NoteWaived, s.Lines[0].Note.Code)
}

// rules.md F3 with scope highest_of_sender: one minimum per sender name.
func TestHighestOfSender(t *testing.T) {
	t.Parallel()
	fresh := sender("DE")
	fresh.Activated = november.First()
	other := sender("PL")
	other.ID, other.Name = "other", "OTHER"
	pl, de := minimum(t, "PL", "100", highest), minimum(t, "DE", "300", highest)
	both := usages{viber(t, 1, "60"), viber(t, 1, "50", in("DE"))}
	for name, c := range map[string]struct {
		in     billing.Inputs
		charge []string
		reason []string
	}{
		"the highest, the traffic of all":         {of(both, senders{sender("PL"), sender("DE")}, pl, de), []string{"190.00"}, []string{"charged"}},
		"one in its activation month":             {of(both, senders{sender("PL"), fresh}, pl, de), []string{"40.00"}, []string{"charged", "activation_month"}},
		"a country without minimum":               {of(both, senders{sender("PL"), sender("DE")}, pl), []string{"40.00"}, []string{"charged", "no_minimum"}},
		"a country with a minimum of its own":     {of(both, senders{sender("PL"), sender("DE")}, pl, minimum(t, "DE", "70")), []string{"40.00", "20.00"}, []string{"charged", "charged"}},
		"each name":                               {of(both, senders{sender("PL"), sender("DE"), other}, pl, de), []string{"190.00", "100.00"}, []string{"charged", "charged"}},
		"the highest one's mode and unit":         {of(both, senders{sender("PL"), sender("DE")}, pl, minimum(t, "DE", "300", highest, full, messages(3))), []string{"300.00"}, []string{"charged"}},
		"of equal ones that with more messages":   {of(both, senders{sender("PL"), sender("DE")}, pl, minimum(t, "DE", "100", highest, messages(2))), nil, []string{"reached"}},
		"of equal ones the first country's holds": {of(both, senders{sender("PL"), sender("DE")}, pl, minimum(t, "DE", "100", highest, full)), nil, []string{"reached"}},
	} {
		s := compute(t, c.in)
		require.Equal(t, c.charge, lines(s, billing.KindMinimum), name)
		require.ElementsMatch(t, c.reason, reasons(s), name)
	}
	s := compute(t, of(both, senders{sender("PL"), sender("DE")}, pl, de))
	line := s.Lines[len(s.Lines)-1]
	require.Equal(t, billing.Key{Sender: "GONIEC"}, line.Key, "the line carries no country")
	require.Equal(t, []string{"DE", "PL"}, s.Obligations[0].Countries)
}

// rules.md F8: a line is rounded once, and the minimum is compared with the lines.
func TestTheMinimumIsComparedWithRoundedLines(t *testing.T) {
	t.Parallel()
	a := viber(t, 1, "49.995")
	b := viber(t, 1, "49.995", func(u *billing.Usage) { u.PriceVersion = "default@4" })
	s := compute(t, of(usages{a, b}, senders{sender("PL")}, minimum(t, "PL", "100")))
	require.Equal(t, []string{"50.00", "50.00"}, lines(s, billing.KindUsage))
	require.Equal(t, []string{"reached"}, reasons(s), "99.99 in whole, 100.00 in lines")
	s = compute(t, of(usages{a, a}, senders{sender("PL")}, minimum(t, "PL", "100")))
	require.Equal(t, []string{"99.99"}, lines(s, billing.KindUsage), "one key is one line, rounded once")
	require.Equal(t, "100.00", s.Total.String())
}

// rules.md F4: a late fact that lifts a closed month credits its top-up.
func TestLateFactsCreditTheTopUp(t *testing.T) {
	t.Parallel()
	october := november.Add(-1)
	for name, c := range map[string]struct {
		minimum billing.Minimum
		late    []billing.Usage
		credit  []string
		left    string
	}{
		"some of it":                 {minimum(t, "PL", "100"), usages{viber(t, 1, "25", late(october))}, []string{"-25.00"}, "15.00"},
		"not more than was charged":  {minimum(t, "PL", "100"), usages{viber(t, 1, "500", late(october))}, []string{"-40.00"}, "0.00"},
		"full, still below":          {minimum(t, "PL", "100", full), usages{viber(t, 1, "25", late(october))}, nil, "100.00"},
		"full, reached now":          {minimum(t, "PL", "100", full), usages{viber(t, 1, "40", late(october))}, []string{"-100.00"}, "0.00"},
		"messages reached now":       {minimum(t, "PL", "100", messages(12)), usages{viber(t, 2, "1", late(october))}, []string{"-40.00"}, "0.00"},
		"SMS do not count (F3)":      {minimum(t, "PL", "100"), usages{viber(t, 1, "25", late(october), sms)}, nil, ""},
		"another month's do not":     {minimum(t, "PL", "100"), usages{viber(t, 1, "25", late(october.Add(-1)))}, nil, ""},
		"nor those of the month now": {minimum(t, "PL", "100"), usages{viber(t, 1, "25")}, nil, ""},
	} {
		first := of(usages{viber(t, 10, "60")}, senders{sender("PL")}, c.minimum)
		first.Month = october
		closed := compute(t, first).Obligations
		s := compute(t, inputs(func(in *billing.Inputs) { in.Usage, in.Closed = c.late, closed }))
		require.Equal(t, c.credit, lines(s, billing.KindMinimumCredit), name)
		if c.left == "" {
			require.Empty(t, s.Obligations, name)
			continue
		}
		require.Len(t, s.Obligations, 1, name)
		require.Equal(t, c.left, s.Obligations[0].Charged.String(), name)
		for _, l := range s.Lines {
			if l.Kind == billing.KindMinimumCredit {
				require.Equal(t, october, l.Adjusts)
				require.Equal(t, "F4", l.Rule)
				require.Equal(t, "regulations@2", l.TermsVersion)
			}
		}
	}
}

// A month that was free or waived charged nothing: there is nothing to credit.
func TestLateFactsOfAFreeMonth(t *testing.T) {
	t.Parallel()
	october := november.Add(-1)
	fresh := sender("PL")
	fresh.Activated = october.First()
	first := of(nil, senders{fresh}, minimum(t, "PL", "100"))
	first.Month = october
	s := compute(t, inputs(func(in *billing.Inputs) {
		in.Usage, in.Closed = usages{viber(t, 1, "25", late(october))}, compute(t, first).Obligations
	}))
	require.Equal(t, "25.00", s.Total.String())
	require.Equal(t, billing.ReasonActivationMonth, s.Obligations[0].Reason)
}

// rules.md F9: a credit reduces the total, and is no traffic.
func TestCredits(t *testing.T) {
	t.Parallel()
	in := of(usages{viber(t, 1, "120")}, senders{sender("PL")}, minimum(t, "PL", "100"))
	in.Credits = []billing.Credit{{ID: "c1", Amount: cents(t, "30.00"), Reason: "an outage", RequestedBy: "key:1", ApprovedBy: "key:2"}}
	s := compute(t, in)
	require.Equal(t, "90.00", s.Total.String())
	require.Equal(t, []string{"reached"}, reasons(s))
	line := s.Lines[1]
	require.Equal(t, billing.Line{
		Kind: "credit", Rule: "F9", Credit: "c1", Exact: amount(t, "-30"), Amount: cents(t, "-30.00"), Note: billing.Note{Code: "granted", Words: "an outage"},
	}, line)
}

// The whole of one statement, as it is ordered.
func TestLinesAreInOrder(t *testing.T) {
	t.Parallel()
	october := november.Add(-1)
	first := of(nil, senders{sender("PL")}, minimum(t, "PL", "100"))
	first.Month = october
	in := of(usages{viber(t, 1, "9", late(october)), viber(t, 3, "2", sms), viber(t, 2, "10", in("DE")), viber(t, 2, "20.004999")},
		senders{sender("PL"), sender("DE")}, minimum(t, "PL", "100"))
	in.Closed = compute(t, first).Obligations
	in.Credits = []billing.Credit{{ID: "c1", Amount: 5, Reason: "r", RequestedBy: "a", ApprovedBy: "b"}}
	s := compute(t, in)
	type row struct{ kind, rule, country, amount string }
	var have []row
	for _, l := range s.Lines {
		have = append(have, row{l.Kind, l.Rule, l.Country, l.Amount.String()})
	}
	require.Equal(t, []row{
		{"usage", "F1", "DE", "10.00"},
		{"usage", "F1", "PL", "2.00"}, // SMS
		{"usage", "F1", "PL", "20.00"},
		{"adjustment", "F4", "PL", "9.00"},
		{"minimum", "F3", "PL", "80.00"},
		{"minimum_credit", "F4", "PL", "-9.00"},
		{"credit", "F9", "", "-0.05"},
	}, have)
	require.Equal(t, "111.95", s.Total.String())
}

func TestComputeRefuses(t *testing.T) {
	t.Parallel()
	closed := billing.Obligation{Month: november.Add(-1), SenderID: "s", Sender: "GONIEC", Country: "PL", Minimum: minimum(t, "PL", "1"), Charged: 1}
	change := func(fn func(*billing.Inputs)) billing.Inputs {
		in := of(usages{viber(t, 1, "1")}, senders{sender("PL")}, minimum(t, "PL", "100"))
		in.Closed = []billing.Obligation{closed}
		fn(&in)
		return in
	}
	most := billing.Usage{Key: billing.Key{Channel: domain.Viber}, Count: math.MaxInt64, Amount: math.MaxInt64}
	for name, c := range map[string]struct {
		in          billing.Inputs
		code, field string
	}{
		"account":             {change(func(in *billing.Inputs) { in.Account = "1" }), billing.CodeInvalidValue, "account"},
		"month":               {change(func(in *billing.Inputs) { in.Month = calendar.Month{} }), billing.CodeInvalidValue, "month"},
		"currency":            {change(func(in *billing.Inputs) { in.Currency = "zł" }), billing.CodeInvalidValue, "currency"},
		"usage in another":    {change(func(in *billing.Inputs) { in.Usage[0].Currency = "EUR" }), billing.CodeCurrencyMismatch, "usage[0].currency"},
		"closed in another":   {change(func(in *billing.Inputs) { in.Closed[0].Minimum.Currency = "EUR" }), billing.CodeCurrencyMismatch, "closed[0].minimum.currency"},
		"channel":             {change(func(in *billing.Inputs) { in.Usage[0].Channel = "fax" }), billing.CodeInvalidValue, "usage[0].channel"},
		"negative":            {change(func(in *billing.Inputs) { in.Usage[0].Amount = -1 }), billing.CodeInvalidValue, "usage[0]"},
		"waived above count":  {change(func(in *billing.Inputs) { in.Usage[0].Waived = 2 }), billing.CodeInvalidValue, "usage[0]"},
		"adjusts itself":      {change(func(in *billing.Inputs) { in.Usage[0].Adjusts = november }), billing.CodeInvalidValue, "usage[0].adjusts"},
		"sender twice (B9)":   {change(func(in *billing.Inputs) { in.Senders = append(in.Senders, sender("PL")) }), billing.CodeInvalidValue, "senders[1]"},
		"sender of later":     {change(func(in *billing.Inputs) { in.Senders[0].Activated = november.Add(1).First() }), billing.CodeInvalidValue, "senders[0].activated"},
		"sender without name": {change(func(in *billing.Inputs) { in.Senders[0].Name = "" }), billing.CodeRequired, "senders[0]"},
		"minimum twice":       {change(func(in *billing.Inputs) { in.Terms.Minimums = append(in.Terms.Minimums, in.Terms.Minimums[0]) }), billing.CodeInvalidValue, "terms.minimums[1]"},
		"minimum's unit":      {change(func(in *billing.Inputs) { in.Terms.Minimums[0].Unit = "" }), billing.CodeInvalidValue, "terms.minimums[0].unit"},
		"minimum's mode":      {change(func(in *billing.Inputs) { in.Terms.Minimums[0].Mode = "" }), billing.CodeInvalidValue, "terms.minimums[0].mode"},
		"minimum's scope":     {change(func(in *billing.Inputs) { in.Terms.Minimums[0].Scope = "" }), billing.CodeInvalidValue, "terms.minimums[0].scope"},
		"minimum too large":   {change(func(in *billing.Inputs) { in.Terms.Minimums[0].Amount = math.MaxInt64 }), billing.CodeInvalidValue, "terms.minimums[0]"},
		"credit of nothing":   {change(func(in *billing.Inputs) { in.Credits = []billing.Credit{{}} }), billing.CodeInvalidValue, "credits[0].amount"},
		"credit of one": {change(func(in *billing.Inputs) {
			in.Credits = []billing.Credit{{Amount: 1, RequestedBy: "a", ApprovedBy: "a"}}
		}), billing.CodeSamePerson, "credits[0]"},
		"closed twice":     {change(func(in *billing.Inputs) { in.Closed = append(in.Closed, closed) }), billing.CodeInvalidValue, "closed[1]"},
		"closed of later":  {change(func(in *billing.Inputs) { in.Closed[0].Month = november }), billing.CodeInvalidValue, "closed[0].month"},
		"too many":         {change(func(in *billing.Inputs) { in.Senders = make([]billing.SenderMonth, billing.MaxSenders+1) }), billing.CodeTooMany, "senders"},
		"amounts overflow": {change(func(in *billing.Inputs) { in.Usage = usages{most, most} }), billing.CodeOverflow, ""},
		"traffic overflows": {change(func(in *billing.Inputs) {
			in.Usage = usages{viber(t, math.MaxInt64, "1"), viber(t, 1, "1", func(u *billing.Usage) { u.Content = domain.Rich })}
		}), billing.CodeOverflow, ""},
	} {
		_, err := billing.Compute(c.in)
		var refused *domain.Error
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, c.code, refused.Code, name)
		require.Equal(t, c.field, refused.Field, name)
	}
}

func TestComputeChangesNoInputs(t *testing.T) {
	t.Parallel()
	in := of(usages{viber(t, 1, "2", in("PL")), viber(t, 1, "1", in("DE"))}, senders{sender("PL"), sender("DE")}, minimum(t, "PL", "100"), minimum(t, "DE", "5"))
	usage, senders := slices.Clone(in.Usage), slices.Clone(in.Senders)
	compute(t, in)
	require.Equal(t, usage, in.Usage)
	require.Equal(t, senders, in.Senders)
}

// Late facts never charge more: what was credited already stays credited (F4).
func TestLateFactsNeverChargeMore(t *testing.T) {
	t.Parallel()
	october := november.Add(-1)
	s := compute(t, inputs(func(in *billing.Inputs) {
		in.Usage = usages{viber(t, 1, "25", late(october))}
		in.Closed = []billing.Obligation{{
			Month: october, SenderID: "s", Sender: "GONIEC", Country: "PL", Minimum: minimum(t, "PL", "100"),
			Traffic: cents(t, "60"), Charged: cents(t, "10"), Reason: billing.ReasonCharged,
		}}
	}))
	require.Equal(t, "25.00", s.Total.String())
	require.Equal(t, "10.00", s.Obligations[0].Charged.String())
}
