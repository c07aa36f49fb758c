package export_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/lz4"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/stretchr/testify/require"

	"goniec/adapters/export"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/kafkatest"
)

const installation = "test-installation"

var noon = time.Date(2026, 11, 30, 22, 59, 55, 0, time.UTC)

type bench struct {
	*testing.T
	journal *kafkatest.Journal
	cfg     export.Config
	n       int
}

func setup(t *testing.T) *bench {
	t.Helper()
	kafka := kafkatest.Topics(t, 2)
	return &bench{T: t, journal: kafkatest.NewJournal(t, kafka, installation, noon), cfg: export.Config{
		Journal: audit.Config{Client: kafkatest.Client(t, kafka), Topics: kafka.Topics(), Installation: installation, Partitions: 2},
		Dir:     filepath.Join(t.TempDir(), "out"), Formats: export.Formats(), Now: noon,
	}}
}

// write appends to each partition of messages two events of n messages, and to accounts one.
func (b *bench) write(n int) {
	b.Helper()
	for range n {
		b.n++
		for p := range int32(2) {
			stream := "message/" + eventstore.DerivedID(p, fmt.Append(nil, b.n, "................")).String()
			b.journal.Add(eventstore.Messages, p, stream, message.Waiting{Until: noon, Reason: "<żółć> & \"co\"\u2028"})
			b.journal.Add(eventstore.Messages, p, stream, message.Charged{Amount: "0.050000", Currency: "PLN", Month: "2026-11", At: noon})
		}
	}
	b.journal.Add(eventstore.Accounts, 1, "account/x", account.AccountCreated{Name: "Sklep"})
}

func (b *bench) export() (export.Manifest, string) {
	b.Helper()
	m, path, err := export.Write(b.Context(), b.cfg)
	require.NoError(b, err)
	b.cfg.Now = b.cfg.Now.Add(time.Hour)
	return m, path
}

func (b *bench) verify(kept ...audit.Checkpoint) export.Report {
	b.Helper()
	r, err := export.Verify(b.Context(), b.cfg.Dir, kept)
	require.NoError(b, err)
	return r
}

// checkpoint is what the journal is now.
func (b *bench) checkpoint() audit.Checkpoint {
	b.Helper()
	r, err := audit.Verify(b.Context(), b.cfg.Journal)
	require.NoError(b, err)
	require.True(b, r.Intact, "%v", r.Broken)
	p, err := r.Place(noon)
	require.NoError(b, err)
	return p.Checkpoint
}

// An export, and what goes on from it, holds every event once, in both formats,
// and agrees with a checkpoint without the journal.
func TestWhatIsExportedCanBeChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(300)
	one, path := b.export()
	require.Equal(t, filepath.Join(b.cfg.Dir, "manifest-20261130T225955.000000Z.json"), path)
	total := int64(0)
	for _, p := range one.Partitions {
		total += p.Events
	}
	require.Equal(t, int64(1201), total)
	b.write(5)
	kept := b.checkpoint()
	before, err := export.ReadManifest(path)
	require.NoError(t, err)
	b.cfg.Since = &before
	two, _ := b.export()
	require.NotEmpty(t, two.Since)
	b.cfg.Since = nil

	r := b.verify(kept)
	require.True(t, r.Intact, "%v", r.Broken)
	require.Equal(t, export.Report{Intact: true, Manifests: 2, Files: 12, Events: 1201 + 21}, r)

	b.write(1)
	require.Contains(t, b.verify(b.checkpoint()).Broken[0], "the exports end before")
	other := kept
	other.Extents = append([]audit.Extent(nil), kept.Extents...)
	other.Extents[0].Head[0]++
	require.Contains(t, b.verify(other).Broken[0], "not those that the checkpoint names")
}

