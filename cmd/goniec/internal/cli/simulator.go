package cli

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/simulator"
	"goniec/internal/suffixes"
)

// simulatorBody is the ready line of `simulator --json`.
type simulatorBody struct {
	Ready bool   `json:"ready"`
	URL   string `json:"url"`
	SMPP  string `json:"smpp"`
	PID   int    `json:"pid"`
}

const simulatorLong = `Runs both simulated carriers as a process of its own: Viber over HTTP, an SMSC over
SMPP 3.4, and a page that shows the phones. What a number's recipient does follows
from its last two digits. The log of everything that was handed over and reported is
kept in --dir, and is served under /log.

goniec uses it with "up --viber-url URL --smpp ADDR", or as the carriers of a
configuration; --callback is then where that goniec's API takes reports:
http://ADDR/callbacks/viber/viber.`

func (a *app) simulatorCommand() *cobra.Command {
	var cfg simulator.Config
	cmd := &cobra.Command{
		Use: "simulator", Short: "Run the simulated carriers as a process of their own", Args: cobra.NoArgs, Long: simulatorLong,
		Example: "goniec simulator --addr 127.0.0.1:9100 --smpp-addr 127.0.0.1:9101 --dir sim --callback http://127.0.0.1:8080/callbacks/viber/viber",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Logger, cfg.Services = a.logger("warn"), suffixes.Services()
			if cfg.Dir != "" {
				if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
					return failWith(ExitUsage, err)
				}
			}
			if err := cfg.Validate(); err != nil {
				return failWith(ExitUsage, err)
			}
			sim, err := simulator.New(cfg)
			if err != nil {
				return err
			}
			body := simulatorBody{Ready: true, URL: sim.URL(), SMPP: sim.SMPPAddr(), PID: os.Getpid()}
			if err := a.show(body, func() {
				a.say("ready  Viber and the phones %s  SMPP %s", body.URL, body.SMPP)
				a.say("       No phone receives anything.")
			}); err != nil {
				return errors.Join(err, sim.Close())
			}
			return sim.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Addr, "addr", "127.0.0.1:0", "`address` of the Viber service, the log and the page")
	f.StringVar(&cfg.SMPPAddr, "smpp-addr", "127.0.0.1:0", "`address` of the SMSC")
	f.StringVar(&cfg.Dir, "dir", "", "`directory` of the log (default: a temporary file)")
	f.StringVar(&cfg.CallbackURL, "callback", "", "`URL` that Viber's reports go to; without it they wait")
	f.BoolVar(&cfg.SyncLog, "sync", false, "answer only when the log is on the disk")
	f.DurationVar(&cfg.Delays.Deliver, "deliver", 300*time.Millisecond, "`time` from the submit to the phone, on Viber")
	f.DurationVar(&cfg.Delays.SMS, "sms", 500*time.Millisecond, "`time` from the submit to the phone, by SMS")
	f.DurationVar(&cfg.Delays.Validity, "validity", 15*time.Second, "the messages' `validity` that the reports' times assume")
	return cmd
}
