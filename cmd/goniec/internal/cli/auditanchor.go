package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"goniec/adapters/anchor"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/eventstore/audit"
)

// keyFlag is the public key that checkpoints are checked with.
type keyFlag struct{ path string }

func (k *keyFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.path, "key", "", "`file` with the public key of checkpoints (default: that of the configuration or of the running up)")
}

func (a *app) auditKeygen() *cobra.Command {
	var out, name string
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make the key pair that checkpoints are signed with", Args: cobra.NoArgs,
		Long: `Writes the private key to FILE and the public one to FILE.pub. The private key stays with
whoever makes checkpoints; the public one goes to the auditor, by another way than the
checkpoints do. A file that is there is never overwritten.`,
		Example: "goniec audit keygen --out audit.key",
		RunE:    func(*cobra.Command, []string) error { return a.makeAuditKey(out, name) },
	}
	cmd.Flags().StringVar(&out, "out", "", "`file` of the private key")
	cmd.Flags().StringVar(&name, "name", "goniec", "what the key is called in signatures")
	_ = cmd.MarkFlagRequired("out") // it was defined above
	return cmd
}

// madeKey is what `audit keygen` says with --json.
type madeKey struct {
	Private   string `json:"private_key_file"`
	Public    string `json:"public_key_file"`
	PublicKey string `json:"public_key"`
}

func (a *app) makeAuditKey(path, name string) error {
	public, err := run.WriteAuditKey(path, name)
	if err != nil {
		return failWith(ExitUsage, err)
	}
	out := madeKey{path, path + run.PublicKeySuffix, public}
	return a.show(out, func() {
		a.say("%s", out.PublicKey)
		a.say("private key in %s, public key in %s", out.Private, out.Public)
	})
}

