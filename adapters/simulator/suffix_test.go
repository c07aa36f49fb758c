package simulator_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/simulator"
	"goniec/adapters/smpp"
	"goniec/domain/message"
)

const base = "+485001002"

// submitViber posts one text and tells the answer as a client would see it:
// a status, "http_500", "cut", "unreadable" or "none".
func submitViber(t *testing.T, b *bundle, number string) (answer, token string) {
	t.Helper()
	body := fmt.Sprintf(`{"service_id":4711,"dest":%q,"seq":7,"type":206,"label":"transaction","ttl":30,"tag":"a-1","message":{"#txt":"Hej","#tracking_data":"a-1"}}`, digits(number))
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL()+"/vibersrvc/1/send_message", bytes.NewBufferString(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return "none", ""
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		return "cut", ""
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("http_%d", resp.StatusCode), ""
	}
	return readAnswer(raw)
}

func readAnswer(raw []byte) (answer, token string) {
	var status int
	if n, _ := fmt.Sscanf(string(raw), `{"status":%d,"seq":7,"message_token":%q}`, &status, &token); n < 1 {
		return "unreadable", ""
	}
	return fmt.Sprint(status), token
}

// TestViberSuffixes is the left column of the table.
func TestViberSuffixes(t *testing.T) {
	t.Parallel()
	none := []string{}
	read := []string{"delivered@300ms", "seen@1s"}
	rows := map[string]struct {
		answers   []string
		callbacks []string
	}{
		"201": {[]string{"0"}, read},
		"202": {[]string{"0"}, []string{"seen@1s"}},
		"203": {[]string{"0"}, []string{"expired@5s"}},
		"204": {[]string{"0"}, none}, // see TestViberAfterSMS
		"205": {[]string{"0"}, []string{"expired@5s"}},
		"206": {[]string{"0"}, none},
		"207": {[]string{"0"}, []string{"delivered@300ms", "expired@5s"}},
		"208": {[]string{"0"}, []string{"delivered@300ms", "subscribe@800ms"}},
		"209": {[]string{"0"}, []string{"delivered@300ms", "unsubscribe@800ms"}},
		"210": {[]string{"0"}, []string{"seen@1s", "delivered@300ms", "seen@1.1s", "delivered@400ms", "seen@1.2s", "delivered@500ms"}},
		"211": {[]string{"0"}, []string{"delivered@300ms", "reply@800ms TAK"}},
		"212": {[]string{"0"}, []string{"delivered@300ms", "reply@800ms STOP"}},
		"213": {[]string{"0"}, []string{"delivered@0s"}},
		"214": {[]string{"0"}, []string{"delivered@14s"}},
		"220": {[]string{"http_500", "http_500", "0"}, read},
		"221": {[]string{"none"}, []string{"delivered@300ms"}},
		"222": {[]string{"none"}, none},
		"223": {[]string{"cut"}, []string{"delivered@300ms"}},
		"224": {[]string{"unreadable"}, none},
		"230": {[]string{"1", "1"}, none}, "231": {[]string{"2"}, none}, "232": {[]string{"4"}, none},
		"233": {[]string{"5"}, none}, "234": {[]string{"6"}, none}, "235": {[]string{"7"}, none},
		"236": {[]string{"8"}, none}, "237": {[]string{"9"}, none}, "238": {[]string{"10"}, none},
		"239": {[]string{"11"}, none}, "240": {[]string{"13"}, none}, "241": {[]string{"14"}, none},
		"242": {[]string{"18"}, none}, "243": {[]string{"20"}, none}, "244": {[]string{"21"}, none},
		"245": {[]string{"3"}, none}, "246": {[]string{"12"}, none}, "247": {[]string{"17"}, none},
		"248": {[]string{"27"}, none}, "249": {[]string{"43"}, none},
		"260": {[]string{"0"}, []string{"expired@5s"}}, "261": {[]string{"0"}, []string{"expired@5s"}},
		"262": {[]string{"0"}, []string{"expired@5s"}}, "263": {[]string{"0"}, []string{"expired@5s"}},
		"299": {[]string{"0"}, read},
		"199": {[]string{"0"}, []string{"delivered@300ms"}},
	}
	for _, suffix := range simulator.Suffixes() {
		require.Contains(t, rows, "2"+suffix, "every row is tried")
	}
	for ending, row := range rows {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			b := run(t, nil)
			number := base[:len(base)-1] + ending
			token := ""
			for _, want := range row.answers {
				var got string
				got, token = submitViber(t, b, number)
				require.Equal(t, want, got)
				require.Equal(t, want == "0", token != "")
			}
			b.settle(t, 17*time.Second)
			require.Equal(t, row.callbacks, b.receiver.stories())
			for _, cb := range b.receiver.callbacks() {
				require.Equal(t, number, cb.Number)
				require.Equal(t, int64(4711), cb.ServiceID)
				if token != "" && cb.Text == "" {
					require.Equal(t, token, cb.Token)
				}
			}
			requireLogged(t, b, row.answers, len(row.callbacks))
		})
	}
}

