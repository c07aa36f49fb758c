package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"goniec/adapters/intake"
	"goniec/adapters/smpp"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/recipient"
	"goniec/eventstore"
)

const (
	number    = "+48500100209"
	accountID = "11111111-1111-4111-8111-111111111111"
)

var (
	now     = time.Date(2026, 11, 3, 12, 0, 1, 0, time.UTC)
	told    = time.Date(2025, 12, 1, 12, 0, 0, 123e6, time.UTC)
	secrets = eventstore.Secrets{Partition: []byte("p"), Recipient: []byte("r"), Digest: []byte("d")}
	part    = eventstore.Partitioner{N: 12}
)

// desk is an Intake between fakes.
type desk struct {
	*intake.Intake
	sender *sender
	clock  time.Time
	logs   bytes.Buffer
	counts counts
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{sender: &sender{}, clock: now}
	var err error
	d.Intake, err = intake.New(intake.Config{
		Producer: d.sender, Keyring: sealer{}, Secrets: secrets, Part: part, Topics: eventstore.Topics{Prefix: "t."}, View: senders{},
		Clock: domain.ClockFunc(func() time.Time { return d.clock }), Log: slog.New(slog.NewTextHandler(&d.logs, nil)),
		Routes: map[string]intake.Route{"viber": {}, "guarded": {Token: "s3cret"}}, Timeout: time.Second, Metrics: &d.counts,
	})
	require.NoError(t, err)
	return d
}

// sender keeps what is written, or refuses.
type sender struct {
	mu      sync.Mutex
	err     error
	records []*eventstore.Record
}

func (s *sender) Send(_ context.Context, msgs ...*sarama.ProducerMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for _, m := range msgs {
		key, _ := m.Key.Encode()
		value, _ := m.Value.Encode()
		r := &eventstore.Record{Topic: m.Topic, Partition: m.Partition, Key: key, Value: value}
		for _, h := range m.Headers {
			r.Headers = append(r.Headers, &h)
		}
		s.records = append(s.records, r)
	}
	return nil
}

// sealer shows what would be sealed.
type sealer struct{}

func (sealer) SealContent(_ context.Context, id, account string, expires time.Time, c eventstore.Content) ([]byte, error) {
	return json.Marshal(map[string]any{"id": id, "account": account, "expires": expires, "content": c})
}

type senders struct{}

func of(owner, country string) account.Sender {
	return account.Sender{SenderState: account.SenderState{Account: owner, Country: country}}
}

func (senders) SendersByServiceID(id int64) []account.Sender {
	switch id {
	case 4711:
		return []account.Sender{of(accountID, "PL"), of(accountID, "DE")}
	case 4712:
		return []account.Sender{of(accountID, ""), of("another", "")}
	}
	return nil
}

type counts struct {
	mu sync.Mutex
	m  map[string]int
}

func (c *counts) Taken(route, kind string, _ time.Duration) { c.add("taken " + route + " " + kind) }
func (c *counts) Refused(route, code string)                { c.add("refused " + route + " " + code) }

func (c *counts) add(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string]int{}
	}
	c.m[s]++
}

func (d *desk) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ViberHandler().ServeHTTP(w, r)
	return w
}

func numberKey() (string, eventstore.Partition) {
	return eventstore.NumberPartition(secrets, part, number)
}

// command is the only record in the inbox.
func (d *desk) command(t *testing.T) (*eventstore.Command, *eventstore.Record) {
	t.Helper()
	last := d.sender.records[len(d.sender.records)-1]
	key, p := numberKey()
	require.Equal(t, "t.inbox.urgent", last.Topic)
	require.Equal(t, p, last.Partition)
	require.Equal(t, "number/"+key, string(last.Key))
	c, err := eventstore.ParseCommand(last)
	require.NoError(t, err)
	_, idPart, err := part.ParseID(c.ID)
	require.NoError(t, err)
	require.Equal(t, p, idPart)
	require.Equal(t, now, c.Time)
	for _, h := range last.Headers {
		require.NotContains(t, string(h.Value), number[1:])
	}
	require.NotContains(t, string(last.Value), number[1:])
	return c, last
}

