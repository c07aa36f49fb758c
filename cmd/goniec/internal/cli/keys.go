package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
)

const keysTarget = "\n\nIt works on the secrets file of --config, else on that of the running up."

func (a *app) keysCommand() *cobra.Command {
	return group("keys", "The installation's sealing keys: rotate them", a.keysList(), a.keysAdd(), a.keysUse())
}

// keyBody is what `keys` says of one key.
type keyBody struct {
	Name   string         `json:"name"`
	Seals  bool           `json:"seals"`
	Opens  *run.SealUsage `json:"opens,omitempty"`
	Unread bool           `json:"missing,omitempty"` // something is sealed by it, and the file does not hold it
}

// keysBody is what `keys` says with --json.
type keysBody struct {
	Keys []keyBody `json:"keys"`
}

func (a *app) keysList() *cobra.Command {
	var usage bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the sealing keys, and with --usage what each still opens", Args: cobra.NoArgs,
		Long: `Lists the keys of the secrets file by name: one seals, all of them open. With --usage it
reads the topics (which takes as long as the journal is) and counts what each key opens:
day keys (which open contents), webhook secrets, parked commands. A key that opens
nothing, and does not seal, can be taken out of the file. Ends with 1 when something is
sealed by a key that the file does not hold. No key is ever printed.` + keysTarget,
		Example: "goniec keys list --usage --config goniec.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := a.sealKeys(cmd, usage)
			if err != nil {
				return err
			}
			if err := a.show(out, func() { a.sayKeys(out, usage) }); err != nil {
				return err
			}
			if slices.ContainsFunc(out.Keys, func(k keyBody) bool { return k.Unread }) {
				return failWith(ExitFailed, errTold)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&usage, "usage", false, "count what each key opens")
	return cmd
}

func (a *app) sealKeys(cmd *cobra.Command, usage bool) (out keysBody, err error) {
	cfg, err := a.cluster()
	if err != nil {
		return out, err
	}
	secrets, err := run.ReadSecrets(cfg.Secrets)
	if err != nil {
		return out, failWith(ExitUsage, err)
	}
	used := map[string]run.SealUsage{}
	if usage {
		kafka, err := cfg.Kafka.Store()
		if err != nil {
			return out, failWith(ExitUsage, err)
		}
		client, err := kafka.NewClient()
		if err != nil {
			return out, unavailable(err)
		}
		defer client.Close() //nolint:errcheck // nothing was written
		if used, err = run.SealUsages(cmd.Context(), client, kafka.Topics(), cfg.Kafka.Partitions); err != nil {
			return out, unavailable(err)
		}
	}
	for name := range secrets.Seal.Keys {
		k := keyBody{Name: name, Seals: name == secrets.Seal.Primary}
		if usage {
			u := used[name]
			k.Opens = &u
		}
		out.Keys = append(out.Keys, k)
		delete(used, name)
	}
	for name, u := range used {
		out.Keys = append(out.Keys, keyBody{Name: name, Opens: &u, Unread: true})
	}
	slices.SortFunc(out.Keys, func(x, y keyBody) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

func (a *app) sayKeys(b keysBody, usage bool) {
	head := []string{"KEY", "STATE"}
	if usage {
		head = append(head, "DAY KEYS", "WEBHOOK SECRETS", "PARKED", "ACCEPTANCES")
	}
	var rows [][]string
	for _, k := range b.Keys {
		state := "opens"
		switch {
		case k.Unread:
			state = "missing"
		case k.Seals:
			state = "seals"
		}
		row := []string{k.Name, state}
		if k.Opens != nil {
			row = append(row, words.Thousands(int64(k.Opens.DayKeys)), words.Thousands(int64(k.Opens.Secrets)), words.Thousands(int64(k.Opens.Parked)), words.Thousands(int64(k.Opens.Acceptances)))
		}
		rows = append(rows, row)
	}
	a.table(head, rows)
}

func (a *app) keysAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add", Short: "Add a sealing key, with which nothing is sealed yet", Args: cobra.NoArgs,
		Long: `Adds a new key to the secrets file. Nothing is sealed with it before "keys use": first
every process has to be restarted with the new file, since one that does not know the
key ends when it meets something that is sealed by it. Keep a copy of the file.` + keysTarget,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.cluster()
			if err != nil {
				return err
			}
			name, err := run.AddSealKey(cfg.Secrets)
			if err != nil {
				return failWith(ExitUsage, err)
			}
			return a.show(map[string]string{"added": name, "file": cfg.Secrets}, func() {
				a.say("key %s is in %s; nothing is sealed with it yet", name, cfg.Secrets)
				a.say("next: give the file to every process, restart them all, then goniec keys use %s", name)
			})
		},
	}
}

func (a *app) keysUse() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Seal with this key from the next start on", Args: cobra.ExactArgs(1),
		Long: `Makes a key of the secrets file the one that processes seal with once they are restarted.
The others stay, and open what they sealed. The keys of partitions, recipients and
digests are no sealing keys: they never change.` + keysTarget,
		Example: "goniec keys use 2 --config goniec.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := a.cluster()
			if err != nil {
				return err
			}
			if err := run.UseSealKey(cfg.Secrets, args[0]); errors.Is(err, run.ErrNoSuchKey) {
				return failWith(ExitUsage, run.ErrNoSuchKey)
			} else if err != nil {
				return failWith(ExitUsage, err)
			}
			return a.show(map[string]string{"seals": args[0], "file": cfg.Secrets}, func() {
				a.say("key %s seals from the next start of each process on: give the file to every process and restart them", args[0])
			})
		},
	}
}