// requireLogged checks that the log holds each submit before its answer, and each report once.
func requireLogged(t *testing.T, b *bundle, answers []string, reports int) {
	t.Helper()
	var submits, told []string
	seen, acked := 0, 0
	for i, e := range b.log(t) {
		require.Equal(t, int64(i+1), e.Seq)
		switch e.Kind {
		case simulator.KindSubmit:
			submits = append(submits, e.ID)
			require.Equal(t, "a-1", e.Submit.Tag)
			require.Equal(t, "Hej", e.Submit.Text)
		case simulator.KindAnswer:
			require.Equal(t, submits[len(submits)-1], e.ID)
			told = append(told, e.Answer)
		case simulator.KindReport:
			seen++
		case simulator.KindAcked:
			acked++
		case simulator.KindStart, simulator.KindAction, simulator.KindGaveUp:
		}
	}
	require.Equal(t, answers, told)
	require.Equal(t, reports, seen)
	require.Equal(t, reports, acked)
	require.Equal(t, int64(reports), b.Stats().Acked)
	require.Zero(t, b.Stats().Pending)
}

// TestSMSSuffixes is the right column of the table.
func TestSMSSuffixes(t *testing.T) {
	t.Parallel()
	ok, refused, unknown := message.OutcomeAccepted, message.OutcomeRefused, message.OutcomeUnknown
	arrives := []string{"delivered@0s 000"}
	none := []string{}
	type row struct {
		outcomes []message.Outcome
		codes    []string
		receipts []string
	}
	rows := map[string]row{
		"10": {[]message.Outcome{ok}, nil, []string{"delivered@0s 000", "delivered@0s 000"}},
		"12": {[]message.Outcome{ok}, nil, []string{"delivered@0s 000", "reply STOP"}},
		"20": {[]message.Outcome{refused, refused, ok}, []string{"0x00000064", "0x00000064", ""}, arrives},
		"21": {[]message.Outcome{unknown}, nil, arrives},
		"22": {[]message.Outcome{unknown}, nil, none},
		"23": {[]message.Outcome{unknown}, nil, arrives},
		"24": {[]message.Outcome{unknown}, nil, none},
		"48": {[]message.Outcome{refused}, []string{"0x0000000B"}, none},
		"60": {[]message.Outcome{ok}, nil, []string{"undelivered@0s 001"}},
		"61": {[]message.Outcome{ok}, nil, []string{"expired@0s 027"}},
		"62": {[]message.Outcome{refused}, []string{"0x0000000B"}, none},
		"63": {[]message.Outcome{ok}, nil, none},
	}
	for _, suffix := range append(simulator.Suffixes(), "99") {
		r, special := rows[suffix]
		if !special {
			r = row{[]message.Outcome{ok}, nil, arrives}
		}
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			b := run(t, nil)
			in := b.bind(t)
			for i, want := range r.outcomes {
				got := in.Submit(context.Background(), smpp.Message{From: "GONIEC", To: base + suffix, Text: "Hej"})
				require.Equal(t, want, got.Outcome)
				if r.codes != nil {
					require.Equal(t, r.codes[i], got.Code)
				}
			}
			if suffix == "13" {
				require.Equal(t, arrives, in.stories(), "the receipt comes before the answer")
			}
			b.settle(t, 1200*time.Millisecond)
			require.ElementsMatch(t, r.receipts, in.stories())
		})
	}
}

// TestViberAfterSMS: rows 04 and 05, whose reports follow the SMS.
func TestViberAfterSMS(t *testing.T) {
	t.Parallel()
	for suffix, want := range map[string][]string{
		"04": {"delivered@16.5s"},        // 1 s after the SMS sent at the deadline was delivered
		"05": {"expired@5s", "seen@16s"}, // 1 s after the deadline, since the SMS came before it
	} {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			b := run(t, nil)
			in := b.bind(t)
			answer, _ := submitViber(t, b, base+suffix)
			require.Equal(t, "0", answer)
			if suffix == "05" {
				b.settle(t, 5*time.Second)
			} else {
				b.settle(t, 15*time.Second)
			}
			require.Equal(t, int64(1), b.Stats().Waiting)
			long := string(bytes.Repeat([]byte("a"), 300)) // of two parts: it is there when both are
			require.Equal(t, message.OutcomeAccepted, in.Submit(context.Background(), smpp.Message{From: "GONIEC", To: base + suffix, Text: long}).Outcome)
			b.settle(t, 12*time.Second)
			require.Equal(t, want, b.receiver.stories())
			require.Zero(t, b.Stats().Waiting)
		})
	}
}

// TestViberFirst: row 13, the report comes before the answer.
func TestViberFirst(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	answer, token := submitViber(t, b, base+"13")
	require.Equal(t, "0", answer)
	got := b.receiver.callbacks()
	require.Len(t, got, 1)
	require.Equal(t, token, got[0].Token)
	kinds := []simulator.Kind{}
	for _, e := range b.log(t) {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []simulator.Kind{"start", "submit", "report", "acked", "answer"}, kinds)
}

// TestRefusalsBeginAnew: after a message was taken, the next is refused twice again.
func TestRefusalsBeginAnew(t *testing.T) {
	t.Parallel()
	b := run(t, nil)
	for range 2 {
		for _, want := range []string{"http_500", "http_500", "0"} {
			got, _ := submitViber(t, b, base+"20")
			require.Equal(t, want, got)
		}
	}
}
