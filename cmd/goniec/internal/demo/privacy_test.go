package demo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/internal/suffixes"
)

func TestNeedlesAreFound(t *testing.T) {
	t.Parallel()
	p := suffixes.Plan{Marker: "zqabcdefghij", Sendings: []suffixes.Sending{{Number: "+48500123406"}}}
	n := NeedlesOf(p)
	for in, want := range map[string]string{
		`to="+48500123406"`: "a number", "48500123406": "a number", "0048500123406": "a number", `{"dest":"48500123406"}`: "a number",
		"tel 500123406 x": "a number", "tel:500123406": "a number", "a zqabcdefghij-00001 b": "a text",
		"5485001234061":              "", // in the middle of a carrier's id
		"12:00:00.500123406 UTC":     "", // a fraction of a second
		"a500123406b":                "", // a hash
		"485001234":                  "",
		"48500123407":                "",
		"zqabcdefghi":                "",
		"":                           "",
		"2026-11-16T12:00:00.500123": "",
	} {
		require.Equal(t, want, n.Find([]byte(in)), in)
	}
}

func TestAPlaceIsToldOnce(t *testing.T) {
	t.Parallel()
	f := &finding{needles: NeedlesOf(suffixes.Plan{Marker: "zq1", Sendings: []suffixes.Sending{{Number: "+48500123406"}}}), searched: &Searched{}, seen: map[string]bool{}}
	f.look("the metrics", []byte("zq1"))
	f.look("the metrics", []byte("+48500123406"))
	f.look("a key of x", []byte("+48500123406"))
	require.Equal(t, []string{"a text stands in the metrics", "a number stands in a key of x"}, f.faults)
	require.Equal(t, int64(27), f.searched.Bytes)
}
