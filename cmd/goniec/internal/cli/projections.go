package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/projections"
	"goniec/projections/models"
)

func (a *app) projectionsCommand() *cobra.Command {
	return group("projections", "The read models in Postgres", a.projectionsList(), a.projectionsRebuild())
}

const projectionsTarget = "\n\nIt works on the installation of --config, else on that of the running up."

// openProjector is the projector of the installation; nothing is projected by it
// except rebuilds.
func (a *app) openProjector() (p *projections.Projector, done func(), err error) {
	cfg, err := a.cluster()
	if err != nil {
		return nil, nil, err
	}
	secrets, err := run.ReadSecrets(cfg.Secrets)
	if err != nil {
		return nil, nil, failWith(ExitUsage, err)
	}
	url, err := cfg.Postgres.ReadURL()
	if err != nil || url == "" {
		return nil, nil, failWith(ExitUsage, errors.Join(errors.New("postgres.url: is required"), err))
	}
	kafka, err := cfg.Kafka.Store()
	if err != nil {
		return nil, nil, failWith(ExitUsage, err)
	}
	client, err := kafka.NewClient()
	if err != nil {
		return nil, nil, unavailable(err)
	}
	p, err = projections.New(projections.Config{
		URL: url, Kafka: client, Topics: kafka.Topics(), Installation: secrets.Installation, Partitions: cfg.Kafka.Partitions,
		Projections: models.All(), Log: a.logger("warn"),
	})
	if err != nil {
		_ = client.Close() // nothing was read
		return nil, nil, failWith(ExitUsage, err)
	}
	return p, func() { p.Close(); _ = client.Close() }, nil // read only
}

// projectionBody is what `projections list` says of one build.
type projectionBody struct {
	Projection string                 `json:"projection"`
	Build      int                    `json:"build"`
	Live       bool                   `json:"live"`
	Lag        int64                  `json:"lag"`
	Recorded   *time.Time             `json:"recorded_at,omitempty"` // of the last event read
	Stopped    []string               `json:"stopped,omitempty"`
	Positions  []projections.Position `json:"positions"`
}

// projectionsBody is what `projections list` says with --json.
type projectionsBody struct {
	Projections []projectionBody `json:"projections"`
}

func (a *app) projectionsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show how far each read model is", Args: cobra.NoArgs,
		Long: `Lists the builds of each read model: whether it is the live one, how many offsets of
the journal it is behind (an upper bound of the events), and why a partition was
given up, if one was. Ends with 1 then.` + projectionsTarget,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, done, err := a.openProjector()
			if err != nil {
				return err
			}
			defer done()
			positions, err := p.Status(cmd.Context())
			if err != nil {
				return unavailable(err)
			}
			out := builds(positions)
			if err := a.show(out, func() { a.sayProjections(out) }); err != nil {
				return err
			}
			for _, b := range out.Projections {
				if len(b.Stopped) > 0 {
					return failWith(ExitFailed, errTold)
				}
			}
			return nil
		},
	}
}

// builds gathers positions, which are ordered, by build.
func builds(positions []projections.Position) projectionsBody {
	out := projectionsBody{Projections: []projectionBody{}}
	for _, p := range positions {
		last := len(out.Projections) - 1
		if last < 0 || out.Projections[last].Projection != p.Projection || out.Projections[last].Build != p.Build {
			out.Projections = append(out.Projections, projectionBody{Projection: p.Projection, Build: p.Build, Live: p.Live})
			last++
		}
		b := &out.Projections[last]
		b.Positions = append(b.Positions, p)
		b.Lag += p.Lag
		if p.Recorded != nil && (b.Recorded == nil || p.Recorded.After(*b.Recorded)) {
			b.Recorded = p.Recorded
		}
		if p.Stopped != "" {
			b.Stopped = append(b.Stopped, fmt.Sprintf("%s/%d: %s", p.Topic, p.Partition, p.Stopped))
		}
	}
	return out
}

func (a *app) sayProjections(b projectionsBody) {
	var rows [][]string
	for _, p := range b.Projections {
		state, last := "building", "-"
		if p.Live {
			state = "live"
		}
		if p.Recorded != nil {
			last = moment(*p.Recorded)
		}
		rows = append(rows, []string{
			p.Projection, fmt.Sprint(p.Build), state, words.Count(len(p.Positions), "partition"), words.Thousands(p.Lag), last,
		})
	}
	a.table([]string{"PROJECTION", "BUILD", "STATE", "READS", "BEHIND", "LAST EVENT"}, rows)
	for _, p := range b.Projections {
		for _, s := range p.Stopped {
			a.say("%s is stopped at %s", p.Projection, s)
		}
	}
}

// rebuiltBody is what `projections rebuild` says with --json.
type rebuiltBody struct {
	projections.Progress
	Seconds float64 `json:"seconds"`
}

func (a *app) projectionsRebuild() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild NAME", Short: "Make a read model anew from the journal, while everything runs", Args: cobra.ExactArgs(1),
		Long: `Makes a read model anew from the beginning of the journal, beside the live one, which is
read on meanwhile; once it has caught up it is switched in, and the old one is
dropped. Interrupted, it changes nothing. Names: ` + strings.Join(projectionNames(), ", ") + `.` + projectionsTarget,
		Example: "goniec projections rebuild messages",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, done, err := a.openProjector()
			if err != nil {
				return err
			}
			defer done()
			return a.rebuild(cmd.Context(), p, args[0])
		},
	}
}

func projectionNames() []string {
	var names []string
	for _, p := range models.All() {
		names = append(names, p.Name())
	}
	return names
}

func (a *app) rebuild(ctx context.Context, p *projections.Projector, name string) error {
	bar, began := a.progress(), time.Now()
	defer bar.end()
	var last projections.Progress
	err := p.Rebuild(ctx, name, func(now projections.Progress) {
		last = now
		bar.show("%s: build %d, %s of %s offsets", name, now.Build, words.Thousands(now.Done), words.Thousands(now.Total))
	})
	bar.end()
	switch {
	case errors.Is(err, projections.ErrUnknownProjection):
		return failWith(ExitUsage, fmt.Errorf("no such projection; there are %s", strings.Join(projectionNames(), ", ")))
	case errors.Is(err, projections.ErrRebuildRunning):
		return failWith(ExitFailed, projections.ErrRebuildRunning)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	took := time.Since(began)
	return a.show(rebuiltBody{last, took.Seconds()}, func() {
		a.say("%s: build %d is live, %s offsets read in %.1f s", name, last.Build, words.Thousands(last.Done), took.Seconds())
	})
}
