package projections_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	pt "goniec/projections/internal/projtest"
)

var (
	viewSection = regexp.MustCompile("(?m)^### `([a-z_]+)`")
	quotedWord  = regexp.MustCompile("`([a-z_]+)`")
)

// rules.md F9, G2: docs/billing-contract.md names every column of the views that it
// describes, and no others in its tables; and its role may read each of them.
func TestTheContractNamesEveryColumn(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/billing-contract.md")
	require.NoError(t, err)
	link := pt.Database(t, nil)
	sections := strings.Split(string(page), "\n### ")[1:]
	require.Len(t, sections, 9)
	grants, _, _ := strings.Cut(string(page), "TO invoicing;\nALTER ROLE")
	for _, section := range sections {
		section, _, _ = strings.Cut("### "+section, "\n## ")
		name := viewSection.FindStringSubmatch(section)
		require.NotNil(t, name, section)
		require.Regexp(t, `goniec\.`+name[1]+`\b`, grants)
		columns := pt.Rows(t, link, "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'goniec' AND table_name = '"+name[1]+"'")
		require.NotEmpty(t, columns, name[1])
		var said []string
		for _, w := range quotedWord.FindAllStringSubmatch(section, -1) {
			said = append(said, w[1])
		}
		for _, c := range columns {
			require.Contains(t, said, c, "column of %s", name[1])
		}
		for _, line := range strings.Split(section, "\n") {
			if cells := strings.Split(line, "|"); len(cells) > 3 {
				for _, w := range quotedWord.FindAllStringSubmatch(cells[1], -1) {
					require.True(t, slices.Contains(columns, w[1]), "%s has no column %s", name[1], w[1])
				}
			}
		}
	}
}
