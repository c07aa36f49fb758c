package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
)

// privacy remembers what it was asked.
type privacy struct {
	asked  httpapi.Erasure
	origin httpapi.Origin
	cut    error // of the export, while it is written
}

func (p *privacy) Export(_ context.Context, o httpapi.Origin, number, account string) (func(io.Writer) error, error) {
	p.origin, p.asked = o, httpapi.Erasure{Number: number, Account: account}
	return func(w io.Writer) error {
		_, err := io.WriteString(w, `{"complete":true}`)
		return errors.Join(p.cut, err)
	}, nil
}

func (p *privacy) Erase(_ context.Context, o httpapi.Origin, e httpapi.Erasure) (httpapi.ErasedBody, error) {
	p.origin, p.asked = o, e
	return httpapi.ErasedBody{Contents: 2, Recipients: []httpapi.ErasedOf{{Account: "a", Recipient: "r", Contents: 2}}}, nil
}

func TestAPersonIsErasedAndExported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.operator(http.MethodPost, "/v1/privacy/erase", `{"to":"500 100 201","reason":"request 7"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	require.JSONEq(t, `{"contents":2,"recipients":[{"account":"a","recipient":"r","contents":2}],"compacted":false}`, r.Body.String())
	require.Equal(t, httpapi.Erasure{Number: "+48500100201", Reason: "request 7"}, b.privacy.asked)
	require.NotEmpty(t, b.privacy.origin.Actor)

	r = b.operator(http.MethodPost, "/v1/privacy/export", `{"to":"+48500100201"}`)
	require.Equal(t, http.StatusOK, r.Code)
	require.Equal(t, "application/json", r.Header().Get("Content-Type"))
	require.JSONEq(t, `{"complete":true}`, r.Body.String())

	for body, code := range map[string]string{
		`{"to":"+48500100201"}`: "required", `{"reason":"x"}`: "required", `{"to":"12","reason":"x"}`: "invalid_number",
		`{"to":"+48500100201","reason":"x\ny"}`: "invalid_value",
	} {
		r := b.operator(http.MethodPost, "/v1/privacy/erase", body)
		require.Contains(t, r.Body.String(), code, body)
	}
	r = b.operator(http.MethodPost, "/v1/privacy/erase", `{"to":"+48500100201","reason":"x","account":"99999999-9999-4999-8999-999999999999"}`)
	require.Equal(t, http.StatusNotFound, r.Code)
	require.NotContains(t, b.log.String(), "500100201")
}
