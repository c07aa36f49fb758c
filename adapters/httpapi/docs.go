package httpapi

import (
	"bytes"
	_ "embed" // for the page
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	published "goniec/catalog"
)

//go:embed docs.html.tmpl
var docsTemplate string

// serveDocs serves the OpenAPI document and a page made of it. The page is
// whole: it loads nothing from elsewhere and runs no script, so it also works
// where the network ends.
func (a *API) serveDocs(r chi.Router, doc *huma.OpenAPI) error {
	// Registered by huma for its own errors, which are never sent.
	schemas := doc.Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	json, err := doc.MarshalJSON()
	if err != nil {
		return fmt.Errorf("httpapi: OpenAPI document: %w", err)
	}
	yaml, err := doc.YAML()
	if err != nil {
		return fmt.Errorf("httpapi: OpenAPI document: %w", err)
	}
	page, err := docsPage(doc)
	if err != nil {
		return fmt.Errorf("httpapi: docs page: %w", err)
	}
	a.openapi = json
	r.Get("/openapi.json", static("application/vnd.oai.openapi+json", json))
	r.Get("/openapi.yaml", static("application/vnd.oai.openapi", yaml))
	r.Get("/", http.RedirectHandler("/docs", http.StatusFound).ServeHTTP)
	r.Get("/docs", static("text/html; charset=utf-8", page))
	r.Get("/events", static("application/json", published.AsyncAPI))
	r.Get("/events/{type}", eventSchema)
	return nil
}

// eventSchema answers with the JSON Schema of an event type's data.
func eventSchema(w http.ResponseWriter, r *http.Request) {
	schema, ok := published.Schema(chi.URLParam(r, "type"))
	if !ok {
		problem(http.StatusNotFound, CodeNotFound, "there is no such event type").write(w)
		return
	}
	static("application/schema+json", schema)(w, r)
}

func static(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		_, _ = w.Write(body) // the client may be gone
	}
}

// The page's data: the document, flattened for reading.
type (
	docsData struct {
		Title, Version, Description string
		Sections                    []docsSection
		Codes                       []Code
	}
	docsSection struct {
		Name       string
		Operations []docsOperation
	}
	docsOperation struct {
		ID, Method, Path, Summary, Description string
		Params, Body, Answer                   []docsField
		Status, Roles                          string
		Errors                                 []string
	}
	docsField struct {
		Name, Type, Doc, Example string
		Required                 bool
	}
)

func docsPage(doc *huma.OpenAPI) ([]byte, error) {
	t, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	data := docsData{
		Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description,
		Sections: docsSections(doc), Codes: Codes(),
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

func docsSections(doc *huma.OpenAPI) []docsSection {
	byTag := map[string][]docsOperation{}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], docsOf(doc, path, op))
			}
		}
	}
	var out []docsSection
	for _, tag := range []string{"Messages", "Opt-outs", "Reports", "Billing", "Senders", "Regulations", "Webhooks", "Operator"} {
		slices.SortFunc(byTag[tag], func(a, b docsOperation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
		out = append(out, docsSection{Name: tag, Operations: byTag[tag]})
	}
	return out
}

func docsOf(doc *huma.OpenAPI, path string, op *huma.Operation) docsOperation {
	out := docsOperation{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description, Roles: orList(access[op.OperationID])}
	for _, p := range op.Parameters {
		out.Params = append(out.Params, docsField{Name: p.In + " " + p.Name, Type: typeText(p.Schema), Doc: p.Description, Required: p.Required})
	}
	if op.RequestBody != nil {
		out.Body = fieldsOf(doc, op.RequestBody.Content["application/json"].Schema, "", 0)
	}
	for status, r := range op.Responses {
		if status[0] != '2' {
			out.Errors = append(out.Errors, status)
			continue
		}
		out.Status = status
		if m := r.Content["application/json"]; m != nil {
			out.Answer = fieldsOf(doc, m.Schema, "", 0)
		}
	}
	slices.Sort(out.Errors)
	return out
}

// maxDepth of nested fields shown; the schemas do not refer to themselves.
const maxDepth = 4

func fieldsOf(doc *huma.OpenAPI, s *huma.Schema, prefix string, depth int) []docsField {
	s = resolve(doc, s)
	if s == nil || depth > maxDepth {
		return nil
	}
	if s.Type == huma.TypeArray {
		return fieldsOf(doc, s.Items, strings.TrimSuffix(prefix, ".")+"[].", depth)
	}
	var out []docsField
	for _, name := range sortedNames(s) {
		p := s.Properties[name]
		f := docsField{Name: prefix + name, Type: typeText(resolve(doc, p)), Doc: p.Description, Required: slices.Contains(s.Required, name)}
		if len(p.Examples) > 0 {
			f.Example = fmt.Sprint(p.Examples[0])
		}
		out = append(out, f)
		out = append(out, fieldsOf(doc, p, prefix+name+".", depth+1)...)
	}
	return out
}

func sortedNames(s *huma.Schema) []string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		ra, rb := slices.Contains(s.Required, a), slices.Contains(s.Required, b)
		if ra != rb { // required ones first
			if ra {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeText(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	text := s.Type
	if s.Format != "" {
		text += ", " + s.Format
	}
	for i, v := range s.Enum {
		if i == 0 {
			text = ""
		} else {
			text += " | "
		}
		text += fmt.Sprint(v)
	}
	if s.MaxLength != nil {
		text += fmt.Sprintf(", ≤ %d characters", *s.MaxLength)
	}
	if s.MaxItems != nil {
		text += fmt.Sprintf(", ≤ %d items", *s.MaxItems)
	}
	return text
}
