package recipients_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/recipients"
	"goniec/domain"
)

func TestRender(t *testing.T) {
	t.Parallel()
	fields := map[string]string{"name": "Żaneta", "sum": " 12 {zł} ", "empty": " "}
	for text, want := range map[string]string{
		"Dzień dobry {name}":     "Dzień dobry Żaneta",
		"{name|Kliencie}, {x|}!": "Żaneta, !",
		"Drogi {empty|Kliencie}": "Drogi Kliencie",
		"{ name }: {sum}":        "Żaneta: 12 {zł}",
		"{{name}} {name}}} {{}}": "{name} Żaneta} {}",
		"":                       "",
		"no fields":              "no fields",
		"{missing|a|b}":          "a|b",
		"line\n{name}":           "line\nŻaneta",
	} {
		tmpl, err := recipients.ParseTemplate(text)
		require.NoError(t, err, text)
		got, err := tmpl.Render(fields)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func TestRenderNeedsValues(t *testing.T) {
	t.Parallel()
	tmpl, err := recipients.ParseTemplate("{name} {empty} {name|x}")
	require.NoError(t, err)
	require.Equal(t, []string{"name", "empty"}, tmpl.Fields())
	_, err = tmpl.Render(map[string]string{"name": "A", "empty": " "})
	require.Equal(t, &domain.Error{Code: "missing_value", Field: "empty", Message: "has no value in this row and no default in the text"}, err)
	require.NoError(t, tmpl.Check([]string{"to", "name", "empty"}))
	require.Equal(t, "invalid_template", domain.CodeOf(tmpl.Check([]string{"to", "name"})))
}

func TestTemplateIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", "}", "{name", "a } b", "{}", "{ }", "{|x}", "{a{b}", "\xff", strings.Repeat("a", recipients.MaxTemplate+1)} {
		_, err := recipients.ParseTemplate(text)
		require.Equal(t, "invalid_template", domain.CodeOf(err), "%.20q", text)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{name}", "{name|x}", "{{", "}}", "{a}{{b}}{c|}", "a"} {
		f.Add(s, "value {x}")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		tmpl, err := recipients.ParseTemplate(text)
		if err != nil {
			return
		}
		fields := map[string]string{}
		for _, name := range tmpl.Fields() {
			fields[name] = value
		}
		got, err := tmpl.Render(fields)
		if strings.TrimSpace(value) != "" {
			require.NoError(t, err)
		}
		if err == nil && len(tmpl.Fields()) == 0 {
			require.Equal(t, strings.ReplaceAll(strings.ReplaceAll(text, "{{", "{"), "}}", "}"), got)
		}
	})
}
