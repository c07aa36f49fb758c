package dispatch

// tracker knows which offsets of one lane are claimed and which of those are
// finished. Offsets between claims (markers of transactions, revokes) count as
// finished. Not safe for concurrent use.
type tracker struct {
	base int64  // everything below is finished
	done []bool // of base, base+1, …; the first one is false
	open int
}

// to is the first offset that is not claimed.
func (t *tracker) to() int64 { return t.base + int64(len(t.done)) }

// room says whether off may be claimed without leaving the window.
func (t *tracker) room(off int64) bool { return t.open == 0 || off-t.base < Window }

// pass claims everything below to that is not claimed yet, as finished; the
// window's end stops it.
func (t *tracker) pass(to int64) {
	if t.open == 0 {
		t.base, t.done = max(t.base, to), nil
		return
	}
	for to = min(to, t.base+Window); t.to() < to; {
		t.done = append(t.done, true)
	}
}

// claim claims off, which is not below to() and for which there is room.
func (t *tracker) claim(off int64) {
	t.pass(off)
	t.done = append(t.done, false)
	t.open++
}

// cut takes back the claims from off on.
func (t *tracker) cut(off int64) {
	for n := len(t.done); n > 0 && t.to() > off; n = len(t.done) {
		if !t.done[n-1] {
			t.open--
		}
		t.done = t.done[:n-1]
	}
}

// finish marks off; it says whether that was news.
func (t *tracker) finish(off int64) bool {
	i := off - t.base
	if i < 0 || i >= int64(len(t.done)) || t.done[i] {
		return false
	}
	t.done[i] = true
	t.open--
	t.trim()
	return true
}

// skip finishes everything below off.
func (t *tracker) skip(off int64) {
	for i := t.base; i < min(off, t.to()); i++ {
		t.finish(i)
	}
	if t.open == 0 {
		t.pass(off)
	}
}

// unfinished returns the claimed offsets that are not finished, in order.
func (t *tracker) unfinished() []int64 {
	var out []int64
	for i, d := range t.done {
		if !d {
			out = append(out, t.base+int64(i))
		}
	}
	return out
}

// restore takes over what was committed.
func restore(offset int64, meta string) (tracker, error) {
	done, err := DecodeClaim(meta)
	if err != nil {
		return tracker{}, err
	}
	t := tracker{base: offset, done: done}
	for _, d := range done {
		if !d {
			t.open++
		}
	}
	t.trim()
	return t, nil
}

// trim drops finished offsets from the front.
func (t *tracker) trim() {
	n := 0
	for n < len(t.done) && t.done[n] {
		n++
	}
	t.base, t.done = t.base+int64(n), t.done[n:]
}
