package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"goniec/cmd/goniec/internal/words"
)

// say writes a line for people; with --json nothing.
func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format+"\n", args...)
	}
}

// print writes v as one line of JSON.
func (a *app) print(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// show writes the result of a command: as JSON, or as people read it.
func (a *app) show(v any, human func()) error {
	if a.json {
		return a.print(v)
	}
	human()
	return nil
}

// table writes rows in columns.
func (a *app) table(header []string, rows [][]string) {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(header, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	_ = w.Flush() // a reader that went away needs no table
}

// isTerminal says whether a stream is a person's.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) // a file descriptor is small
}

// progress rewrites one line of standard error while something takes long; in a
// pipe there is none. Use it from one goroutine, and end it before other output.
type progress struct {
	w     io.Writer
	on    bool
	last  time.Time
	drawn bool
}

// progressEvery bounds how often the line is written.
const progressEvery = 100 * time.Millisecond

func (a *app) progress() *progress {
	return &progress{w: a.err, on: !a.json && a.tty(a.err)}
}

func (p *progress) show(format string, args ...any) {
	if !p.on || time.Since(p.last) < progressEvery {
		return
	}
	p.last, p.drawn = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
}

func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// errQuestion says that a question could not be asked.
var errQuestion = errors.New("nobody is there to be asked: repeat with --yes")

// confirm asks on the terminal. Anything but a yes is a no.
func (a *app) confirm(question string) (bool, error) {
	if !a.tty(a.in) || a.json {
		return false, failWith(ExitUsage, fmt.Errorf("%s %w", question, errQuestion))
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(io.LimitReader(a.in, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "t", "tak":
		return true, nil
	}
	return false, nil
}

// numberLike is what may be a phone number within an argument that was not understood.
var numberLike = regexp.MustCompile(`\+?\d[\d ().-]{6,}\d`)

// withoutNumbers takes phone numbers out of what a mistyped command is answered with.
func withoutNumbers(s string) string { return numberLike.ReplaceAllString(s, "‹number›") }

// clock is how times of today's steps are shown.
func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }

// zoned is how a moment is shown that somebody wrote without its zone.
func zoned(t time.Time) string {
	return words.Moment(t) + t.Local().Format(" (MST, this machine's zone)")
}

// moment is how times of any day are shown.
func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
