package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain/money"
)

const (
	maxStdin  = 64 << 20 // bytes of a list on standard input, which has to be read more than once
	chunkSize = 1000     // messages per request
	// chunkBytes bounds a request where texts are long; the API takes httpapi.MaxBatchBody.
	chunkBytes = 8 << 20
	askAbove   = 100   // recipients that real carriers get without a question
	keepBad    = 1_000 // bad rows that are reported one by one
)

// fileReport is what `send --file` says with --json.
type fileReport struct {
	Run         string       `json:"run"`
	DryRun      bool         `json:"dry_run"`
	Rows        int          `json:"rows"`     // in the file
	Good        int          `json:"good"`     // not refused
	Accepted    int          `json:"accepted"` // durable; 0 of a dry run
	Bad         int          `json:"bad"`
	BadRows     []badRow     `json:"bad_rows"` // the first ones
	Estimate    *estimate    `json:"estimate,omitempty"`
	SendAt      *time.Time   `json:"send_at,omitempty"`
	Repeated    int          `json:"repeated"`                  // of the accepted, how many are known to have been before: they were not sent again
	AlreadySent *time.Time   `json:"already_sent_at,omitempty"` // when the run was begun before
	States      []stateCount `json:"states,omitempty"`          // with --watch
}

// badRow is a row that was left out. It holds neither number nor value.
type badRow struct {
	Line    int    `json:"line"`
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// estimate is what a preview says.
type estimate struct {
	Recipients int     `json:"recipients"`
	SMSParts   int     `json:"sms_parts"` // if all went as SMS
	Costs      []costs `json:"costs"`     // by currency
}

type costs struct {
	Currency string `json:"currency"`
	Viber    string `json:"viber"`   // if Viber delivers all
	SMS      string `json:"sms"`     // if all go as SMS
	Highest  string `json:"highest"` // if all go as SMS and Viber delivers late as well
	viber    money.Amount
	sms      money.Amount
	highest  money.Amount
}

// fileRun is one run of a file.
type fileRun struct {
	a      *app
	api    *remote
	flags  *sendFlags
	list   *rowReader
	report fileReport
	before *earlier // what there was before it
	repeat string   // id of a message that had been before
	bar    *progress
}

func (a *app) sendFile(ctx context.Context, api *remote, f *sendFlags) error {
	in, done, err := a.openList(f.file)
	if err != nil {
		return err
	}
	defer done()
	list, err := a.rows(ctx, api, f, in)
	if err != nil {
		return err
	}
	r := &fileRun{a: a, api: api, flags: f, list: list, bar: a.progress(), report: fileReport{DryRun: f.dryRun, BadRows: []badRow{}}}
	defer r.bar.end()
	r.report.SendAt = list.message.SendAt
	if r.report.Run = f.run; f.run == "" {
		if r.report.Run, err = runName(in, f); err != nil {
			return err
		}
	}
	if f.again {
		r.report.Run += "-" + uuid.NewString()[:8]
	}
	if err := r.scan(ctx); err != nil {
		return err
	}
	if f.dryRun {
		err = r.preview(ctx)
	} else {
		err = r.send(ctx)
	}
	r.bar.end()
	if err != nil {
		return r.interrupted(ctx, err)
	}
	return r.end()
}

// interrupted tells how far the run came, and how it goes on.
func (r *fileRun) interrupted(ctx context.Context, err error) error {
	switch {
	case r.flags.dryRun || r.report.Accepted == 0 && errors.Is(err, errTold):
		return err
	case ctx.Err() != nil && r.report.Accepted == r.report.Good: // only the watching was
		r.a.say("accepted: %s; they go on: goniec messages list --ref %s", words.Count(r.report.Accepted, "message"), r.report.Run)
		return failWith(ExitInterrupted, errTold)
	}
	how := "Repeat the same command, or add --run " + r.report.Run
	if r.flags.again {
		how = "Repeat the command with --run " + r.report.Run + " instead of --again"
	}
	return fmt.Errorf("%w\n%s accepted so far. %s: nothing is sent twice", err, words.Count(r.report.Accepted, "message"), how)
}

// openList opens the file. What cannot be read twice, such as standard input, is
// read whole.
func (a *app) openList(path string) (io.ReadSeeker, func(), error) {
	if path == "-" {
		in, err := readList(a.in)
		return in, func() {}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, failWith(ExitUsage, err)
	}
	done := func() { _ = f.Close() } // read only
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return f, done, nil
	}
	defer done()
	in, err := readList(f)
	return in, func() {}, err
}

func readList(r io.Reader) (io.ReadSeeker, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxStdin+1))
	if err != nil {
		return nil, failWith(ExitUsage, fmt.Errorf("read the list: %w", err))
	}
	if len(b) > maxStdin {
		return nil, failWith(ExitUsage, fmt.Errorf("what is no ordinary file may have %d MB", maxStdin>>20))
	}
	return bytes.NewReader(b), nil
}

// runName names a run by the file's content and whatever shapes its messages, so
// that the same command is the same run.
func runName(in io.ReadSeeker, f *sendFlags) (string, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", fmt.Errorf("read the list: %w", err)
	}
	shape, err := json.Marshal([]any{
		f.sender, f.category, f.text, f.sms, f.validity, f.image, f.buttonText, f.buttonURL, f.ref, f.at, f.tags, f.noFallback, f.test, f.country,
	})
	if err != nil {
		return "", err
	}
	h.Write(shape)
	return "run-" + hex.EncodeToString(h.Sum(nil))[:16], nil
}

// scan reads the whole list before anything is sent: what is wrong with the
// text, and how many it goes to, is known first.
func (r *fileRun) scan(ctx context.Context) error {
	return r.list.each(func(int, httpapi.MessageRequest, int) error {
		r.report.Rows++
		r.report.Good++
		r.bar.show("%s read", words.Count(r.report.Rows, "row"))
		return ctx.Err()
	}, func(b badRow) {
		r.report.Rows++
		r.bad(b)
	})
}

func (r *fileRun) bad(b badRow) {
	r.report.Bad++
	if len(r.report.BadRows) < keepBad {
		r.report.BadRows = append(r.report.BadRows, b)
	}
}

// refused counts a row that the list let through and the API did not.
func (r *fileRun) refused(line int, code string, faults []httpapi.FieldError) {
	r.report.Good--
	b := badRow{Line: line, Code: code, Message: words.Reason(code)}
	if len(faults) > 0 && code != httpapi.CodeIdempotencyConflict { // which speaks of a key that nobody gave
		b.Field, b.Message = faults[0].Field, faults[0].Message
	}
	r.bad(b)
}

// end reports. A run that left rows out has not done all it was asked to.
func (r *fileRun) end() error {
	slices.SortFunc(r.report.BadRows, func(a, b badRow) int { return cmp.Compare(a.Line, b.Line) })
	if err := r.a.show(r.report, r.say); err != nil || r.report.Bad == 0 {
		return err
	}
	return failWith(ExitFailed, errTold)
}
