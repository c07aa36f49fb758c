package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/catalog"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// ErrNoSuchStream says that the journal holds no event of that name.
var ErrNoSuchStream = errors.New("the journal holds no such stream")

// Story is everything that the journal tells of one stream.
type Story struct {
	Stream string `json:"stream"`
	// Intact says that the partition's chain is right from its beginning to its
	// end, so that what is told was not changed; if not, Broken says where.
	Intact bool   `json:"intact"`
	Broken *Fault `json:"broken,omitempty"`
	Steps  []Step `json:"steps"` // in the order in which they were recorded
}

// Step is one event, and where it stands.
type Step struct {
	At          time.Time       `json:"at"`       // when it happened
	Recorded    time.Time       `json:"recorded"` // when it was decided
	Type        string          `json:"type"`
	Stream      string          `json:"stream"`
	Version     int64           `json:"version"`
	Actor       string          `json:"actor,omitempty"`       // who
	Account     string          `json:"account,omitempty"`     // whose
	ID          string          `json:"id"`                    // of the event
	Command     string          `json:"command,omitempty"`     // what was asked
	Causation   string          `json:"causation,omitempty"`   // what caused the command
	Correlation string          `json:"correlation,omitempty"` // the story it belongs to
	Epoch       int64           `json:"epoch"`
	Topic       string          `json:"topic"`
	Partition   int32           `json:"partition"`
	Offset      int64           `json:"offset"`
	Hash        string          `json:"hash"`
	Related     bool            `json:"related,omitempty"` // of another stream, but of this story
	Data        json.RawMessage `json:"data"`

	Fact domain.Event `json:"-"` // Data, decoded
}

// Tell returns the story of a stream ("message/<uuid>", "sender/<uuid>",
// "prices/default", …) or of whatever stream has the id: its own events, and
// those of other streams that belong to it: replies and opt-outs that came of a
// message, what was remembered of its number, reports that had to wait for it.
// The partition's chain is checked on the way. It reads the whole partition, or
// all where the name does not say which one: the journal has no index.
func Tell(ctx context.Context, cfg Config, name string) (Story, error) {
	if err := cfg.Validate(); err != nil {
		return Story{}, err
	}
	cfg.setDefaults()
	for _, where := range cfg.places(name) {
		list, err := cfg.spans(where.topics, where.partitions)
		if err != nil {
			return Story{}, err
		}
		s, err := cfg.find(ctx, list, name)
		if err != nil || len(s.Steps) > 0 {
			return s, err
		}
	}
	return Story{}, fmt.Errorf("%w: %q", ErrNoSuchStream, name)
}

// place is where a stream may lie.
type place struct {
	topics     []string
	partitions []int32
}

// places lists where the stream may lie, the most likely first.
func (c *Config) places(name string) []place {
	kind, id, named := strings.Cut(name, "/")
	if !named {
		kind, id = "", name
	}
	messages := []string{eventstore.Messages}
	all := place{journals(), c.allPartitions()}
	switch kind {
	case "message", "recipient", "parked", "":
		_, p, err := eventstore.Partitioner{N: c.Partitions}.ParseID(id)
		switch {
		case err == nil && named:
			return []place{{messages, []int32{p}}}
		case err == nil:
			return []place{{messages, []int32{p}}, all}
		}
	case "number":
		return []place{{messages, []int32{eventstore.Partitioner{N: c.Partitions}.Of([]byte(id))}}}
	case "partition":
		if p, err := strconv.ParseInt(id, 10, 32); err == nil && p >= 0 && int32(p) < c.Partitions {
			return []place{{journals(), []int32{int32(p)}}}
		}
	}
	if eventstore.OfAccounts(kind) {
		return []place{{[]string{eventstore.Accounts}, c.allPartitions()}}
	}
	return []place{all}
}

// find reads the spans for the stream, then once more for what belongs to it.
func (c *Config) find(ctx context.Context, list []span, name string) (Story, error) {
	own := make([]*search, len(list))
	err := c.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		own[i] = &search{check: newChecker(c.Installation, list[i]), name: name}
		return own[i].read(ctx, c, m)
	})
	if err != nil {
		return Story{}, fmt.Errorf("read the journal: %w", err)
	}
	for i, s := range own {
		if len(s.steps) == 0 {
			continue
		}
		story := Story{Stream: s.steps[0].Stream, Intact: s.check.fault == nil, Broken: s.check.fault, Steps: s.steps}
		related, err := c.related(ctx, list[i], story)
		if err != nil {
			return Story{}, fmt.Errorf("read the journal: %w", err)
		}
		story.Steps = append(story.Steps, related...)
		slices.SortStableFunc(story.Steps, func(a, b Step) int { return int(a.Offset - b.Offset) })
		return story, nil
	}
	return Story{}, nil
}

