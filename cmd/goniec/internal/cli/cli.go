// Package cli is goniec's command line.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/domain"
)

// The exit codes, documented in docs/cli.md.
const (
	ExitOK          = 0
	ExitFailed      = 1 // the command ran and what it checked does not hold, or it could not finish
	ExitUsage       = 2 // wrong flags or arguments
	ExitUnavailable = 3 // no running goniec, Kafka or Postgres was reached
	ExitRefused     = 4 // goniec refused the request: the message says which field
	ExitInterrupted = 130
)

// exitMeanings are the exit codes in words, for help and documentation.
var exitMeanings = []struct {
	code    int
	meaning string
}{
	{ExitOK, "done"},
	{ExitFailed, "it ran, and what it checked or waited for does not hold, or it could not finish"},
	{ExitUsage, "wrong command, flags, arguments or configuration; nothing was done"},
	{ExitUnavailable, "no running goniec, Kafka or Postgres was reached"},
	{ExitRefused, "goniec refused the request; the message names the field"},
	{ExitInterrupted, "interrupted before it was finished (up, serve and simulator end with 0)"},
}

// variables are what the environment may say to commands; for serve see config check.
var variables = []struct{ name, meaning string }{
	{"GONIEC_DATA", "as --data"},
	{"GONIEC_API_URL", "as --url"},
	{"GONIEC_API_KEY", "the API key itself"},
	{"GONIEC_API_KEYFILE", "as --key-file"},
	{"GONIEC_CONFIG", "as --config"},
	{"GONIEC_KAFKA_BROKERS, …", "any setting of the configuration: kafka.brokers, …"},
}

// longHelp is what `goniec --help` begins with.
func longHelp() string {
	var b strings.Builder
	b.WriteString(`goniec sends business messages over Viber, falls back to SMS when Viber does not deliver
in time, and keeps every fact about it as an event on Kafka.

Begin with "goniec up", and in another terminal "goniec send --sample". Commands find a
running up, its data and its key by themselves: the one of --data, else of the default
directory, else the only one that runs.

Results go to standard output, everything else to standard error. With --json a result is
one object a line, a list one object as well, also an empty one, and an error is an object
{"error","exit","code","errors"} on standard error. Progress is shown on a terminal only.
No number is ever printed.

Exit codes:
`)
	for _, e := range exitMeanings {
		fmt.Fprintf(&b, "  %-3d  %s\n", e.code, e.meaning)
	}
	b.WriteString("\nEnvironment:\n")
	for _, v := range variables {
		fmt.Fprintf(&b, "  %-24s  %s\n", v.name, v.meaning)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// exitError carries the exit code of a failed command.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func failWith(code int, err error) error { return &exitError{code, err} }

// errTold says that everything has been told already.
var errTold = errors.New("see above")

// app is what all commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	data     string
	url      string
	keyFile  string
	config   string
	logLevel string
	tty      func(stream any) bool // replaced in tests
	ran      bool                  // the command line was understood

	found *run.Config // see cluster
	named string      // the installation that an audit names, see journal
}

// Main runs the command line and returns the exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	a := &app{in: in, out: out, err: errOut, tty: isTerminal}
	return a.execute(ctx, args)
}

func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	code := a.exitCode(err)
	if !errors.Is(err, errTold) {
		a.sayError(err, code)
	}
	return code
}

func (a *app) exitCode(err error) int {
	var exit *exitError
	var problem *client.Error
	var refusal *domain.Error
	var several *run.SeveralError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case !a.ran, errors.As(err, &several):
		return ExitUsage
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.Is(err, run.ErrNotRunning), errors.Is(err, client.ErrUnavailable), errors.As(err, &problem) && problem.Unavailable():
		return ExitUnavailable
	case problem != nil, errors.As(err, &refusal):
		return ExitRefused
	}
	return ExitFailed
}

// errorBody is what standard error says with --json.
type errorBody struct {
	Error  string               `json:"error"`
	Exit   int                  `json:"exit"`
	Code   string               `json:"code,omitempty"`
	Fields []httpapi.FieldError `json:"errors,omitempty"`
}

