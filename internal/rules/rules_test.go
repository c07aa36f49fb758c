// Package rules holds the test that ties docs/rules.md to code and tests.
package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

var (
	// A rule begins with its number and a capital, after a line's or a sentence's end.
	rulePattern  = regexp.MustCompile(`(?:^|\n|\. )([A-G]\d+[a-c]?) (?:\*\*\[d\]\*\* )?["“]?\p{Lu}`)
	numberRange  = regexp.MustCompile(`([A-G])(\d+)–[A-G]?(\d+)`)
	number       = regexp.MustCompile(`\b[A-G]\d+[a-c]?\b`)
	chapter      = regexp.MustCompile(`^ [A-G](, [A-G])* $`) // a row for all rules of a letter
	quoted       = regexp.MustCompile("`([^`]+)`")
	testFunction = regexp.MustCompile(`func (Test\w+)\(`)
)

// row is a line of the table "Where each rule lives".
type row struct {
	rules, paths, tests []string
	planned             bool // nothing of it is built
}

// table reads the rules of the page and the rows of its table.
func table(t *testing.T) (rules []string, rows []row) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "rules.md"))
	require.NoError(t, err)
	text, lives, found := strings.Cut(string(page), "\n## Where each rule lives\n")
	require.True(t, found)
	for _, m := range rulePattern.FindAllStringSubmatch(text, -1) {
		rules = append(rules, m[1])
	}
	for _, line := range strings.Split(lives, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || len(numbers(cells[0])) == 0 {
			continue
		}
		r := row{rules: numbers(cells[0]), planned: strings.TrimSpace(cells[2]) == "planned"}
		for _, q := range quoted.FindAllStringSubmatch(cells[1]+cells[2], -1) {
			if strings.HasPrefix(q[1], "Test") {
				r.tests = append(r.tests, q[1])
			} else if strings.Contains(q[1], "/") || q[1] == "eventstore" || q[1] == "projections" {
				r.paths = append(r.paths, expand(q[1])...)
			}
		}
		rows = append(rows, r)
	}
	return rules, rows
}

// numbers are the rules that a cell names: "B1, B3", "F5–F7".
func numbers(cell string) []string {
	cell = numberRange.ReplaceAllStringFunc(cell, func(s string) string {
		m := numberRange.FindStringSubmatch(s)
		from, _ := strconv.Atoi(m[2]) // digits, as matched
		to, _ := strconv.Atoi(m[3])
		var out []string
		for i := from; i <= to; i++ {
			out = append(out, m[1]+strconv.Itoa(i))
		}
		return strings.Join(out, " ")
	})
	if chapter.MatchString(cell) {
		return strings.Split(strings.TrimSpace(cell), ", ")
	}
	return number.FindAllString(cell, -1)
}

// expand turns "a/{b,c}.go" into both.
func expand(path string) []string {
	before, rest, braces := strings.Cut(path, "{")
	if !braces {
		return []string{path}
	}
	list, after, _ := strings.Cut(rest, "}")
	var out []string
	for _, x := range strings.Split(list, ",") {
		out = append(out, before+x+after)
	}
	return out
}

// tested are all test functions, and the rules that any test file cites.
func tested(t *testing.T) (functions, cited map[string]bool) {
	t.Helper()
	functions, cited = map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "internal/rules/") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range testFunction.FindAllStringSubmatch(string(source), -1) {
			functions[m[1]] = true
		}
		for _, m := range number.FindAllString(string(source), -1) {
			cited[m] = true
		}
		return err
	})
	require.NoError(t, err)
	return functions, cited
}

// Every rule stands in the table; what is built of it names code that is there, and
// has a test that cites its number; the tests that are named exist.
func TestRulesHaveCodeAndTests(t *testing.T) {
	t.Parallel()
	rules, rows := table(t)
	require.Greater(t, len(rules), 60)
	functions, cited := tested(t)
	listed, uncited := map[string]bool{}, []string{}
	for _, r := range rows {
		for _, n := range r.rules {
			listed[n] = true
			if !r.planned {
				require.NotEmpty(t, r.paths, "%s names no code", n)
				if !cited[n] {
					uncited = append(uncited, n)
				}
			}
		}
		for _, p := range r.paths {
			_, err := os.Stat(filepath.Join(root, p))
			require.NoError(t, err, "code of %v", r.rules)
		}
		for _, f := range r.tests {
			require.True(t, functions[f], "%s, named for %v, is no test", f, r.rules)
		}
	}
	require.Empty(t, uncited, "no test cites these rules, which docs/rules.md calls built")
	for _, n := range rules {
		require.True(t, listed[n] || listed[n[:1]], "%s is not in the table", n)
	}
}