func TestViberReports(t *testing.T) {
	t.Parallel()
	key, _ := numberKey()
	for status, want := range map[string]string{"0": "delivered", "1": "read", "2": "expired"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			body := `{"message_token":5379697806260881548,"message_status":` + status + `,"message_time":1764590400123,"phone_number":"48500100209","service_id":4711}`
			require.Equal(t, http.StatusOK, d.post("/callbacks/viber/viber", body).Code)
			require.Len(t, d.sender.records, 1)
			c, rec := d.command(t)
			require.Equal(t, recipient.CommandReport, c.Type)
			require.Equal(t, "carrier/viber", c.Actor)
			require.Empty(t, c.Account)
			require.JSONEq(t, `{"number":"`+key+`","route":"viber","channel":"viber","service_id":4711,"carrier_id":"5379697806260881548",
				"status":"`+want+`","code":"`+status+`","at":"2025-12-01T12:00:00.123Z","received":"2026-11-03T12:00:01Z"}`, string(rec.Value))

			d.clock = now.Add(time.Hour)
			require.Equal(t, http.StatusOK, d.post("/callbacks/viber/viber", body).Code)
			again, err := eventstore.ParseCommand(d.sender.records[1])
			require.NoError(t, err)
			require.Equal(t, c.ID, again.ID, "a repeat is the same command")
			require.Equal(t, 2, d.counts.m["taken viber "+map[string]string{"0": "delivered", "1": "seen", "2": "expired"}[status]])
		})
	}
}

func TestViberReportIDs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := map[string]bool{}
	for _, body := range []string{
		`{"message_token":"1","message_status":0,"message_time":1764590400123,"phone_number":"48500100209"}`,
		`{"message_token":"1","message_status":0,"message_time":1764590400124,"phone_number":"48500100209"}`,
		`{"message_token":"1","message_status":1,"message_time":1764590400123,"phone_number":"48500100209"}`,
		`{"message_token":"2","message_status":0,"message_time":1764590400123,"phone_number":"48500100209"}`,
		`{"message_token":"2","message_status":0,"phone_number":"48500100209"}`,
	} {
		for range 2 {
			require.Equal(t, http.StatusOK, d.post("/callbacks/viber/viber", body).Code)
			c, _ := d.command(t)
			ids[c.ID] = true
		}
	}
	require.Len(t, ids, 5, "each said twice, also the one without a time")
}

func TestViberSubscriptions(t *testing.T) {
	t.Parallel()
	key, p := numberKey()
	rcp := secrets.RecipientID(p, accountID, number).String()
	tests := map[string]struct {
		status, service string
		account, data   string
	}{
		"subscribe":          {"4", "4711", accountID, `"recipient":"` + rcp + `","subscribed":true`},
		"unsubscribe":        {"5", "4711", accountID, `"recipient":"` + rcp + `","subscribed":false`},
		"shared service":     {"5", "4712", "", `"subscribed":false`},
		"unknown service id": {"5", "4713", "", `"subscribed":false`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			require.Equal(t, http.StatusOK, d.post("/callbacks/viber/viber", `{"message_token":"5","message_status":`+tt.status+`,"message_time":1764590400123,"phone_number":"48500100209","service_id":`+tt.service+`}`).Code)
			c, rec := d.command(t)
			require.Equal(t, recipient.CommandSubscription, c.Type)
			require.Equal(t, tt.account, c.Account)
			require.JSONEq(t, `{"number":"`+key+`","route":"viber","service_id":`+tt.service+`,`+tt.data+`,"at":"2025-12-01T12:00:00.123Z"}`, string(rec.Value))
		})
	}
}