func (a *app) sayError(err error, exit int) {
	text := err.Error()
	if refusal := new(domain.Error); errors.As(err, &refusal) { // said as those of the API are
		text = strings.Replace(text, refusal.Error(), client.Faults([]httpapi.FieldError{{Field: refusal.Field, Code: refusal.Code, Message: refusal.Message}}), 1)
	}
	if !a.ran {
		text = withoutNumbers(text)
	}
	if !a.json {
		fmt.Fprintln(a.err, "goniec:", text)
		return
	}
	body := errorBody{Error: text, Exit: exit, Code: domain.CodeOf(err)}
	var problem *client.Error
	if errors.As(err, &problem) {
		body.Code, body.Fields = problem.Code, problem.Fields
	}
	_ = json.NewEncoder(a.err).Encode(body) // nothing else can be told
}

func (a *app) root() *cobra.Command {
	root := group("goniec", "Business messages over Viber with fallback to SMS; every fact is an event on Kafka")
	root.Long, root.SilenceUsage, root.SilenceErrors = longHelp(), true, true
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print JSON, one object a line")
	flags.StringVar(&a.data, "data", os.Getenv("GONIEC_DATA"), "data `directory` of up")
	flags.StringVar(&a.url, "url", os.Getenv("GONIEC_API_URL"), "base `URL` of the API (default: that of the running up)")
	flags.StringVar(&a.keyFile, "key-file", os.Getenv("GONIEC_API_KEYFILE"), "`file` with the API key (default: that of the running up)")
	flags.StringVar(&a.config, "config", os.Getenv("GONIEC_CONFIG"), "configuration `file` (YAML)")
	flags.StringVar(&a.logLevel, "log-level", "", "`level` of the log: debug, info, warn or error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failWith(ExitUsage, err) })
	root.AddCommand(
		a.upCommand(), a.serveCommand(), a.simulatorCommand(), a.sendCommand(), a.messagesCommand(), a.reportCommand(), a.billingCommand(), a.accountCommand(), a.senderCommand(), a.regulationsCommand(), a.pricesCommand(),
		a.optOutCommand(), a.webhooksCommand(), a.topicsCommand(), a.partitionsCommand(), a.keysCommand(), a.projectionsCommand(), a.configCommand(), a.secretsCommand(),
		a.pauseCommand(), a.resumeCommand(), a.unknownCommand(), a.unmatchedCommand(), a.operatorCommand(), a.parkedCommand(), a.privacyCommand(), a.versionCommand(), a.auditCommand(), a.demoCommand(), a.demoChildCommand(),
	)
	a.noteRun(root)
	sayNeeds(root)
	return root
}

// sayNeeds lets every command tell what it needs by its own words: which flags are required, and which argument is missing.
func sayNeeds(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil {
			f.Usage += " (required)"
		}
	})
	if judge := cmd.Args; judge != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := judge(cmd, args)
			if exit := new(exitError); err == nil || errors.As(err, &exit) { // which says it already
				return err
			}
			return badArgs(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		sayNeeds(sub)
	}
}

// badArgs names the arguments that are missing, from the command's Use line.
func badArgs(cmd *cobra.Command, args []string) error {
	_, usage, _ := strings.Cut(cmd.Use, " ")
	usage = strings.TrimSpace(cmd.CommandPath() + " " + usage)
	var missing []string
	for i, name := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(name, "-") || strings.HasPrefix(name, "[") { // flags and what may be left out come last
			break
		}
		if i >= len(args) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return failWith(ExitUsage, fmt.Errorf("too many arguments; usage: %s", usage))
	}
	return failWith(ExitUsage, fmt.Errorf("missing: %s; usage: %s", strings.Join(missing, ", "), usage))
}

// noteRun lets every command note that its flags and arguments were understood:
// what is wrong before that is a mistake of usage.
func (a *app) noteRun(cmd *cobra.Command) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.ran = true
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		a.noteRun(sub)
	}
}

// logger writes to standard error: results alone go to standard output.
func (a *app) logger(def string) *slog.Logger {
	name := a.logLevel
	if name == "" {
		name = def
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
}
