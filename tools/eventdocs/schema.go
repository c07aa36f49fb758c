package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"goniec/domain/calendar"
	"goniec/domain/catalog"
	"goniec/domain/money"
)

// Where the catalog lies: a JSON Schema for the data of each type, and one
// AsyncAPI document of all.
const (
	schemaDir = "catalog/schemas"
	asyncAPI  = "catalog/asyncapi.json"
)

// Schemas returns the JSON Schema of every event type's data, by type. What the
// source says of types and fields are its descriptions.
func Schemas(s source) (map[string]*jsonschema.Schema, error) {
	r := &jsonschema.Reflector{
		DoNotReference: true, ExpandedStruct: true, AllowAdditionalProperties: true, Anonymous: true, Mapper: plainText, LookupComment: s.describe,
	}
	out := map[string]*jsonschema.Schema{}
	for _, typ := range catalog.Types() {
		zero, err := catalog.Zero(typ)
		if err != nil {
			return nil, err
		}
		x := r.Reflect(zero)
		x.ID, x.Title = jsonschema.ID("urn:"+strings.ReplaceAll(typ, ".", ":")), typ
		out[typ] = x
	}
	return out, nil
}

// plain are types of structs and numbers that are written as text: what they are
// called on a page, their schema, and what is added to a field's description.
var plain = map[reflect.Type]struct {
	kind, form string
	schema     jsonschema.Schema
}{
	reflect.TypeFor[time.Time]():      {kind: "time"},
	reflect.TypeFor[money.Amount]():   {"string", "decimal, 6 places", jsonschema.Schema{Type: "string", Pattern: `^-?\d+\.\d{6}$`}},
	reflect.TypeFor[money.Cents]():    {"string", "decimal, 2 places", jsonschema.Schema{Type: "string", Pattern: `^-?\d+\.\d{2}$`}},
	reflect.TypeFor[calendar.Month](): {"string", "YYYY-MM", jsonschema.Schema{Type: "string", Pattern: `^\d{4}-\d{2}$`}},
	reflect.TypeFor[calendar.Date]():  {"string", "YYYY-MM-DD", jsonschema.Schema{Type: "string", Format: "date"}},
}

func plainText(t reflect.Type) *jsonschema.Schema {
	p := plain[t]
	if p.schema.Type == "" { // the reflector knows it
		return nil
	}
	return &p.schema
}

// asyncDocument is the part of AsyncAPI 3 that is used here.
type asyncDocument struct {
	AsyncAPI   string                    `json:"asyncapi"`
	Info       map[string]string         `json:"info"`
	Channels   map[string]asyncChannel   `json:"channels"`
	Operations map[string]asyncOperation `json:"operations"`
	Components asyncComponents           `json:"components"`
}

type asyncChannel struct {
	Address     string               `json:"address"`
	Description string               `json:"description"`
	Parameters  map[string]asyncNote `json:"parameters"`
	Messages    map[string]asyncRef  `json:"messages"`
}

type asyncNote struct {
	Description string `json:"description"`
	Default     string `json:"default,omitempty"`
}

type asyncRef struct {
	Ref string `json:"$ref"`
}

type asyncOperation struct {
	Action  string   `json:"action"`
	Channel asyncRef `json:"channel"`
	Summary string   `json:"summary"`
}

type asyncComponents struct {
	Messages map[string]asyncMessage `json:"messages"`
	Schemas  map[string]any          `json:"schemas"`
}

type asyncMessage struct {
	Name        string         `json:"name"`
	Title       string         `json:"title"`
	Summary     string         `json:"summary,omitempty"`
	ContentType string         `json:"contentType"`
	Headers     asyncRef       `json:"headers"`
	Payload     asyncRef       `json:"payload"`
	Examples    []asyncExample `json:"examples,omitempty"`
}

type asyncExample struct {
	Payload json.RawMessage `json:"payload"`
}

// AsyncAPI returns the document of all events.
func AsyncAPI(root string, s source, schemas map[string]*jsonschema.Schema) ([]byte, error) {
	doc := asyncDocument{
		AsyncAPI: "3.0.0",
		Info: map[string]string{
			"title": "goniec: events", "version": "1",
			"description": "The journal of goniec: CloudEvents 1.0 in Kafka's binary mode. Read it read_committed. A type's data may gain fields; none is removed or retyped.",
		},
		Channels: map[string]asyncChannel{}, Operations: map[string]asyncOperation{},
		Components: asyncComponents{Messages: map[string]asyncMessage{}, Schemas: map[string]any{"headers": headersSchema()}},
	}
	for _, p := range packages {
		events, err := eventsOf(s, p.dir)
		if err != nil {
			return nil, err
		}
		channel, ok := doc.Channels[p.topic]
		if !ok {
			channel = asyncChannel{
				Address: "{prefix}" + p.topic, Description: "Kept for ever, never compacted.", Messages: map[string]asyncRef{},
				Parameters: map[string]asyncNote{"prefix": {"of the installation's topics", "goniec."}},
			}
		}
		for _, e := range events {
			message := asyncMessage{
				Name: e.typ, Title: e.name, Summary: e.doc, ContentType: "application/json",
				Headers: asyncRef{"#/components/schemas/headers"}, Payload: asyncRef{"#/components/schemas/" + e.typ},
			}
			if example, err := example(root, e.typ); err == nil {
				message.Examples = []asyncExample{{example}}
			}
			channel.Messages[e.typ] = asyncRef{"#/components/messages/" + e.typ}
			doc.Components.Messages[e.typ], doc.Components.Schemas[e.typ] = message, schemas[e.typ]
		}
		doc.Channels[p.topic] = channel
		doc.Operations["read-"+p.topic] = asyncOperation{"receive", asyncRef{"#/channels/" + p.topic}, "Read the journal"}
	}
	return indented(doc)
}

// example is the newest golden file of a type: every field is set, with a value of its kind.
func example(root, typ string) (json.RawMessage, error) {
	dir := filepath.Join(root, "domain/catalog/testdata")
	later, err := filepath.Glob(filepath.Join(dir, typ+".[0-9].json"))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, typ+".json")
	if len(later) > 0 {
		path = later[len(later)-1]
	}
	return os.ReadFile(path)
}

func headersSchema() any {
	properties := map[string]any{}
	var required []string
	for _, h := range headers {
		properties[h.name] = map[string]string{"type": "string", "description": h.meaning}
		if h.always {
			required = append(required, h.name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode catalog: %w", err)
	}
	return b.Bytes(), nil
}
