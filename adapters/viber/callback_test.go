package viber_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/viber"
	"goniec/domain"
)

func TestParseCallback(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 12, 1, 11, 20, 0, 123_000_000, time.UTC)
	report := func(kind viber.Kind, status int) viber.Callback {
		return viber.Callback{Kind: kind, Token: "5379697806260881548", Number: "+48500100201", ServiceID: 4711, Time: at, Status: status}
	}
	reply := viber.Callback{
		Kind: viber.Reply, Token: "53", Number: "+48500100211", ServiceID: 4711, Time: at, Status: -1, Text: "TAK", Tracking: "a-1",
	}
	for name, tc := range map[string]struct {
		body string
		want viber.Callback
	}{
		"delivered":   {`{"message_token":"5379697806260881548","message_status":0,"message_time":1764588000123,"phone_number":"48500100201","service_id":4711}`, report(viber.Delivered, 0)},
		"seen":        {`{"message_token":"5379697806260881548","message_status":1,"message_time":1764588000123,"phone_number":"48500100201","service_id":4711}`, report(viber.Seen, 1)},
		"expired":     {`{"message_token":"5379697806260881548","message_status":2,"message_time":1764588000123,"phone_number":"48500100201","service_id":4711}`, report(viber.Expired, 2)},
		"subscribe":   {`{"message_token":"5379697806260881548","message_status":4,"message_time":1764588000123,"phone_number":"48500100201","service_id":4711}`, report(viber.Subscribe, 4)},
		"unsubscribe": {`{"message_token":"5379697806260881548","message_status":5,"message_time":1764588000123,"phone_number":"48500100201","service_id":4711}`, report(viber.Unsubscribe, 5)},
		"other types": {`{"message_token":5379697806260881548,"message_status":0,"message_time":"1764588000123","phone_number":"+48500100201","service_id":"4711","new":{}}`, report(viber.Delivered, 0)},
		"bare number": {`{"message_token":"5379697806260881548","message_status":0,"message_time":1764588000123,"phone_number":48500100201,"service_id":4711}`, report(viber.Delivered, 0)},
		"reply":       {`{"message_token":"53","phone_number":"48500100211","time":1764588000123,"service_id":4711,"message":{"text":"TAK","tracking_data":"a-1"}}`, reply},
		"picture": {
			`{"message_token":"53","phone_number":"48500100211","time":1764588000123,"message":{"media":"https://ex.pl/x.jpg"}}`,
			viber.Callback{Kind: viber.Reply, Token: "53", Number: "+48500100211", Time: at, Status: -1, Media: "https://ex.pl/x.jpg"},
		},
		"no time, no service": {
			`{"message_token":"53","message_status":0,"phone_number":"48500100201"}`,
			viber.Callback{Kind: viber.Delivered, Token: "53", Number: "+48500100201"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := viber.ParseCallback([]byte(tc.body))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, code, field string }{
		"not JSON":         {`48500100201`, "bad_callback", ""},
		"broken":           {`{"phone_number":"48500100201`, "bad_callback", ""},
		"no token":         {`{"message_status":0,"phone_number":"48500100201"}`, "bad_callback", "message_token"},
		"no number":        {`{"message_token":"53","message_status":0}`, "bad_callback", "phone_number"},
		"bad number":       {`{"message_token":"53","message_status":0,"phone_number":"48-500-100-201"}`, "bad_callback", "phone_number"},
		"no status":        {`{"message_token":"53","phone_number":"48500100201"}`, "bad_callback", "message_status"},
		"wrong type":       {`{"message_token":"53","phone_number":"48500100201","message_status":"zero"}`, "bad_callback", "message_status"},
		"unknown status":   {`{"message_token":"53","phone_number":"48500100201","message_status":3}`, "unknown_status", "message_status"},
		"seconds":          {`{"message_token":"53","phone_number":"48500100201","message_status":0,"message_time":1764588000}`, "bad_callback", "message_time"},
		"far future":       {`{"message_token":"53","phone_number":"48500100201","message_status":0,"message_time":99999999999999999}`, "bad_callback", "message_time"},
		"service fraction": {`{"message_token":"53","phone_number":"48500100201","message_status":0,"service_id":1.5}`, "bad_callback", "service_id"},
		"empty reply":      {`{"message_token":"53","phone_number":"48500100201","message":{}}`, "bad_callback", "message"},
		"too big":          {`{"x":"` + strings.Repeat("x", viber.MaxCallback) + `"}`, "bad_callback", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := viber.ParseCallback([]byte(tc.body))
			var de *domain.Error
			require.ErrorAs(t, err, &de)
			require.Equal(t, tc.code, de.Code)
			require.Equal(t, tc.field, de.Field)
			require.NotContains(t, err.Error(), "500100201")
		})
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add([]byte(`{"message_token":"5379697806260881548","message_status":0,"message_time":1764588000123,"phone_number":"48500100201","service_id":4711}`))
	f.Add([]byte(`{"message_token":53,"phone_number":"+48500100211","time":"1764588000123","service_id":"4711","message":{"text":"TAK","tracking_data":"a"}}`))
	f.Add([]byte(`{"message_token":null,"message_time":null,"service_id":null,"message":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		cb, err := viber.ParseCallback(body)
		if err != nil {
			var de *domain.Error
			require.ErrorAs(t, err, &de)
			return
		}
		require.NotEmpty(t, cb.Token)
		require.LessOrEqual(t, len(cb.Token), 64)
		require.Regexp(t, `^\+[1-9][0-9]{6,14}$`, cb.Number)
		require.NotEmpty(t, cb.Kind)
		require.GreaterOrEqual(t, cb.ServiceID, int64(0))
		require.True(t, cb.Time.IsZero() || cb.Time.Year() >= 2000 && cb.Time.Year() <= 2100)
	})
}
