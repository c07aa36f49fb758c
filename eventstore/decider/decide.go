package decider

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

const (
	beatCommand  = eventstore.CommandBeat
	timerCommand = "timer"
)

var errBehind = errors.New("an earlier command of the stream is parked")

// decideInputs decides the inputs in order.
func (g *group) decideInputs(inputs []*input) error {
	for _, in := range inputs {
		if err := g.decideInput(in); err != nil {
			return err
		}
	}
	return nil
}

// begin starts a command: its events are numbered from one. Its time keeps the
// ids apart from those of an evicted message that had the same id.
func (g *group) begin(c *eventstore.Command) {
	g.cmd, g.index, g.ids, g.seed = c, 0, 0, c.ID+"@"+strconv.FormatInt(c.Time.UnixMicro(), 36)
	g.follow(c)
}

func (g *group) decideInput(in *input) error {
	if in.cmd == nil {
		g.begin(&eventstore.Command{ID: g.o.derive("unreadable", laneTopics[in.lane], strconv.FormatInt(in.offset, 10)), Actor: "decider"})
		return g.parkInput(in, "", partition.ReasonUnreadableRecord, in.err)
	}
	g.begin(in.cmd)
	held, err := g.isParked(in.cmd.Stream)
	if err != nil {
		return err
	}
	if held {
		return g.parkInput(in, in.cmd.Stream, partition.ReasonBehindParked, errBehind)
	}
	failed, err := g.attempt(in, func() error { return g.handle(in.cmd) })
	if failed != nil {
		return g.parkInput(in, parkable(in.cmd.Stream), failed.reason, failed.err)
	}
	return err
}

// handle decides one command. Unknown types give the partition up: an older
// build must not skip what a newer one wrote.
func (g *group) handle(c *eventstore.Command) error {
	var refused *domain.Error
	from := len(g.events)
	err := g.dispatch(c)
	if errors.As(err, &refused) {
		err = nil
	}
	if err != nil || !c.Outcome {
		return err
	}
	e, err := g.load(c.Stream)
	if err != nil {
		return err
	}
	return g.answer(eventstore.Outcome{Command: c.ID, Stream: c.Stream, Version: e.version, Refused: refused, Events: typesOf(c.ID, g.events[from:])})
}

func (g *group) dispatch(c *eventstore.Command) error {
	if c.Type == beatCommand {
		return g.beat(c)
	}
	if _, err := emptyState(c.Stream); err != nil {
		return poison(partition.ReasonWrongStream, err)
	}
	switch c.Type {
	case message.CommandRequest:
		return decoded(c, g.request)
	case message.CommandCancel:
		return decoded(c, g.cancel)
	case message.CommandResolve:
		return decoded(c, g.resolve)
	case message.CommandAnswer:
		return decoded(c, g.carrierAnswer)
	case recipient.CommandOptOut:
		return decoded(c, g.optOut)
	case recipient.CommandLift:
		return decoded(c, g.lift)
	case recipient.CommandErase:
		return decoded(c, g.erase)
	case recipient.CommandReport:
		return decoded(c, g.report)
	case recipient.CommandSubscription:
		return decoded(c, g.subscription)
	case recipient.CommandReply:
		return decoded(c, g.reply)
	case partition.CommandRetry:
		return decoded(c, g.retry)
	case partition.CommandDrop:
		return decoded(c, g.drop)
	case partition.CommandRead:
		return decoded(c, g.readContent)
	}
	if account.IsCommand(c.Type) {
		return g.configure(c)
	}
	if billing.IsCommand(c.Type) {
		return g.bill(c)
	}
	if fn := ofNextBuild[c.Type]; fn != nil {
		return fn(g, c)
	}
	return fatalf("command of an unknown type %q: %w", c.Type, eventstore.ErrNewerBuild)
}

// ofNextBuild are the commands that a test build knows besides; see next.go.
var ofNextBuild = map[string]func(*group, *eventstore.Command) error{}