func TestViberReply(t *testing.T) {
	t.Parallel()
	key, p := numberKey()
	d := newDesk(t)
	body := `{"message_token":"77","phone_number":"48500100209","time":1764590400123,"service_id":4711,"message":{"text":"Stop!","tracking_data":"x"}}`
	require.Equal(t, http.StatusOK, d.post("/callbacks/viber/viber", body).Code)
	require.Len(t, d.sender.records, 2)
	c, rec := d.command(t)
	require.Equal(t, recipient.CommandReply, c.Type)
	require.Equal(t, accountID, c.Account)
	require.JSONEq(t, `{"id":"`+c.ID+`","number":"`+key+`","route":"viber","channel":"viber","service_id":4711,
		"recipient":"`+secrets.RecipientID(p, accountID, number).String()+`","digest":"`+secrets.ContentDigest("Stop!")+`","length":5,"keyword":"stop",
		"at":"2025-12-01T12:00:00.123Z"}`, string(rec.Value))
	require.NotContains(t, string(rec.Value), "Stop!")

	sealed := d.sender.records[0]
	require.Equal(t, "t.contents", sealed.Topic)
	require.Equal(t, p, sealed.Partition)
	require.Equal(t, c.ID, string(sealed.Key))
	require.JSONEq(t, `{"id":"`+c.ID+`","account":"`+accountID+`","expires":"2026-12-03T12:00:01Z","content":{"to":"`+number+`","text":"Stop!"}}`, string(sealed.Value))
	require.NotContains(t, d.logs.String(), "Stop!")
}

func TestViberReplyWithMedia(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	body := `{"message_token":"78","phone_number":"48500100209","time":1764590400123,"service_id":4711,"message":{"media":"https://cdn.example/a.jpg"}}`
	require.Equal(t, http.StatusOK, d.post("/callbacks/viber/viber", body).Code)
	_, rec := d.command(t)
	var r recipient.Reply
	require.NoError(t, json.Unmarshal(rec.Value, &r))
	require.Zero(t, r.Length)
	require.Equal(t, secrets.ContentDigest("", "https://cdn.example/a.jpg"), r.Digest)
	require.Contains(t, string(d.sender.records[0].Value), "a.jpg")
}