// Whoever changes a byte of what was exported is found.
func TestChangedFilesAreFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(3)
	m, manifest := b.export()
	line := m.Partitions[0].Files[1].Name
	require.True(t, strings.HasSuffix(line, ".ndjson"))
	whole, err := os.ReadFile(manifest)
	require.NoError(t, err)
	for name, f := range map[string]struct {
		spoil func(dir string)
		says  string
	}{
		"a byte": {func(dir string) {
			edit(t, filepath.Join(dir, line), func(b []byte) []byte { return bytes.Replace(b, []byte("0.050000"), []byte("0.060000"), 1) })
		}, "its bytes are not"},
		"a byte, and the manifest's hash": {func(dir string) {
			edit(t, filepath.Join(dir, line), func(b []byte) []byte { return bytes.Replace(b, []byte("0.050000"), []byte("0.060000"), 1) })
			rehash(t, dir, line)
		}, "does not match its hash"},
		"a row less, and the manifest's hash": {func(dir string) {
			edit(t, filepath.Join(dir, line), func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] })
			rehash(t, dir, line)
		}, "does not follow the event before it"},
		"the last row less, and the manifest's hash": {func(dir string) {
			edit(t, filepath.Join(dir, line), func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] })
			rehash(t, dir, line)
		}, "and the manifest says"},
		"a file less": {func(dir string) { require.NoError(t, os.Remove(filepath.Join(dir, line))) }, "it is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			dir := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(dir, os.DirFS(b.cfg.Dir)))
			f.spoil(dir)
			b.cfg.Dir = dir
			r := b.verify()
			require.False(t, r.Intact)
			require.Len(t, r.Broken, 1)
			require.Contains(t, r.Broken[0], f.says)
			require.Contains(t, r.Broken[0], line)
		})
	}
	require.NoError(t, os.WriteFile(manifest, bytes.Replace(whole, []byte(`"format"`), []byte(`"formal"`), 1), 0o600))
	_, err = export.Verify(t.Context(), b.cfg.Dir, nil)
	require.ErrorIs(t, err, export.ErrManifest)
	_, err = export.Verify(t.Context(), t.TempDir(), nil)
	require.ErrorIs(t, err, export.ErrNoExport)
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	after := change(bytes.Clone(b))
	require.NotEqual(t, b, after)
	require.NoError(t, os.WriteFile(path, after, 0o600))
}

// rehash makes the manifest agree with a file that was changed.
func rehash(t *testing.T, dir, name string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "manifest-*.json"))
	require.NoError(t, err)
	m, err := export.ReadManifest(list[0])
	require.NoError(t, err)
	for i := range m.Partitions {
		for k := range m.Partitions[i].Files {
			if f := &m.Partitions[i].Files[k]; f.Name == name {
				*f = export.FileOf(t, dir, name)
			}
		}
	}
	b, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(list[0], b, 0o600))
}

// A period is cut by when events were recorded: none is in two months, none in no month.
func TestPeriodsAndTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(20) // a second for each event: it ends in December
	midnight := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	b.cfg.To = midnight
	november, _ := b.export()
	b.cfg.From, b.cfg.To = midnight, time.Time{}
	b.cfg.Types = []string{"goniec.message.*"}
	december, _ := b.export()
	require.True(t, b.verify().Intact)
	for i, p := range november.Partitions[:2] {
		require.NotZero(t, p.Events)
		require.Equal(t, p.End.Events, december.Partitions[i].Begin.Events)
		require.Equal(t, int64(40), p.Events+december.Partitions[i].Events)
		require.NotNil(t, p.Begin)
	}
	require.Zero(t, november.Partitions[3].Events)
	require.Zero(t, december.Partitions[3].Events, "not of the types")
	require.Empty(t, december.Partitions[3].Files)
	_, err := export.Verify(t.Context(), b.cfg.Dir, []audit.Checkpoint{b.checkpoint()})
	require.ErrorContains(t, err, "only exports of all types")
}

// What cannot be exported whole leaves nothing behind.
func TestNothingIsLeftHalf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(2)
	b.export()
	_, _, err := export.Write(t.Context(), b.cfg)
	require.ErrorIs(t, err, export.ErrExists)
	b.journal.Add(eventstore.Messages, 0, "partition/0", partition.Owned{Epoch: 1, Process: "x"}, func(m *sarama.ProducerMessage) {
		m.Value = sarama.StringEncoder(`{"epoch":99}`)
	})
	b.cfg.Dir = filepath.Join(t.TempDir(), "broken")
	_, _, err = export.Write(t.Context(), b.cfg)
	var broken *audit.BrokenError
	require.ErrorAs(t, err, &broken)
	require.Contains(t, broken.Fault.What, "does not match its hash")
	left, err := os.ReadDir(b.cfg.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A process that dies before it writes its manifest is not in the way of the next one.
func TestAnExportThatDidNotEndIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(2)
	_, path := b.export()
	require.NoError(t, os.Remove(path))
	b.write(1)
	_, _ = b.export()
	r := b.verify(b.checkpoint())
	require.True(t, r.Intact, "%v", r.Broken)
	require.Equal(t, int64(14), r.Events)
	_, _, err := export.Write(t.Context(), b.cfg)
	require.ErrorIs(t, err, export.ErrExists)
}

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, _, err := export.Write(t.Context(), export.Config{
		Types: []string{"goniec.message.*", "goniec.mesage.*"}, Formats: []string{"csv"}, From: noon, To: noon,
		Since: &export.Manifest{Installation: "other"},
	})
	for _, say := range []string{"export: dir", `"csv" is not one of`, `no event is called "goniec.mesage.*"`, "from: must be before to", "since: must be of the same", "audit: client"} {
		require.ErrorContains(t, err, say)
	}
}

