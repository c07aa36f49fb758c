package billing_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain/billing"
)

func TestViewOfMonths(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	october := november.Add(-1)
	require.Empty(t, j.view.Months(account))
	require.False(t, j.view.Month(account, october).Closed())
	require.Equal(t, billing.Stream(account, october), j.view.Month(account, october).Stream)

	first := j.closing(viber(t, 10, "60"))
	first.Inputs.Month = october
	j.do(november, "key:1", ask("30"))
	j.do(october, "process", first)
	months := j.view.Months(account)
	require.Len(t, months, 2)
	require.Equal(t, october, months[0].Month)
	require.True(t, months[0].Closed())
	require.Equal(t, "100.00", months[0].Total.String())
	require.Equal(t, j.facts.Now, months[0].ClosedAt)
	require.False(t, months[1].Closed())
	require.Equal(t, billing.CreditAsked, months[1].Credits[creditID].Status)
	require.EqualValues(t, 1, j.view.Version(billing.Stream(account, october)))
	require.Empty(t, j.view.Months(senderID))
}

// rules.md F4: what one close credits, the next one knows.
func TestViewKeepsWhatIsLeftOfObligations(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	october := november.Add(-1)
	first := j.closing(viber(t, 10, "60"))
	first.Inputs.Month = october
	j.do(october, "process", first)
	require.Equal(t, "40.00", j.view.Obligations(account, october)[0].Charged.String())
	for i, left := range []string{"15.00", "0.00", "0.00"} {
		c := billing.CloseMonth{Inputs: inputs(func(in *billing.Inputs) {
			in.Month = november.Add(i)
			in.Usage = usages{viber(t, 1, "25", late(october))}
			in.Closed = j.view.Obligations(account, october)
		})}
		j.facts.Now = j.facts.Now.AddDate(0, 1, 0)
		j.do(november.Add(i), "process", c)
		owed := j.view.Obligations(account, october)
		require.Len(t, owed, 1)
		require.Equal(t, left, owed[0].Charged.String())
	}
	total := j.view.Month(account, november).Total + j.view.Month(account, november.Add(1)).Total + j.view.Month(account, november.Add(2)).Total
	require.Equal(t, "35.00", total.String(), "75 late, 40 of it paid by the top-up")
	require.Empty(t, j.view.Obligations(account, november.Add(5)))
}

func TestViewTakesAnEventOnce(t *testing.T) {
	t.Parallel()
	v, stream := billing.NewView(), billing.Stream(account, november)
	e := billing.CreditRequested{Credit: creditID, Amount: 1, Reason: "r", By: "b"}
	for range 2 {
		v.Apply(stream, 1, e, newJournal(t).facts.Now)
	}
	v.Apply("account/"+account, 1, e, newJournal(t).facts.Now)
	require.EqualValues(t, 1, v.Month(account, november).Version)
	require.Zero(t, v.Version("account/"+account))
}

func TestViewIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	v, stream, now := billing.NewView(), billing.Stream(account, november), newJournal(t).facts.Now
	closed := billing.MonthClosed{Digest: "d", Statement: compute(t, of(nil, senders{sender("PL")}))}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 100 {
				if i == 0 {
					v.Apply(stream, int64(n+1), closed, now)
				}
				_ = v.Months(account)
				_ = v.Obligations(account, november)
			}
		})
	}
	wg.Wait()
	require.True(t, v.Month(account, november).Closed())
}