func (a *app) auditCheckpoint() *cobra.Command {
	var key, dir string
	var whole bool
	cmd := &cobra.Command{
		Use: "checkpoint", Short: "Check what is new in the journal and sign what it holds", Args: cobra.NoArgs,
		Long: `Checks the events since the last checkpoint (with --whole: all), and writes a signed note
that says of each journal partition how many events it holds, the hash of the last one
and the root of the log of all. Hand it to somebody outside of the operator's reach: a
chain of hashes alone does not show that its end was cut off or that it was written anew.`,
		Example: "goniec audit checkpoint --key audit.key --dir checkpoints",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.makeCheckpoint(cmd.Context(), key, dir, whole)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "`file` with the private key (default: that of the configuration or of the running up)")
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` of the checkpoints (default: that of the configuration or of the running up)")
	cmd.Flags().BoolVar(&whole, "whole", false, "read the journal from its beginning")
	return cmd
}

// madeCheckpoint is what `audit checkpoint` says with --json.
type madeCheckpoint struct {
	File       string    `json:"file"`
	Time       time.Time `json:"time"`
	Events     int64     `json:"events"`
	Checkpoint string    `json:"checkpoint"`
}

func (a *app) makeCheckpoint(ctx context.Context, key, dir string, whole bool) error {
	where, err := a.cluster()
	if err != nil {
		return err
	}
	signer, verifier, err := run.ReadAuditKey(cmp.Or(key, where.Audit.KeyFile))
	if err != nil {
		return failWith(ExitUsage, fmt.Errorf("--key: %w", err))
	}
	cfg, closed, err := a.journal()
	if err != nil {
		return err
	}
	defer closed()
	maker, err := anchor.New(anchor.Config{Journal: cfg, Signer: signer, Key: verifier, Dir: cmp.Or(dir, where.Checkpoints()), Clock: domain.SystemClock})
	if err != nil {
		return err
	}
	made, err := maker.Make(ctx, whole)
	var broken *audit.BrokenError
	switch {
	case errors.As(err, &broken):
		return failWith(ExitFailed, fmt.Errorf("no checkpoint: %w", err))
	case err != nil:
		return interrupted(ctx, unavailable(err))
	}
	out := madeCheckpoint{File: made.File, Time: made.Checkpoint.Time, Checkpoint: string(made.Signed)}
	for _, e := range made.Checkpoint.Extents {
		out.Events += e.Size
	}
	return a.show(out, func() {
		a.say("%s: %s, signed by %s", out.File, words.Count(int(out.Events), "event"), verifier.Name())
	})
}

// verifier reads the public key.
func (a *app) verifier(k keyFlag) (note.Verifier, error) {
	path := k.path
	if path == "" {
		cfg, err := a.cluster()
		if err != nil || cfg.Audit.KeyFile == "" {
			return nil, failWith(ExitUsage, errors.New("--key: a file with the public key is required"))
		}
		path = cfg.Audit.KeyFile + run.PublicKeySuffix
	}
	v, err := run.ReadPublicKey(path)
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("--key: %w", err))
	}
	return v, nil
}

// maxSigned bounds a checkpoint or proof, in bytes.
const maxSigned = 16 << 20

// signedFile reads a checkpoint or proof, which may be anybody's.
func signedFile(what, path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("there is no such file")
	}
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: %w", what, err))
	}
	defer f.Close() //nolint:errcheck // it is only read
	b, err := io.ReadAll(io.LimitReader(f, maxSigned+1))
	if err == nil && len(b) > maxSigned {
		err = fmt.Errorf("is longer than %d bytes", maxSigned)
	}
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("%s: %w", what, err))
	}
	return b, nil
}

func (a *app) auditProve() *cobra.Command {
	var key keyFlag
	var checkpoint, out string
	cmd := &cobra.Command{
		Use: "prove EVENT", Short: "Write the proof that an event stands in the journal of a checkpoint", Args: cobra.ExactArgs(1),
		Long: `Writes a file that shows to whoever holds the public key, without a broker and without
trust in the operator, that the event stands in the journal as the checkpoint has it.
EVENT is the event's place as "audit show" prints it, or its id.`,
		Example: "goniec audit prove goniec.messages/0@29 --checkpoint 20261128T200000.000000Z.checkpoint --out proof.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			signed, err := signedFile("--checkpoint", checkpoint)
			if err != nil {
				return err
			}
			return a.prove(cmd.Context(), key, out, func(ctx context.Context, cfg audit.Config, v note.Verifier) ([]byte, error) {
				return audit.Prove(ctx, cfg, signed, v, args[0])
			})
		},
	}
	key.add(cmd)
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "`file` with the checkpoint")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write")
	_ = cmd.MarkFlagRequired("checkpoint") // both were defined above
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func (a *app) auditConsistency() *cobra.Command {
	var key keyFlag
	var out string
	cmd := &cobra.Command{
		Use: "consistency OLD NEW", Short: "Show that one checkpoint continues an older one", Args: cobra.ExactArgs(2),
		Long: `Shows that no event that the checkpoint OLD counted was changed, removed or moved before
NEW was made, and writes the proof of it, which "audit check-proof" checks without a broker.`,
		Example: "goniec audit consistency old.checkpoint new.checkpoint --out consistency.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			old, err := signedFile("OLD", args[0])
			if err != nil {
				return err
			}
			young, err := signedFile("NEW", args[1])
			if err != nil {
				return err
			}
			return a.prove(cmd.Context(), key, out, func(ctx context.Context, cfg audit.Config, v note.Verifier) ([]byte, error) {
				return audit.ProveConsistency(ctx, cfg, old, young, v)
			})
		},
	}
	key.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write")
	_ = cmd.MarkFlagRequired("out") // it was defined above
	return cmd
}

// prove writes a proof.
func (a *app) prove(ctx context.Context, key keyFlag, out string, write func(context.Context, audit.Config, note.Verifier) ([]byte, error)) error {
	verifier, err := a.verifier(key)
	if err != nil {
		return err
	}
	cfg, closed, err := a.journal()
	if err != nil {
		return err
	}
	defer closed()
	proof, err := write(ctx, cfg, verifier)
	switch {
	case errors.Is(err, audit.ErrNoSuchEvent), errors.Is(err, audit.ErrProof), errors.Is(err, audit.ErrCheckpoint):
		return failWith(ExitFailed, err)
	case err != nil:
		return interrupted(ctx, unavailable(err))
	}
	return a.saveFile(out, proof)
}

