package demo

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/internal/testkit"
)

// TestMonth lets two months pass on the real installation: rules.md B6, B8, B12, B13,
// F1 to F9.
func TestMonth(t *testing.T) {
	t.Parallel()
	opt := MonthOptions{Options: Options{Dir: t.TempDir()}}
	if !testkit.KafkaIsEmbedded() {
		addr, prefix := testkit.Kafka(t)
		opt.Brokers, opt.Prefix = []string{addr}, prefix
	}
	var told []Happening
	opt.Tell = func(h Happening) { told = append(told, h) }
	r, err := RunMonth(t.Context(), opt)
	require.NoError(t, err)
	for _, c := range r.Checks {
		require.True(t, c.OK, "%s: %v", c.Name, c.Faults)
	}
	require.Len(t, r.Checks, monthChecks)
	require.True(t, r.OK)
	require.Equal(t, told, r.Happenings)
	require.Len(t, told, len((&month{cast: newCast()}).story()))
	require.Len(t, r.Statements, len(monthTotals()))
	require.Len(t, r.Recomputed, len(monthTotals()))
}

func TestTheStoryGoesForward(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation(run.Defaults().Zone)
	require.NoError(t, err)
	m := &month{cast: newCast(), zone: zone}
	last := m.time(monthBegins)
	require.False(t, last.IsZero())
	for _, s := range m.story() {
		require.False(t, m.time(s.at).Before(last), s.at)
		last = m.time(s.at)
	}
	require.False(t, m.time(monthEnds).Before(last))
}

// What happens otherwise than the story has it ends it.
func TestRefusalsAreExpected(t *testing.T) {
	t.Parallel()
	m := &month{}
	answers := func(err error) verb { return func(context.Context) (string, error) { return "it was done", err } }
	late := &client.Error{Code: "refused", Fields: []httpapi.FieldError{{Field: "month", Code: "too_late", Message: "had to be given by 2026-11-24"}}}
	told, err := m.refused("too_late", "notice", answers(late))(t.Context())
	require.NoError(t, err)
	require.Equal(t, "notice is refused: had to be given by 2026-11-24 (too_late)", told)
	for name, err := range map[string]error{"nothing": nil, "another code": &client.Error{Code: "other"}, "another error": errors.New("away")} {
		_, got := m.refused("too_late", "notice", answers(err))(t.Context())
		require.Error(t, got, name)
	}
	_, err = all(answers(nil), answers(late), answers(nil))(t.Context())
	require.ErrorIs(t, err, late)
}

// A month that came to anything else, a sender that stands elsewhere, a message
// without an end: each is a fault.
func TestMonthFindsFaults(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := `{"senders":[{"name":"LIPA","state":"disabled"}]}`
		if strings.HasSuffix(r.URL.Path, "/statement") {
			answer = `{"state":"closed","total":"10.00"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	api, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	m := &month{cast: newCast(), operator: api, report: &MonthReport{}, book: &Book{}, accepted: 1}
	m.cast.market.api, m.cast.pharmacy.api = api, api
	require.NoError(t, m.checkStatements(t.Context()))
	require.NoError(t, m.checkSenders(t.Context()))
	require.NoError(t, m.checkMessages(t.Context()))
	require.False(t, allOK(m.report.Checks))
	require.Len(t, m.report.Checks[0].Faults, len(monthTotals())-1, "one of them does come to 10.00")
	require.Equal(t, []string{"LIPA is disabled, and has to be closed", "there are 1 senders, not 4"}, m.report.Checks[1].Faults)
	require.Len(t, m.report.Checks[2].Faults, 1)
}

func TestRefusalsInWords(t *testing.T) {
	t.Parallel()
	field := func(name string) httpapi.FieldError {
		return httpapi.FieldError{Field: name, Code: "missing", Message: "is missing"}
	}
	for want, fields := range map[string][]httpapi.FieldError{
		"no (refused)": nil, "is missing (missing)": {field("logo")}, "logo, kind (missing)": {field("logo"), field("kind")},
	} {
		require.Equal(t, want, inWords(&client.Error{Code: "refused", Detail: "no", Fields: fields}))
	}
}

func TestTheEarlierOfTwo(t *testing.T) {
	t.Parallel()
	a, b := time.Unix(1, 0), time.Unix(2, 0)
	require.Equal(t, a, earliest(a, b))
	require.Equal(t, a, earliest(b, a))
	require.Equal(t, a, earliest(a, time.Time{}))
	require.Equal(t, a, earliest(time.Time{}, a))
	require.True(t, earliest(time.Time{}, time.Time{}).IsZero())
}
