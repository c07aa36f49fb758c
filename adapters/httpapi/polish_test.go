package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
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
			require.Equal(t, "to: must be a phone number such as +48 512 345 678", p.Detail)
			continue
		}
		require.Equal(t, "pl", w.Header().Get("Content-Language"))
		require.Equal(t, "Błędne dane", p.Title)
		require.Equal(t, "to: podaj numer telefonu, na przykład +48 512 345 678", p.Detail)
		require.Equal(t, "podaj numer telefonu, na przykład +48 512 345 678", p.Errors[0].Message)
	}
}

// What a form lacks is said in the client's language, wherever it is told.
func TestMissingInPolish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish("# Zasady", "2026-11-10")
	needs := func(method, language string) (out []string) {
		w := b.call(request{
			method: method, path: "/v1/senders/" + account.SenderID(acc, "Waiting", "PL"), key: clientKey,
			body: map[string]string{http.MethodPatch: `{"kind":"x"}`}[method], header: map[string]string{"Accept-Language": language},
		})
		for _, m := range decode[httpapi.SenderBody](t, w).Missing {
			out = append(out, m.Needs)
		}
		return out
	}
	for _, method := range []string{http.MethodPatch, http.MethodGet} {
		require.Equal(t, []string{
			"logo 200×200 pikseli", "opis typu powiadomień", "sposób komunikacji (1way/2way/both)", "co najmniej jedna przykładowa wiadomość",
			"adres e-mail do powiadomień", "akceptacja regulaminu, wersja 1",
		}, needs(method, "pl"))
		require.Contains(t, needs(method, "en"), "the way of communication (1way/2way/both)")
	}
	w := b.call(request{method: http.MethodGet, path: "/v1/regulations", key: clientKey, header: map[string]string{"Accept-Language": "pl"}})
	require.Equal(t, "akceptacja regulaminu, wersja 1", decode[httpapi.RegulationsList](t, w).Missing[0].Needs)
	require.Empty(t, decode[httpapi.SenderBody](t, b.get("/v1/senders/"+account.SenderID(acc, "GONIEC", "PL"))).Missing, "active: nothing is to be submitted")
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
