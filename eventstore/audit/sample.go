package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore"
)

// Sample picks n messages of those that were accepted or refused from from on and
// before to, so that whoever has the journal and the seed picks the same: those
// whose SHA-256 of seed, line feed and message id comes first. It returns their
// stories in that order, and how many messages there were. The journal of messages is
// checked on the way, since one that was taken out of it would never be picked; a
// broken one is a *BrokenError.
func Sample(ctx context.Context, cfg Config, from, to time.Time, n int, seed string) (stories []Story, of int64, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, 0, err
	}
	cfg.setDefaults()
	list, err := cfg.spans([]string{eventstore.Messages}, cfg.allPartitions())
	if err != nil {
		return nil, 0, err
	}
	picks := make([]pick, len(list))
	err = cfg.each(ctx, list, func(ctx context.Context, i int, m *meter) error {
		picks[i] = pick{n: n, seed: seed}
		return cfg.walk(list[i], time.Time{}, func(e *eventstore.Event, _ domain.Event) error {
			picks[i].take(e, from, to)
			return nil
		}).read(ctx, &cfg, m)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the journal: %w", err)
	}
	all := pick{n: n}
	for _, p := range picks {
		all.of += p.of
		all.best = append(all.best, p.best...)
	}
	all.trim()
	ids := make([]string, len(all.best))
	for i, b := range all.best {
		ids[i] = b.stream
	}
	stories, err = cfg.stories(ctx, list, ids)
	return stories, all.of, err
}

// pick keeps the n messages that come first.
type pick struct {
	n    int
	seed string
	of   int64
	best []ranked
}

type ranked struct {
	rank   [32]byte
	stream string
}

// begins are the types with which a message's stream begins.
var begins = map[string]bool{message.TypeAccepted: true, message.TypeRefused: true}

func (p *pick) take(e *eventstore.Event, from, to time.Time) {
	id, ok := strings.CutPrefix(e.Stream, "message/")
	if !ok || !begins[e.Type] || e.Time.Before(from) || !e.Time.Before(to) {
		return
	}
	p.of++
	p.best = append(p.best, ranked{sha256.Sum256([]byte(p.seed + "\n" + id)), e.Stream})
	if len(p.best) > 2*p.n+100 {
		p.trim()
	}
}

func (p *pick) trim() {
	slices.SortFunc(p.best, func(a, b ranked) int {
		return cmp.Or(bytes.Compare(a.rank[:], b.rank[:]), cmp.Compare(a.stream, b.stream))
	})
	p.best = p.best[:min(p.n, len(p.best))]
}

// stories tells several messages, in the order of the streams, reading the
// partitions that hold them twice.
func (c *Config) stories(ctx context.Context, list []span, streams []string) ([]Story, error) {
	by := map[int32][]string{}
	for _, s := range streams {
		if _, p, err := (eventstore.Partitioner{N: c.Partitions}).ParseID(strings.TrimPrefix(s, "message/")); err == nil {
			by[p] = append(by[p], s)
		}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(s span) bool { return len(by[s.partition]) == 0 })
	told := make([]map[string]*Story, len(list))
	err := c.each(ctx, list, func(ctx context.Context, i int, m *meter) (err error) {
		told[i], err = c.tellAll(ctx, list[i], by[list[i].partition], m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	out := make([]Story, 0, len(streams))
	for _, s := range streams {
		for _, t := range told {
			if story := t[s]; story != nil {
				out = append(out, *story)
			}
		}
	}
	return out, nil
}

// tellAll tells streams of one partition.
func (c *Config) tellAll(ctx context.Context, sp span, streams []string, m *meter) (map[string]*Story, error) {
	s := &search{check: c.newChecker(sp), steps: map[string][]Step{}}
	s.wants = func(stream string) bool { return slices.Contains(streams, stream) }
	if err := s.read(ctx, c, m); err != nil {
		return nil, err
	}
	told := map[string]*Story{}
	for stream := range s.steps {
		told[stream] = s.story(stream)
	}
	return told, c.relate(ctx, sp, told)
}
