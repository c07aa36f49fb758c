// Command goniec sends business messages over Viber, falls back to SMS, and
// keeps every fact about it as an event on Kafka.
package main

import (
	"os"
	"runtime/debug"

	"goniec/cmd/goniec/internal/cli"
)

// gcPercent trades memory for time: the heap is small, and collecting it half as
// often takes a tenth off the cost of a message. GOGC overrides it.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
