package check

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// checkJournal: every partition is one unbroken chain, every stream's versions
// follow one another, no event is there twice.
func (b *books) checkJournal() {
	for _, topic := range journals {
		ids := map[string]*event{}
		versions := map[string]int64{}
		for p, events := range b.events[topic] {
			head, recorded := root(b.cfg.Installation, topic, int32(p)), "" // partitions are few
			for _, e := range events {
				b.r.Stats.Events++
				if e.fault != "" || !json.Valid(e.value) {
					b.r.find(Unreadable, "%s: %s", e.at(), e.fault)
				}
				b.checkLink(e, head, recorded)
				b.checkVersion(e, versions)
				if first := ids[e.id]; first != nil {
					b.r.find(Doubled, "%s has the id of %s", e.at(), first.at())
				}
				ids[e.id] = e
				head, recorded = e.headers["ce_hash"], e.headers["ce_recordedtime"]
			}
		}
	}
}

func (b *books) checkLink(e *event, head, recorded string) {
	if e.headers["ce_prevhash"] != head {
		b.r.find(Reordered, "%s does not follow the event before it", e.at())
	}
	if sum := e.hash(); e.headers["ce_hash"] != hex.EncodeToString(sum[:]) {
		b.r.find(Unreadable, "%s: its content does not match its hash", e.at())
	}
	if e.headers["ce_source"] != "goniec/"+b.cfg.Installation {
		b.r.find(Unexpected, "%s is of another installation", e.at())
	}
	if e.headers["ce_recordedtime"] < recorded {
		b.r.find(Reordered, "%s was recorded before the event before it", e.at())
	}
}

func (b *books) checkVersion(e *event, versions map[string]int64) {
	switch last := versions[e.stream]; {
	case e.version == last+1:
	case e.version > last+1:
		b.r.find(Lost, "%s is version %d, after %d", e.at(), e.version, last)
	default:
		b.r.find(Doubled, "%s is version %d, after %d", e.at(), e.version, last)
	}
	versions[e.stream] = max(versions[e.stream], e.version)
}

// checkZombies: epochs never go back, not even among what was aborted; each
// owner has one of its own and writes under no other.
func (b *books) checkZombies() {
	for _, topic := range journals {
		for p, events := range b.written[topic] {
			var newest *event
			for _, e := range events {
				if newest != nil && e.epoch < newest.epoch {
					b.r.find(Zombie, "%s was written by owner %d, after owner %d had written", e.at(), e.epoch, newest.epoch)
				}
				if newest == nil || e.epoch > newest.epoch {
					newest = e
				}
			}
			b.r.Stats.Aborted += len(events) - len(b.events[topic][p])
		}
	}
	for _, events := range b.events[topicMessages] {
		b.checkOwners(events)
	}
}

func (b *books) checkOwners(events []*event) {
	owner, process := int64(0), ""
	for _, e := range events {
		switch {
		case e.kind == "goniec.partition.owned.v1":
			var d struct {
				Epoch   int64  `json:"epoch"`
				Process string `json:"process"`
			}
			e.into(&d)
			if d.Epoch <= owner || d.Epoch != e.epoch {
				b.r.find(Zombie, "%s begins the ownership %d, after %d", e.at(), d.Epoch, owner)
			}
			b.r.Stats.Owners++
			if process != "" && process != d.Process {
				b.r.Stats.Takeovers++
			}
			owner, process = d.Epoch, d.Process
		case e.epoch != owner:
			b.r.find(Zombie, "%s was written by owner %d; owner %d had the partition", e.at(), e.epoch, owner)
		}
	}
}

// checkSilence measures the longest time without a decision.
func (b *books) checkSilence() {
	times := []time.Time{b.cfg.From, b.cfg.To}
	for _, events := range b.events[topicMessages] {
		for _, e := range events {
			if e.written.After(b.cfg.From) && e.written.Before(b.cfg.To) && !strings.HasPrefix(e.kind, "goniec.partition.") {
				times = append(times, e.written)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d > b.r.Stats.Longest {
			b.r.Stats.Longest, b.r.Stats.LongestAt = d, times[i-1]
		}
	}
}
