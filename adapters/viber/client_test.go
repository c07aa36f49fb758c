package viber_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/viber"
	"goniec/domain"
	"goniec/domain/message"
)

var answeredAt = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func newClient(t *testing.T, baseURL string, timeout time.Duration) *viber.Client {
	t.Helper()
	c, err := viber.New(viber.Config{
		BaseURL: baseURL, Timeout: timeout,
		Clock: domain.ClockFunc(func() time.Time { return answeredAt }),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func submission(change func(*viber.Submission)) viber.Submission {
	s := viber.Submission{
		Attempt: "a-1", ServiceID: 4711, Number: "+48500100201", Seq: 90210,
		Label: domain.Transactional, TTLSec: 600, Text: "Kod: <1234> & już",
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestSendBodies(t *testing.T) {
	t.Parallel()
	button := viber.Button{Caption: "Kup", URL: "https://ex.pl/s?a=1&b=2"}
	for name, tc := range map[string]struct {
		change func(*viber.Submission)
		body   string
	}{
		"text": {
			nil,
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":106,"label":"transaction","ttl":600,"tag":"a-1","message":{"#txt":"Kod: <1234> & już"}}`,
		},
		"text, two way": {
			func(s *viber.Submission) { s.TwoWay = true },
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":206,"label":"transaction","ttl":600,"tag":"a-1","message":{"#txt":"Kod: <1234> & już","#tracking_data":"a-1"}}`,
		},
		"one-time code": {
			func(s *viber.Submission) { s.Label = domain.OneTimeCode },
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":106,"label":"transaction","ttl":600,"tag":"a-1","message":{"#txt":"Kod: <1234> & już"}}`,
		},
		"promotional text": {
			func(s *viber.Submission) { s.Label = domain.Promotional },
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":106,"label":"promotion","ttl":600,"tag":"a-1","message":{"#txt":"Kod: <1234> & już"}}`,
		},
		"promotional text, two way": {
			func(s *viber.Submission) { s.Label, s.TwoWay = domain.Promotional, true },
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":225,"label":"promotion","ttl":600,"tag":"a-1","message":{"#txt":"Kod: <1234> & już","#tracking_data":"a-1"}}`,
		},
		"text and button": {
			func(s *viber.Submission) { s.Button, s.Text, s.Label = button, "Hej", domain.Promotional },
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":109,"label":"promotion","ttl":600,"tag":"a-1","message":{"#txt":"Hej","#caption":"Kup","#action":"https://ex.pl/s?a=1&b=2"}}`,
		},
		"text, image and button, two way": {func(s *viber.Submission) {
			s.Button, s.Text, s.ImageURL, s.TwoWay, s.Label = button, "Hej", "https://ex.pl/p.jpg", true, domain.Promotional
		}, `{"service_id":4711,"dest":"48500100201","seq":90210,"type":208,"label":"promotion","ttl":600,"tag":"a-1","message":{"#txt":"Hej","#img":"https://ex.pl/p.jpg","#caption":"Kup","#action":"https://ex.pl/s?a=1&b=2","#tracking_data":"a-1"}}`},
		"text and image: the button opens the image": {
			func(s *viber.Submission) {
				s.Text, s.ImageURL, s.Label = "Hej", "https://ex.pl/p.jpg", domain.Promotional
			},
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":108,"label":"promotion","ttl":600,"tag":"a-1","message":{"#txt":"Hej","#img":"https://ex.pl/p.jpg","#caption":"Zobacz","#action":"https://ex.pl/p.jpg"}}`,
		},
		"image": {
			func(s *viber.Submission) { s.Text, s.ImageURL, s.Label = "", "https://ex.pl/p.jpg", domain.Promotional },
			`{"service_id":4711,"dest":"48500100201","seq":90210,"type":107,"label":"promotion","ttl":600,"tag":"a-1","message":{"#img":"https://ex.pl/p.jpg"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			var body []byte
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, body = r, read(r.Body)
				_, _ = io.WriteString(w, `{"status":0,"seq":90210,"message_token":"5379697806260881548"}`)
			}))
			defer srv.Close()
			r := newClient(t, srv.URL+"/", time.Second).Send(context.Background(), submission(tc.change))
			require.Equal(t, message.OutcomeAccepted, r.Outcome)
			require.Equal(t, tc.body, string(body))
			require.Equal(t, http.MethodPost, got.Method)
			require.Equal(t, "/vibersrvc/1/send_message", got.URL.String())
			require.Equal(t, "application/json", got.Header.Get("Content-Type"))
		})
	}
}

func read(r io.Reader) []byte {
	b, _ := io.ReadAll(r)
	return b
}

func TestSendAnswers(t *testing.T) {
	t.Parallel()
	accepted := message.Answer{Outcome: message.OutcomeAccepted, CarrierIDs: []string{"5379697806260881548"}, Parts: 1, Code: "0"}
	unreadable := message.Answer{Outcome: message.OutcomeUnknown, Code: "unreadable_answer", Reason: "unreadable_answer"}
	alarm := message.Verdict{AtOnce: true, Alarm: true}
	for name, tc := range map[string]struct {
		http  int
		body  string
		want  message.Answer
		fault bool
	}{
		"accepted":                 {200, `{"status":0,"seq":90210,"message_token":"5379697806260881548","matching_template_id":0}`, accepted, false},
		"token as number":          {200, `{"status":0,"seq":90210,"message_token":5379697806260881548}`, accepted, false},
		"no seq":                   {200, `{"status":0,"message_token":"5379697806260881548"}`, accepted, false},
		"internal failure":         {200, `{"status":1,"seq":90210}`, message.Answer{Outcome: message.OutcomeRefused, Code: "1", Reason: "carrier_failure", Verdict: message.Verdict{Retry: true}}, false},
		"carrier's time-out":       {200, `{"status":7}`, message.Answer{Outcome: message.OutcomeUnknown, Code: "7", Reason: "carrier_timeout"}, false},
		"not a user":               {200, `{"status":9}`, message.Answer{Outcome: message.OutcomeRefused, Code: "9", Reason: "not_on_viber", Verdict: message.Verdict{AtOnce: true, NotOnApp: true}}, false},
		"not authorised":           {200, `{"status":11}`, message.Answer{Outcome: message.OutcomeRefused, Code: "11", Reason: "not_authorised", Verdict: alarm}, true},
		"unheard-of status":        {200, `{"status":-3}`, message.Answer{Outcome: message.OutcomeRefused, Code: "-3", Reason: "unknown_status", Verdict: alarm}, false},
		"another call's answer":    {200, `{"status":0,"seq":1,"message_token":"5"}`, unreadable, true},
		"no status":                {200, `{"message_token":"5"}`, unreadable, true},
		"no token":                 {200, `{"status":0}`, unreadable, true},
		"token with spaces":        {200, `{"status":0,"message_token":"5 6"}`, unreadable, true},
		"token as fraction":        {200, `{"status":0,"message_token":5.3e18}`, unreadable, true},
		"token too long":           {200, `{"status":0,"message_token":"` + strings.Repeat("5", 65) + `"}`, unreadable, true},
		"not JSON":                 {200, `<html>ok</html>`, unreadable, true},
		"two objects":              {200, `{"status":0,"message_token":"5"}{}`, unreadable, true},
		"empty":                    {200, ``, unreadable, true},
		"too big":                  {200, `{"status":0,"message_token":"5","x":"` + strings.Repeat("x", 70_000) + `"}`, unreadable, true},
		"no content":               {204, ``, unreadable, true},
		"HTTP 500":                 {500, `{"status":0,"message_token":"5"}`, message.Answer{Outcome: message.OutcomeRefused, Code: "http_500", Reason: "route_fault", Verdict: message.Verdict{Retry: true}}, true},
		"HTTP 503":                 {503, ``, message.Answer{Outcome: message.OutcomeRefused, Code: "http_503", Reason: "route_fault", Verdict: message.Verdict{Retry: true}}, true},
		"HTTP 429":                 {429, ``, message.Answer{Outcome: message.OutcomeRefused, Code: "http_429", Reason: "throttled", Verdict: message.Verdict{Retry: true}}, false},
		"HTTP 403":                 {403, ``, message.Answer{Outcome: message.OutcomeRefused, Code: "http_403", Reason: "not_authorised", Verdict: alarm}, true},
		"HTTP 404":                 {404, ``, message.Answer{Outcome: message.OutcomeRefused, Code: "http_404", Reason: "unknown_status", Verdict: alarm}, false},
		"redirects are not obeyed": {302, ``, message.Answer{Outcome: message.OutcomeRefused, Code: "http_302", Reason: "unknown_status", Verdict: alarm}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = read(r.Body)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.http)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			r := newClient(t, srv.URL, 5*time.Second).Send(context.Background(), submission(nil))
			tc.want.Attempt, tc.want.At = "a-1", answeredAt
			require.Equal(t, tc.want, r.Answer)
			require.Equal(t, tc.fault, r.RouteFault)
		})
	}
}

// rawServer answers each connection's first bytes with what answer does.
func rawServer(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { _ = ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			answer(conn)
			_ = conn.Close()
		}
	}()
	return "http://" + ln.Addr().String()
}

func TestSendOnABadWire(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"
	for name, tc := range map[string]struct {
		answer func(net.Conn)
		reason string
	}{
		"cut before the answer": {func(net.Conn) {}, "connection_cut"},
		"cut within the head":   {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200") }, "connection_cut"},
		"cut within the body":   {func(c net.Conn) { _, _ = io.WriteString(c, head+`{"status":0,"mess`) }, "connection_cut"},
		"no answer":             {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, "timeout"},
		"slow body":             {func(c net.Conn) { _, _ = io.WriteString(c, head); _, _ = c.Read(make([]byte, 1)) }, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newClient(t, rawServer(t, tc.answer), 300*time.Millisecond).Send(context.Background(), submission(nil))
			require.Equal(t, message.Answer{
				Attempt: "a-1", Outcome: message.OutcomeUnknown, Code: tc.reason, Reason: tc.reason, At: answeredAt,
			}, r.Answer)
			require.True(t, r.RouteFault)
		})
	}
}

func TestSendNotReachedIsCertainlyNotTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close()) // nobody listens here any more
	r := newClient(t, "http://"+ln.Addr().String(), time.Second).Send(context.Background(), submission(nil))
	require.Equal(t, message.OutcomeRefused, r.Outcome)
	require.Equal(t, "not_reached", r.Code)
	require.Equal(t, message.Verdict{Retry: true}, r.Verdict)
	require.True(t, r.RouteFault)
}

func TestSendGivenUpByTheCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	url := rawServer(t, func(c net.Conn) { cancel(); _, _ = c.Read(make([]byte, 1)) })
	r := newClient(t, url, 5*time.Second).Send(ctx, submission(nil))
	require.Equal(t, message.OutcomeUnknown, r.Outcome)
	require.False(t, r.RouteFault)
}

func TestSendRefusesBadShapes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*viber.Submission){
		"no service":          func(s *viber.Submission) { s.ServiceID = 0 },
		"number without plus": func(s *viber.Submission) { s.Number = "48500100201" },
		"number with letters": func(s *viber.Submission) { s.Number = "+4850010020x" },
		"number too long":     func(s *viber.Submission) { s.Number = "+4850010020100000" },
		"no category":         func(s *viber.Submission) { s.Label = "" },
		"ttl too short":       func(s *viber.Submission) { s.TTLSec = 29 },
		"ttl too long":        func(s *viber.Submission) { s.TTLSec = 1_209_601 },
		"nothing to say":      func(s *viber.Submission) { s.Text = "" },
		"text too long":       func(s *viber.Submission) { s.Text = strings.Repeat("ż", 1001) },
		"bad UTF-8":           func(s *viber.Submission) { s.Text = "\xff" },
		"image not http":      func(s *viber.Submission) { s.ImageURL = "file:///etc/passwd" },
		"button without link": func(s *viber.Submission) { s.Button.Caption = "Kup" },
		"button not http":     func(s *viber.Submission) { s.Button = viber.Button{Caption: "Kup", URL: "javascript:x"} },
		"caption too long": func(s *viber.Submission) {
			s.Button = viber.Button{Caption: strings.Repeat("k", 31), URL: "https://ex.pl"}
		},
		"button without text": func(s *viber.Submission) {
			s.Text, s.ImageURL, s.Button = "", "https://ex.pl/p.jpg", viber.Button{Caption: "Kup", URL: "https://ex.pl"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := rawServer(t, func(net.Conn) { t.Error("a call was made") })
			r := newClient(t, url, time.Second).Send(context.Background(), submission(change))
			require.Equal(t, message.OutcomeRefused, r.Outcome)
			require.Equal(t, "invalid", r.Code)
			require.True(t, r.Verdict.AtOnce)
			err := submission(change).Validate()
			require.Error(t, err)
			require.NotContains(t, err.Error(), "4850010020")
		})
	}
	require.NoError(t, submission(func(s *viber.Submission) { s.Text = strings.Repeat("ż", 1000) }).Validate())
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := viber.New(viber.Config{BaseURL: "services.viber.com", MaxConns: -1})
	require.ErrorContains(t, err, "viber.base_url")
	require.ErrorContains(t, err, "max_conns")
}
