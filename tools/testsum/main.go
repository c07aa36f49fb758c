// Command testsum reads the output of `go test -json`, shows what failed and counts.
//
//	go test -json ./... | testsum [-strict] [-tally FILE] [-slow 5s] [-library PATH -again FILE]
//
// It exits 1 when a test or package failed, when nothing ran, or, with -strict, when a test was skipped: a skipped
// test in CI means that something it needs is missing. With -tally it adds its counts to a file, one line a run.
// With -again, tests that failed in packages in which nothing but races inside the library were reported are named in that
// file, and not counted.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	strict := flag.Bool("strict", false, "a skipped test is a failure")
	tally := flag.String("tally", "", "add the counts to this file")
	slow := flag.Duration("slow", 10*time.Second, "name tests that take longer")
	library := flag.String("library", "", "the import path of a library whose races are its own")
	again := flag.String("again", "", "write what is to be run again into this file")
	flag.Parse()
	s := newSummary(*slow)
	if err := s.read(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	aside := s.setAside(*library)
	for _, r := range aside {
		fmt.Fprintf(os.Stdout, "AGAIN %s %s: a race inside %s\n", r.pkg, r.run, *library)
	}
	s.report(os.Stdout)
	if err := errors.Join(s.addTo(*tally), note(*again, aside)); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	if !s.good(*strict) {
		os.Exit(1)
	}
}

// event is a line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Elapsed                       float64
}

type test struct{ pkg, name string }

type summary struct {
	slow   time.Duration
	output map[test][]string
	build  map[string][]string

	passed  []test
	failed  []test
	skipped []test
	slowest []string
	// broken holds packages that failed apart from their tests: they do not build, or died.
	broken []string
}

func newSummary(slow time.Duration) *summary {
	return &summary{slow: slow, output: make(map[test][]string), build: make(map[string][]string)}
}

// read takes events until the end; lines that are none are passed on.
func (s *summary) read(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if line[0] == '{' && json.Unmarshal([]byte(line), &e) == nil {
				s.take(e)
			} else if _, err := io.WriteString(out, line); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
}

func (s *summary) take(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		s.output[t] = append(s.output[t], e.Output)
	case "build-output":
		s.build[e.ImportPath] = append(s.build[e.ImportPath], e.Output)
	case "pass":
		s.end(t, e, &s.passed)
	case "skip":
		s.end(t, e, &s.skipped)
	case "fail":
		if e.Test == "" {
			s.packageFailed(e)
			return
		}
		s.end(t, e, &s.failed)
	}
}

func (s *summary) end(t test, e event, list *[]test) {
	if t.name == "" { // a package without tests, or all of its tests
		return
	}
	*list = append(*list, t)
	took := time.Duration(e.Elapsed * float64(time.Second))
	if took > s.slow && !strings.Contains(t.name, "/") {
		s.slowest = append(s.slowest, fmt.Sprintf("%7.1fs %s %s", took.Seconds(), t.pkg, t.name))
	}
	if e.Action == "pass" {
		delete(s.output, t)
	}
}

func (s *summary) packageFailed(e event) {
	explained := slices.ContainsFunc(s.failed, func(t test) bool { return t.pkg == e.Package })
	if explained && e.FailedBuild == "" {
		return
	}
	s.broken = append(s.broken, e.Package)
	s.output[test{pkg: e.Package}] = append(s.build[e.FailedBuild], s.output[test{pkg: e.Package}]...)
}

func (s *summary) report(out io.Writer) {
	var b strings.Builder
	for _, pkg := range s.broken {
		fmt.Fprintf(&b, "FAIL %s\n%s", pkg, strings.Join(s.output[test{pkg: pkg}], ""))
	}
	for _, t := range s.failed {
		fmt.Fprintf(&b, "FAIL %s %s\n%s", t.pkg, t.name, strings.Join(s.output[t], ""))
	}
	for _, t := range s.skipped {
		fmt.Fprintf(&b, "SKIP %s %s\n%s", t.pkg, t.name, strings.Join(s.output[t], ""))
	}
	for _, line := range s.slowest {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped\n", len(s.passed), s.failures(), len(s.skipped))
	_, _ = io.WriteString(out, b.String())
}

func (s *summary) failures() int { return len(s.failed) + len(s.broken) }

func (s *summary) good(strict bool) bool {
	return s.failures() == 0 && len(s.passed) > 0 && (!strict || len(s.skipped) == 0)
}

func (s *summary) addTo(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d %d %d\n", len(s.passed), s.failures(), len(s.skipped))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	return nil
}
