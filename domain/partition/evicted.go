package partition

// Evicted: the owner forgot messages that ended 35 days ago (or cancels for which
// no request came in 7), with all that it knew of them. Should a request name one
// of them again, it is a new message: its stream begins again at version 1.
type Evicted struct {
	Messages []string `json:"messages"` // uuids of messages, of streams message/<uuid>
}

// TypeEvicted is the type of Evicted.
const TypeEvicted = "goniec.partition.evicted.v1"

func (Evicted) EventType() string { return TypeEvicted }

func (Evicted) partition() {}
