package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"goniec/adapters/httpapi"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/projections/query"
)

// Privacy finds, hands out and ends what is kept about a number. It is found by reading
// the whole partition of `contents` that the number lies in and opening each record:
// that takes as long as the partition is, needs no index of numbers, and finds also what
// no message came of.
type Privacy struct {
	Gateway *Gateway
	Client  sarama.Client
	Keys    *eventstore.Follower // of the day keys into the keyring
	Reader  *query.Reader
	// Compact makes the broker drop what was erased; nil where it does so by itself.
	Compact func(context.Context) error
}

var _ httpapi.Privacy = Privacy{}

// whereabouts is a number's place.
type whereabouts struct {
	e164, key string
	part      eventstore.Partition
}

func (p Privacy) locate(e164 string) whereabouts {
	key, part := eventstore.NumberPartition(p.Gateway.cfg.Secrets, p.Gateway.cfg.Part, e164)
	return whereabouts{e164, key, part}
}

func (p Privacy) topic() string { return p.Gateway.cfg.Topics.Name(eventstore.Contents) }

// held is a content about a number that can be opened.
type held struct {
	account string // "" = of no account that is known
	offset  int64
	written time.Time
}

// find adds to found, by key, the contents about a number that stand from offset from up
// to the end, which it returns; what was destroyed it takes out.
func (p Privacy) find(ctx context.Context, w whereabouts, from int64, found map[string]held) (end int64, err error) {
	if err := p.Keys.CaughtUp(ctx); err != nil {
		return 0, fmt.Errorf("%w: day keys: %w", eventstore.ErrUnavailable, err)
	}
	oldest, err := eventstore.OldestOffset(p.Client, p.topic(), w.part) // compaction moves it
	if err != nil {
		return 0, fmt.Errorf("%w: beginning of contents: %w", eventstore.ErrUnavailable, err)
	}
	end, err = eventstore.EndOffset(p.Client, p.topic(), w.part)
	if err != nil {
		return 0, fmt.Errorf("%w: end of contents: %w", eventstore.ErrUnavailable, err)
	}
	err = eventstore.ReadRange(ctx, p.Client, p.topic(), w.part, max(from, oldest), end, func(r *eventstore.Record) error {
		key := string(r.Key)
		delete(found, key)
		if r.Value == nil {
			return nil
		}
		c, err := p.Gateway.cfg.Keyring.OpenContent(key, r.Value)
		if err == nil && c.To == w.e164 { // what we cannot open nobody can
			found[key] = held{account: accountOf(r.Value), offset: r.Offset, written: r.Timestamp}
		}
		return nil
	})
	return end, err
}

// accountOf is the account under whose day key a content is; "" for the installation's.
func accountOf(value []byte) string {
	account, _, _ := strings.Cut(eventstore.ContentKeyName(value), "/")
	if account == eventstore.InstallationAccount {
		return ""
	}
	return account
}

// ownReplies gives the replies that were sealed before anybody knew whose they are to
// their accounts, as far as that is known now.
func (p Privacy) ownReplies(ctx context.Context, found map[string]held) error {
	var ids []string
	for key, h := range found {
		if h.account == "" {
			ids = append(ids, key)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	owners, err := p.Reader.ReplyAccounts(ctx, ids)
	for id, account := range owners {
		h := found[id]
		h.account = account
		found[id] = h
	}
	return err
}

// maxRounds bounds how often what came in meanwhile is looked for.
const maxRounds = 10

// Erase implements httpapi.Privacy. Repeated, it destroys what is left.
func (p Privacy) Erase(ctx context.Context, o httpapi.Origin, e httpapi.Erasure) (httpapi.ErasedBody, error) {
	w, from := p.locate(e.Number), int64(0)
	sums := map[string]*httpapi.ErasedOf{}
	for range maxRounds {
		found := map[string]held{}
		end, err := p.find(ctx, w, from, found)
		if err == nil {
			err = p.ownReplies(ctx, found)
		}
		if err != nil {
			return httpapi.ErasedBody{}, err
		}
		lists := map[string][]string{}
		for key, h := range found {
			if e.Account == "" || h.account == e.Account || h.account == "" {
				lists[h.account] = append(lists[h.account], key)
			}
		}
		if len(lists) == 0 {
			break
		}
		for account, keys := range lists {
			if err := p.erase(ctx, o, w, account, e.Reason, keys, sums); err != nil {
				return httpapi.ErasedBody{}, err
			}
		}
		from = end
	}
	return p.erased(ctx, sums)
}

// erase has a recipient's contents destroyed, MaxErased at a time.
func (p Privacy) erase(ctx context.Context, o httpapi.Origin, w whereabouts, account, reason string, keys []string, sums map[string]*httpapi.ErasedOf) error {
	stream, id := "number/"+w.key, ""
	if account != "" {
		id = p.Gateway.cfg.Secrets.RecipientID(w.part, account, w.e164).String()
		stream = "recipient/" + id
	}
	if sums[account] == nil {
		sums[account] = &httpapi.ErasedOf{Account: account, Recipient: id}
	}
	slices.Sort(keys)
	for chunk := range slices.Chunk(keys, recipient.MaxErased) {
		_, err := p.Gateway.do(ctx, eventstore.InboxUrgent, w.part, eventstore.Command{
			Type: recipient.CommandErase, Stream: stream, Account: account, Actor: o.Actor, Correlation: o.Request,
		}, recipient.Erase{Number: w.key, Reason: reason, Contents: chunk})
		if err != nil {
			return err
		}
		sums[account].Contents += len(chunk)
	}
	return nil
}

func (p Privacy) erased(ctx context.Context, sums map[string]*httpapi.ErasedOf) (httpapi.ErasedBody, error) {
	out := httpapi.ErasedBody{Recipients: []httpapi.ErasedOf{}}
	for _, account := range slices.Sorted(maps.Keys(sums)) {
		out.Contents += sums[account].Contents
		out.Recipients = append(out.Recipients, *sums[account])
	}
	if p.Compact == nil {
		return out, nil
	}
	if err := p.Compact(ctx); err != nil {
		return out, errors.Join(eventstore.ErrUnavailable, errors.New("it is erased, but the broker has not dropped the bytes: repeat it"), err)
	}
	out.Compacted = true
	return out, nil
}
