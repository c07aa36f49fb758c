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
		own[i] = &search{check: c.newChecker(list[i]), steps: map[string][]Step{}}
		own[i].wants = own[i].named(name)
		return own[i].read(ctx, c, m)
	})
	if err != nil {
		return Story{}, fmt.Errorf("read the journal: %w", err)
	}
	for i, s := range own {
		for stream := range s.steps { // one at most
			story := s.story(stream)
			if err := c.relate(ctx, list[i], map[string]*Story{stream: story}); err != nil {
				return Story{}, fmt.Errorf("read the journal: %w", err)
			}
			return *story, nil
		}
	}
	return Story{}, nil
}

// search collects the events of streams while the chain is checked.
type search struct {
	check *checker
	wants func(stream string) bool
	steps map[string][]Step // by stream
}

// named wants the stream of that name or, of an id alone, the first stream that has it.
func (s *search) named(name string) func(string) bool {
	return func(stream string) bool {
		if len(s.steps) > 0 {
			return s.steps[stream] != nil
		}
		return stream == name || strings.HasSuffix(stream, "/"+name)
	}
}

func (s *search) story(stream string) *Story {
	return &Story{Stream: stream, Intact: s.check.fault == nil, Broken: s.check.fault, Steps: s.steps[stream]}
}

func (s *search) read(ctx context.Context, c *Config, m *meter) error {
	err := c.records(ctx, s.check.span, m, func(r *eventstore.Record) error {
		if s.check.fault == nil {
			_, s.check.fault = s.check.next(r)
		}
		if s.check.failed != nil {
			return s.check.failed
		}
		stream := string(r.Key)
		if !s.wants(stream) {
			return nil
		}
		e, err := eventstore.ParseEvent(r)
		if err != nil {
			return nil //nolint:nilerr // the chain's fault says so already
		}
		s.steps[stream] = append(s.steps[stream], stepOf(e, false))
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

// relate reads the partition once more, from the messages' first event on, for
// what belongs to them.
func (c *Config) relate(ctx context.Context, sp span, told map[string]*Story) error {
	kins := map[string]*kin{}
	from := sp.end
	for stream, story := range told {
		id, ok := strings.CutPrefix(stream, "message/")
		if !ok {
			continue
		}
		k := &kin{message: id, commands: map[string]bool{}, stored: map[string]Step{}, parked: map[string]bool{}}
		for _, s := range story.Steps {
			k.commands[s.Command] = s.Command != ""
		}
		kins[stream] = k
		from = min(from, story.Steps[0].Offset)
	}
	err := eventstore.ReadRange(ctx, c.Client, sp.topic, sp.partition, from, sp.end, func(r *eventstore.Record) error {
		if key := string(r.Key); !strings.HasPrefix(key, "recipient/") && !strings.HasPrefix(key, "number/") && !strings.HasPrefix(key, partition.StreamPrefix) {
			return nil
		}
		e, err := eventstore.ParseEvent(r)
		if err != nil {
			return nil //nolint:nilerr // the chain's fault says so already
		}
		step := stepOf(e, true)
		for _, k := range kins {
			k.take(step)
		}
		return nil
	})
	for stream, k := range kins {
		story := told[stream]
		story.Steps = append(story.Steps, k.steps...)
		slices.SortStableFunc(story.Steps, func(a, b Step) int { return int(a.Offset - b.Offset) })
	}
	return err
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
