package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
	"goniec/eventstore"
	"goniec/projections/query"
)

// exportPage is how many messages are held in memory at once.
const exportPage = 200

// Export implements httpapi.Privacy. In memory are where the texts lie, and a page.
func (p Privacy) Export(ctx context.Context, o httpapi.Origin, number, of string) (func(io.Writer) error, error) {
	e := export{p: p, w: p.locate(number), found: map[string]held{}, texts: map[string][]string{}}
	if _, err := p.find(ctx, e.w, 0, e.found); err != nil {
		return nil, err
	}
	if err := errors.Join(p.Reader.Ping(ctx), p.ownReplies(ctx, e.found)); err != nil {
		return nil, err
	}
	for key := range e.found {
		id, _, _ := strings.Cut(key, "/")
		e.texts[id] = append(e.texts[id], key)
	}
	if err := p.note(ctx, o, e.w.key, of); err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return e.write(ctx, w, of) }, nil
}

// note records that somebody is about to read all that is kept about a number.
func (p Privacy) note(ctx context.Context, o httpapi.Origin, number, of string) error {
	n := account.NoteAccess{What: account.AccessRecipient, Subject: "number/" + number, Detail: "of all accounts", By: o.Actor}
	if of != "" {
		n.Detail = "of account " + of
	}
	_, err := p.Gateway.Configure(ctx, o, account.Installation, account.AccessStream, n)
	return err
}

// export is the document about one number on its way out.
type export struct {
	p     Privacy
	w     whereabouts
	found map[string]held
	texts map[string][]string // of a message or a reply: keys of its contents
}

// exportedContent is a text as it is kept.
type exportedContent struct {
	Text       string `json:"text"`
	SMSText    string `json:"sms_text,omitempty"`
	ImageURL   string `json:"image_url,omitempty"`
	ButtonText string `json:"button_text,omitempty"`
	ButtonURL  string `json:"button_url,omitempty"`
}

type exportedMessage struct {
	httpapi.Message
	Content *exportedContent `json:"content"` // null: not kept any more, or not known which it is
}

type exportedReply struct {
	query.Reply
	Content *exportedContent `json:"content"`
}

// write writes the document. What is not whole says so at its end.
func (e *export) write(ctx context.Context, w io.Writer, of string) error {
	out := &document{w: w}
	out.text(`{"number":`)
	out.value(e.w.e164)
	out.text(`,"exported_at":`)
	out.value(e.p.Gateway.cfg.Clock.Now().UTC())
	out.list("accounts", func() error {
		for _, a := range e.p.Gateway.cfg.View.Accounts() {
			if of != "" && of != a.ID {
				continue
			}
			if err := e.account(ctx, out, a); err != nil {
				return err
			}
		}
		return nil
	})
	// What no account and no message of a read model speaks of: replies to nobody, texts of
	// requests that nothing came of.
	out.list("others", func() error {
		for _, keys := range e.texts {
			for _, key := range keys {
				if h := e.found[key]; of != "" && h.account != of {
					continue
				}
				c, err := e.open(ctx, key)
				if err != nil {
					return err
				}
				if c != nil {
					out.item(c)
				}
			}
		}
		return nil
	})
	out.text(`,"complete":`)
	out.value(out.err == nil)
	out.text("}\n")
	return out.err
}

// account writes what one account keeps, if it is anything.
func (e *export) account(ctx context.Context, out *document, a account.Account) error {
	secrets, reader := e.p.Gateway.cfg.Secrets, e.p.Reader
	rcp := secrets.RecipientID(e.w.part, a.ID, e.w.e164).String()
	f := query.Filter{Account: a.ID, Recipient: rcp, Limit: exportPage}
	first, err := reader.Messages(ctx, f)
	if err != nil {
		return err
	}
	stops, err := reader.OptOutsOf(ctx, rcp)
	if err != nil {
		return err
	}
	replies := e.repliesOf(a.ID)
	if len(first) == 0 && len(stops) == 0 && len(replies) == 0 {
		return nil
	}
	out.next()
	out.text(`{"account":`)
	out.value(a.ID)
	out.text(`,"recipient":`)
	out.value(rcp)
	out.list("messages", func() error { return e.messages(ctx, out, f, first) })
	out.list("replies", func() error { return e.replies(ctx, out, a.ID, rcp, replies) })
	out.list("opt_outs", func() error {
		for _, stop := range stops {
			out.item(stop)
		}
		return nil
	})
	out.list("consents", func() error { return nil }) // none are kept: each message says its basis in the journal (E1)
	out.text("}")
	return nil
}

