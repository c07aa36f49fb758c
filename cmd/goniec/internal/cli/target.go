package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/spf13/cobra"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore"
	"goniec/projections/query"
)

// remote is the API that a command talks to.
type remote struct {
	*client.Client
	running run.Running // the `up` that it belongs to, if it is one of this machine
}

// simulated says that no phone receives anything.
func (r *remote) simulated() bool { return r.running.Simulator != "" }

// demo says that the account is the one that `up` made.
func (r *remote) demo() bool { return r.running.Account == run.DemoAccount }

var errNoKey = errors.New("an API key is required: name its file with --key-file, or put it into GONIEC_API_KEY")

// api finds the API and a client's key: those that are named, else those of the running `up`.
func (a *app) api() (*remote, error) {
	return a.apiAs(func(r run.Running) string { return r.APIKeyFile })
}

// operatorAPI is api with an operator's key.
func (a *app) operatorAPI() (*remote, error) {
	return a.apiAs(func(r run.Running) string { return r.OperatorKeyFile })
}

func (a *app) apiAs(own func(run.Running) string) (*remote, error) {
	base := a.url
	running, err := run.Find(a.data)
	if base == "" {
		if err != nil {
			return nil, err
		}
		base = running.HTTP
	}
	if strings.TrimRight(base, "/") != running.HTTP {
		running = run.Running{}
	}
	key, ours, err := a.key(own(running))
	if err != nil {
		return nil, err
	}
	if !ours { // somebody else's key is of somebody else's account
		running.Account = ""
	}
	c, err := client.New(client.Config{URL: base, Key: key, Waiting: a.waiting()})
	if err != nil {
		return nil, failWith(ExitUsage, err)
	}
	return &remote{Client: c, running: running}, nil
}

// waiting tells people once that a call is being repeated.
func (a *app) waiting() func(error, time.Duration) {
	told := false
	return func(err error, _ time.Duration) {
		if !told && !a.json && a.tty(a.err) {
			fmt.Fprintf(a.err, "goniec: waiting: %v\n", err)
		}
		told = true
	}
}

// key reads the key that is named, else the one of the running `up` in the file own.
func (a *app) key(own string) (key string, ours bool, err error) {
	if path := a.keyFile; path != "" {
		key, err = readKey(path)
		return key, false, err
	}
	if key = strings.TrimSpace(os.Getenv("GONIEC_API_KEY")); key != "" {
		return key, false, nil
	}
	if own == "" {
		return "", false, failWith(ExitUsage, errNoKey)
	}
	key, err = readKey(own)
	return key, true, err
}

func readKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", failWith(ExitUsage, fmt.Errorf("key file: %w", err))
	}
	defer f.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return "", failWith(ExitUsage, fmt.Errorf("key file: %w", err))
	}
	key := strings.TrimSpace(string(b))
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", failWith(ExitUsage, fmt.Errorf("key file %s: it does not hold a key", path))
	}
	return key, nil
}

// cluster is the installation that a command works on from behind the API: that
// of the configuration, else that of the running `up`. It is looked for once.
func (a *app) cluster() (run.Config, error) {
	if a.found == nil {
		cfg, err := a.findCluster()
		if err != nil {
			return cfg, err
		}
		a.found = &cfg
	}
	return *a.found, nil
}

func (a *app) findCluster() (run.Config, error) {
	cfg, err := run.Load(run.Defaults(), a.config)
	if err != nil {
		return cfg, failWith(ExitUsage, err)
	}
	if len(cfg.Kafka.Brokers) > 0 {
		return cfg, nil
	}
	if a.config != "" {
		return cfg, failWith(ExitUsage, errors.New("kafka.brokers: at least one host:port is required"))
	}
	r, err := run.Find(a.data)
	if err != nil {
		return cfg, fmt.Errorf("%w, or name a configuration with --config", err)
	}
	cfg.Kafka = run.KafkaConfig{
		Brokers: strings.Split(r.Kafka, ","), Prefix: r.Prefix, Partitions: r.Partitions, Replication: 1, MinInsync: 1,
		SessionTimeout: 6 * time.Second,
	}
	cfg.Postgres = run.PostgresConfig{URL: r.Postgres}
	cfg.Secrets, cfg.Data = r.Secrets, r.Data
	cfg.Audit.KeyFile = filepath.Join(r.Data, run.AuditKeyName)
	return cfg, nil
}

// unavailable gives an error of Kafka or Postgres that cannot be reached its exit code.
func unavailable(err error) error {
	var network *net.OpError
	if errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, query.ErrUnavailable) || errors.Is(err, eventstore.ErrUnavailable) || errors.As(err, &network) {
		return failWith(ExitUnavailable, err)
	}
	return err
}

// notFound tells what it is that is not there.
func notFound(err error, what string) error {
	var p *client.Error
	if errors.As(err, &p) && p.Status == http.StatusNotFound && p.Code == httpapi.CodeNotFound {
		said := *p
		said.Detail, said.Fields = "this account has no such "+what, nil
		return &said
	}
	return err
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: knownSub, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(subs...)
	return cmd
}

// knownSub refuses what is no command, without repeating it: it may be a number.
func knownSub(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := fmt.Sprintf("there is no such command; see `%s --help`", cmd.CommandPath())
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		msg = fmt.Sprintf("there is no such command; did you mean `%s %s`?", cmd.CommandPath(), s[0])
	}
	return failWith(ExitUsage, errors.New(msg))
}
