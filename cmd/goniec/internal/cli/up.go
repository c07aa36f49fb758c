package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/embedded"
	"goniec/cmd/goniec/internal/run"
)

func (a *app) upCommand() *cobra.Command {
	var cfg run.UpConfig
	var profiles string
	cmd := &cobra.Command{
		Use: "up", Short: "Start everything on this machine: Kafka, Postgres, simulated carriers, API, a demo account", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Data, cfg.Log, cfg.Listed = a.data, a.logger("warn"), true
			if profiles != "" {
				if err := servePprof(cmd.Context(), profiles); err != nil {
					return err
				}
			}
			steps := &steps{out: a.out, quiet: a.json}
			cfg.Step, cfg.Progress = steps.begin, steps.progress
			u, err := run.StartUp(cmd.Context(), cfg)
			steps.end()
			if err != nil {
				return err
			}
			a.sayReady(u.Running())
			err = u.Wait(cmd.Context())
			if !a.json {
				fmt.Fprintln(a.out, "stopping")
			}
			return errors.Join(err, u.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.HTTP, "http", "", "address of the API; port 0 picks a free one (default 127.0.0.1:8080, or a free port when that is taken)")
	f.StringVar(&cfg.Simulator, "simulator", "", "address of the simulated carriers' page (default a free port)")
	f.BoolVar(&cfg.VirtualClock, "virtual-clock", false, "domain time is moved by POST /clock {\"advance\":\"15s\"}; the data directory keeps it")
	f.BoolVar(&cfg.Sync, "sync", false, "the embedded broker syncs every write to the disk: survives a power cut, slower")
	f.StringSliceVar(&cfg.Brokers, "brokers", nil, "use this Kafka instead of the embedded one")
	f.StringVar(&cfg.Prefix, "prefix", "", "of topics (default \"goniec.\")")
	f.StringVar(&cfg.ViberURL, "viber-url", "", "use these carriers instead of the built-in simulator (with --smpp)")
	f.StringVar(&cfg.SMPP, "smpp", "", "host:port of the SMSC (with --viber-url)")
	f.StringVar(&cfg.PostgresURL, "postgres", "", "use this Postgres instead of the embedded one")
	f.StringVar(&profiles, "pprof", "", "serve Go's profiles on this loopback address")
	cmd.MarkFlagsRequiredTogether("viber-url", "smpp")
	return cmd
}

func (a *app) sayReady(r run.Running) {
	if a.json {
		_ = json.NewEncoder(a.out).Encode(r) // a reader that went away needs no line
		return
	}
	fmt.Fprintf(a.out, `ready  API %s  (try it: %s/docs)  key %s  Kafka %s  phone %s
       Carriers are simulated: no phone receives anything. One node, no replication: for trial only.
       %[6]s send +48500100201 "Dzień dobry" --watch                  read on Viber
       %[6]s send +48500100206 "Dzień dobry" --validity 15s --watch   ends as SMS after 15 s
`, r.HTTP, r.HTTP, r.APIKeyFile, r.Kafka, r.Simulator, program(os.Args[0]))
}

// program is how to call this program once more, by what it was called as: go run keeps
// what it builds in a directory that is gone with it.
func program(called string) string {
	if strings.Contains(filepath.ToSlash(called), "/go-build") {
		return "go run ./cmd/goniec"
	}
	return called
}

// steps shows a line per step with its duration.
type steps struct {
	out   io.Writer
	quiet bool
	name  string
	began time.Time
	shown int64
}

func (s *steps) begin(name string) {
	s.end()
	s.name, s.began, s.shown = name, time.Now(), 0
}

func (s *steps) end() {
	if s.name != "" && !s.quiet {
		fmt.Fprintf(s.out, "%-18s %5.1f s\n", s.name, time.Since(s.began).Seconds())
	}
	s.name = ""
}

// progress shows downloads in steps of a quarter, so that a pipe is not flooded.
func (s *steps) progress(p embedded.Progress) {
	if s.quiet {
		return
	}
	if p.Total == 0 {
		fmt.Fprintf(s.out, "  %s\n", p.Step)
		return
	}
	if quarter := 4 * p.Done / p.Total; quarter >= s.shown {
		s.shown = quarter + 1
		fmt.Fprintf(s.out, "  %s %d %%\n", p.Step, 100*p.Done/p.Total)
	}
}
