package suffixes

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
	"goniec/domain/message"
)

// documented reads the table of simulated carriers out of the rules.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/rules.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(raw), "| suffix |")
	require.True(t, ok)
	rows := map[string][]string{}
	suffix := regexp.MustCompile(`\b\d\d\b`)
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 6 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		names := regexp.MustCompile(`\(\d+\)`).ReplaceAllString(cells[0], "")
		for _, s := range suffix.FindAllString(names, -1) {
			rows[s] = cells
		}
		if cells[0] == "other" {
			rows["even"], rows["odd"] = cells, cells
		}
	}
	return rows
}

// The table of expectations says what the rules' table says, row by row.
func TestExpectationsAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	rows := documented(t)
	have := map[string]bool{}
	for _, e := range Expectations() {
		have[e.Suffix] = true
		cells := rows[e.Suffix]
		require.NotNil(t, cells, e.Suffix)
		channel := string(e.Channel)
		if channel == "" {
			channel = "–"
		}
		if cells[3] == "read or delivered, viber" {
			require.Contains(t, []message.Status{"read", "delivered"}, e.State)
		} else {
			require.Equal(t, fmt.Sprintf("%s, %s", e.State, channel), cells[3], e.Suffix)
		}
		require.Equal(t, fmt.Sprintf("%d/%d", e.Viber, e.SMS), cells[4], e.Suffix)
		requireBesides(t, e, cells[5])
	}
	for s := range rows {
		require.True(t, have[s], "row %s of the rules", s)
	}
	for _, s := range simulator.Suffixes() {
		require.True(t, have[s], "script %s of the simulator", s)
	}
}

// requireBesides compares the last column as far as it speaks in fixed words.
func requireBesides(t *testing.T, e Expectation, text string) {
	t.Helper()
	has := func(word string) bool { return strings.Contains(" "+e.Besides, " "+word) }
	atOnce := has("fallback=") && !has("fallback=deadline")
	for says, is := range map[string]bool{
		"at once": atOnce, "deadline": has("fallback=deadline") || e.Suffix == "14", "late": has("late"), "double": has("double"),
		"inferred": has("inferred"), "two retries": has("retries=2"), "remembered": has("remembered"), "`no_report`": has("ends=no_report"),
		"pending": has("pending"), "unknown twice": has("unknown=2"), "`expired`": has("fallback=expired"),
	} {
		if strings.Contains(strings.ReplaceAll(text, "not late", ""), says) {
			require.True(t, is, "%s: %s", e.Suffix, says)
		}
	}
	if e.Suffix == "09" || e.Suffix == "12" || e.Suffix == "36" {
		require.True(t, has("opt-out"), e.Suffix)
		require.Contains(t, text, "opt-out")
	} else {
		require.False(t, has("opt-out"), e.Suffix)
	}
	require.Equal(t, strings.Contains(text, "reply"), has("reply"), e.Suffix)
	require.Equal(t, e.Suffix == "14", e.Or != nil)
	require.Equal(t, strings.Contains(text, "suspends the sender"), e.Against)
}
