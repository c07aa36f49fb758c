package catalog_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/catalog"
	"goniec/domain/message"
)

// Every Type… constant with an event type's form in the source of the domain is
// in the catalog, and nothing else is.
func TestCatalogIsComplete(t *testing.T) {
	t.Parallel()
	want := declared(t)
	require.NotEmpty(t, want)
	require.Equal(t, want, catalog.Types())
	for _, typ := range want {
		e, err := catalog.Zero(typ)
		require.NoError(t, err)
		require.Equal(t, typ, e.EventType(), "decoded as %T", e)
		require.True(t, catalog.Known(typ))
	}
}

// declared reads the constants from the source, so that a type that nobody
// registered is found, and counts the EventType methods against them.
func declared(t *testing.T) []string {
	t.Helper()
	var types []string
	methods := 0
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "EventType" && n.Recv != nil {
					methods++
				}
			case *ast.ValueSpec:
				types = append(types, typeConstants(n)...)
			}
			return true
		})
	}
	slices.Sort(types)
	require.Len(t, types, methods, "each event has a type constant of its own")
	return types
}

func typeConstants(n *ast.ValueSpec) []string {
	var out []string
	for i, name := range n.Names {
		if !strings.HasPrefix(name.Name, "Type") || i >= len(n.Values) {
			continue
		}
		if lit, ok := n.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			out = append(out, s)
		}
	}
	return out
}

func sources(t *testing.T) []*ast.File {
	t.Helper()
	var out []*ast.File
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if built, err := build.Default.MatchFile(filepath.Split(path)); !built {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		out = append(out, f)
		return err
	})
	require.NoError(t, err)
	return out
}

// What was written once must be readable for ever: a golden file is never
// changed. It is read, and written again it is the same but for fields that were
// added since. The newest one of a type (its name without ".json" may have a
// suffix: ".2", ".3") has every field set. GONIEC_UPDATE=1 adds missing files only.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	for _, typ := range catalog.Types() {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", typ+".json")
			if os.Getenv("GONIEC_UPDATE") != "" {
				addGolden(t, path, typ)
			}
			later, err := filepath.Glob(filepath.Join("testdata", typ+".[0-9].json"))
			require.NoError(t, err)
			var newest domain.Event
			for _, path := range append([]string{path}, later...) {
				golden, err := os.ReadFile(path)
				require.NoError(t, err, "a new type needs a golden file: GONIEC_UPDATE=1")
				newest, err = catalog.Decode(typ, golden)
				require.NoError(t, err)
				require.Equal(t, object(t, golden), object(t, marshal(t, newest)))
			}
			requireFilled(t, reflect.ValueOf(newest), typ)
		})
	}
}

var goldenSuffix = regexp.MustCompile(`(\.[0-9])?\.json$`)

func TestNoGoldenFileWithoutType(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	for _, f := range files {
		require.True(t, catalog.Known(goldenSuffix.ReplaceAllString(filepath.Base(f), "")), f)
	}
}

func TestDecodeIsTolerantOfNewFields(t *testing.T) {
	t.Parallel()
	e, err := catalog.Decode(message.TypeFailed, []byte(`{"reason":"expired","new":{"a":1}}`))
	require.NoError(t, err)
	require.Equal(t, message.Failed{Reason: "expired"}, e)
}

func TestDecodeFails(t *testing.T) {
	t.Parallel()
	_, err := catalog.Decode("goniec.message.read.v2", []byte(`{}`))
	var unknown *catalog.ErrUnknownType
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, "goniec.message.read.v2", unknown.Type)
	for _, bad := range []string{"", "nul", "[]", `{"reason":1}`, `{"reason":"x"}{}`} {
		_, err = catalog.Decode(message.TypeFailed, []byte(bad))
		require.ErrorContains(t, err, "goniec.message.failed.v1", bad)
	}
}

func marshal(t *testing.T, e domain.Event) []byte {
	t.Helper()
	data, err := json.Marshal(e)
	require.NoError(t, err)
	return data
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var m map[string]any
	require.NoError(t, d.Decode(&m))
	return m
}

// addedSince are fields that are younger than their type's golden file.
var addedSince = []string{
	"goniec.number.report_stored.v1.Why", "goniec.account.created.v1.Settings.NoticeCount", "goniec.account.settings_changed.v1.Settings.NoticeCount",
	"goniec.account.created.v1.Settings.ManagerName", "goniec.account.settings_changed.v1.Settings.ManagerName",
	"goniec.account.created.v1.Settings.ManagerEmail", "goniec.account.settings_changed.v1.Settings.ManagerEmail",
	"goniec.sender.passed.v1.VerifiedBy", "goniec.sender.passed.v1.PrefixBy", "goniec.sender.enabled.v1.On", "goniec.sender.enabled.v1.At",
	"goniec.billing.month_closed.v1.Inputs.Party", "goniec.billing.month_closed.v1.Statement.Party",
	"goniec.sender.disabled.v1.On", "goniec.sender.disabled.v1.At", "goniec.sender.disabled.v1.TaskDue",
}

func requireFilled(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	if slices.Contains(addedSince, path) {
		return
	}
	require.False(t, v.Kind() != reflect.Struct && v.IsZero(), "%s is not set in the golden file", path)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range v.NumField() {
		requireFilled(t, v.Field(i), path+"."+v.Type().Field(i).Name)
	}
}

func addGolden(t *testing.T, path, typ string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	zero, err := catalog.Zero(typ)
	require.NoError(t, err)
	v := reflect.New(reflect.TypeOf(zero)).Elem()
	n := 0
	fill(v, "", &n)
	data, err := json.MarshalIndent(v.Interface(), "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile(path, append(data, '\n'), 0o644))
}

// samples gives text fields values such as they have, by JSON name.
var samples = map[string]string{
	"country": "PL", "currency": "PLN", "channel": "viber", "from": "viber", "to": "sms", "category": "transactional",
	"priced_category": "promotional", "default_category": "transactional", "content": "rich", "amount": "0.050000",
	"unit_price": "0.05", "month": "2026-11", "adjusts": "2026-10", "price_version": "default@3", "sender": "GONIEC",
	"sms_encoding": "gsm7", "sms_from": "Goniec", "late_policy": "waive_viber", "polish_letters": "strip", "role": "client",
	"reason": "expired", "waived": "late_policy", "basis": "declaration", "origin": "api", "url": "https://example.com/hook",
	"activated": "2026-09-15", "exact": "0.049500", "status": "delivered", "rule": "D3", "route": "viber-1", "lane": "urgent", "keyword": "stop", "company": "Goniec",
	"switch": "route/viber", "scope": "sender", "as": "sent",
	"client_ref": "order-17", "carrier_id": "5379697806260881548", "code": "9", "account": "0b7f3c1a-8e52-4d0e-9a6f-2f1f5a1c0001",
}

func fill(v reflect.Value, name string, n *int) {
	*n++
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 11, 10, 9, 30, *n%60, 123456000, time.UTC)))
		return
	}
	text, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	if ok && text.UnmarshalText([]byte(samples[name])) == nil {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fill(v.Field(i), tag, n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name, n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name, n)
	case reflect.String:
		s, ok := samples[name]
		if !ok {
			s = fmt.Sprintf("%s-%d", name, *n)
		}
		v.SetString(s)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	default:
		panic("no filler for " + v.Type().String())
	}
}
