package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"goniec/domain"
)

// decodeStrict reads a JSON value into a struct and returns every fault with
// its path: fields that are not there (spelt exactly), fields given twice, values of
// a wrong type. encoding/json alone would take the first two and name no path.
// null means absent. It never repeats a value in a fault.
func decodeStrict(data []byte, into any) []*domain.Error {
	if !utf8.Valid(data) {
		return []*domain.Error{domain.Refuse(CodeInvalidEncoding, "the body is not valid UTF-8")}
	}
	if fault := wellFormed(data); fault != nil {
		return []*domain.Error{fault}
	}
	if isNull(data) {
		return []*domain.Error{domain.Refuse(CodeInvalidType, "%s", objectWanted(""))}
	}
	d := &strictDecoder{}
	d.value(data, reflect.ValueOf(into).Elem(), "")
	return d.faults
}

func wellFormed(data []byte) *domain.Error {
	if len(bytes.TrimSpace(data)) == 0 {
		return domain.Refuse(CodeInvalidJSON, "a JSON body is required")
	}
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return domain.Refuse(CodeInvalidJSON, "the body is not JSON: fault at byte %d", syntax.Offset)
	}
	if err != nil {
		return domain.Refuse(CodeInvalidJSON, "the body is not JSON")
	}
	return nil
}

// maxFaults bounds an answer; who reads more of them at once?
const maxFaults = 20

type strictDecoder struct{ faults []*domain.Error }

func (d *strictDecoder) fault(code, field, message string) {
	if len(d.faults) < maxFaults {
		d.faults = append(d.faults, domain.RefuseField(code, field, "%s", message))
	}
}

func (d *strictDecoder) value(raw json.RawMessage, v reflect.Value, path string) {
	if isNull(raw) && v.Type() != reflect.TypeFor[json.RawMessage]() {
		return
	}
	switch {
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if !v.IsNil() { // defaults that are kept where a field is absent
			p.Elem().Set(v.Elem())
		}
		d.value(raw, p.Elem(), path)
		v.Set(p)
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		d.object(raw, v, path)
	case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[json.RawMessage]():
		d.list(raw, v, path)
	default:
		if json.Unmarshal(raw, v.Addr().Interface()) != nil {
			d.fault(CodeInvalidType, path, "must be "+typeName(v.Type()))
		}
	}
}

func isNull(raw []byte) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

func (d *strictDecoder) list(raw json.RawMessage, v reflect.Value, path string) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		d.fault(CodeInvalidType, path, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *strictDecoder) object(raw json.RawMessage, v reflect.Value, path string) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		d.fault(CodeInvalidType, path, objectWanted(path))
		return
	}
	seen := make(map[string]bool, v.NumField())
	for dec.More() {
		t, _ := dec.Token() // the whole body was found well-formed
		name, _ := t.(string)
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			d.fault(CodeInvalidJSON, path, "is not JSON")
			return
		}
		d.member(name, value, v, path, seen)
	}
}

func (d *strictDecoder) member(name string, value json.RawMessage, v reflect.Value, path string, seen map[string]bool) {
	at := fieldPath(path, name)
	i := fieldIndex(v.Type(), name)
	switch {
	case i < 0:
		d.fault(CodeUnknownField, at, whyUnknown(v, name))
	case seen[name]:
		d.fault(CodeDuplicateField, at, "is given twice")
	default:
		seen[name] = true
		d.value(value, v.Field(i), at)
	}
}

// explainer is a request that can say more of a field that it does not have.
type explainer interface{ explain(field string) string }

func whyUnknown(v reflect.Value, name string) string {
	if e, ok := v.Addr().Interface().(explainer); ok {
		if why := e.explain(name); why != "" {
			return why
		}
	}
	return "is not a field of this request"
}

// fieldPath bounds the name: it comes from outside and goes into an answer.
func fieldPath(path, name string) string {
	const longest = 64
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func fieldIndex(t reflect.Type, name string) int {
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if tag == name && t.Field(i).IsExported() {
			return i
		}
	}
	return -1
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time such as 2026-11-10T09:30:00Z"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int64 || t.Kind() == reflect.Int:
		return "a whole number"
	}
	return "of another type"
}

func objectWanted(path string) string {
	if path == "" {
		return "the body must be a JSON object"
	}
	return "must be an object"
}
