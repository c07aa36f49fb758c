package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
)

func TestLogoIsKeptAndGivenOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL")
	requireProblem(t, b.get(path+"/logo"), 404, plain(404, "not_found", "there is nothing of that name here"))

	sent, err := base64.StdEncoding.DecodeString(logoFile(t, 200))
	require.NoError(t, err)
	commented := bytes.Join([][]byte{sent, []byte("where it was made")}, nil)
	w := b.patch(path, "", `{"logo":"`+base64.StdEncoding.EncodeToString(commented)+`"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	logo := decode[httpapi.SenderBody](t, w).Form.Logo
	require.Contains(t, b.blobs.files, logo.Digest, "what is kept is what the journal names")
	for _, key := range []string{clientKey, operatorKey} {
		w = b.call(request{method: "GET", path: path + "/logo", key: key})
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, []string{"image/png", `"` + logo.Digest + `"`, "nosniff"},
			[]string{w.Header().Get("Content-Type"), w.Header().Get("ETag"), w.Header().Get("X-Content-Type-Options")})
		require.NotContains(t, w.Body.String(), "where it was made")
		img, err := png.Decode(w.Body)
		require.NoError(t, err)
		require.Equal(t, image.Rect(0, 0, 200, 200), img.Bounds())
	}
	require.Equal(t, http.StatusNotFound, b.call(request{method: "GET", path: path + "/logo", key: otherKey}).Code)

	require.Nil(t, decode[httpapi.SenderBody](t, b.patch(path, "", `{"logo":""}`)).Form.Logo)
	require.Equal(t, http.StatusNotFound, b.get(path+"/logo").Code)
}

// Nothing names a file that is not kept, and nothing is kept that nobody may name.
func TestLogoIsKeptBeforeItIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/v1/senders/" + account.SenderID(acc, "Waiting", "PL")
	body := `{"logo":"` + logoFile(t, 200) + `"}`
	w := b.call(request{method: "PATCH", path: path, key: otherKey, body: body})
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, http.StatusUnprocessableEntity, b.patch(path, "", `{"logo":"`+logoFile(t, 199)+`"}`).Code)
	require.Empty(t, b.blobs.files)
	b.blobs.err = errors.New("away")
	require.Equal(t, http.StatusServiceUnavailable, b.patch(path, "", body).Code)
	b.blobs.err = nil
	require.Nil(t, decode[httpapi.SenderBody](t, b.get(path)).Form.Logo)

	w = b.patch(path, "", `{"logo":"`+strings.Repeat("A", 13<<20)+`"}`)
	requireProblem(t, w, 413, problem(413, "too_large", "logo", "is larger than 500 KB: save it as JPG, or as PNG with fewer colours"))
}
