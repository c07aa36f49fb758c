package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
)

// stopBudget is how long a process may take to stop: requests under way, open
// transactions, calls to carriers, and some room.
const stopBudget = 40 * time.Second

const serveLong = `Runs one or more roles of an installation against its Kafka cluster and Postgres, until
it is told to stop (SIGINT, SIGTERM). It then finishes what is under way, within 40 s;
a second signal ends it at once.

Roles: api (HTTP API and carriers' callbacks), decider, dispatcher (calls carriers,
takes SMPP receipts), projector (read models), reactor (webhooks). Any number of
processes may run the same role: they share the partitions. The topics must exist:
see topics create. A Kafka that does not answer is waited for, up to a minute.
Environment variables override the configuration file (GONIEC_KAFKA_BROKERS for
kafka.brokers), flags override both.

Every process answers /healthz, /readyz (which names what waits) and /metrics: on the
API's port or, without the role api, on probes.addr (default 127.0.0.1:8081, or a free
port when that is taken).`

func (a *app) serveCommand() *cobra.Command {
	var roles []string
	var addr string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run roles of an installation against a Kafka cluster and Postgres", Args: cobra.NoArgs, Long: serveLong,
		Example: "goniec serve --config goniec.yaml\ngoniec serve --config goniec.yaml --roles decider,dispatcher",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, secrets, err := a.installation(func(cfg *run.Config) {
				if len(roles) > 0 {
					cfg.Roles = nil
					for _, r := range roles {
						cfg.Roles = append(cfg.Roles, run.Role(r))
					}
				}
				if addr != "" {
					cfg.HTTP.Addr = addr
				}
			})
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg, secrets)
		},
	}
	cmd.Flags().StringSliceVar(&roles, "roles", nil, "`roles` to run, separated by commas (default: the configuration's, else all)")
	cmd.Flags().StringVar(&addr, "http", "", "`address` of the API (default: the configuration's)")
	return cmd
}

// installation reads the whole configuration and the secrets that it names. Every
// fault is told at once.
func (a *app) installation(flags func(*run.Config)) (run.Config, run.Secrets, error) {
	cfg, err := run.Load(run.Defaults(), a.config)
	if err != nil {
		return cfg, run.Secrets{}, failWith(ExitUsage, err)
	}
	if a.data != "" {
		cfg.Data = a.data
	}
	if a.logLevel != "" {
		cfg.LogLevel = a.logLevel
	}
	flags(&cfg)
	err = cfg.Validate()
	var secrets run.Secrets
	if cfg.Secrets != "" {
		var unreadable error
		secrets, unreadable = run.ReadSecrets(cfg.Secrets)
		err = errors.Join(err, unreadable)
	}
	if err != nil {
		return cfg, secrets, failWith(ExitUsage, err)
	}
	return cfg, secrets, nil
}

// servingBody is the ready line of `serve --json`.
type servingBody struct {
	Ready bool       `json:"ready"`
	Roles []run.Role `json:"roles"`
	HTTP  string     `json:"http,omitempty"`
	// Probes is the base of /healthz, /readyz and /metrics of a process without the role api.
	Probes string `json:"probes,omitempty"`
	PID    int    `json:"pid"`
}

func (a *app) serve(ctx context.Context, cfg run.Config, secrets run.Secrets) error {
	clock, err := run.ClockFromEnv()
	if err != nil {
		return failWith(ExitUsage, err)
	}
	n, err := run.NewNode(ctx, cfg, secrets, run.Options{Clock: clock, Log: a.logger(cfg.LogLevel)})
	if err != nil {
		return unavailable(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case <-n.Started():
		body := servingBody{Ready: true, Roles: cfg.Roles, PID: os.Getpid()}
		if addr := n.HTTPAddr(); addr != "" {
			body.HTTP = "http://" + addr
		}
		if addr := n.ProbesAddr(); addr != "" {
			body.Probes = "http://" + addr
		}
		if err := a.show(body, func() { a.sayServing(body) }); err != nil {
			return err
		}
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	return awaitEnd(ctx, ended)
}

func (a *app) sayServing(b servingBody) {
	names := make([]string, len(b.Roles))
	for i, r := range b.Roles {
		names[i] = string(r)
	}
	if b.Probes != "" {
		a.say("ready  %s  probes %s", strings.Join(names, ", "), b.Probes)
		return
	}
	a.say("ready  %s  %s", strings.Join(names, ", "), b.HTTP)
}

// awaitEnd waits for a process's parts, but not for ever once they are to stop.
func awaitEnd(ctx context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	budget := time.NewTimer(stopBudget)
	defer budget.Stop()
	select {
	case err := <-ended:
		return err
	case <-budget.C:
		return fmt.Errorf("not stopped within %s: ended all the same", stopBudget)
	}
}