// messages writes page after page, from the first on.
func (e *export) messages(ctx context.Context, out *document, f query.Filter, page []query.Message) error {
	for {
		for _, m := range page {
			c, err := e.take(ctx, m.ID, m.AcceptedAt)
			if err != nil {
				return err
			}
			out.item(exportedMessage{shown(m), c})
		}
		if len(page) < exportPage {
			return nil
		}
		after := query.CursorOf(page[len(page)-1])
		f.After = &after
		var err error
		if page, err = e.p.Reader.Messages(ctx, f); err != nil {
			return err
		}
	}
}

// repliesOf are an account's replies of which the text says the number.
func (e *export) repliesOf(of string) (ids []string) {
	for key, h := range e.found {
		if h.account == of && !strings.Contains(key, "/") {
			ids = append(ids, key)
		}
	}
	return ids
}

// replies writes those to a message of the recipient, and those with the ids.
func (e *export) replies(ctx context.Context, out *document, of, rcp string, ids []string) error {
	after := ""
	for {
		page, next, err := e.p.Reader.RepliesOf(ctx, of, rcp, ids, after, exportPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			c, err := e.take(ctx, r.ID, r.Received)
			if err != nil {
				return err
			}
			out.item(exportedReply{r, c})
		}
		if after = next; next == "" {
			return nil
		}
	}
}

// take opens the text of a message or reply that was accepted at a time; others of its
// name, which nothing came of, stay to be written by themselves.
func (e *export) take(ctx context.Context, id string, accepted time.Time) (*exportedContent, error) {
	key := e.pick(id, accepted)
	if key == "" {
		return nil, nil //nolint:nilnil // it is not kept any more
	}
	return e.open(ctx, key)
}

// pick takes out of the contents of a name the newest that was there when it was accepted:
// later ones are of requests that were refused, older ones of a life before. "" = none, or
// several of which nobody can tell.
func (e *export) pick(id string, accepted time.Time) (key string) {
	keys := e.texts[id]
	for _, k := range keys {
		h := e.found[k]
		if len(keys) == 1 || !h.written.After(accepted) && (key == "" || h.offset > e.found[key].offset) {
			key = k
		}
	}
	if e.texts[id] = slices.DeleteFunc(keys, func(k string) bool { return k == key }); len(e.texts[id]) == 0 {
		delete(e.texts, id)
	}
	return key
}

// maxContent bounds what is asked for to read one content, in bytes.
const maxContent = 64 << 10

// open reads one content from where it lies; nil when it was destroyed meanwhile.
func (e *export) open(ctx context.Context, key string) (out *exportedContent, err error) {
	at := e.found[key].offset
	r := eventstore.NewReader(e.p.Client, e.p.topic(), e.w.part, at).Limit(maxContent)
	err = eventstore.ReadTo(ctx, r, at+1, func(rec *eventstore.Record) error {
		if string(rec.Key) != key || rec.Value == nil {
			return nil
		}
		c, err := e.p.Gateway.cfg.Keyring.OpenContent(key, rec.Value)
		if errors.Is(err, eventstore.ErrKeyGone) {
			return nil
		}
		out = &exportedContent{Text: c.Text, SMSText: c.SMSText, ImageURL: c.ImageURL, ButtonText: c.ButtonText, ButtonURL: c.ButtonURL}
		return err
	})
	return out, err
}

// document writes JSON piece by piece; after a fault it closes what is open and writes no more items.
type document struct {
	w     io.Writer
	err   error // the first
	items int   // in the list that is open
}

func (d *document) text(s string) {
	if _, err := io.WriteString(d.w, s); err != nil && d.err == nil {
		d.err = fmt.Errorf("write export: %w", err)
	}
}

func (d *document) value(v any) {
	b, err := json.Marshal(v)
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("encode export: %w", err)
	}
	d.text(string(b))
}

// next separates one item from the one before.
func (d *document) next() {
	if d.items > 0 {
		d.text(",")
	}
	d.items++
}

func (d *document) item(v any) {
	d.next()
	d.value(v)
}

func (d *document) list(name string, fill func() error) {
	before := d.items
	d.items = 0
	d.text(`,"` + name + `":[`)
	if d.err == nil {
		d.err = fill()
	}
	d.text("]")
	d.items = before
}