func TestViberRefuses(t *testing.T) {
	t.Parallel()
	good := `{"message_token":"1","message_status":0,"phone_number":"48500100209"}`
	tests := map[string]struct {
		path, body string
		headers    []string
		status     int
		code       string
	}{
		"another route":      {path: "/callbacks/viber/other", body: good, status: 404, code: "unknown_route"},
		"another path":       {path: "/callbacks/x", body: good, status: 404, code: "unknown_route"},
		"no token":           {path: "/callbacks/viber/guarded", body: good, status: 403, code: "bad_token"},
		"wrong token":        {path: "/callbacks/viber/guarded?token=s3cre", body: good, status: 403, code: "bad_token"},
		"token as a header":  {path: "/callbacks/viber/guarded", body: good, headers: []string{intake.TokenHeader, "s3cret"}, status: 200},
		"token in the query": {path: "/callbacks/viber/guarded?token=s3cret", body: good, status: 200},
		"not JSON":           {path: "/callbacks/viber/viber", body: "hello", status: 400, code: "bad_callback"},
		"not a number":       {path: "/callbacks/viber/viber", body: `{"message_token":"1","message_status":0,"phone_number":"ALPHA"}`, status: 400, code: "bad_callback"},
		"a leading zero":     {path: "/callbacks/viber/viber", body: `{"message_token":"1","message_status":0,"phone_number":"0500100209"}`, status: 400, code: "bad_callback"},
		"an unknown status":  {path: "/callbacks/viber/viber", body: `{"message_token":"1","message_status":3,"phone_number":"48500100209"}`, status: 200, code: "unknown_status"},
		"too large":          {path: "/callbacks/viber/viber", body: `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, status: 413, code: "too_large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			w := d.post(tt.path, tt.body, tt.headers...)
			require.Equal(t, tt.status, w.Code)
			require.NotContains(t, d.logs.String(), "500100209")
			require.NotContains(t, d.logs.String(), "s3cre")
			if tt.code == "" {
				require.Len(t, d.sender.records, 1)
				return
			}
			require.Empty(t, d.sender.records)
			require.JSONEq(t, `{"code":"`+tt.code+`"}`, w.Body.String())
		})
	}
	r := httptest.NewRequest(http.MethodGet, "/callbacks/viber/viber", nil)
	w := httptest.NewRecorder()
	newDesk(t).ViberHandler().ServeHTTP(w, r)
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

func TestNotDurableIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sender.err = errors.New("no leader")
	w := d.post("/callbacks/viber/viber", `{"message_token":"1","message_status":0,"phone_number":"48500100209"}`)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Error(t, d.SMPPHandler("sms")(t.Context(), smpp.Inbound{Kind: smpp.KindReceipt, Number: number, Status: message.ReportDelivered, CarrierID: "a1"}))
	require.NotContains(t, d.logs.String(), number[1:])
}

// A body that did not arrive whole is not one that cannot be read: 400 would tell the
// carrier never to say it again.
func TestABodyThatIsCutIsAskedForAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := httptest.NewRequest(http.MethodPost, "/callbacks/viber/viber", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(`{"message_token":"1","message_status":0,"phone_number":"48500100209"}`))))
	w := httptest.NewRecorder()
	d.ViberHandler().ServeHTTP(w, r)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Empty(t, d.sender.records)
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	key, _ := numberKey()
	d := newDesk(t)
	in := smpp.Inbound{Kind: smpp.KindReceipt, Number: number, To: "GONIEC", Received: now, At: told, CarrierID: "0A1b", Status: message.ReportUndelivered, Code: "001"}
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	c, rec := d.command(t)
	require.Equal(t, recipient.CommandReport, c.Type)
	require.Equal(t, "carrier/sms", c.Actor)
	require.JSONEq(t, `{"number":"`+key+`","route":"sms","channel":"sms","carrier_id":"0A1b","status":"undelivered","code":"001",
		"at":"2025-12-01T12:00:00.123Z","received":"2026-11-03T12:00:01Z"}`, string(rec.Value))

	in.Received = now.Add(time.Minute)
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	again, _ := d.command(t)
	require.Equal(t, c.ID, again.ID)

	in.At = in.Received // without a date of its own
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	undated, _ := d.command(t)
	in.Received = now.Add(time.Hour)
	in.At = in.Received
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	later, _ := d.command(t)
	require.Equal(t, undated.ID, later.ID)
	require.NotEqual(t, c.ID, later.ID)
}

func TestSMSReplies(t *testing.T) {
	t.Parallel()
	key, _ := numberKey()
	d := newDesk(t)
	in := smpp.Inbound{Kind: smpp.KindReply, Number: number, To: "7123", Received: now, At: now, Text: "Wypisz", Parts: 1}
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	c, rec := d.command(t)
	require.JSONEq(t, `{"id":"`+c.ID+`","number":"`+key+`","route":"sms","channel":"sms","to":"7123","digest":"`+secrets.ContentDigest("Wypisz")+`",
		"length":6,"keyword":"stop","at":"2026-11-03T12:00:01Z"}`, string(rec.Value))

	in.Received = now.Add(30 * time.Second)
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	again, _ := d.command(t)
	require.Equal(t, c.ID, again.ID, "the carrier's repeat")
	in.Received = now.Add(time.Hour)
	require.NoError(t, d.SMPPHandler("sms")(t.Context(), in))
	later, _ := d.command(t)
	require.NotEqual(t, c.ID, later.ID, "said again, an hour later")
}

func TestSMSOfNoNumberIsTakenOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, n := range []string{"", "INFO", "+0500100209", "48500100209", "+485001002091234567"} {
		require.NoError(t, d.SMPPHandler("sms")(t.Context(), smpp.Inbound{Kind: smpp.KindReply, Number: n, Text: "x"}))
	}
	require.Empty(t, d.sender.records)
	require.Equal(t, 5, d.counts.m["refused sms bad_number"])
	require.NotContains(t, d.logs.String(), "500100209")
}

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := intake.New(intake.Config{})
	for _, part := range []string{"Part is", "Secrets are", "Producer and Keyring", "View, Clock and Log"} {
		require.ErrorContains(t, err, part)
	}
}

func FuzzViberCallback(f *testing.F) {
	f.Add([]byte(`{"message_token":"1","message_status":0,"phone_number":"48500100209"}`))
	f.Add([]byte(`{"message_token":"77","phone_number":"48500100209","message":{"text":"TAK"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := newDesk(t)
		w := d.post("/callbacks/viber/viber", string(body))
		require.Contains(t, []int{200, 400, 413}, w.Code)
		for _, r := range d.sender.records {
			require.Less(t, r.Partition, part.N)
		}
	})
}
