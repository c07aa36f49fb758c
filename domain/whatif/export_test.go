package whatif

import "goniec/domain/message"

// Same is a message decided again under its own settings.
func Same(w World, id string, facts []Fact) []message.Stamped {
	l, _, _ := read(id, facts)
	return NewTally(Settings{}, w).replay(l, Settings{}, nil, false).out
}
