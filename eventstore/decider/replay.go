package decider

import "goniec/domain"

// Replay is what a stream has come to after events and their times, folded as an
// owner folds them: message.State, recipient.State, recipient.NumberState,
// account.State, billing.State, partition.State or partition.Thing. It fails for
// streams of an unknown kind and for events that do not belong to it.
func Replay(stream string, events []domain.Stamped[domain.Event]) (any, error) {
	state, err := emptyState(stream)
	for i := 0; err == nil && i < len(events); i++ {
		state, err = state.evolve(events[i].Event, events[i].At)
	}
	if err != nil {
		return nil, err
	}
	return bare(state), nil
}

// bare is the domain's own state.
func bare(a aggregate) any {
	switch s := a.(type) {
	case messageState:
		return s.State
	case recipientState:
		return s.State
	case numberState:
		return s.NumberState
	case accountState:
		return s.State
	case billingState:
		return s.State
	case partitionState:
		return s.State
	case parkedState:
		return s.Thing
	}
	return a
}
