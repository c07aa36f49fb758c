// Command eventdocs writes docs/events/README.md from the event types' own
// declarations and comments: go run ./tools/eventdocs
package main

import (
	"fmt"
	"os"
)

const page = "docs/events/README.md"

func main() {
	text, err := Page(".")
	if err == nil {
		err = os.WriteFile(page, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "eventdocs:", err)
		os.Exit(1)
	}
}
