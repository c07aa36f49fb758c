package recipient_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/recipient"
)

func TestAnErasureIsTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	c := recipient.Erase{Number: "n", Reason: "request 7", Contents: []string{"a/1"}}
	got := recipient.DecideErase(c, at, "acc", "key:1", 3, 1)
	require.Equal(t, []recipient.Stamped{{Event: recipient.Erased{Account: "acc", Number: "n", By: "key:1", Reason: "request 7", Contents: 3, Ended: 1}, At: at}}, got)
	require.Empty(t, recipient.DecideErase(c, at, "acc", "key:1", 0, 0), "nothing is left")

	stops := []recipient.Stop{{Channel: domain.SMS, Category: domain.Promotional, Origin: recipient.OriginAPI, At: at}}
	s := recipient.State{Account: "acc", Number: "n", Stops: stops}
	require.Equal(t, s, recipient.Evolve(s, got[0].Event, at), "an opt-out stays in force")
	n := recipient.NumberState{NotOnViberUntil: at}
	require.Equal(t, n, recipient.EvolveNumber(n, got[0].Event, at))
}

func TestWhatAnErasureMayBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*recipient.Erase)
		code   string
	}{
		"possible":         {func(*recipient.Erase) {}, ""},
		"without a reason": {func(c *recipient.Erase) { c.Reason = " " }, "required"},
		"a long reason":    {func(c *recipient.Erase) { c.Reason = strings.Repeat("ż", 501) }, "invalid_value"},
		"two lines":        {func(c *recipient.Erase) { c.Reason = "a\nb" }, "invalid_value"},
		"no key":           {func(c *recipient.Erase) { c.Contents = []string{""} }, "invalid_value"},
		"a long key":       {func(c *recipient.Erase) { c.Contents = []string{strings.Repeat("k", 129)} }, "invalid_value"},
		"most":             {func(c *recipient.Erase) { c.Contents = slices.Repeat([]string{"k"}, 500) }, ""},
		"too many":         {func(c *recipient.Erase) { c.Contents = slices.Repeat([]string{"k"}, 501) }, "too_many"},
	} {
		e := recipient.Erase{Number: "n", Reason: "x"}
		c.change(&e)
		require.Equal(t, c.code, domain.CodeOf(e.Validate()), name)
	}
}
