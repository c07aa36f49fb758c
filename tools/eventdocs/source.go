package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

const module = "goniec"

// source is what the domain's code says of its types. A type's name is that of its
// package's path and its own, "goniec/domain/message.Accepted"; a field's follows
// after a point.
type source struct {
	comments map[string]string
	values   map[string][]string // of a type of text: its constants in its own package, in their order
}

// readSource reads the domain of the repository at root.
func readSource(root string) (source, error) {
	s := source{comments: map[string]string{}, values: map[string][]string{}}
	err := filepath.WalkDir(filepath.Join(root, "domain"), func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		s.read(path.Join(module, filepath.ToSlash(dir))+".", f)
		return nil
	})
	return s, err
}

func (s source) read(pkg string, f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range g.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				s.readValue(pkg, spec)
			case *ast.TypeSpec:
				s.comments[pkg+spec.Name.Name] = comment(spec.Doc, g.Doc)
				if st, ok := spec.Type.(*ast.StructType); ok {
					s.readFields(pkg+spec.Name.Name+".", st)
				}
			}
		}
	}
}

func (s source) readValue(pkg string, spec *ast.ValueSpec) {
	typ, ok := spec.Type.(*ast.Ident)
	if !ok || len(spec.Values) == 0 {
		return
	}
	if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
		s.values[pkg+typ.Name] = append(s.values[pkg+typ.Name], lit.Value)
	}
}

func (s source) readFields(typ string, st *ast.StructType) {
	for _, f := range st.Fields.List {
		for _, name := range f.Names {
			s.comments[typ+name.Name] = comment(f.Doc, f.Comment)
		}
	}
}

// comment is the first of the groups that says something, in one line.
func comment(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}

func nameOf(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// describe returns what is said of a type or, if it is named, of a field: its
// comment, and what its type adds to that.
func (s source) describe(t reflect.Type, field string) string {
	if field == "" {
		return s.comments[nameOf(t)]
	}
	said := s.comments[nameOf(t)+"."+field]
	f, ok := t.FieldByName(field)
	if !ok || said == "" {
		return ""
	}
	of := element(f.Type)
	if form := plain[of].form; form != "" {
		return said + "; " + form
	}
	values := s.values[nameOf(of)]
	for _, v := range values {
		if strings.Contains(said, v) {
			return said // it names the values itself, those that are possible here
		}
	}
	if len(values) == 0 {
		return said
	}
	return said + "; " + alternatives(values)
}

// alternatives are values in words: `"a", "b" or "c"`.
func alternatives(values []string) string {
	last := len(values) - 1
	if last == 0 {
		return values[0]
	}
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// element is what a pointer or a list is of.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// doc is an event's comment without the Go name that it begins with.
func (s source) doc(t reflect.Type) string {
	text := s.describe(t, "")
	for _, prefix := range []string{t.Name() + ": ", t.Name() + " "} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

// field is one of an event's data, nested ones too.
type field struct {
	path     string // "facts.sender_id"; "lines[].kind" stands for each of a list
	kind     string
	optional bool
	doc      string
}

// fields are those of a struct, each before the ones in it.
func (s source) fields(t reflect.Type, at string) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			out = append(out, s.fields(f.Type, at)...)
			continue
		}
		x := field{at + tag, kindOf(f.Type), option != "", s.describe(t, f.Name)}
		out = append(out, x)
		if of := element(f.Type); of.Kind() == reflect.Struct && plain[of].kind == "" {
			out = append(out, s.fields(of, x.path+strings.Repeat("[]", lists(f.Type))+".")...)
		}
	}
	return out
}

// lists is how many lists stand around what a type is of.
func lists(t reflect.Type) int {
	switch t.Kind() {
	case reflect.Pointer:
		return lists(t.Elem())
	case reflect.Slice:
		return 1 + lists(t.Elem())
	default:
		return 0
	}
}

// kindOf is a type in the words of JSON.
func kindOf(t reflect.Type) string {
	if p, ok := plain[t]; ok {
		return p.kind
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "list of " + kindOf(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Struct:
		return "object"
	default:
		return t.Kind().String()
	}
}
