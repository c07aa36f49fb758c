package eventstore

import "fmt"

// QuietPebble drops Pebble's progress messages; its errors are returned anyway.
type QuietPebble struct{}

// Infof implements pebble.Logger.
func (QuietPebble) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (QuietPebble) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger: it ends the program.
func (QuietPebble) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("pebble: "+format, args...)) //nolint:forbidigo // pebble cannot go on, and neither can who needs it
}
