package decider

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

// aggregate is the state of one stream, whatever its kind. Values are
// immutable: evolve returns a new one.
type aggregate interface {
	evolve(e domain.Event, at time.Time) (aggregate, error)
	timers() []domain.Timer
	index() []string
}

type (
	messageState   struct{ message.State }
	recipientState struct{ recipient.State }
	numberState    struct{ recipient.NumberState }
	accountState   struct{ account.State }
	partitionState struct{ partition.State }
	parkedState    struct{ partition.Thing }
)

var errForeignEvent = errors.New("event does not belong to this kind of stream")

func (m messageState) evolve(e domain.Event, at time.Time) (aggregate, error) {
	ev, ok := e.(message.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return messageState{message.Evolve(m.State, ev, at)}, nil
}
func (m messageState) timers() []domain.Timer { return message.Timers(m.State) }
func (m messageState) index() []string        { return message.IndexKeys(m.State) }

func (r recipientState) evolve(e domain.Event, at time.Time) (aggregate, error) {
	ev, ok := e.(recipient.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return recipientState{recipient.Evolve(r.State, ev, at)}, nil
}
func (recipientState) timers() []domain.Timer { return nil }
func (recipientState) index() []string        { return nil }

func (n numberState) evolve(e domain.Event, at time.Time) (aggregate, error) {
	ev, ok := e.(recipient.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return numberState{recipient.EvolveNumber(n.NumberState, ev, at)}, nil
}
func (numberState) timers() []domain.Timer { return nil }
func (numberState) index() []string        { return nil }

func (a accountState) evolve(e domain.Event, at time.Time) (aggregate, error) {
	ev, ok := e.(account.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return accountState{account.Evolve(a.State, ev, at)}, nil
}
func (a accountState) timers() []domain.Timer { return account.Timers(a.State) }
func (accountState) index() []string          { return nil }

func (p partitionState) evolve(e domain.Event, _ time.Time) (aggregate, error) {
	ev, ok := e.(partition.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return partitionState{partition.Evolve(p.State, ev)}, nil
}
func (partitionState) timers() []domain.Timer { return nil }
func (partitionState) index() []string        { return nil }

func (p parkedState) evolve(e domain.Event, _ time.Time) (aggregate, error) {
	ev, ok := e.(partition.Event)
	if !ok {
		return nil, errForeignEvent
	}
	return parkedState{partition.EvolveThing(p.Thing, ev)}, nil
}
func (parkedState) timers() []domain.Timer { return nil }
func (p parkedState) index() []string      { return p.IndexKeys() }

// kindOf returns what stands before the slash of a stream's name.
func kindOf(stream string) string {
	kind, _, _ := strings.Cut(stream, "/")
	return kind
}

// emptyState is the state of a stream without events.
func emptyState(stream string) (aggregate, error) {
	switch kindOf(stream) {
	case "message":
		return messageState{message.New(strings.TrimPrefix(stream, "message/"))}, nil
	case "recipient":
		return recipientState{}, nil
	case "number":
		return numberState{}, nil
	case "billing":
		return billingState{billing.State{Stream: stream}}, nil
	case "partition":
		return partitionState{}, nil
	case "parked":
		return parkedState{}, nil
	}
	if eventstore.OfAccounts(kindOf(stream)) {
		return accountState{account.State{Stream: stream}}, nil
	}
	return nil, fmt.Errorf("stream of an unknown kind %q", kindOf(stream))
}

// journalOf says which journal topic a stream's events go to.
func journalOf(stream string) string {
	if eventstore.OfAccounts(kindOf(stream)) {
		return accountsJournal
	}
	return messagesJournal
}

func encodeState(version int64, a aggregate) ([]byte, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return append(binary.AppendUvarint(make([]byte, 0, len(body)+4), uint64(version)), body...), nil // versions count from 1
}

func decodeState(stream string, b []byte) (int64, aggregate, error) {
	version, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errors.New("state is not readable")
	}
	a, err := decodeBody(stream, b[n:])
	return int64(version), a, err // see encodeState
}

func decodeBody(stream string, body []byte) (aggregate, error) {
	a, err := emptyState(stream)
	if err != nil {
		return nil, err
	}
	switch s := a.(type) {
	case messageState:
		return decodeAs(s, body)
	case recipientState:
		return decodeAs(s, body)
	case numberState:
		return decodeAs(s, body)
	case accountState:
		return decodeAs(s, body)
	case billingState:
		return decodeAs(s, body)
	case partitionState:
		return decodeAs(s, body)
	case parkedState:
		return decodeAs(s, body)
	}
	return nil, errForeignEvent
}

// decodeAs reads what encoding/json wrote. Its successor does that in half the time.
func decodeAs[S aggregate](s S, body []byte) (aggregate, error) {
	err := jsonv2.Unmarshal(body, &s)
	return s, err
}
