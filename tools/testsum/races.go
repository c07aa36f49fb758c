package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A race inside a library fails whatever test happens to run, and nothing here can
// mend it: such a package is left to be tested once more, and is not counted.

// setAside takes packages that failed out of the summary when they report races
// and each of them is between two places in the library, named by its import path.
func (s *summary) setAside(library string) (packages []string) {
	if library == "" {
		return nil
	}
	for _, pkg := range s.failedPackages() {
		accesses := raceAccesses(s.outputOf(pkg))
		if len(accesses) == 0 || slices.ContainsFunc(accesses, func(frame string) bool { return !strings.HasPrefix(frame, library+".") }) {
			continue
		}
		packages = append(packages, pkg)
		ofPackage := func(t test) bool { return t.pkg == pkg }
		s.passed, s.failed = slices.DeleteFunc(s.passed, ofPackage), slices.DeleteFunc(s.failed, ofPackage)
		s.skipped = slices.DeleteFunc(s.skipped, ofPackage)
		s.broken = slices.DeleteFunc(s.broken, func(p string) bool { return p == pkg })
	}
	return packages
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

// note writes the packages into a file, one a line; an empty path is none.
func note(path string, packages []string) error {
	if path == "" || len(packages) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("packages to test again: %w", err)
	}
	_, err = fmt.Fprintln(f, strings.Join(packages, "\n"))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("packages to test again: %w", err)
	}
	return nil
}
