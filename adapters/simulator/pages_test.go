package simulator_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
	"goniec/adapters/smpp"
)

func view(t *testing.T, b *bundle, number string) simulator.View {
	t.Helper()
	code, body := post(t, b.URL()+"/phone/view", map[string]any{"number": number})
	require.Equal(t, http.StatusOK, code)
	var v simulator.View
	require.NoError(t, json.Unmarshal([]byte(body), &v))
	return v
}

func TestPageLoads(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	resp, err := http.Get(b.URL() + "/")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, string(body), "no phone receives anything")
	require.NotContains(t, string(body), "innerHTML")
	require.NotRegexp(t, `(src|href)="(https?:)?//`, string(body), "nothing comes from elsewhere")
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
}

func TestPhoneShowsWhatArrives(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	number := base + "01"
	_, token := submitViber(t, b, number)
	require.Empty(t, view(t, b, number).Bubbles, "it is on its way")
	b.settle(t, 300*time.Millisecond)
	v := view(t, b, number)
	require.Equal(t, []simulator.Bubble{{
		ID: token, Channel: "viber", From: "GONIEC", Text: "Hej", At: start.Add(300 * time.Millisecond), State: simulator.Delivered,
	}}, v.Bubbles)
	b.settle(t, 700*time.Millisecond)
	v = view(t, b, number)
	require.Equal(t, simulator.Seen, v.Bubbles[0].State)
	require.True(t, v.Viber)
	require.False(t, v.SMS)
	code, _ := post(t, b.URL()+"/phone/view", map[string]any{"number": number, "version": v.Version})
	require.Equal(t, http.StatusNoContent, code)
}

func TestPhoneShowsALongSMSOnce(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	in := b.bind(t)
	text := strings.Repeat("zażółć gęślą jaźń ", 12)
	r := in.Submit(context.Background(), smpp.Message{From: "GONIEC", To: base + "03", Text: text})
	require.Greater(t, r.Parts, 1)
	b.settle(t, time.Second)
	v := view(t, b, base+"03")
	require.Len(t, v.Bubbles, 1)
	require.Equal(t, text, v.Bubbles[0].Text)
	require.Equal(t, "GONIEC", v.Bubbles[0].From)
}

func TestPhoneList(t *testing.T) {
	t.Parallel()
	b := run(t, func(c *simulator.Config) { c.Phones = 2 })
	for _, suffix := range []string{"06", "01", "02"} {
		_, _ = submitViber(t, b, base+suffix)
	}
	_, body := post(t, b.URL()+"/phone/list", map[string]any{"number": ""})
	require.Contains(t, body, base+"01")
	require.Contains(t, body, base+"02")
	require.NotContains(t, body, base+"06", "only the last two are remembered")
	_, body = post(t, b.URL()+"/phone/list", map[string]any{"number": "00 2 02"})
	require.NotContains(t, body, base+"01")
}

func TestOwnerAnswers(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	in := b.bind(t)
	number := base + "06"
	act := func(channel, do, text string) int {
		code, _ := post(t, b.URL()+"/phone/act", map[string]any{"number": number, "channel": channel, "do": do, "text": text})
		return code
	}
	require.Equal(t, http.StatusConflict, act("viber", "reply", "Kto tam?"))
	_, _ = submitViber(t, b, number)
	_ = in.Submit(context.Background(), smpp.Message{From: "GONIEC", To: number, Text: "Hej"})
	require.Equal(t, http.StatusAccepted, act("viber", "reply", "Dziękuję"))
	b.quiet(t)
	require.Equal(t, http.StatusAccepted, act("viber", "unsubscribe", ""))
	require.Equal(t, http.StatusAccepted, act("sms", "reply", "STOP"))
	b.quiet(t)
	require.Equal(t, []string{"reply@0s Dziękuję", "unsubscribe@0s"}, b.receiver.stories())
	require.Equal(t, "a-1", b.receiver.callbacks()[0].Tracking)
	require.Equal(t, []string{"reply STOP"}, in.stories())
	require.True(t, view(t, b, number).Bubbles[0].Mine)
	for _, bad := range [][3]string{{"viber", "seen", ""}, {"sms", "unsubscribe", ""}, {"viber", "reply", ""}, {"viber", "reply", strings.Repeat("x", 1001)}} {
		require.Equal(t, http.StatusBadRequest, act(bad[0], bad[1], bad[2]))
	}
}

func TestPagesAreForThisMachineOnly(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	ask := func(path, host, site, contentType string) int {
		method := http.MethodPost
		if path == "/log" {
			method = http.MethodGet
		}
		req, err := http.NewRequestWithContext(context.Background(), method, b.URL()+path, strings.NewReader(`{"number":""}`))
		require.NoError(t, err)
		req.Host = host
		req.Header.Set("Sec-Fetch-Site", site)
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	const js = "application/json"
	require.Equal(t, http.StatusOK, ask("/phone/list", "localhost:1", "same-origin", js))
	require.Equal(t, http.StatusOK, ask("/log", "simulator", "none", js))
	require.Equal(t, http.StatusMisdirectedRequest, ask("/log", "rebound.example", "same-origin", js))
	require.Equal(t, http.StatusForbidden, ask("/phone/list", b.Addr(), "cross-site", js))
	require.Equal(t, http.StatusUnsupportedMediaType, ask("/phone/list", b.Addr(), "same-origin", "text/plain"))
}

// What the mail server is handed can be read on a page, whatever its letters, and goes nowhere.
func TestMailbox(t *testing.T) {
	t.Parallel()
	s := run(t, nil)
	show := func() string {
		resp, err := http.Get(s.URL() + "/mails")
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
		return string(body)
	}
	require.Equal(t, "No mail has come.\n", show())
	for _, subject := range []string{"=?utf-8?q?pierwsza_=C5=BBabka?=", "druga"} {
		body := "Subject: " + subject + "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nza=C5=BC=C3=B3=C5=82=C4=87\r\n"
		require.NoError(t, smtp.SendMail(s.MailAddr(), nil, "a@example.com", []string{"b@example.com"}, []byte(body)))
	}
	page := show()
	require.Less(t, strings.Index(page, "Subject: druga"), strings.Index(page, "Subject: pierwsza Żabka"))
	require.Contains(t, page, "To: b@example.com")
	require.Contains(t, page, "zażółć")
	require.Error(t, smtp.SendMail(s.MailAddr(), nil, "a@example.com", []string{"b@example.com"}, make([]byte, 1<<20+1)))
}
