package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/domain/account"
)

// What was decided is never told as what could not be taken: who repeated it would have
// two keys, or every webhook twice. Where the answer is what the view shows, it says that it lags.
func TestWhatIsMadeButNotVisibleHere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, key, body string
		status                  int
		shows                   string
	}{
		"a key":              {http.MethodPost, "/v1/accounts/" + acc + "/keys", operatorKey, `{"label":"x"}`, http.StatusCreated, `"key":"gnc_`},
		"an endpoint":        {http.MethodPost, "/v1/webhooks", clientKey, `{"url":"https://example.com/hook"}`, http.StatusCreated, `"secret":`},
		"an account":         {http.MethodPost, "/v1/accounts", operatorKey, `{"name":"New"}`, http.StatusCreated, `"id":`},
		"a sender":           {http.MethodPost, "/v1/senders", operatorKey, `{"account":"` + acc + `","company":"New"}`, http.StatusCreated, `"state":"new"`},
		"a sender's step":    {http.MethodPost, "/v1/senders/" + account.SenderID(acc, "GONIEC", "PL") + "/suspend", operatorKey, `{"reason":"x"}`, http.StatusServiceUnavailable, "the change is made"},
		"a pause":            {http.MethodPost, "/v1/pause", operatorKey, `{"scope":"all","reason":"x"}`, http.StatusServiceUnavailable, "the change is made"},
		"a key that is over": {http.MethodDelete, "/v1/accounts/" + acc + "/keys/" + keyID[:35] + "2", operatorKey, "", http.StatusServiceUnavailable, "the change is made"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.decider.view = account.NewView() // what is decided reaches another view
			w := b.call(request{method: c.method, path: c.path, key: c.key, body: c.body})
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), c.shows)
		})
	}
}
