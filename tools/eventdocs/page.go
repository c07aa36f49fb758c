package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
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
	fields         [][3]string // JSON name, Go type, comment
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
func Pages(root string) (map[string]string, error) {
	out := map[string]string{}
	var index strings.Builder
	index.WriteString(head)
	for _, h := range headers {
		fmt.Fprintf(&index, "| `%s` | %s | %s |\n", h.name, h.meaning, h.hashed)
	}
	index.WriteString(rest)
	for _, p := range packages {
		events, err := eventsOf(filepath.Join(root, p.dir))
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
	return strings.ReplaceAll(doc, "|", "\\|")
}

func eventPage(root string, e event, topic, streams string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# `%s`\n\n%s\n\nTopic `%s`, streams %s. Schema: [%s.json](../../catalog/schemas/%s.json).\n", e.typ, e.doc, topic, streams, e.typ, e.typ)
	later, err := addedLater(root, e.typ)
	if err != nil {
		return "", err
	}
	if len(e.fields) > 0 {
		b.WriteString("\n| field | type | | since |\n|---|---|---|---|\n")
	}
	for _, f := range e.fields {
		since := "v1"
		if later[f[0]] {
			since = "added to v1: older events lack it"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f[0], f[1], f[2], since)
	}
	text, err := example(root, e.typ)
	if err != nil {
		return "", fmt.Errorf("example of %s: %w", e.typ, err)
	}
	fmt.Fprintf(&b, "\nEvery field with a value of its kind:\n\n```json\n%s\n```\n", strings.TrimSpace(string(text)))
	return b.String(), nil
}

// addedLater are the fields that the first golden file of a type does not have.
func addedLater(root, typ string) (map[string]bool, error) {
	var first, newest map[string]any
	text, err := os.ReadFile(filepath.Join(root, "domain/catalog/testdata", typ+".json"))
	if err == nil {
		err = json.Unmarshal(text, &first)
	}
	if err == nil {
		if text, err = example(root, typ); err == nil {
			err = json.Unmarshal(text, &newest)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("golden files of %s: %w", typ, err)
	}
	out := map[string]bool{}
	for name := range newest {
		if _, ok := first[name]; !ok {
			out[name] = true
		}
	}
	return out, nil
}

func eventsOf(dir string) ([]event, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	consts, methods, structs := map[string]string{}, map[string]string{}, map[string]event{}
	for _, f := range files {
		collect(f, consts, methods, structs)
	}
	var out []event
	for name, constant := range methods {
		e := structs[name]
		e.typ = consts[constant]
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].typ < out[j].typ })
	return out, nil
}

// collect finds the type constants, which type returns which, and the structs.
func collect(f *ast.File, consts, methods map[string]string, structs map[string]event) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "EventType" && d.Recv != nil {
				ret, ok := d.Body.List[0].(*ast.ReturnStmt)
				if id, isID := ret.Results[0].(*ast.Ident); ok && isID {
					methods[d.Recv.List[0].Type.(*ast.Ident).Name] = id.Name
				}
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					if lit, ok := first(s.Values).(*ast.BasicLit); ok && lit.Kind == token.STRING {
						consts[s.Names[0].Name], _ = strconv.Unquote(lit.Value) // the parser accepted it
					}
				case *ast.TypeSpec:
					if st, ok := s.Type.(*ast.StructType); ok {
						structs[s.Name.Name] = event{name: s.Name.Name, doc: docOf(s.Name.Name, d, s), fields: fieldsOf(st)}
					}
				}
			}
		}
	}
}

func first(list []ast.Expr) ast.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// docOf is the type's comment without the Go name that it begins with.
func docOf(name string, d *ast.GenDecl, s *ast.TypeSpec) string {
	text := s.Doc.Text()
	if text == "" {
		text = d.Doc.Text()
	}
	text = strings.Join(strings.Fields(text), " ")
	for _, prefix := range []string{name + ": ", name + " "} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

func fieldsOf(st *ast.StructType) [][3]string {
	var out [][3]string
	for _, f := range st.Fields.List {
		comment := strings.Join(strings.Fields(f.Comment.Text()), " ")
		if f.Tag == nil { // embedded
			out = append(out, [3]string{"…", "fields of " + typeName(f.Type), comment})
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value) // the parser accepted it
		name, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(tag, `json:"`), `"`), ",")
		out = append(out, [3]string{name, typeName(f.Type), strings.ReplaceAll(comment, "|", "\\|")})
	}
	return out
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return map[string]string{"bool": "boolean", "int": "integer", "int64": "integer"}[e.Name] + map[bool]string{true: e.Name}[e.Name != "bool" && e.Name != "int" && e.Name != "int64"]
	case *ast.SelectorExpr:
		if e.Sel.Name == "Time" {
			return "time"
		}
		return strings.ToLower(e.Sel.Name)
	case *ast.StarExpr:
		return typeName(e.X) + ", optional"
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return "base64"
		}
		return "list of " + typeName(e.Elt)
	}
	return "object"
}

const head = `# Events

Generated from the code by ` + "`go run ./tools/eventdocs`" + `; a test fails when it is out of date. For programs: [catalog/asyncapi.json](../../catalog/asyncapi.json) (AsyncAPI 3) and
[catalog/schemas](../../catalog/schemas) (JSON Schema); a running API answers the same at ` + "`/events`" + `. How to read the topics: [consuming.md](../consuming.md).

CloudEvents 1.0 in Kafka's binary mode. The key is the stream, the value the data as JSON, the rest are headers:

| header | meaning | hashed |
|---|---|---|
`

const rest = `
No header, key or value holds a recipient's number or a message's text; a sender's form holds the samples and the e-mail address that were written into it. Times are RFC 3339; amounts are decimal strings. A newer version may add fields; none is removed or retyped under the
same type.
`
