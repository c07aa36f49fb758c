package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

func TestRefusalsInPolish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for language, polish := range map[string]bool{
		"pl": true, "pl-PL,pl;q=0.9,en;q=0.8": true, "en,pl;q=0.5": false, "de": false, "": false, "rubbish;;;": false, "de, pl;q=0.7": true,
	} {
		w := b.call(request{method: http.MethodPost, path: "/v1/messages", key: clientKey, body: good("to", `"1"`), header: map[string]string{"Accept-Language": language}})
		require.Equal(t, http.StatusUnprocessableEntity, w.Code)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		require.Equal(t, "Accept-Language", w.Header().Get("Vary"))
		var p httpapi.Problem
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		require.Equal(t, httpapi.CodeInvalidNumber, p.Code, "a code is no word")
		require.Equal(t, "to", p.Errors[0].Field)
		if !polish {
			require.Empty(t, w.Header().Get("Content-Language"))
			require.Equal(t, "to must be a phone number such as +48 512 345 678", p.Detail)
			continue
		}
		require.Equal(t, "pl", w.Header().Get("Content-Language"))
		require.Equal(t, "Błędne dane", p.Title)
		require.Equal(t, "to: musi być numerem telefonu, na przykład +48 512 345 678", p.Detail)
		require.Equal(t, "musi być numerem telefonu, na przykład +48 512 345 678", p.Errors[0].Message)
	}
}

func TestPolishEverywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	polish := map[string]string{"Accept-Language": "pl"}
	for path, want := range map[string]string{"/nowhere": "nie ma takiej ścieżki", "/v1/messages": "potrzebny jest klucz API: Authorization: Bearer"} {
		w := b.call(request{method: http.MethodGet, path: path, header: polish})
		require.Contains(t, w.Body.String(), `"detail":"`+want, path)
	}
	w := b.call(request{method: http.MethodPost, path: "/v1/messages/batch", key: clientKey, body: `{"messages":[{},` + good() + `]}`, header: polish})
	require.Contains(t, w.Body.String(), "pole wymagane")
	require.Empty(t, w.Header().Get("Content-Language"), "an answer of success is for machines; its faults only are said")
}
