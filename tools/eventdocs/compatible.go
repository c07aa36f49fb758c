package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Incompatible lists what a reader of the released schema could not read any more
// in the new one: a field that is gone, has another type, or need not be there any
// more. Fields may be added.
func Incompatible(released, current []byte) ([]string, error) {
	var was, is map[string]any
	if err := json.Unmarshal(released, &was); err != nil {
		return nil, fmt.Errorf("released schema: %w", err)
	}
	if err := json.Unmarshal(current, &is); err != nil {
		return nil, fmt.Errorf("current schema: %w", err)
	}
	return differ("", was, is), nil
}

// form are the keywords that say how a value is read.
var form = []string{"type", "format", "pattern", "contentEncoding"}

func differ(at string, was, is map[string]any) (out []string) {
	name := at
	if name == "" {
		name = "the data"
	}
	for _, keyword := range form {
		if fmt.Sprint(was[keyword]) != fmt.Sprint(is[keyword]) {
			out = append(out, fmt.Sprintf("%s: %s was %v, is %v", name, keyword, was[keyword], is[keyword]))
		}
	}
	mustBe := names(is["required"])
	for _, field := range names(was["required"]) {
		if !slices.Contains(mustBe, field) {
			out = append(out, fmt.Sprintf("%s: was always there, and need not be any more", join(at, field)))
		}
	}
	before, after := object(was["properties"]), object(is["properties"])
	for _, field := range slices.Sorted(maps.Keys(before)) {
		now, ok := after[field]
		if !ok {
			out = append(out, join(at, field)+": is gone")
			continue
		}
		out = append(out, differ(join(at, field), object(before[field]), object(now))...)
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if inner := object(was[keyword]); inner != nil {
			out = append(out, differ(join(at, keyword), inner, object(is[keyword]))...)
		}
	}
	return out
}

func join(at, field string) string {
	if at == "" {
		return field
	}
	return at + "." + field
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func names(v any) (out []string) {
	list, _ := v.([]any)
	for _, name := range list {
		out = append(out, fmt.Sprint(name))
	}
	return out
}
