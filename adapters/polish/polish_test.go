package polish

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for english, want := range map[string]string{
		"is required":                                                               "pole wymagane",
		"there is nothing of that name here":                                        "nie ma takiego zasobu", // mostly it is asked for by an id
		"must be a duration from 15s to 24h, such as 10m":                           "musi być czasem trwania od 15s do 24h, na przykład 10m",
		"must be at most 11 characters":                                             "może mieć najwyżej 11 znaków",
		"must be at most 10 rows":                                                   "może zawierać najwyżej 10 wierszy",
		"has 199×200 pixels: crop or scale it to exactly 200×200":                   "ma 199×200 pikseli: przytnij go albo przeskaluj do dokładnie 200×200",
		"the sender is new; this step needs it to be submitted or active":           "nadawca jest w stanie Nowa; ten krok jest możliwy w stanie W weryfikacji lub Aktywna",
		"is missing: the form lacks a logo of 200×200 pixels, the company name":     "do uzupełnienia w formularzu – logo 200×200 pikseli, nazwa firmy",
		"is missing: acceptance of the regulations, version 1":                      "do uzupełnienia – akceptacja regulaminu, wersja 1",
		"2026-11 is not sealed in partitions 0, 3: that is done from 2026-12-04 on": "miesiąc 2026-11 nie jest zapieczętowany w partycjach 0, 3: dzieje się to od 2026-12-04",
		"must be at most 11 letters A-Z, a-z or digits: new would do":               "może mieć najwyżej 11 znaków: litery A–Z, a–z i cyfry; można na przykład: new", // what somebody typed is no word of ours
		"must be at most 11 letters A-Z, a-z or digits: Zabka would do":             "może mieć najwyżej 11 znaków: litery A–Z, a–z i cyfry; można na przykład: Zabka",
	} {
		got, ok := Of(english)
		require.True(t, ok, english)
		require.Equal(t, want, got)
	}
	for _, unknown := range []string{"", "something new", "is required now"} {
		_, ok := Of(unknown)
		require.False(t, ok, unknown)
	}
}

// Each pattern is the one that answers for its own sentence, and its Polish has the English's gaps.
func TestPatterns(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, pair := range sentences {
		require.False(t, seen[pair[0]], "twice: %s", pair[0])
		seen[pair[0]] = true
		gaps := strings.Count(pair[0], "{}")
		var args []string
		for i := range gaps {
			args = append(args, fmt.Sprintf("<%d>", i+1))
			require.Regexp(t, fmt.Sprintf(`\{%d(:word)?\}`, i+1), pair[1], pair[0])
		}
		require.NotContains(t, pair[1], fmt.Sprintf("{%d", gaps+1), pair[0])
		english, want := pair[0], pair[1]
		for i, arg := range args {
			english = strings.Replace(english, "{}", arg, 1)
			want = strings.NewReplacer(fmt.Sprintf("{%d}", i+1), arg, fmt.Sprintf("{%d:word}", i+1), arg).Replace(want)
		}
		got, ok := Of(english)
		require.True(t, ok, english)
		require.Equal(t, want, got, "another pattern answers for it")
	}
}

// Every refusal in the source that is written out has a Polish sentence.
func TestEveryRefusalOfTheSourceIsSaidInPolish(t *testing.T) {
	t.Parallel()
	written := refusals(t)
	require.Greater(t, len(written), 200, "the source was not found")
	known := map[string]bool{}
	for _, pair := range sentences {
		known[pair[0]] = true
	}
	for sentence, where := range written {
		require.True(t, known[sentence], "%s: no Polish for %q", where, sentence)
	}
}

// fromElsewhere are the directories whose refusals reach whoever calls the API.
var fromElsewhere = []string{"domain", "eventstore/decider", "adapters/httpapi", "adapters/gateway", "adapters/phone", "adapters/closing", "adapters/webhooks"}

// makers are the functions that make a refusal, and which argument is its sentence.
var makers = map[string]int{"Refuse": 1, "RefuseField": 2, "problem": 2, "unavailable": 0, "invalidLogo": 0, "badURL": 0, "refuse": -1}

// ours are refusals of configurations: they end a process at its start, in English.
var ours = []string{"adapters/webhooks/config.go"}

func refusals(t *testing.T) map[string]string {
	root := filepath.Join("..", "..")
	found := map[string]string{}
	for _, dir := range fromElsewhere {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(root, path)
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || slices.Contains(ours, filepath.ToSlash(rel)) {
				return err
			}
			return refusalsIn(path, found)
		}))
	}
	return found
}

func refusalsIn(path string, found map[string]string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, src, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if s, ok := sentenceOf(call); ok {
				found[s] = set.Position(call.Pos()).String()
			}
		}
		return true
	})
	return nil
}

// sentenceOf is the sentence of a call that makes a refusal with a literal, as a pattern.
func sentenceOf(call *ast.CallExpr) (string, bool) {
	at, ok := makers[nameOf(call.Fun)]
	if !ok {
		return "", false
	}
	args := call.Args
	if at >= 0 {
		if at >= len(args) {
			return "", false
		}
		args = args[at : at+1]
	}
	for i := len(args) - 1; i >= 0; i-- { // of "refuse" the sentence is the last literal with a space
		if s, ok := literal(args[i]); ok && s != "%s" && (at >= 0 || strings.Contains(s, " ")) {
			return verb.ReplaceAllString(s, "{}"), true
		}
	}
	return "", false
}

var verb = regexp.MustCompile(`%(\[\d\])?[sdq]`)

func literal(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(x.Value)
		return s, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		a, ok := literal(x.X)
		b, also := literal(x.Y)
		return a + b, ok && also
	}
	return "", false
}

func nameOf(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}
