package sim

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// halfLost is what a disk holds after a crash that half of what was not synced survived:
// of names that were not, each with its whole file; of files, each block. Pebble's own
// CrashClone asks its random numbers in the order of a map, which is another one each time.
func halfLost(old *vfs.MemFS, rng *rand.Rand) (*vfs.MemFS, error) {
	c := &crashed{synced: old.CrashClone(vfs.CrashCloneCfg{}), all: old.CrashClone(cloneAll(rng)), out: vfs.NewCrashableMem(), rng: rng}
	if err := c.dir("/"); err != nil {
		return nil, err
	}
	return c.out.CrashClone(cloneAll(rng)), nil // where all of it is synced
}

type crashed struct {
	synced, all, out *vfs.MemFS
	rng              *rand.Rand
}

func (c *crashed) lucky() bool { return c.rng.IntN(2) == 0 }

func (c *crashed) dir(path string) error {
	kept, err := list(c.synced, path)
	if err != nil {
		return err
	}
	there, err := list(c.all, path)
	if err != nil {
		return err
	}
	names := slices.Concat(kept, there)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !slices.Contains(kept, name) && !c.lucky() {
			continue
		}
		if err := c.entry(c.out.PathJoin(path, name)); err != nil {
			return err
		}
	}
	return nil
}

func list(disk *vfs.MemFS, path string) ([]string, error) {
	names, err := disk.List(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

func (c *crashed) entry(path string) error {
	from := c.all
	info, err := from.Stat(path)
	if err != nil { // deleted, and that is not synced
		from = c.synced
		info, err = from.Stat(path)
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := c.out.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return c.dir(path)
	}
	data, err := read(from, path)
	if err != nil {
		return err
	}
	if base, err := read(c.synced, path); err == nil && from == c.all {
		data = c.blocks(base, data)
	}
	f, err := c.out.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func read(disk *vfs.MemFS, path string) ([]byte, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// blocks are those of base, and half of those that were written since.
func (c *crashed) blocks(base, data []byte) []byte {
	const size = 4096
	out := slices.Clone(base)
	for i := 0; i < len(data); i += size {
		block := data[i:min(i+size, len(data))]
		if !c.lucky() {
			continue
		}
		if grow := i + len(block) - len(out); grow > 0 {
			out = append(out, make([]byte, grow)...)
		}
		copy(out[i:], block)
	}
	return out
}
