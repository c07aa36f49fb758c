package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/projections"
	"goniec/projections/models"
)

// listed is what `go list -deps -json` says of a package.
type listed struct {
	ImportPath string
	Imports    []string
}

// deps are the packages of goniec that the patterns need, themselves included.
func deps(t *testing.T, patterns ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-json=ImportPath,Imports"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		require.NoError(t, err, string(failed.Stderr))
	}
	require.NoError(t, err)
	var list []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else {
			require.NoError(t, err)
		}
		if strings.HasPrefix(p.ImportPath, "goniec/") {
			list = append(list, p)
		}
	}
}

// packages lists those of a folder, but for helpers of tests.
func packages(t *testing.T, pattern string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", pattern)
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	return slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool { return strings.HasSuffix(filepath.Base(p), "test") })
}

// Whatever could carry something to a person or a client's machine.
var reachesOut = regexp.MustCompile(`^(net/http|net/smtp|net/rpc|goniec/adapters|goniec/cmd)(/|$)`)

// What replays the journal has no way to send: nothing that it is made of imports an
// adapter, or what calls over HTTP or SMTP. The rules that what-if decides by do no
// input and output at all.
func TestWhatReplaysCannotSend(t *testing.T) {
	t.Parallel()
	replaying := append(packages(t, "./projections/..."), packages(t, "./eventstore/audit/...")...)
	require.Contains(t, replaying, "goniec/projections/messages")
	require.Contains(t, replaying, "goniec/eventstore/audit")
	for _, p := range deps(t, replaying...) {
		require.False(t, reachesOut.MatchString(p.ImportPath), p.ImportPath)
		for _, i := range p.Imports {
			require.False(t, reachesOut.MatchString(i), "%s imports %s", p.ImportPath, i)
		}
	}
	pure := deps(t, "./domain/whatif")
	require.NotEmpty(t, pure)
	for _, p := range pure {
		require.True(t, strings.HasPrefix(p.ImportPath, "goniec/domain"), p.ImportPath)
		for _, i := range p.Imports {
			require.NotRegexp(t, `^(net|os|syscall|net/http|net/smtp|net/rpc|os/exec)$`, i, p.ImportPath)
		}
	}
}

// A projection is handed events and SQL, and holds nothing but its own description:
// names, files, tables.
func TestAProjectionHoldsNothing(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, models.All())
	model := reflect.TypeFor[projections.Model]()
	for _, p := range models.All() {
		typ := reflect.TypeOf(p)
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		require.Equal(t, reflect.Struct, typ.Kind(), p.Name())
		for i := range typ.NumField() {
			require.Equal(t, model, typ.Field(i).Type, "%s holds %s", p.Name(), typ.Field(i).Name)
		}
	}
}
