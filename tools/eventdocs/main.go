// Command eventdocs writes what is said of events from the event types' own
// declarations and comments: docs/events, catalog/schemas and catalog/asyncapi.json.
//
//	go run ./tools/eventdocs
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const pages = "docs/events"

func main() {
	files, err := Files(".")
	for name, text := range files {
		if err == nil {
			err = os.MkdirAll(filepath.Dir(name), 0o755)
		}
		if err == nil {
			err = os.WriteFile(name, []byte(text), 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "eventdocs:", err)
		os.Exit(1)
	}
}

// Files returns all that is generated, by path from the repository's root.
func Files(root string) (map[string]string, error) {
	out := map[string]string{}
	s, err := readSource(root)
	if err != nil {
		return nil, err
	}
	all, err := Pages(root, s)
	if err != nil {
		return nil, err
	}
	for name, text := range all {
		out[pages+"/"+name] = text
	}
	schemas, err := Schemas(s)
	if err != nil {
		return nil, err
	}
	for typ, schema := range schemas {
		text, err := indented(schema)
		if err != nil {
			return nil, err
		}
		out[schemaDir+"/"+typ+".json"] = string(text)
	}
	text, err := AsyncAPI(root, s, schemas)
	out[asyncAPI] = string(text)
	return out, err
}
