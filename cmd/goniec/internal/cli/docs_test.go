package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

//go:generate env GONIEC_TEST_UPDATE=1 go test -run ^TestDocs$ .

const docsPath = "../../../../docs/cli.md"

const docsHead = `# The command line

This page is made from the commands themselves, the same text that ` + "`--help`" + ` shows
(` + "`go generate ./cmd/goniec/internal/cli`" + `); a test compares the two.
`

// newRoot is the tree of commands as people meet it.
func newRoot() *cobra.Command {
	root := (&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, tty: func(any) bool { return false }}).root()
	root.InitDefaultHelpFlag()
	return root
}

func TestDocs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(docsHead)
	document(&b, newRoot())
	want := b.String()
	if os.Getenv("GONIEC_TEST_UPDATE") != "" {
		require.NoError(t, os.WriteFile(docsPath, []byte(want), 0o644)) // a page for everybody
	}
	have, err := os.ReadFile(docsPath)
	require.NoError(t, err)
	require.Empty(t, firstDifference(want, string(have)), "docs/cli.md is not what the commands say: go generate ./cmd/goniec/internal/cli")
}

// firstDifference is short, as a whole page is not.
func firstDifference(want, have string) string {
	w, h := strings.Split(want, "\n"), strings.Split(have, "\n")
	for i := range max(len(w), len(h)) {
		if i >= len(w) || i >= len(h) || w[i] != h[i] {
			return fmt.Sprintf("line %d: %q, must be %q", i+1, at(h, i), at(w, i))
		}
	}
	return ""
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func document(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Runnable() && !cmd.HasSubCommands() || !cmd.HasParent() {
		section(b, cmd)
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			document(b, sub)
		}
	}
}

func section(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", cmd.CommandPath(), cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(b, "\n%s\n", fenced(cmd.Long))
	}
	if cmd.HasParent() {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.Join(append([]string{cmd.UseLine()}, examples(cmd)...), "\n"))
	}
	rows := ""
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("`--" + f.Name + "` " + value)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && os.Getenv(envOf(f.Name)) == "" {
			usage += " (default " + f.DefValue + ")"
		}
		rows += "| " + name + " | " + strings.ReplaceAll(usage, "|", "\\|") + " |\n"
	})
	if rows != "" {
		b.WriteString("\n| flag | |\n|---|---|\n" + rows)
	}
}

// envOf names the variable that gives a flag of every command its default.
func envOf(flag string) string {
	return map[string]string{"data": "GONIEC_DATA", "url": "GONIEC_API_URL", "key-file": "GONIEC_API_KEYFILE", "config": "GONIEC_CONFIG"}[flag]
}

// fenced keeps what is set in columns as it is.
func fenced(long string) string {
	var out []string
	inside := false
	for _, line := range strings.Split(long, "\n") {
		if column := strings.HasPrefix(line, "  "); column != inside {
			inside = column
			out = append(out, "```")
		}
		out = append(out, line)
	}
	if inside {
		out = append(out, "```")
	}
	return strings.ReplaceAll(strings.Join(out, "\n"), ":\n```", ":\n\n```")
}

func examples(cmd *cobra.Command) []string {
	if cmd.Example == "" {
		return nil
	}
	return append([]string{"", "# for example"}, strings.Split(cmd.Example, "\n")...)
}

// What the page says can be typed.
func TestExamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	seen := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.Example, "\n") {
			if strings.TrimSpace(line) == "" {
				continue
			}
			seen++
			words := shellWords(t, strings.TrimSpace(line))
			require.Equal(t, "goniec", words[0], line)
			found, rest, err := newRoot().Find(words[1:])
			require.NoError(t, err, line)
			require.Equal(t, cmd.CommandPath(), found.CommandPath(), line)
			require.NoError(t, found.ParseFlags(rest), line)
			require.NoError(t, found.ValidateArgs(found.Flags().Args()), line)
			require.NoError(t, found.ValidateFlagGroups(), line)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	require.Greater(t, seen, 15)
}

// shellWords splits a line as a shell does, as far as examples need it.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	var out []string
	var word strings.Builder
	quoted, begun := false, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	require.False(t, quoted, line)
	return append(out, word.String())
}

// Every command says what it does, in one line without a full stop, and a group
// is told from a command that does something.
func TestCommandsAreDescribed(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.NotContains(t, cmd.Short, "\n", cmd.CommandPath())
		require.False(t, strings.HasSuffix(cmd.Short, "."), cmd.CommandPath())
		require.NotNil(t, cmd.RunE, cmd.CommandPath())
		require.NotNil(t, cmd.Args, cmd.CommandPath())
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { require.NotEmpty(t, f.Usage, cmd.CommandPath()+" --"+f.Name) })
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
}
