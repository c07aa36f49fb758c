package domain

import "fmt"

// ErrUnknownCommand says that a command type is not one of those asked.
type ErrUnknownCommand struct{ Type string }

func (e *ErrUnknownCommand) Error() string { return fmt.Sprintf("unknown command type %q", e.Type) }

// Commands tells how each of a package's commands is read, by its type in the inbox.
type Commands[C any] map[string]func([]byte) (C, error)

// Has says whether the type is one of them.
func (m Commands[C]) Has(typ string) bool {
	_, ok := m[typ]
	return ok
}

// Decode reads the JSON form of a command; unknown fields are ignored. It fails with
// *ErrUnknownCommand, or with the JSON error.
func (m Commands[C]) Decode(typ string, data []byte) (C, error) {
	var none C
	decode, ok := m[typ]
	if !ok {
		return none, &ErrUnknownCommand{Type: typ}
	}
	c, err := decode(data)
	if err != nil {
		return none, fmt.Errorf("command %s: %w", typ, err)
	}
	return c, nil
}