// decoded reads a command's data and hands it on.
func decoded[T any](c *eventstore.Command, fn func(*eventstore.Command, T) error) error {
	var data T
	if err := json.Unmarshal(c.Data, &data); err != nil {
		return poison(partition.ReasonUnreadableData, err)
	}
	return fn(c, data)
}

// answer writes the outcome for whoever waits for it.
func (g *group) answer(out eventstore.Outcome) error {
	rec, err := eventstore.OutcomeMessage(g.o.topics.Name(eventstore.Outcomes), g.o.part, out)
	if err != nil {
		return err
	}
	g.records = append(g.records, rec)
	return nil
}

// typesOf lists the types of a command's events, the last first.
func typesOf(command string, events []*eventstore.Event) []string {
	var types []string
	for _, ev := range slices.Backward(events) {
		if ev.CommandID == command {
			types = append(types, ev.Type)
		}
	}
	return types
}

func (g *group) beat(c *eventstore.Command) error {
	var b eventstore.Beat
	if err := json.Unmarshal(c.Data, &b); err != nil {
		return poison(partition.ReasonUnreadableData, err)
	}
	g.o.timers.beat(b.At, g.o.cfg.Now())
	return nil
}

// configure decides a command of the accounts journal.
func (g *group) configure(c *eventstore.Command) error {
	cmd, err := account.DecodeCommand(c.Type, c.Data)
	if err != nil {
		return poison(partition.ReasonUnreadableData, err)
	}
	e, err := g.load(c.Stream)
	if err != nil {
		return err
	}
	st, ok := e.agg.(accountState)
	if !ok {
		return domain.Refuse("wrong_stream", "configuration belongs to accounts, senders and prices")
	}
	return g.decideAccount(c.Stream, c.Account, st.State, cmd)
}

// decideAccount runs the rules of the accounts journal and emits what they say.
func (g *group) decideAccount(stream, owner string, s account.State, c account.Command) error {
	f, err := g.accountFacts(s)
	if err != nil {
		return err
	}
	events, err := account.Decide(s, f, c)
	if err != nil {
		return err
	}
	return emitNow(g, stream, owner, events)
}

// emitNow writes what was decided for a stream of the accounts journal.
func emitNow[E domain.Event](g *group, stream, owner string, events []E) error {
	for _, ev := range events {
		if err := g.emit(stream, owner, fact{ev, g.now}); err != nil {
			return err
		}
	}
	return nil
}

// accountFacts are what such a decision may regard besides. What is sealed is this
// partition's word, as near as any: the others seal at the same time.
func (g *group) accountFacts(s account.State) (account.Facts, error) {
	part, err := g.partition()
	f := account.Facts{Now: g.now, Zone: g.o.cfg.Zone, Sealed: part.Sealed}
	if s.Sender != nil {
		f.Notice = g.o.cfg.View.Notice(s.Sender.Account)
	}
	return f, err
}

// fireTimers fires the timers that are due, unless they were moved meanwhile.
func (g *group) fireTimers(due []dueTimer) error {
	for _, t := range due {
		if err := g.fireTimer(t); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) fireTimer(t dueTimer) error {
	if t.due.After(g.now) {
		return nil // the clock went back since the look at the index
	}
	e, err := g.load(t.stream)
	if err != nil {
		return err
	}
	held, err := g.isParked(t.stream)
	if err != nil || held {
		return err
	}
	set := domain.Timer{Name: domain.TimerName(t.name), Due: t.due}
	if !domain.HasTimer(e.timers, set) && !resumes(e, set) {
		return g.batch.Delete(t.key, nil) // a leftover: the state is what counts
	}
	g.begin(g.timerCommandOf(t.stream, t.name, t.due, e.version))
	failed, err := g.attempt(string(t.key), func() error { return g.fire(t.stream, e, set) })
	if failed != nil {
		return g.parkTimer(t, failed)
	}
	return err
}