// Two checkpoints of the same size and other heads cannot both be right: neither hides the other.
func TestCheckpointsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(3)
	b.export()
	right := b.checkpoint()
	wrong := right
	wrong.Extents = append([]audit.Extent(nil), right.Extents...)
	wrong.Extents[0].Head[0]++
	require.True(t, b.verify(right, right).Intact)
	for _, kept := range [][]audit.Checkpoint{{right, wrong}, {wrong, right}} {
		r := b.verify(kept...)
		require.False(t, r.Intact)
		require.Contains(t, r.Broken[0], "not those that the checkpoint names")
	}
}

// Without the first rows, and with a manifest that says so, an export is not of the beginning.
func TestABeginningThatWasCutOffIsFound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*export.Part){
		"the rows": func(p *export.Part) { p.Begin.Events = 1 },
		"the rows, and their number": func(p *export.Part) {
			p.End.Events--
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.cfg.Formats = []string{export.NDJSON}
			b.write(3)
			m, path := b.export()
			kept := b.checkpoint()
			p := &m.Partitions[0]
			file := filepath.Join(b.cfg.Dir, p.Files[0].Name)
			var row struct {
				Hash   string
				Offset int64
			}
			edit(t, file, func(text []byte) []byte {
				end := bytes.IndexByte(text, '\n') + 1
				require.NoError(t, json.Unmarshal(text[:end], &row))
				return text[end:]
			})
			p.Begin.Head, p.Begin.Offset = row.Hash, row.Offset+1
			p.Events--
			change(p)
			p.Files[0] = export.FileOf(t, b.cfg.Dir, p.Files[0].Name)
			text, err := json.Marshal(m)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, text, 0o600))
			for _, kept := range [][]audit.Checkpoint{nil, {kept}} {
				r := b.verify(kept...)
				require.False(t, r.Intact)
				require.Contains(t, r.Broken[0], "messages/0 does not begin where the journal does")
			}
		})
	}
}

// A line has one spelling: other readers must not take another value out of it.
func TestALineInAnotherSpellingIsFound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ from, to string }{
		"a field twice":             {`"type":"`, `"type":"goniec.message.delivered.v1","type":"`},
		"a field in another letter": {`"data":{`, `"data":{"amount":"9"},"Data":{`},
		"a field more":              {`"id":"`, `"price":"9","id":"`},
		"a blank":                   {`"id":"`, `"id": "`},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.cfg.Formats = []string{export.NDJSON}
			b.write(1)
			m, _ := b.export()
			file := m.Partitions[0].Files[0].Name
			require.True(t, b.verify().Intact)
			edit(t, filepath.Join(b.cfg.Dir, file), func(text []byte) []byte {
				return bytes.Replace(text, []byte(change.from), []byte(change.to), 1)
			})
			rehash(t, b.cfg.Dir, file)
			r := b.verify()
			require.False(t, r.Intact)
			require.Contains(t, r.Broken[0], "not a line of an export")
		})
	}
}

// A Parquet file of somebody else's making: what is not checked must not be in it, and
// whatever it holds, it is judged.
func TestAParquetFileOfAnothersMaking(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cfg.Formats = []string{export.Parquet}
	b.write(20)
	m, _ := b.export()
	file := m.Partitions[0].Files[0].Name
	path := filepath.Join(b.cfg.Dir, file)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	rows, err := parquet.ReadFile[export.Row](path)
	require.NoError(t, err)
	type more struct {
		export.Row
		Price string `parquet:"price"`
	}
	var with []more
	for _, r := range rows {
		with = append(with, more{r, "9"})
	}
	require.NoError(t, parquet.WriteFile(path, with, parquet.Compression(&zstd.Codec{})))
	rehash(t, b.cfg.Dir, file)
	require.Contains(t, b.verify().Broken[0], "its columns or their compression are others")
	require.NoError(t, parquet.WriteFile(path, rows, parquet.Compression(&lz4.Codec{})))
	rehash(t, b.cfg.Dir, file)
	require.Contains(t, b.verify().Broken[0], "its columns or their compression are others")

	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same bytes each time
	broken := 0
	for range 300 {
		bad := bytes.Clone(whole)
		bad[dice.IntN(len(bad))] ^= 1 << dice.IntN(8)
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		rehash(t, b.cfg.Dir, file)
		if !b.verify().Intact {
			broken++
		}
	}
	require.NotZero(t, broken)
}
