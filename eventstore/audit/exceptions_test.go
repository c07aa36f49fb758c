package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

// What is not ordinary is counted whole and told up to the limit; what happens all
// the time is not told.
func TestExceptions(t *testing.T) {
	t.Parallel()
	j := setup(t)
	j.add(eventstore.Messages, 0, "message/"+first, message.AttemptUnknown{Attempt: attempt})
	from := j.At.Add(time.Millisecond)
	want := map[string]int64{}
	for section, facts := range map[string][]domain.Event{
		audit.SectionParked:    {partition.Parked{}, partition.Dropped{}},
		audit.SectionUnknown:   {message.AttemptUnknown{}, message.Unknown{}, message.OutcomeDecided{}},
		audit.SectionInferred:  {message.AttemptResolved{Inferred: true}, message.Delivered{Inferred: true}},
		audit.SectionUnmatched: {recipient.ReportStored{}},
		audit.SectionLate:      {message.Delivered{Late: true}, message.Delivered{Double: true, Inferred: true}},
		audit.SectionAdjusted:  {message.Charged{Month: "2026-12", Adjusts: "2026-11"}},
		audit.SectionCredits:   {billing.CreditRequested{}, billing.MinimumWaived{}},
		audit.SectionPauses:    {account.PauseBegun{}, account.PauseEnded{}},
		audit.SectionChanges:   {account.SettingsChanged{}},
		audit.SectionBills:     {billing.MonthClosed{}},
		audit.SectionReads:     {account.AccessNoted{What: account.AccessMatch}, partition.ContentRead{}},
		audit.SectionErased:    {recipient.Erased{}, partition.KeysDestroyed{}},
		"":                     {message.Delivered{}, message.Charged{Month: "2026-12"}, message.AttemptResolved{}, message.Released{}},
	} {
		for _, f := range facts {
			j.add(eventstore.Messages, 0, "message/"+first, f)
			want[section]++
		}
	}
	to := j.At.Add(time.Millisecond)
	j.add(eventstore.Messages, 0, "message/"+first, message.Unknown{})
	j.add(eventstore.Accounts, 1, "account/x", account.SettingsChanged{}, func(e *eventstore.Event) { e.Recorded = from })
	want[audit.SectionChanges]++
	j.publish(nil)

	d, err := audit.Exceptions(t.Context(), j.config(), from, to, 1)
	require.NoError(t, err)
	require.Len(t, d.Sections, len(audit.Sections()))
	total := want[""]
	for _, s := range d.Sections {
		require.Equal(t, want[s.Name], s.Count, s.Name)
		require.Len(t, s.First, 1, s.Name)
		total += s.Count
	}
	require.Equal(t, total, d.Events)
	require.Equal(t, "account/x", d.Sections[8].First[0].Stream, "the earlier one is told")
}
