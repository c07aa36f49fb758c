package run

import (
	"os"
	"runtime/debug"
	"slices"
)

// deciderMemory is the soft limit of a process that does nothing but decide:
// without one, garbage is left until it is as much as what is in use.
const deciderMemory = 384 << 20

// limitMemory sets the limit, unless GOMEMLIMIT does.
func limitMemory(c Config) {
	if os.Getenv("GOMEMLIMIT") == "" && slices.Equal(c.Roles, []Role{RoleDecider}) {
		debug.SetMemoryLimit(deciderMemory)
	}
}
