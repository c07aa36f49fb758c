package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/catalog"
	"goniec/domain/message"
	"goniec/domain/money"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	t.Parallel()
	want, err := Files("../..")
	require.NoError(t, err)
	for _, typ := range catalog.Types() {
		require.Contains(t, want, pages+"/"+typ+".md")
		require.Contains(t, want, schemaDir+"/"+typ+".json")
	}
	for name, text := range want {
		have, err := os.ReadFile("../../" + name)
		require.NoError(t, err)
		require.Equal(t, text, string(have), "%s: go run ./tools/eventdocs", name)
	}
	for _, pattern := range []string{pages + "/*", schemaDir + "/*"} {
		have, err := filepath.Glob("../../" + pattern)
		require.NoError(t, err)
		for _, path := range have {
			name, err := filepath.Rel("../..", path)
			require.NoError(t, err)
			require.Contains(t, want, name, "left over")
		}
	}
}

// Whoever reads the catalog asks nobody: every field of every event, nested ones too,
// says what it is, on its page and in its schema.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	s, err := readSource("../..")
	require.NoError(t, err)
	schemas, err := Schemas(s)
	require.NoError(t, err)
	for _, typ := range catalog.Types() {
		zero, err := catalog.Zero(typ)
		require.NoError(t, err)
		require.NotEmpty(t, s.doc(reflect.TypeOf(zero)), typ)
		var schema map[string]any
		text, err := json.Marshal(schemas[typ])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &schema))
		onPage, inSchema := map[string]string{}, map[string]string{}
		for _, f := range s.fields(reflect.TypeOf(zero), "") {
			onPage[f.path] = f.doc
		}
		addDescriptions(inSchema, "", schema)
		require.Equal(t, inSchema, onPage, typ)
		for path, doc := range onPage {
			require.NotEmpty(t, doc, "%s: a comment at the field %s", typ, path)
		}
	}
}

// addDescriptions puts those of a schema's properties into out, by their path on a page.
func addDescriptions(out map[string]string, at string, schema map[string]any) {
	for name, property := range object(schema["properties"]) {
		path := strings.TrimPrefix(at+"."+name, ".")
		out[path], _ = object(property)["description"].(string)
		addDescriptions(out, path, object(property))
	}
	if items := object(schema["items"]); items != nil {
		addDescriptions(out, at+"[]", items)
	}
}

func TestDescriptions(t *testing.T) {
	t.Parallel()
	type part struct {
		Channel  domain.Channel   `json:"channel"`
		Channels []domain.Channel `json:"channels,omitempty"`
		Known    domain.Channel   `json:"known"`
		Sum      money.Cents      `json:"sum"`
		Silent   money.Cents      `json:"silent"`
	}
	type whole struct {
		Parts []part `json:"parts"`
		part
	}
	const here = "goniec/tools/eventdocs."
	s, err := readSource("../..")
	require.NoError(t, err)
	for _, name := range []string{"part.Channel", "part.Channels", "part.Sum", "whole.Parts"} {
		s.comments[here+name] = "said"
	}
	s.comments[here+"part.Known"] = `only "sms"`
	want := []field{
		{"channel", "string", false, `said; "viber" or "sms"`},
		{"channels", "list of string", true, `said; "viber" or "sms"`},
		{"known", "string", false, `only "sms"`},
		{"sum", "string", false, "said; decimal, 2 places"},
		{"silent", "string", false, ""},
	}
	got := s.fields(reflect.TypeFor[whole](), "")
	require.Equal(t, field{"parts", "list of object", false, "said"}, got[0])
	require.Equal(t, want, got[len(want)+1:], "embedded")
	for i := range want {
		want[i].path = "parts[]." + want[i].path
	}
	require.Equal(t, want, got[1:len(want)+1], "nested")
}

// What a refusal by Viber may be called stands at its field, all of it.
func TestReasonsOfRefusalsAreDescribed(t *testing.T) {
	t.Parallel()
	s, err := readSource("../..")
	require.NoError(t, err)
	said := s.describe(reflect.TypeFor[message.AttemptRefused](), "Reason")
	for status := range 1000 {
		for _, m := range []message.ViberMeaning{message.MeaningOfViber(status), message.MeaningOfViberHTTP(status)} {
			if m.Outcome == message.OutcomeRefused {
				require.Contains(t, said, strconv.Quote(m.Reason))
			}
		}
	}
}

const released = "../../catalog/released"

// What was released can be read for ever: of each type that a release had, the
// schema of today is one that its readers can read.
func TestTheCatalogIsCompatible(t *testing.T) {
	t.Parallel()
	s, err := readSource("../..")
	require.NoError(t, err)
	schemas, err := Schemas(s)
	require.NoError(t, err)
	paths, err := filepath.Glob(released + "/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		was, err := os.ReadFile(path)
		require.NoError(t, err)
		typ := filepath.Base(path[:len(path)-len(".json")])
		require.Contains(t, slices.Collect(maps.Keys(schemas)), typ, "an event type that was released is gone")
		is, err := json.Marshal(schemas[typ])
		require.NoError(t, err)
		wrong, err := Incompatible(was, is)
		require.NoError(t, err)
		require.Empty(t, wrong, typ)
	}
}

func TestIncompatibilitiesAreFound(t *testing.T) {
	t.Parallel()
	was := `{"type":"object","required":["a","b"],"properties":{"a":{"type":"string"},"b":{"type":"object","properties":{"c":{"type":"integer"}}},
		"d":{"type":"array","items":{"type":"object","properties":{"e":{"type":"string","format":"date-time"}}}}}}`
	for name, tc := range map[string]struct {
		is   string
		want []string
	}{
		"the same":      {was, nil},
		"a field more":  {`{"type":"object","required":["a","b","x"],"properties":{"x":{"type":"string"},"a":{"type":"string"},"b":{"type":"object","properties":{"c":{"type":"integer"},"y":{"type":"string"}}},"d":{"type":"array","items":{"type":"object","properties":{"e":{"type":"string","format":"date-time"}}}}}}`, nil},
		"removed":       {`{"type":"object","required":["a","b"],"properties":{"a":{"type":"string"},"b":{"type":"object","properties":{"c":{"type":"integer"}}}}}`, []string{"d: is gone"}},
		"retyped":       {`{"type":"object","required":["a","b"],"properties":{"a":{"type":"integer"},"b":{"type":"object","properties":{"c":{"type":"integer"}}},"d":{"type":"array","items":{"type":"object","properties":{"e":{"type":"string","format":"date-time"}}}}}}`, []string{"a: type was string, is integer"}},
		"deep":          {`{"type":"object","required":["a","b"],"properties":{"a":{"type":"string"},"b":{"type":"object","properties":{}},"d":{"type":"array","items":{"type":"object","properties":{"e":{"type":"string"}}}}}}`, []string{"b.c: is gone", "d.items.e: format was date-time, is <nil>"}},
		"need not be":   {`{"type":"object","required":["a"],"properties":{"a":{"type":"string"},"b":{"type":"object","properties":{"c":{"type":"integer"}}},"d":{"type":"array","items":{"type":"object","properties":{"e":{"type":"string","format":"date-time"}}}}}}`, []string{"b: was always there, and need not be any more"}},
		"not an object": {`{"type":"string"}`, []string{"the data: type was object, is string", "a: was always there, and need not be any more", "b: was always there, and need not be any more", "a: is gone", "b: is gone", "d: is gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Incompatible([]byte(was), []byte(tc.is))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	_, err := Incompatible([]byte("{"), []byte("{}"))
	require.Error(t, err)
}
