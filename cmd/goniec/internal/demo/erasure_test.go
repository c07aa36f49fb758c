package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/cmd/goniec/internal/run"
	"goniec/domain"
	"goniec/domain/partition"
	"goniec/domain/recipient"
	"goniec/eventstore"
	"goniec/eventstore/audit"
	"goniec/internal/suffixes"
	"goniec/internal/testkit"
)

var recipientsFlag = flag.Int("recipients", 60, "how many the test of an erasure writes to")

// The one who is erased: Viber delivers, then a reply comes (suffix 11).
const (
	erasedNumber = "+48500123411"
	erasedMarker = "zqsekret"
)

// office is an `up` whose stores are searched by somebody who holds the installation's
// secrets file, and whatever was ever written as it lies there now.
type office struct {
	t        *testing.T
	cfg      run.UpConfig
	up       *run.Up
	running  run.Running
	secrets  run.Secrets
	api      *client.Client
	operator *client.Client
	log      string
	needles  Needles
}

func openOffice(t *testing.T, set func(*run.UpConfig)) *office {
	t.Helper()
	o := &office{t: t, log: filepath.Join(t.TempDir(), "goniec.log")}
	log, err := os.Create(o.log)
	require.NoError(t, err)
	cfg := run.UpConfig{
		Data: filepath.Join(t.TempDir(), "up"), HTTP: "127.0.0.1:0", PostgresURL: testkit.Postgres(t),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if !testkit.KafkaIsEmbedded() {
		addr, prefix := testkit.Kafka(t)
		cfg.Brokers, cfg.Prefix = []string{addr}, prefix
	}
	if set != nil {
		set(&cfg)
	}
	o.cfg = cfg
	o.start()
	t.Cleanup(func() {
		require.NoError(t, errors.Join(o.up.Close(), log.Close()))
		if b, _ := os.ReadFile(o.log); t.Failed() {
			for line := range strings.Lines(string(b)) {
				if strings.Contains(line, "WARN") || strings.Contains(line, "ERROR") {
					t.Log(line)
				}
			}
		}
	})
	o.needles = NeedlesOf(suffixes.Plan{Marker: erasedMarker, Sendings: []suffixes.Sending{{Number: erasedNumber}}})
	return o
}

// start begins to use what the last one that was closed has left.
func (o *office) start() {
	o.t.Helper()
	var err error
	o.up, err = run.StartUp(o.t.Context(), o.cfg)
	require.NoError(o.t, err)
	o.running = o.up.Running()
	o.secrets, err = run.ReadSecrets(o.running.Secrets)
	require.NoError(o.t, err)
	o.api, o.operator = o.client(o.running.APIKeyFile), o.client(o.running.OperatorKeyFile)
}

func (o *office) client(keyFile string) *client.Client {
	key, err := os.ReadFile(keyFile)
	require.NoError(o.t, err)
	c, err := client.New(client.Config{URL: o.running.HTTP, Key: strings.TrimSpace(string(key))})
	require.NoError(o.t, err)
	return c
}

func (o *office) send(to, text string, at *time.Time) string {
	o.t.Helper()
	m := httpapi.MessageRequest{To: to, Sender: suffixes.DemoSender, Category: "transactional", Text: text, Validity: "15s", SendAt: at}
	out, err := o.api.Send(o.t.Context(), "", m)
	require.NoError(o.t, err)
	return out.ID
}

// stock is what a search finds: contents that can be opened, and what stands in clear.
type stock struct {
	texts  []string // of the erased number
	clear  []string
	sealed [][]byte // their wrapped keys, in base64, as they lie in files
}

type blob struct{ key, value []byte }

var blobPattern = regexp.MustCompile(`\{"k":"[^"]+","w":"[^"]+","s":"[^"]+"\}`)

// search reads every record of every topic, uncommitted ones too, and every row, and
// opens each sealed content found anywhere with every day key found anywhere, whatever
// tombstones say.
func (o *office) search() stock {
	o.t.Helper()
	searched := &Searched{}
	f := &finding{needles: o.needles, searched: searched, seen: map[string]bool{}}
	ring := eventstore.NewKeyring(o.secrets.Seal, nil, eventstore.Topics{Prefix: o.running.Prefix}, eventstore.Partitioner{N: o.running.Partitions})
	var blobs []blob
	ids := map[string]bool{}
	look := func(place string, key, value []byte) {
		f.look(place, key)
		f.look(place, value)
		for _, b := range blobPattern.FindAll(value, -1) {
			blobs = append(blobs, blob{key, bytes.Clone(b)})
		}
	}
	o.records(func(r *kgo.Record) {
		searched.Records++
		look(r.Topic, r.Key, r.Value)
		for _, h := range r.Headers {
			look(r.Topic+" header "+h.Key, nil, h.Value)
		}
		if r.Topic == o.running.Prefix+eventstore.Keys && r.Value != nil && !r.Attrs.IsControl() {
			require.NoError(o.t, ring.Apply(&eventstore.Record{Key: r.Key, Value: r.Value}))
		}
		if r.Topic == o.running.Prefix+eventstore.Contents {
			ids[string(r.Key)] = true
		}
	})
	o.rows(look)
	log, err := os.ReadFile(o.log)
	require.NoError(o.t, err)
	look("the log", nil, log)
	require.NotZero(o.t, searched.Records)
	out := stock{clear: f.faults}
	for _, b := range blobs {
		for id := range ids {
			if b.key != nil && string(b.key) != id {
				continue
			}
			c, err := ring.OpenContent(id, b.value)
			if err == nil && c.To == erasedNumber {
				var rec struct{ W []byte }
				require.NoError(o.t, json.Unmarshal(b.value, &rec))
				out.texts, out.sealed = append(out.texts, c.Text), append(out.sealed, []byte(base64.StdEncoding.EncodeToString(rec.W)))
			}
		}
	}
	return out
}

func (o *office) records(fn func(*kgo.Record)) {
	o.t.Helper()
	c, err := o.kafka().NewClient()
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, c.Close()) }()
	from, ends, err := (&finding{searched: &Searched{}}).extents(target{running: o.running, client: c})
	require.NoError(o.t, err)
	reader, err := kgo.NewClient(kgo.SeedBrokers(o.running.Kafka), kgo.ConsumePartitions(from), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	require.NoError(o.t, err)
	defer reader.Close()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	for len(ends) > 0 {
		got := reader.PollFetches(ctx)
		require.NoError(o.t, got.Err0())
		got.EachRecord(func(r *kgo.Record) {
			fn(r)
			if at := (spot{r.Topic, r.Partition}); r.Offset+1 >= ends[at] {
				delete(ends, at)
			}
		})
	}
}

