package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/audit"
)

// rules.md F4: behind its seal a month has no charge, and months are sealed in order.
func TestSealedMonthsAreFinal(t *testing.T) {
	t.Parallel()
	seal := func(month string) func(*journal) {
		return func(j *journal) {
			j.add(eventstore.Messages, 0, "partition/0", partition.PeriodSealed{Month: month})
		}
	}
	charge := func(month, adjusts string) func(*journal) {
		return func(j *journal) {
			j.add(eventstore.Messages, 0, "message/"+first, message.Charged{Channel: domain.Viber, Amount: "0.05", Month: month, Adjusts: adjusts})
		}
	}
	for name, tc := range map[string]struct {
		then []func(*journal)
		what string
	}{
		"in order":               {[]func(*journal){charge("2026-10", ""), seal("2026-10"), charge("2026-11", "2026-10"), seal("2026-11"), charge("2026-12", "")}, ""},
		"a charge behind":        {[]func(*journal){seal("2026-10"), charge("2026-10", "")}, `it is charged in the month "2026-10", and 2026-10 is sealed already`},
		"a charge of an old one": {[]func(*journal){seal("2026-10"), charge("2026-09", "2026-08")}, `it is charged in the month "2026-09", and 2026-10 is sealed already`},
		"sealed twice":           {[]func(*journal){seal("2026-10"), seal("2026-10")}, `it seals the month "2026-10", and 2026-10 is sealed already`},
		"sealed out of order":    {[]func(*journal){seal("2026-10"), seal("2026-09")}, `it seals the month "2026-09", and 2026-10 is sealed already`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.life(0, first)
			for _, fn := range tc.then {
				fn(b.journal)
			}
			b.publish(nil)
			r, err := audit.Verify(t.Context(), b.config())
			require.NoError(t, err)
			if tc.what == "" {
				require.True(t, r.Intact, "%v", r.Broken)
				return
			}
			require.Len(t, r.Broken, 1)
			require.Equal(t, tc.what, r.Broken[0].What)
		})
	}
}
