package httpapi

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"goniec/domain/account"
)

// An operation that the table does not know is a fault, with which New fails, and no path.
func TestOperationWithoutALineIsNotRegistered(t *testing.T) {
	t.Parallel()
	a, router := &API{}, chi.NewRouter()
	api := humachi.New(router, humaConfig("test"))
	register(a, api, operation{id: "open-safe", method: http.MethodGet, path: "/v1/safe", tag: "Operator"},
		func(context.Context, *call, *noParams, *noBody) (*answer[ChangedBody], error) {
			return ok(ChangedBody{})
		})
	require.Len(t, a.faults, 1)
	require.EqualError(t, a.faults[0], "httpapi: operation open-safe has no line in the table access")
	require.Empty(t, router.Routes())
	require.Empty(t, api.OpenAPI().Paths)
}

// A role that is spelt wrong would shut everybody out.
func TestTableNamesRolesThatExist(t *testing.T) {
	t.Parallel()
	for id, roles := range access {
		require.Subset(t, account.Roles(), roles, id)
		require.NotEmpty(t, roles, id)
	}
}

// Every code that is declared anywhere a problem may come from is documented.
func TestEveryCodeIsExplained(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, c := range Codes() {
		require.False(t, explained[c.Code], "%s twice", c.Code)
		require.NotEmpty(t, c.Meaning)
		explained[c.Code] = true
	}
	for _, file := range []string{"problem.go", "../../domain/message/reason.go", "../../domain/account/command.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") || len(spec.Values) == 0 {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				code, _ := strconv.Unquote(lit.Value)
				require.True(t, explained[code], "%s of %s", code, file)
			}
			return true
		})
	}
}

func FuzzDecodeStrict(f *testing.F) {
	for _, s := range []string{
		`{"to":"x","button":{"text":"a","url":"b"},"tags":["a"],"send_at":"2026-11-10T09:30:00Z","fallback":true}`,
		`{"to":null,"to":1}`, `{"a":{"b":[[[]]]}}`, `[]`, `"x"`, "{\"text\":\"\xff\"}", `{"text":"\ud800"}`, ``, `{"tags":[1,null]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r MessageRequest
		faults := decodeStrict(data, &r)
		if len(faults) > 0 {
			require.LessOrEqual(t, len(faults), maxFaults)
			return
		}
		var loose MessageRequest
		require.NoError(t, json.Unmarshal(data, &loose), "what is taken strictly is taken loosely too")
		require.Equal(t, loose, r)
	})
}
