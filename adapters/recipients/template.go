package recipients

import (
	"slices"
	"strings"
	"unicode/utf8"

	"goniec/domain"
)

// MaxTemplate bounds a template in bytes; what it becomes is bounded as a message is.
const MaxTemplate = 16 << 10

// Codes of templates.
const (
	CodeTemplate     = "invalid_template"
	CodeMissingValue = "missing_value"
)

// Template is a text with places for fields (rules.md D10): {name} needs a
// value, {name|Kliencie} has a default, {{ and }} are braces. Values are put in
// as they are and are not read as templates. Immutable.
type Template struct {
	parts []part
}

type part struct {
	literal    string
	field      string // "" = literal
	fallback   string
	hasDefault bool
}

// ParseTemplate reads a template. It fails with a *domain.Error of CodeTemplate.
func ParseTemplate(text string) (*Template, error) {
	if len(text) > MaxTemplate || !utf8.ValidString(text) {
		return nil, domain.RefuseField(CodeTemplate, "text", "must be UTF-8 of at most %d bytes", MaxTemplate)
	}
	t := &Template{}
	for text != "" {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			t.literal(text)
			break
		}
		t.literal(text[:i])
		rest, err := t.brace(text[i:])
		if err != nil {
			return nil, err
		}
		text = rest
	}
	return t, nil
}

func (t *Template) literal(s string) {
	if n := len(t.parts); n > 0 && t.parts[n-1].field == "" {
		t.parts[n-1].literal += s
	} else if s != "" {
		t.parts = append(t.parts, part{literal: s})
	}
}

// brace reads what begins with a brace and returns the text behind it.
func (t *Template) brace(text string) (string, error) {
	if strings.HasPrefix(text, "{{") || strings.HasPrefix(text, "}}") {
		t.literal(text[:1])
		return text[2:], nil
	}
	inside, rest, closed := strings.Cut(text[1:], "}")
	if text[0] == '}' || !closed || strings.Contains(inside, "{") {
		return "", domain.RefuseField(CodeTemplate, "text", "a brace stands alone; write {{ or }} for a brace itself")
	}
	name, fallback, hasDefault := strings.Cut(inside, "|")
	name = strings.TrimSpace(name)
	if name == "" {
		return "", domain.RefuseField(CodeTemplate, "text", "{} names no field; write {{}} for braces themselves")
	}
	t.parts = append(t.parts, part{field: name, fallback: fallback, hasDefault: hasDefault})
	return rest, nil
}

// Fields returns the names of the fields, each once, in order.
func (t *Template) Fields() []string {
	var names []string
	for _, p := range t.parts {
		if p.field != "" && !slices.Contains(names, p.field) {
			names = append(names, p.field)
		}
	}
	return names
}

// Check refuses, with CodeTemplate, a template that needs a column that is not
// there: every single row would be refused.
func (t *Template) Check(columns []string) error {
	for _, p := range t.parts {
		if p.field != "" && !p.hasDefault && !slices.Contains(columns, p.field) {
			return domain.RefuseField(CodeTemplate, "text", "there is no column %q", p.field)
		}
	}
	return nil
}

// Render puts one row's values in. A missing or empty value without a default
// is a *domain.Error of CodeMissingValue that names the field.
func (t *Template) Render(fields map[string]string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		value := p.literal
		if p.field != "" {
			value = strings.TrimSpace(fields[p.field])
			if value == "" && !p.hasDefault {
				return "", domain.RefuseField(CodeMissingValue, p.field, "has no value in this row and no default in the text")
			}
			if value == "" {
				value = p.fallback
			}
		}
		b.WriteString(value)
	}
	return b.String(), nil
}
