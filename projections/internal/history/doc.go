// Package history draws histories of accounts, senders, messages and months, decided
// by the rules as owners of partitions do, and checks what must hold of each of them,
// whatever it is. All of it is tests: docs/simulation.md tells how many and how.
package history