// search collects a stream's events while the chain is checked.
type search struct {
	check *checker
	name  string
	steps []Step
}

// wants takes the stream of that name or, of an id alone, the first stream that has it.
func (s *search) wants(stream string) bool {
	if len(s.steps) > 0 {
		return stream == s.steps[0].Stream
	}
	return stream == s.name || strings.HasSuffix(stream, "/"+s.name)
}

func (s *search) read(ctx context.Context, c *Config, m *meter) error {
	err := c.records(ctx, s.check.span, m, func(r *eventstore.Record) error {
		if s.check.fault == nil {
			s.check.fault = s.check.next(r)
		}
		if s.check.failed != nil {
			return s.check.failed
		}
		if !s.wants(string(r.Key)) {
			return nil
		}
		e, err := eventstore.ParseEvent(r)
		if err != nil {
			return nil //nolint:nilerr // the chain's fault says so already
		}
		s.steps = append(s.steps, stepOf(e, false))
		return nil
	})
	return errors.Join(err, s.check.versions.Close())
}

func stepOf(e *eventstore.Event, related bool) Step {
	s := Step{
		At: e.Time, Recorded: e.Recorded, Type: e.Type, Stream: e.Stream, Version: e.Version, Actor: e.Actor, Account: e.Account,
		ID: e.ID, Command: e.CommandID, Causation: e.Causation, Correlation: e.Correlation, Epoch: e.Epoch,
		Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Hash: hex.EncodeToString(e.Hash[:]), Related: related, Data: e.Data,
	}
	if !json.Valid(e.Data) {
		s.Data, _ = json.Marshal(string(e.Data)) // a string always is JSON
	}
	s.Fact, _ = catalog.Decode(e.Type, e.Data) // what is not known is told by its type
	return s
}

// related reads the partition once more, from the stream's first event on.
func (c *Config) related(ctx context.Context, sp span, story Story) ([]Step, error) {
	id, ok := strings.CutPrefix(story.Stream, "message/")
	if !ok {
		return nil, nil
	}
	k := kin{message: id, commands: map[string]bool{}, stored: map[string]Step{}, parked: map[string]bool{}}
	for _, s := range story.Steps {
		k.commands[s.Command] = s.Command != ""
	}
	err := eventstore.ReadRange(ctx, c.Client, sp.topic, sp.partition, story.Steps[0].Offset, sp.end, func(r *eventstore.Record) error {
		if key := string(r.Key); !strings.HasPrefix(key, "recipient/") && !strings.HasPrefix(key, "number/") && !strings.HasPrefix(key, partition.StreamPrefix) {
			return nil
		}
		if e, err := eventstore.ParseEvent(r); err == nil { // else the chain's fault says so already
			k.take(stepOf(e, true))
		}
		return nil
	})
	return k.steps, err
}

// kin collects the events of recipients, numbers and what was parked that belong to a message.
type kin struct {
	message  string
	commands map[string]bool // that the message's events came of
	stored   map[string]Step // reports that wait for their attempt, by id
	parked   map[string]bool // streams of what was parked with the message
	steps    []Step
}

func (k *kin) take(s Step) {
	switch ev := s.Fact.(type) {
	case recipient.ReportStored:
		k.stored[ev.ID] = s
		return
	case recipient.ReportMatched:
		if wait, ok := k.stored[ev.ID]; ok && ev.Message == k.message {
			k.steps = append(k.steps, wait)
		}
		delete(k.stored, ev.ID)
	case partition.Parked:
		k.parked[s.Stream] = ev.Stream == "message/"+k.message
	}
	if k.parked[s.Stream] || s.Correlation == k.message || k.commands[s.Command] || messageOf(s.Fact) == k.message {
		k.steps = append(k.steps, s)
	}
}

// messageOf is the message that an event of a recipient or number names.
func messageOf(e domain.Event) string {
	switch ev := e.(type) {
	case recipient.OptOutRecorded:
		return ev.Message
	case recipient.ReplyReceived:
		return ev.Message
	case recipient.NotOnViber:
		return ev.Message
	case recipient.ReportMatched:
		return ev.Message
	}
	return ""
}
