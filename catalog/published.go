// Package published holds the catalog of events as it is given out: AsyncAPI 3 and
// JSON Schema, made by tools/eventdocs. The directory released holds the schemas
// of the last release, with which new ones have to be compatible.
package published

import "embed"

// AsyncAPI is the document of all events, JSON.
//
//go:embed asyncapi.json
var AsyncAPI []byte

//go:embed schemas
var schemas embed.FS

// Schema is the JSON Schema of an event type's data.
func Schema(typ string) ([]byte, bool) {
	b, err := schemas.ReadFile("schemas/" + typ + ".json")
	return b, err == nil
}
