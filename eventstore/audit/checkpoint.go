package audit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what the journal was at one time. Signed and kept outside of
// the operator's reach it is the anchor without which a chain of hashes proves
// nothing against him. docs/audit.md has its text, byte for byte.
type Checkpoint struct {
	Installation string
	Time         time.Time // when it was made, UTC, microseconds
	Extents      []Extent  // one for each journal partition: messages, then accounts, by number
}

// Extent is one journal partition as it was.
type Extent struct {
	Topic     string // without the prefix
	Partition int32
	Size      int64 // events
	Next      int64 // the offset at which the next event was looked for
	Head      [32]byte
	Root      tlog.Hash // of the log of its event hashes
}

const (
	checkpointTitle = "goniec checkpoint v1"
	checkpointTime  = "2006-01-02T15:04:05.000000Z"
	maxCheckpoint   = 4 << 20 // bytes; 10,000 partitions take 2 MB
)

// ErrCheckpoint says that something is not a checkpoint, or not one that the key signed.
var ErrCheckpoint = errors.New("not a signed checkpoint")

// NewKey makes a key pair for checkpoints: Ed25519, in the text form of signed
// notes. The name stands in every signature: letters, digits, "-", ".", "_".
func NewKey(name string) (private, public string, err error) {
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", c) {
			return "", "", errors.New("name: letters, digits, -, . and _ only")
		}
	}
	if name == "" || len(name) > 100 {
		return "", "", errors.New("name: 1 to 100 characters")
	}
	return note.GenerateKey(rand.Reader, name)
}

// Text is the checkpoint as it is signed.
func (c Checkpoint) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\ninstallation %s\ntime %s\n", checkpointTitle, c.Installation, c.Time.UTC().Format(checkpointTime))
	for _, e := range c.Extents {
		fmt.Fprintf(&b, "%s %d %d %d %x %x\n", e.Topic, e.Partition, e.Size, e.Next, e.Head, e.Root[:])
	}
	return b.String()
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(key note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, key)
}

// OpenCheckpoint reads a checkpoint that the key signed. Of one checkpoint and
// key there is one text only: whoever changes any byte of it is refused with
// ErrCheckpoint.
func OpenCheckpoint(signed []byte, key note.Verifier) (Checkpoint, error) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: it is longer than %d bytes", ErrCheckpoint, maxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(key))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return Checkpoint{}, fmt.Errorf("%w: the key %s has not signed it", ErrCheckpoint, key.Name())
	case err != nil:
		return Checkpoint{}, fmt.Errorf("%w: it has not the form of a signed note, or was changed", ErrCheckpoint)
	}
	if again := n.Text + fmt.Sprintf("\n— %s %s\n", n.Sigs[0].Name, canonical(n.Sigs[0].Base64)); again != string(signed) {
		return Checkpoint{}, fmt.Errorf("%w: more than one signature, or one that was written otherwise", ErrCheckpoint)
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return c, nil
}

// canonical is the one way to write what base64 text holds.
func canonical(text string) string {
	b, _ := base64.StdEncoding.DecodeString(text) // a signature that was checked
	return base64.StdEncoding.EncodeToString(b)
}

func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 4 || lines[0] != checkpointTitle {
		return c, fmt.Errorf("it does not begin with %q and hold a partition", checkpointTitle)
	}
	c.Installation = strings.TrimPrefix(lines[1], "installation ")
	if c.Time, err = time.Parse(checkpointTime, strings.TrimPrefix(lines[2], "time ")); err != nil {
		return c, errors.New("line 3: not a time")
	}
	for i, line := range lines[3:] {
		e, err := parseExtent(line)
		if err != nil {
			return c, fmt.Errorf("line %d: %w", i+4, err)
		}
		c.Extents = append(c.Extents, e)
	}
	if c.Text() != text {
		return c, errors.New("it is written in another form")
	}
	return c, nil
}

func parseExtent(line string) (e Extent, err error) {
	f := strings.Split(line, " ")
	if len(f) != 6 {
		return e, errors.New("not six fields")
	}
	p, errP := strconv.ParseInt(f[1], 10, 32)
	size, errS := strconv.ParseInt(f[2], 10, 64)
	next, errN := strconv.ParseInt(f[3], 10, 64)
	_, errH := hex.Decode(e.Head[:], []byte(f[4][:min(len(f[4]), 64)]))
	_, errR := hex.Decode(e.Root[:], []byte(f[5][:min(len(f[5]), 64)]))
	if err := errors.Join(errP, errS, errN, errH, errR); err != nil || p < 0 || size < 0 || next < size {
		return e, errors.New("not topic, partition, size, offset, head and root")
	}
	e.Topic, e.Partition, e.Size, e.Next = f[0], int32(p), size, next
	return e, nil
}

// Place is a checkpoint, and what it takes to go on from it: the right edge of
// each partition's log. A wrong edge is found out and left unused.
type Place struct {
	Checkpoint
	Edges [][]tlog.Hash // in the order of Extents; nil: roots are not computed from here on
}

// placeFile is a Place as it is kept.
type placeFile struct {
	Checkpoint string     `json:"checkpoint"` // signed
	Edges      [][]string `json:"edges"`      // hex
}

// Encode returns the place as a file's content; signed is its checkpoint's note.
func (p Place) Encode(signed []byte) []byte {
	f := placeFile{Checkpoint: string(signed), Edges: make([][]string, len(p.Edges))}
	for i, edge := range p.Edges {
		f.Edges[i] = toHex(edge)
	}
	return encode(f)
}

// OpenPlace reads what Encode returned, for the key that signed it.
func OpenPlace(file []byte, key note.Verifier) (p Place, err error) {
	var f placeFile
	if err := json.Unmarshal(file, &f); err != nil {
		return p, fmt.Errorf("%w: not a place's JSON", ErrCheckpoint)
	}
	if p.Checkpoint, err = OpenCheckpoint([]byte(f.Checkpoint), key); err != nil {
		return p, err
	}
	p.Edges = make([][]tlog.Hash, len(f.Edges))
	for i, edge := range f.Edges {
		if p.Edges[i], err = fromHex(edge); err != nil {
			return p, fmt.Errorf("%w: edges: %w", ErrCheckpoint, err)
		}
	}
	return p, nil
}

// extent is that of a partition.
func (c Checkpoint) extent(topic string, p int32) (Extent, bool) {
	for _, e := range c.Extents {
		if e.Topic == topic && e.Partition == p {
			return e, true
		}
	}
	return Extent{}, false
}
