package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"goniec/adapters/httpapi"
	"goniec/adapters/recipients"
	"goniec/domain"
)

// rowReader turns the rows of a list into messages, each time the same ones.
type rowReader struct {
	in             io.ReadSeeker
	options        recipients.Options
	message        httpapi.MessageRequest
	text, sms, ref *recipients.Template
	pick           func(number string) string
}

// rows checks the flags against the list's columns: what would refuse every row is
// refused at once.
func (a *app) rows(ctx context.Context, api *remote, f *sendFlags, in io.ReadSeeker) (*rowReader, error) {
	message, err := f.message()
	if err != nil {
		return nil, err
	}
	r := &rowReader{in: in, options: recipients.Options{Country: f.country}, message: message}
	csv, err := r.open()
	if err != nil {
		return nil, usage("--file", err)
	}
	for _, t := range []struct {
		flag, text string
		into       **recipients.Template
	}{{"--text", f.text, &r.text}, {"--sms", f.sms, &r.sms}, {"--ref", f.ref, &r.ref}} {
		if *t.into, err = recipients.ParseTemplate(t.text); err == nil {
			err = (*t.into).Check(csv.Columns())
		}
		if err != nil {
			return nil, usage(t.flag, err)
		}
	}
	r.pick, err = a.senders(ctx, api, f)
	return r, err
}

func usage(flag string, err error) error {
	var refusal *domain.Error
	if errors.As(err, &refusal) {
		return failWith(ExitUsage, fmt.Errorf("%s: %s", flag, refusal.Message))
	}
	return err
}

func (r *rowReader) open() (*recipients.Reader, error) {
	if _, err := r.in.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	return recipients.NewReader(r.in, r.options)
}

// name stands for (number, reference) or (number, reference, text) of a row
// without holding them.
type name [16]byte

func nameOf(parts ...string) name {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return name(h.Sum(nil)[:16])
}

// each calls good with every message, its line, and its number among those of the
// same recipient and reference; and bad with every row that becomes none. It
// ends with good's error.
func (r *rowReader) each(good func(line int, m httpapi.MessageRequest, nth int) error, bad func(badRow)) error {
	csv, err := r.open()
	if err != nil {
		return err
	}
	lines, count := map[name]int{}, map[name]int{}
	for {
		row, err := csv.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var left *recipients.BadRow
		if errors.As(err, &left) {
			bad(badOf(left.Line, left.Err))
			continue
		}
		if err != nil {
			return err
		}
		m, err := r.render(row)
		var refusal *domain.Error
		if errors.As(err, &refusal) {
			bad(badOf(row.Line, refusal))
			continue
		}
		whole := nameOf(m.To, m.ClientRef, m.Text, smsOf(m))
		if line, again := lines[whole]; again {
			bad(badRow{Line: row.Line, Code: httpapi.CodeDuplicateInBatch, Message: fmt.Sprintf("repeats line %d", line)})
			continue
		}
		lines[whole] = row.Line
		who := nameOf(m.To, m.ClientRef)
		count[who]++
		if err := good(row.Line, m, count[who]); err != nil {
			return err
		}
	}
}

func smsOf(m httpapi.MessageRequest) string {
	if m.SMS == nil {
		return ""
	}
	return m.SMS.Text
}

func badOf(line int, e *domain.Error) badRow {
	return badRow{Line: line, Code: e.Code, Field: e.Field, Message: e.Message}
}

func (r *rowReader) render(row recipients.Row) (httpapi.MessageRequest, error) {
	m := r.message
	m.To, m.Sender = row.To, r.pick(row.To)
	var err error
	if m.Text, err = r.text.Render(row.Fields); err != nil {
		return m, err
	}
	if n := utf8.RuneCountInString(m.Text); n > 2*httpapi.MaxText { // the API counts exactly, after normalising
		return m, domain.RefuseField(httpapi.CodeTooLong, "text", "has %d characters; at most %d are possible", n, httpapi.MaxText)
	}
	if m.ClientRef, err = r.ref.Render(row.Fields); err != nil || m.SMS == nil {
		return m, err
	}
	sms, err := r.sms.Render(row.Fields)
	m.SMS = &httpapi.SMSRequest{Text: sms}
	return m, err
}
