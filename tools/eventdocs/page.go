package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"

	"goniec/domain/catalog"
)

// packages that declare events, with the streams they belong to.
var packages = []struct{ dir, streams, topic string }{
	{"domain/message", "`message/<uuid>`", "messages"},
	{"domain/recipient", "`recipient/<uuid>`, `number/<keyed hash>`", "messages"},
	{"domain/partition", "`partition/<n>`, `parked/<uuid>`", "messages"},
	{"domain/account", "`account/<uuid>`, `sender/<uuid>`, `prices/<account or default>`, `pause/<switch>`, `regulations/viber`", "accounts"},
	{"domain/billing", "`billing/<account uuid>/<YYYY-MM>`", "accounts"},
}

type event struct {
	typ, name, doc string
	fields         []field
}

// header is one of an event's Kafka headers.
type header struct {
	name, meaning, hashed string
	always                bool
}

var headers = []header{
	{"ce_specversion", "1.0", "yes", true},
	{"ce_id", "id of the event, derived from the command's id: a command decided again names its events the same", "yes", true},
	{"ce_type", "what happened; ends with the version of the data's shape", "yes", true},
	{"ce_source", "goniec/ and the installation's id", "yes", true},
	{"ce_subject", "the stream, as the key", "yes", true},
	{"ce_time", "when it happened, UTC", "yes", true},
	{"ce_recordedtime", "when it was decided, UTC; never goes back within a partition", "yes", true},
	{"ce_streamversion", "1, 2, … within the stream", "yes", true},
	{"ce_commandid", "the command that was decided", "yes", false},
	{"ce_causationid", "what caused that command", "yes", false},
	{"ce_correlationid", "one id over the whole story", "yes", false},
	{"ce_account", "whose it is", "yes", false},
	{"ce_actor", "who: key:‹id›, dispatcher, carrier/‹route›, timer/‹name›, …", "yes", false},
	{"ce_epoch", "+1 with every owner of the partition", "yes", true},
	{"ce_prevhash", "hash of the event before it in the partition", "as a field of its own", true},
	{"ce_hash", "hash of this event, see [audit.md](../audit.md)", "no", true},
	{"traceparent", "W3C trace context, when there is one", "no", false},
	{"content-type", "application/json", "no", true},
	{"ce_inbox", "at the last event of a transaction: the offsets of inbox.urgent and inbox.bulk that were dealt with by it, as 13207,55", "no", false},
}

// Pages returns the pages of the events for the repository at root, by file name.
func Pages(root string, s source) (map[string]string, error) {
	out := map[string]string{}
	var index strings.Builder
	index.WriteString(head)
	for _, h := range headers {
		fmt.Fprintf(&index, "| `%s` | %s | %s |\n", h.name, h.meaning, h.hashed)
	}
	index.WriteString(rest)
	for _, p := range packages {
		events, err := eventsOf(s, p.dir)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&index, "\n## %s\n\nTopic `%s`, streams %s.\n\n| event | |\n|---|---|\n", filepath.Base(p.dir), p.topic, p.streams)
		for _, e := range events {
			fmt.Fprintf(&index, "| [`%s`](%s.md) | %s |\n", e.typ, e.typ, firstSentence(e.doc))
			if out[e.typ+".md"], err = eventPage(root, e, p.topic, p.streams); err != nil {
				return nil, err
			}
		}
	}
	out["README.md"] = index.String()
	return out, nil
}

// firstSentence of a comment, for a table.
func firstSentence(doc string) string {
	if i := strings.Index(doc, ". "); i > 0 {
		doc = doc[:i+1]
	}
	return escape(doc)
}

// escape writes what Markdown would take for its own, or for HTML, as it is meant.
func escape(text string) string { return strings.NewReplacer("|", `\|`, "<", `\<`).Replace(text) }

func eventPage(root string, e event, topic, streams string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# `%s`\n\n%s\n\nTopic `%s`, streams %s. Schema: [%s.json](../../catalog/schemas/%s.json).\n", e.typ, escape(e.doc), topic, streams, e.typ, e.typ)
	first, err := firstPaths(root, e.typ)
	if err != nil {
		return "", err
	}
	if len(e.fields) > 0 {
		b.WriteString("\n| field | type | meaning | since |\n|---|---|---|---|\n")
	}
	for _, f := range e.fields {
		kind, since := f.kind, "v1"
		if f.optional {
			kind += ", optional"
		}
		if !first[f.path] {
			since = "added to v1: older events lack it"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.path, kind, escape(f.doc), since)
	}
	text, err := example(root, e.typ)
	if err != nil {
		return "", fmt.Errorf("example of %s: %w", e.typ, err)
	}
	fmt.Fprintf(&b, "\nEvery field with a value of its kind:\n\n```json\n%s\n```\n", strings.TrimSpace(string(text)))
	return b.String(), nil
}

// firstPaths are the fields that the first golden file of a type has: all that
// there were then.
func firstPaths(root, typ string) (map[string]bool, error) {
	var first map[string]any
	text, err := os.ReadFile(filepath.Join(root, "domain/catalog/testdata", typ+".json"))
	if err == nil {
		err = json.Unmarshal(text, &first)
	}
	if err != nil {
		return nil, fmt.Errorf("golden file of %s: %w", typ, err)
	}
	out := map[string]bool{}
	addPaths(out, "", first)
	return out, nil
}

func addPaths(out map[string]bool, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			path := strings.TrimPrefix(at+"."+name, ".")
			out[path] = true
			addPaths(out, path, inner)
		}
	case []any:
		for _, inner := range v {
			addPaths(out, at+"[]", inner)
		}
	}
}

// eventsOf returns the events that a package of the domain declares, by type.
func eventsOf(s source, dir string) ([]event, error) {
	var out []event
	for _, typ := range catalog.Types() {
		zero, err := catalog.Zero(typ)
		if err != nil {
			return nil, err
		}
		if t := reflect.TypeOf(zero); t.PkgPath() == path.Join(module, dir) {
			out = append(out, event{typ, t.Name(), s.doc(t), s.fields(t, "")})
		}
	}
	return out, nil
}

const head = `# Events

Generated from the code by ` + "`go run ./tools/eventdocs`" + `; a test fails when it is out of date. For programs: [catalog/asyncapi.json](../../catalog/asyncapi.json) (AsyncAPI 3) and
[catalog/schemas](../../catalog/schemas) (JSON Schema); a running API answers the same at ` + "`/events`" + `. How to read the topics: [consuming.md](../consuming.md).

CloudEvents 1.0 in Kafka's binary mode. The key is the stream, the value the data as JSON, the rest are headers:

| header | meaning | hashed |
|---|---|---|
`

const rest = `
No header, key or value holds a recipient's number or a message's text; a sender's form holds the samples and the e-mail address that were written into it. Times are RFC 3339, in UTC unless the field says otherwise; amounts are decimal strings. A newer version may add fields; none is removed or retyped under the
same type.

On a page ` + "`a.b`" + ` is the field b of the object a, and ` + "`a[].b`" + ` that of each object of the list a. What is optional is left out when it is empty. Numbers such as D3 are rules of [rules.md](../rules.md).
`
