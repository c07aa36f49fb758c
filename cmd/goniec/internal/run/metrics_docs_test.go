package run

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"goniec/eventstore"
	"goniec/internal/testkit"
)

//go:generate env GONIEC_TEST_UPDATE=1 go test -run ^TestMetricsPage$ .

const (
	repository  = "../../../.."
	metricsPath = repository + "/docs/metrics.md"

	metricsHead = `# Metrics

Every process answers ` + "`/metrics`" + ` for Prometheus: on the API's port, or on ` + "`probes.addr`" + ` where the role api is not run. This page is made
from what is registered (` + "`make generate`" + `); a test compares the two. Besides, there are Go's own (` + "`go_…`, `process_…`" + `) and those of the
reactors' Watermill routers (` + "`goniec_reactor_…`" + `). Labels are partitions, routes, codes and fixed words: never an account, a number or a text.
Metrics of a partition come from the process that owns it, so take the maximum over processes. Rules for alerts: [alerts/goniec.rules.yml](alerts/goniec.rules.yml).

| metric | type | labels | what |
|---|---|---|---|
`
)

// everything is a process with all roles, as its registry sees it; it does not run.
func everything(t *testing.T) []listedMetric {
	t.Helper()
	addr, prefix := testkit.Kafka(t)
	cfg := Defaults()
	cfg.Data, cfg.HTTP.Addr, cfg.Postgres.URL = t.TempDir(), "127.0.0.1:0", "postgres://nobody@127.0.0.1:1/none"
	cfg.Viber.URL, cfg.SMPP.Addr, cfg.Secrets = "http://127.0.0.1:1", "127.0.0.1:1", "unused"
	cfg.Mail.Addr, cfg.Mail.From = "127.0.0.1:1", "goniec@example.com"
	cfg.Audit.KeyFile = filepath.Join(t.TempDir(), AuditKeyName)
	require.NoError(t, EnsureAuditKey(cfg.Audit.KeyFile, "goniec"))
	cfg.Kafka.Brokers, cfg.Kafka.Prefix, cfg.Kafka.Partitions, cfg.Kafka.Replication, cfg.Kafka.MinInsync = []string{addr}, prefix, 1, 1, 1
	createTopics(t, cfg)
	n, err := NewNode(t.Context(), cfg, NewSecrets(), Options{})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	return n.metrics.listed
}

func createTopics(t *testing.T, cfg Config) {
	t.Helper()
	kafka, err := cfg.Kafka.Store()
	require.NoError(t, err)
	require.NoError(t, eventstore.CreateTopics(kafka, cfg.Kafka.Layout()))
}

func TestMetricsPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(metricsHead)
	seen := map[string]bool{}
	for _, m := range everything(t) {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		require.NotEmpty(t, m.Help, m.Name)
		for _, l := range m.Labels { // what could be unbounded or personal
			require.NotContains(t, []string{"account", "message", "number", "sender", "client_ref", "endpoint", "tag"}, l, m.Name)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(m.Labels, ", "), strings.ReplaceAll(m.Help, "|", `\|`))
	}
	if os.Getenv("GONIEC_TEST_UPDATE") != "" {
		require.NoError(t, os.WriteFile(metricsPath, []byte(b.String()), 0o644)) // a page for everybody
	}
	page, err := os.ReadFile(metricsPath)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(page), "docs/metrics.md is not what is registered: make generate")
}

// alertFile is the part of Prometheus' rules that matters here.
type alertFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         time.Duration     `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

var metricName = regexp.MustCompile(`\bgoniec_[a-z0-9_]+`)

// Each alert asks for metrics that exist, by labels that they have, and leads to
// a run book that exists and names it.
func TestAlerts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(repository + "/docs/alerts/goniec.rules.yml")
	require.NoError(t, err)
	var file alertFile
	d := yaml.NewDecoder(strings.NewReader(string(raw)))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&file))
	require.Len(t, file.Groups, 1)
	known := map[string]listedMetric{}
	for _, m := range everything(t) {
		known[m.Name] = m
		if m.Type == "histogram" {
			known[m.Name+"_bucket"], known[m.Name+"_count"], known[m.Name+"_sum"] = m, m, m
		}
	}
	var names []string
	for _, r := range file.Groups[0].Rules {
		require.NotContains(t, names, r.Alert)
		names = append(names, r.Alert)
		asked := metricName.FindAllString(r.Expr, -1)
		require.NotEmpty(t, asked, r.Alert)
		for _, name := range asked {
			require.Contains(t, known, name, r.Alert)
			requireLabels(t, r.Alert, r.Expr, name, known[name].Labels)
		}
		require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		book, err := os.ReadFile(filepath.Join(repository, r.Annotations["runbook"]))
		require.NoError(t, err, r.Alert)
		require.Contains(t, string(book), r.Alert, "the run book names the alerts that lead to it")
	}
	require.NotEmpty(t, names)
}

var selector = regexp.MustCompile(`^\{([a-z_]+)=`)

// requireLabels refuses a selector by a label that the metric does not have.
func requireLabels(t *testing.T, alert, expr, name string, labels []string) {
	t.Helper()
	_, after, _ := strings.Cut(expr, name)
	if m := selector.FindStringSubmatch(after); m != nil {
		require.True(t, slices.Contains(labels, m[1]), "%s: %s has no label %s", alert, name, m[1])
	}
}

// Every run book stands in the list of run books, and every one that the list names exists.
func TestRunbooksAreListed(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(repository + "/docs/runbooks/README.md")
	require.NoError(t, err)
	files, err := filepath.Glob(repository + "/docs/runbooks/*.md")
	require.NoError(t, err)
	var have []string
	for _, f := range files {
		if name := filepath.Base(f); name != "README.md" {
			have = append(have, name)
		}
	}
	var listed []string
	for _, m := range regexp.MustCompile(`\]\(([a-z-]+\.md)\)`).FindAllStringSubmatch(string(list), -1) {
		listed = append(listed, m[1])
	}
	require.ElementsMatch(t, have, listed)
}