func (o *office) rows(look func(string, []byte, []byte)) {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), o.running.Postgres)
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, conn.Close(context.WithoutCancel(o.t.Context()))) }()
	rows, err := conn.Query(o.t.Context(), `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	require.NoError(o.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(o.t, err)
	require.NotEmpty(o.t, tables)
	for _, table := range tables {
		rows, err := conn.Query(o.t.Context(), "SELECT to_jsonb(t)::text FROM "+table+" t")
		require.NoError(o.t, err)
		var line string
		_, err = pgx.ForEachRow(rows, []any{&line}, func() error { look(table, nil, []byte(strings.ReplaceAll(line, `\"`, `"`))); return nil })
		require.NoError(o.t, err)
	}
}

// files names the files of a store in which one of the wrapped keys stands. They are
// random, so a file compressed or not holds long runs of them as they are.
func (o *office) files(store string, sealed [][]byte) (found []string) {
	o.t.Helper()
	for _, dir := range o.dirs(store) {
		found = append(found, o.filesIn(dir, sealed)...)
	}
	return found
}

func (o *office) filesIn(dir string, sealed [][]byte) (found []string) {
	o.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || isIndex(path)) {
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for _, key := range sealed {
			for i := 0; i+16 <= len(key); i += 8 {
				if bytes.Contains(b, key[i:i+16]) {
					found = append(found, path)
					return nil
				}
			}
		}
		if what := o.needles.Find(b); what != "" {
			found = append(found, path+": "+what)
		}
		return err
	})
	require.NoError(o.t, err)
	return found
}

// find searches until it finds n texts of the number: what was just written takes a moment.
func (o *office) find(n int) (s stock) {
	o.t.Helper()
	require.Eventually(o.t, func() bool { s = o.search(); return len(s.texts) == n }, time.Minute, 200*time.Millisecond)
	require.Empty(o.t, s.clear)
	return s
}

func (o *office) state(id string) (state, reason string) {
	o.t.Helper()
	m, err := o.api.Message(o.t.Context(), id)
	if err != nil {
		return "", ""
	}
	return m.State, m.Reason
}

func (o *office) bill() []httpapi.BillingTotal {
	o.t.Helper()
	b, err := o.api.Billing(o.t.Context(), time.Now().In(warsaw(o.t)).Format("2006-01"), "")
	require.NoError(o.t, err)
	return b.Totals
}

func warsaw(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(run.Defaults().Zone)
	require.NoError(t, err)
	return zone
}

// rules.md D11: after an erasure nothing of a number and its texts is left in any topic,
// table, file or log that could be opened, and everything else is as it was.
func TestAnErasedNumberIsNowhere(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	for i := range *recipientsFlag {
		o.send(fmt.Sprintf("+4850%05d01", i), "Twoja paczka czeka", nil)
	}
	sent := o.send(erasedNumber, erasedMarker+" one", nil)
	later := time.Now().Add(time.Hour)
	waits := o.send(erasedNumber, erasedMarker+" two", &later)
	require.Eventually(t, func() bool { state, _ := o.state(sent); return state == "delivered" }, time.Minute, 100*time.Millisecond)
	before := o.find(3) // two messages and the reply
	require.ElementsMatch(t, []string{erasedMarker + " one", erasedMarker + " two", "TAK"}, before.texts)
	require.NoError(t, o.up.Close()) // what it holds in memory is written
	o.start()
	for _, key := range before.sealed {
		require.NotEmpty(t, o.files("contents", [][]byte{key}), "a search of the files finds what is there")
		require.NotEmpty(t, o.files("kafka", [][]byte{key}))
	}

	var person bytes.Buffer
	require.NoError(t, o.operator.ExportPerson(t.Context(), httpapi.PersonRequest{To: erasedNumber}, &person))
	require.True(t, json.Valid(person.Bytes()), person.String())
	for _, text := range before.texts {
		require.Equal(t, 1, strings.Count(person.String(), `"text":"`+text+`"`), text)
	}
	require.True(t, strings.HasSuffix(person.String(), "\"complete\":true}\n"))

	out, err := o.api.OptOut(t.Context(), httpapi.OptOutRequest{To: erasedNumber, Scopes: []recipient.Scope{{Channel: domain.Viber, Category: domain.Promotional}, {Channel: domain.SMS, Category: domain.Promotional}}})
	require.NoError(t, err)
	require.True(t, out.Changed)
	bill := o.bill()
	require.NotEmpty(t, bill)

	kept := o.copyOf(before.sealed[0])
	erased, err := o.operator.ErasePerson(t.Context(), httpapi.EraseRequest{To: erasedNumber, Reason: "request 7"})
	require.NoError(t, err)
	require.Equal(t, 3, erased.Contents)
	require.Equal(t, testkit.KafkaIsEmbedded(), erased.Compacted)
	require.Len(t, erased.Recipients, 1)
	if !erased.Compacted {
		o.hurry(before)
	}
	o.nowhere(before)
	require.Eventually(t, func() bool { state, reason := o.state(waits); return state == "failed" && reason == "erased" }, time.Minute, 100*time.Millisecond)

	t.Run("one that was missed is found", func(t *testing.T) {
		o.write(kept)
		require.Len(t, o.search().texts, 1)
		again, err := o.operator.ErasePerson(t.Context(), httpapi.EraseRequest{To: erasedNumber, Reason: "request 7"})
		require.NoError(t, err)
		require.Equal(t, 1, again.Contents, "a repeat finishes what was interrupted")
		o.nowhere(before)
	})
	again, err := o.operator.ErasePerson(t.Context(), httpapi.EraseRequest{To: erasedNumber, Reason: "request 7"})
	require.NoError(t, err)
	require.Zero(t, again.Contents)

	o.report() // late
	o.nowhere(before)
	require.Equal(t, bill, o.bill())
	o.verified()
	person.Reset()
	require.NoError(t, o.operator.ExportPerson(t.Context(), httpapi.PersonRequest{To: erasedNumber}, &person))
	require.Contains(t, person.String(), `"stopped":true`)
	require.NotContains(t, person.String(), erasedMarker)
	require.Contains(t, person.String(), sent, "that there was a message is history")

	refused, err := o.api.Send(t.Context(), "", httpapi.MessageRequest{To: erasedNumber, Sender: suffixes.DemoSender, Category: "promotional", Text: "x"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { state, reason := o.state(refused.ID); return state == "failed" && reason == "opted_out" }, time.Minute, 100*time.Millisecond)
}

// copyOf is the record of `contents` with that wrapped key.
func (o *office) copyOf(sealed []byte) (found *kgo.Record) {
	o.t.Helper()
	o.records(func(r *kgo.Record) {
		if r.Topic == o.running.Prefix+eventstore.Contents && bytes.Contains(r.Value, sealed) {
			found = r
		}
	})
	require.NotNil(o.t, found)
	return found
}

// write puts a record back, as if its tombstone had never been written.
func (o *office) write(r *kgo.Record) {
	o.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(o.running.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(o.t, err)
	defer c.Close()
	again := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
	require.NoError(o.t, c.ProduceSync(o.t.Context(), again).FirstErr())
}

// report has the carrier say something about the number once more.
func (o *office) report() {
	o.t.Helper()
	body := `{"message_token":"7","message_status":1,"message_time":1764590400123,"phone_number":"` + erasedNumber[1:] + `","service_id":1}`
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.running.HTTP+"/callbacks/viber/viber", strings.NewReader(body))
	require.NoError(o.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(o.t, err)
	require.NoError(o.t, resp.Body.Close())
	require.Equal(o.t, http.StatusOK, resp.StatusCode)
}

// verified: the journal's chain is intact, and holds the erasure.
func (o *office) verified() {
	o.t.Helper()
	c, err := o.kafka().NewClient()
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, c.Close()) }()
	r, err := audit.Verify(o.t.Context(), audit.Config{Client: c, Topics: o.kafka().Topics(), Installation: o.secrets.Installation, Partitions: o.running.Partitions})
	require.NoError(o.t, err)
	require.Empty(o.t, r.Broken)
	require.NotZero(o.t, r.Events)
}

// nowhere: nothing that could be opened is in topics and tables, and in no file either
// when Pebble has removed those that it replaced.
func (o *office) nowhere(before stock) {
	o.t.Helper()
	if !testkit.KafkaIsEmbedded() {
		o.awaitCleaner(func() bool { return len(o.files("kafka", before.sealed)) == 0 })
	}
	after := o.search()
	require.Empty(o.t, after.texts)
	require.Empty(o.t, after.clear)
	for _, dir := range []string{"contents", "state", "kafka"} {
		require.Eventually(o.t, func() bool { return len(o.files(dir, before.sealed)) == 0 }, 20*time.Second, 200*time.Millisecond, dir)
	}
}

// When the day is over through which a text is kept, its key is destroyed, and with it
// every copy, wherever it lies: nothing that anybody wrote can be opened.
func TestRetentionEndsEverywhere(t *testing.T) {
	t.Parallel()
	o := openOffice(t, func(c *run.UpConfig) { c.VirtualClock, c.SweepEvery = true, 300*time.Millisecond })
	id := o.send(erasedNumber, erasedMarker+" one", nil)
	require.Eventually(t, func() bool { return o.advance(time.Second) && o.ended(id) }, time.Minute, 100*time.Millisecond)
	before := o.find(2) // and the reply
	require.NoError(t, o.up.Close())
	o.start()
	require.NotEmpty(t, o.files("contents", before.sealed), "a search of the files finds what is there")

	o.advance(29 * 24 * time.Hour)
	require.Len(t, o.search().texts, 2, "its days are not over")
	require.Len(t, o.kept(), 2)
	o.advance(4 * 24 * time.Hour)
	kinds := func() (destroyed int) {
		o.records(func(r *kgo.Record) {
			for _, h := range r.Headers {
				if h.Key == "ce_type" && string(h.Value) == partition.TypeKeysDestroyed {
					destroyed++
				}
			}
		})
		return destroyed
	}
	require.Eventually(t, func() bool { return kinds() > 0 }, time.Minute, 200*time.Millisecond)
	// The embedded broker drops the keys' bytes within the hour; an erasure makes it do so at once.
	nobody, err := o.operator.ErasePerson(t.Context(), httpapi.EraseRequest{To: "+48500123499", Reason: "none"})
	require.NoError(t, err)
	require.Equal(t, testkit.KafkaIsEmbedded(), nobody.Compacted)
	require.Zero(t, nobody.Contents)
	if !nobody.Compacted {
		o.hurry(before)
		o.awaitCleaner(func() bool { return len(o.search().texts) == 0 })
	}
	after := o.search()
	require.Empty(t, after.texts)
	require.Empty(t, after.clear)
	destroyed := kinds()
	o.advance(time.Hour)
	require.Never(t, func() bool { return kinds() != destroyed }, time.Second, 300*time.Millisecond, "once is enough")
	require.Eventually(t, func() bool { return len(o.kept()) == 0 }, time.Minute, 200*time.Millisecond, "what nobody can open does not lie there for ever")
	o.verified()
}

// kept are the keys of what `contents` holds, whoever can open it.
func (o *office) kept() map[string]bool {
	o.t.Helper()
	live := map[string]bool{}
	o.records(func(r *kgo.Record) {
		if r.Topic != o.running.Prefix+eventstore.Contents || r.Attrs.IsControl() {
			return
		}
		if delete(live, string(r.Key)); r.Value != nil {
			live[string(r.Key)] = true
		}
	})
	return live
}

func (o *office) ended(id string) bool {
	m, err := o.api.Message(o.t.Context(), id)
	return err == nil && m.Ended
}

// advance moves the installation's clock.
func (o *office) advance(by time.Duration) bool {
	o.t.Helper()
	body := strings.NewReader(fmt.Sprintf(`{"advance":%q}`, by))
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.running.HTTP+"/clock", body)
	require.NoError(o.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(o.t, err)
	require.NoError(o.t, resp.Body.Close())
	require.Equal(o.t, http.StatusOK, resp.StatusCode)
	return true
}
