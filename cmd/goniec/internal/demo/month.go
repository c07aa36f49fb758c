package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"goniec/adapters/closing"
	"goniec/adapters/httpapi"
	"goniec/adapters/simulator"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/projections"
)

// Happening is a line of the calendar: what happened when, in virtual time.
type Happening struct {
	At   time.Time `json:"at"` // in the billing zone
	Who  string    `json:"who"`
	What string    `json:"what"`
}

// MonthReport is what a run of RunMonth found. Two runs tell the same happenings and
// the same statements and senders, byte for byte.
type MonthReport struct {
	OK         bool                    `json:"ok"`
	Seconds    float64                 `json:"seconds"`
	Steps      int                     `json:"steps"` // of the clock
	Happenings []Happening             `json:"happenings"`
	Statements []httpapi.StatementBody `json:"statements"` // of the closed months, by month and account
	Senders    []httpapi.SenderBody    `json:"senders"`    // as they are in the end
	Recomputed []closing.Verdict       `json:"recomputed"`
	Checks     []Check                 `json:"checks"`
	Data       string                  `json:"data"`
	Look       string                  `json:"look"`
}

// MonthOptions of a run.
type MonthOptions struct {
	Options                 // Messages and Kills are not looked at
	Tell    func(Happening) // told each happening; may be nil
}

// month is one run.
type month struct {
	opt      MonthOptions
	clock    *run.SteppedClock
	zone     *time.Location
	host     *inProcess
	cast     cast
	target   target
	book     *Book
	models   *projections.Projector
	operator *client.Client
	billing  *client.Client // the second person of the installation
	report   *MonthReport
	sent     int // messages so far, refused ones too
	accepted int
}

// monthDelays: the carrier's report on a number that ends with 14 comes ten days late.
var monthDelays = simulator.Delays{Margin: 5 * 24 * time.Hour, Validity: 5*24*time.Hour + time.Minute}

// RunMonth tells the story of two accounts and four senders over two months: the
// real installation, on simulated carriers, and only the domain's clock is virtual.
// The report is whole when err is nil; see MonthReport.OK. An error says that
// something did not happen as the story has it, or that the run could not be finished.
func RunMonth(ctx context.Context, opt MonthOptions) (*MonthReport, error) {
	if err := opt.setDefaults(); err != nil {
		return nil, err
	}
	if opt.Tell == nil {
		opt.Tell = func(Happening) {}
	}
	began := time.Now()
	m := &month{opt: opt, cast: newCast(), report: &MonthReport{Data: opt.Dir, Look: opt.look() + " --virtual-clock"}}
	err := m.run(ctx)
	m.opt.Step("stopping")
	err = errors.Join(err, m.close())
	m.report.Seconds = time.Since(began).Seconds()
	m.report.OK = err == nil && len(m.report.Checks) == monthChecks && allOK(m.report.Checks)
	return m.report, err
}

// monthChecks is how many questions a whole report answers.
const monthChecks = 5

func allOK(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return !c.OK })
}

func (m *month) run(ctx context.Context) error {
	if err := m.start(ctx); err != nil {
		return err
	}
	m.opt.Step("the calendar")
	if err := m.play(ctx); err != nil {
		return err
	}
	m.opt.Step("check")
	return m.check(ctx)
}

// start starts the installation with its clock at the story's beginning.
func (m *month) start(ctx context.Context) (err error) {
	if m.zone, err = time.LoadLocation(run.Defaults().Zone); err != nil {
		return err
	}
	if m.clock, err = run.NewSteppedClock(filepath.Join(m.opt.Dir, "clock.json"), m.time(monthBegins)); err != nil {
		return err
	}
	m.host = &inProcess{opt: m.opt.Options, set: func(c *run.UpConfig) { c.Clock, c.Bare, c.Delays = m.clock, true, monthDelays }}
	if m.target, err = m.host.start(ctx); err != nil {
		return err
	}
	if m.target.client, err = m.target.kafka().NewClient(); err != nil {
		return err
	}
	if m.book, err = Follow(ctx, m.target.kafka(), m.target.running.Partitions); err != nil {
		return err
	}
	if m.models, err = m.target.projector(); err != nil {
		return err
	}
	m.operator, err = m.target.clientOf(m.target.running.OperatorKeyFile)
	return err
}

func (m *month) close() error {
	var errs []error
	if m.models != nil {
		m.models.Close()
	}
	if m.book != nil {
		errs = append(errs, m.book.Close())
	}
	if m.target.client != nil {
		errs = append(errs, m.target.client.Close())
	}
	if m.host != nil {
		errs = append(errs, m.host.close())
	}
	return errors.Join(errs...)
}

// time reads an instant of the story, in the billing zone.
func (m *month) time(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", s, m.zone)
	if err != nil {
		return time.Time{} // TestTheStoryGoesForward
	}
	return t
}

// play moves the clock from scene to scene and lets each happen.
func (m *month) play(ctx context.Context) error {
	for _, s := range m.story() {
		if err := m.until(ctx, m.time(s.at)); err != nil {
			return fmt.Errorf("before %s: %w", s.at, err)
		}
		what, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", s.at, s.who, err)
		}
		m.tell(s.who, what)
	}
	return m.until(ctx, m.time(monthEnds))
}

func (m *month) tell(who, what string) {
	h := Happening{At: m.clock.Now().In(m.zone), Who: who, What: what}
	m.report.Happenings = append(m.report.Happenings, h)
	m.opt.Tell(h)
}