func (a *app) auditCheckProof() *cobra.Command {
	var key keyFlag
	cmd := &cobra.Command{
		Use: "check-proof FILE", Short: "Check a proof, with nothing but the public key", Args: cobra.ExactArgs(1),
		Long: `Checks what "audit prove" or "audit consistency" wrote. It needs no broker, no installation
and no network. It ends with 1 when the proof does not hold.`,
		Example: "goniec audit check-proof proof.json --key audit.key.pub",
		RunE:    func(_ *cobra.Command, args []string) error { return a.checkProof(key, args[0]) },
	}
	key.add(cmd)
	return cmd
}

// provenBody is what `audit check-proof` says with --json.
type provenBody struct {
	Holds     bool       `json:"holds"`
	Event     string     `json:"event_id,omitempty"`
	Type      string     `json:"type,omitempty"`
	Stream    string     `json:"stream,omitempty"`
	At        *time.Time `json:"at,omitempty"`
	Partition string     `json:"partition,omitempty"`
	Index     *int64     `json:"index,omitempty"`
	Old       *time.Time `json:"older_checkpoint,omitempty"`
	New       time.Time  `json:"checkpoint"`
	Key       string     `json:"key"`
}

func (a *app) checkProof(key keyFlag, path string) error {
	verifier, err := a.verifier(key)
	if err != nil {
		return err
	}
	file, err := signedFile("FILE", path)
	if err != nil {
		return err
	}
	proven, err := audit.CheckProof(file, verifier)
	if err != nil {
		return failWith(ExitFailed, err)
	}
	out := provenBody{Holds: true, New: proven.New.Time, Key: verifier.Name()}
	if e := proven.Event; e != nil {
		out.Event, out.Type, out.Stream, out.At, out.Index = e.ID, e.Type, e.Stream, &e.Time, &proven.Index
		out.Partition = fmt.Sprintf("%s/%d", e.Topic, e.Partition)
	}
	if proven.Old != nil {
		out.Old = &proven.Old.Time
	}
	return a.show(out, func() { a.sayProven(out) })
}

func (a *app) sayProven(p provenBody) {
	if p.Old != nil {
		a.say("the checkpoint of %s continues that of %s: nothing that the older one counted was changed, removed or moved", moment(p.New), moment(*p.Old))
	} else {
		a.say("%s of %s, %s", p.Type, p.Stream, moment(*p.At))
		a.say("is event %d of %s in the checkpoint of %s", *p.Index, p.Partition, moment(p.New))
	}
	a.say("the proof holds, signed by %s", p.Key)
}

// verifyFlags say what the journal has to agree with.
type verifyFlags struct {
	key         keyFlag
	checkpoints []string
	from        string
}

func (f *verifyFlags) add(cmd *cobra.Command) {
	f.key.add(cmd)
	cmd.Flags().StringArrayVar(&f.checkpoints, "checkpoint", nil, "`file` with a checkpoint that the journal must agree with; may be repeated")
	cmd.Flags().StringVar(&f.from, "from", "", "`file` with a checkpoint to begin at: what lies before it is taken for right")
}

// set opens the checkpoints.
func (f *verifyFlags) set(a *app, cfg *audit.Config) error {
	if len(f.checkpoints) == 0 && f.from == "" {
		return nil
	}
	verifier, err := a.verifier(f.key)
	if err != nil {
		return err
	}
	for _, path := range f.checkpoints {
		cp, err := openCheckpoint("--checkpoint", path, verifier)
		if err != nil {
			return err
		}
		cfg.Kept = append(cfg.Kept, cp)
	}
	if f.from == "" {
		return nil
	}
	cp, err := openCheckpoint("--from", f.from, verifier)
	cfg.From = &audit.Place{Checkpoint: cp}
	return err
}

func openCheckpoint(what, path string, key note.Verifier) (audit.Checkpoint, error) {
	signed, err := signedFile(what, path)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	cp, err := audit.OpenCheckpoint(signed, key)
	if err != nil {
		return cp, failWith(ExitFailed, fmt.Errorf("%s %s: %w", what, strings.TrimSpace(path), err))
	}
	return cp, nil
}
