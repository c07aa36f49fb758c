package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	const pass = `{"Action":"output","Package":"p","Test":"TestA","Output":"fine\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.1}
`
	for name, c := range map[string]struct {
		in           string
		says         []string
		good, strict bool
	}{
		"passed":  {pass, []string{"1 passed, 0 failed, 0 skipped"}, true, true},
		"nothing": {"", []string{"0 passed, 0 failed, 0 skipped"}, false, false},
		"skipped": {
			pass + `{"Action":"output","Package":"p","Test":"TestB","Output":"no broker\n"}
{"Action":"skip","Package":"p","Test":"TestB"}`,
			[]string{"SKIP p TestB\nno broker", "1 passed, 0 failed, 1 skipped"},
			true, false,
		},
		"failed": {
			pass + `{"Action":"output","Package":"p","Test":"TestB","Output":"want 1\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}`,
			[]string{"FAIL p TestB\nwant 1", "1 passed, 1 failed"},
			false, false,
		},
		"does not build": {
			pass + `{"ImportPath":"q","Action":"build-output","Output":"x.go:1: bad\n"}
{"Action":"fail","Package":"q","FailedBuild":"q"}`,
			[]string{"FAIL q\nx.go:1: bad", "1 passed, 1 failed"},
			false, false,
		},
		"died": {
			pass + `{"Action":"output","Package":"q","Output":"panic\n"}
{"Action":"fail","Package":"q"}`,
			[]string{"FAIL q\npanic", "1 passed, 1 failed"},
			false, false,
		},
		"slow":       {`{"Action":"pass","Package":"p","Test":"TestA","Elapsed":70}`, []string{"70.0s p TestA"}, true, true},
		"other text": {"go: downloading\n" + pass, []string{"go: downloading", "1 passed"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := newSummary(10 * time.Second)
			require.NoError(t, s.read(strings.NewReader(c.in), &out))
			s.report(&out)
			for _, text := range c.says {
				require.Contains(t, out.String(), text)
			}
			require.NotContains(t, out.String(), "fine", "output of what passed")
			require.Equal(t, c.good, s.good(false))
			require.Equal(t, c.strict, s.good(true))
			require.NoError(t, s.addTo(filepath.Join(t.TempDir(), "tally")))
		})
	}
}

func TestRacesInsideALibrary(t *testing.T) {
	t.Parallel()
	race := func(pkg, one, other string) string {
		out := ""
		for _, line := range []string{"WARNING: DATA RACE", "Write at 0x00c0 by goroutine 2:", "  " + one, "      /x.go:1", "Previous read at 0x00c0 by goroutine 1:", "  " + other} {
			out += `{"Action":"output","Package":"` + pkg + `","Test":"TestB","Output":"` + line + `\n"}` + "\n"
		}
		return out + `{"Action":"pass","Package":"` + pkg + `","Test":"TestA"}
{"Action":"fail","Package":"` + pkg + `","Test":"TestB"}
{"Action":"fail","Package":"` + pkg + `"}
`
	}
	s := newSummary(time.Minute)
	in := race("theirs", "lib.(*T).write()", "lib.read()") + race("mixed", "lib.(*T).write()", "ours.read()") + race("sibling", "library.read()", "lib.read()") +
		`{"Action":"fail","Package":"plain","Test":"TestC"}`
	require.NoError(t, s.read(strings.NewReader(in), t.Output()))
	require.Empty(t, s.setAside(""))
	require.Equal(t, []repeat{{"theirs", "^(TestB)$"}}, s.setAside("lib"))
	require.Equal(t, []test{{"theirs", "TestA"}, {"mixed", "TestA"}, {"sibling", "TestA"}}, s.passed)
	require.Equal(t, []test{{"mixed", "TestB"}, {"sibling", "TestB"}, {"plain", "TestC"}}, s.failed)
	path := filepath.Join(t.TempDir(), "again")
	require.NoError(t, note(path, []repeat{{"theirs", "^(TestB)$"}, {"died", "."}}))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "theirs ^(TestB)$\ndied .\n", string(text))
}
