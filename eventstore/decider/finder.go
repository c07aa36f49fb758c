package decider

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// finder looks states up, most of which do not exist. DB.Get asks no Bloom filter
// of the lowest level, where nearly everything lies, and reads a block for each
// miss; an iterator can be told to. One is kept until something is written. Used
// by one goroutine.
type finder struct {
	db *pebble.DB
	it *pebble.Iterator
}

// get returns a copy of key's value as it was when the iterator was opened.
func (f *finder) get(key []byte) ([]byte, bool, error) {
	if f.it == nil {
		it, err := f.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
		if err != nil {
			return nil, false, fmt.Errorf("read state: %w", err)
		}
		f.it = it
	}
	if !f.it.SeekPrefixGE(key) || !bytes.Equal(f.it.Key(), key) {
		if err := f.it.Error(); err != nil {
			return nil, false, fmt.Errorf("read state: %w", err)
		}
		return nil, false, nil
	}
	v, err := f.it.ValueAndErr()
	if err != nil {
		return nil, false, fmt.Errorf("read state: %w", err)
	}
	return bytes.Clone(v), true, nil
}

// forget ends the iterator: after a write, and when nothing is decided, since it
// keeps files that compactions have replaced.
func (f *finder) forget() error {
	if f.it == nil {
		return nil
	}
	err := f.it.Close()
	f.it = nil
	if err != nil && !errors.Is(err, pebble.ErrClosed) {
		return fmt.Errorf("read state: %w", err)
	}
	return nil
}
