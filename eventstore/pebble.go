package eventstore

import (
	"fmt"
	"os"
)

// exitCannotGoOn is the exit code of a process whose local store cannot be written.
const exitCannotGoOn = 2

// QuietPebble drops Pebble's progress messages; its errors are returned anyway.
type QuietPebble struct{}

// Infof implements pebble.Logger.
func (QuietPebble) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (QuietPebble) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger: it ends the process at once, with exit code 2. A panic
// would let others go on while it unwinds, and one that waits for the store's log would
// end the process in words of its own.
func (QuietPebble) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "pebble: "+format+"\n", args...)
	os.Exit(exitCannotGoOn) //nolint:forbidigo // pebble cannot go on, and neither can who needs it
}
