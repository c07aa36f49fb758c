package run

import (
	"os"
	"runtime/debug"
	"slices"
)

// deciderMemory is the soft limit of a process that does nothing but decide:
// without one, garbage is left until it is as much as what is in use.
const deciderMemory = 384 << 20

// auditMemory is that of a command that reads whole journals: whatever their length, it
// stays below 200 MiB in all.
const auditMemory = 110 << 20

// limitMemory sets the limit, unless GOMEMLIMIT does.
func limitMemory(c Config) {
	if slices.Equal(c.Roles, []Role{RoleDecider}) {
		setLimit(deciderMemory)
	}
}

// LimitAudit limits the memory of a command that reads whole journals, unless GOMEMLIMIT does.
func LimitAudit() { setLimit(auditMemory) }

func setLimit(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}
