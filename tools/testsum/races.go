package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A race inside a library fails whatever test happens to run, and nothing here can
// mend it: such tests are left to be run once more, and are not counted.

// repeat is what is to be run once more.
type repeat struct{ pkg, run string } // run: a pattern for `go test -run`

// setAside takes tests that failed out of the summary where their package reports
// races and each of these is between two places in the library, named by its import path.
func (s *summary) setAside(library string) (again []repeat) {
	if library == "" {
		return nil
	}
	for _, pkg := range s.failedPackages() {
		accesses := raceAccesses(s.outputOf(pkg))
		if len(accesses) == 0 || slices.ContainsFunc(accesses, func(frame string) bool { return !strings.HasPrefix(frame, library+".") }) {
			continue
		}
		again = append(again, repeat{pkg, s.failedIn(pkg)})
		s.failed = slices.DeleteFunc(s.failed, func(t test) bool { return t.pkg == pkg })
		s.broken = slices.DeleteFunc(s.broken, func(p string) bool { return p == pkg })
	}
	return again
}

// failedIn is the pattern of a package's failed tests; of all, when it failed apart from them.
func (s *summary) failedIn(pkg string) string {
	var names []string
	for _, t := range s.failed {
		if name, _, _ := strings.Cut(t.name, "/"); t.pkg == pkg && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || slices.Contains(s.broken, pkg) {
		return "."
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

func (s *summary) failedPackages() []string {
	seen := map[string]bool{}
	for _, t := range s.failed {
		seen[t.pkg] = true
	}
	for _, pkg := range s.broken {
		seen[pkg] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func (s *summary) outputOf(pkg string) (lines []string) {
	for t, out := range s.output {
		if t.pkg == pkg {
			lines = append(lines, out...)
		}
	}
	return lines
}

// raceAccesses returns the innermost function of each access that a race report names.
func raceAccesses(lines []string) (frames []string) {
	for i, line := range lines[:max(0, len(lines)-1)] {
		access := strings.TrimPrefix(strings.ToLower(line), "previous ")
		if strings.HasPrefix(access, "read at 0x") || strings.HasPrefix(access, "write at 0x") || strings.HasPrefix(access, "atomic") {
			frames = append(frames, strings.TrimSpace(lines[i+1]))
		}
	}
	return frames
}

// note writes what is to be run again into a file, a package and a pattern a line; an empty path is none.
func note(path string, again []repeat) error {
	if path == "" || len(again) == 0 {
		return nil
	}
	var b strings.Builder
	for _, r := range again {
		fmt.Fprintf(&b, "%s %s\n", r.pkg, r.run)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("tests to run again: %w", err)
	}
	return nil
}
