package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/projections/query"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "The configuration of serve", a.configCheck())
}

// configBody is what `config check` says with --json.
type configBody struct {
	OK     bool     `json:"ok"`
	Faults []string `json:"faults"`
}

func (a *app) configCheck() *cobra.Command {
	var connect bool
	cmd := &cobra.Command{
		Use: "check", Short: "Check the configuration, and with --connect what it leads to", Args: cobra.NoArgs,
		Long: `Reads the configuration as serve would, with the environment, and names every fault with
its setting. With --connect it also asks Kafka for its topics, Postgres for the read
models, and the carriers for a connection. Ends with 2 for a fault of the
configuration, with 1 when something that it leads to is not as it must be.`,
		Example: "goniec config check --config goniec.yaml --connect",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := a.installation(func(*run.Config) {})
			faults := each(err)
			code := ExitUsage
			if len(faults) == 0 && connect {
				faults, code = connectivity(cmd.Context(), cfg), ExitFailed
			}
			out := configBody{OK: len(faults) == 0, Faults: faults}
			if err := a.show(out, func() {
				for _, f := range faults {
					a.say("%s", f)
				}
				if out.OK {
					a.say("the configuration is in order")
				}
			}); err != nil || out.OK {
				return err
			}
			return failWith(code, errTold)
		},
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "also try what it leads to")
	return cmd
}

// each takes joined errors apart, as far down as they are joined.
func each(err error) []string {
	out := []string{}
	var exit *exitError
	if errors.As(err, &exit) {
		err = exit.err
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, each(e)...)
		}
		return out
	}
	if err != nil {
		out = append(out, err.Error())
	}
	return out
}

// dialBudget bounds one try.
const dialBudget = 5 * time.Second

func connectivity(ctx context.Context, cfg run.Config) []string {
	faults := []string{}
	states, err := topicStates(cfg.Kafka, false)
	if err != nil {
		faults = append(faults, "kafka: "+err.Error())
	}
	for _, s := range states {
		for _, f := range s.Faults {
			faults = append(faults, "topic "+s.Name+": "+f)
		}
	}
	checks := []struct {
		what   string
		needed bool
		try    func(context.Context) error
	}{
		{"postgres", cfg.Has(run.RoleAPI) || cfg.Has(run.RoleProjector) || cfg.Has(run.RoleReactor), func(ctx context.Context) error { return pingPostgres(ctx, cfg) }},
		{"viber.url", cfg.Has(run.RoleDispatcher), func(ctx context.Context) error { return reachHTTP(ctx, cfg.Viber.URL) }},
		{"smpp.addr", cfg.Has(run.RoleDispatcher), func(ctx context.Context) error { return reachTCP(ctx, cfg.SMPP.Addr) }},
	}
	for _, c := range checks {
		if !c.needed {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, dialBudget)
		if err := c.try(ctx); err != nil {
			faults = append(faults, c.what+": "+err.Error())
		}
		cancel()
	}
	return faults
}

func pingPostgres(ctx context.Context, cfg run.Config) error {
	url, err := cfg.Postgres.ReadURL()
	if err != nil {
		return err
	}
	reader, err := query.Open(url, 1)
	if err != nil {
		return err
	}
	defer reader.Close()
	return reader.Ping(ctx)
}

// reachHTTP asks for any answer: what a carrier says to an empty request is no matter.
func reachHTTP(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return errors.New("is not a URL")
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func reachTCP(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (a *app) secretsCommand() *cobra.Command {
	return group("secrets", "The installation's secrets", a.secretsNew())
}

func (a *app) secretsNew() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "new", Short: "Make the secrets of a new installation", Args: cobra.NoArgs,
		Long: `Writes a new installation's secrets into a file that only its owner can read: its id, the
keys of partitions, recipients and digests, which stay for ever, and the key that
seals texts and numbers. Every process of the installation needs this file. Keep a
copy in a safe place: without it nothing that is sealed can be read again. A file that
exists is left alone.`,
		Example: "goniec secrets new --out /etc/goniec/secrets.json",
		RunE: func(*cobra.Command, []string) error {
			if _, err := os.Lstat(path); err == nil {
				return failWith(ExitUsage, fmt.Errorf("%s exists already: it is left as it is", path))
			}
			s, err := run.EnsureSecrets(path)
			if err != nil {
				return failWith(ExitFailed, err)
			}
			return a.show(map[string]string{"file": path, "installation": s.Installation}, func() {
				a.say("installation %s", s.Installation)
				a.say("secrets in %s: keep a copy in a safe place", path)
			})
		},
	}
	cmd.Flags().StringVar(&path, "out", "", "the `file` to write")
	_ = cmd.MarkFlagRequired("out") // it exists
	return cmd
}
