package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/run"
	"goniec/eventstore"
	"goniec/internal/testkit"
)

// ready is the body of /readyz.
type ready struct {
	Ready   bool              `json:"ready"`
	Waiting []httpapi.Waiting `json:"waiting"`
}

func askReady(t *testing.T, url string) (status int, out ready) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

// A process without the API: it says what it waits for on a port of its own, and is
// alive all the same. Its projector finds no Postgres; its decider works.
func TestReadinessOfAProcessWithoutAPI(t *testing.T) {
	t.Parallel()
	addr, prefix := testkit.Kafka(t)
	cfg := small(t, addr, prefix, run.RoleDecider, run.RoleProjector)
	cfg.Postgres.URL = "postgres://nobody@127.0.0.1:1/none"
	kafka, err := cfg.Kafka.Store()
	require.NoError(t, err)
	require.NoError(t, eventstore.CreateTopics(kafka, cfg.Kafka.Layout()))
	n, err := run.NewNode(t.Context(), cfg, run.NewSecrets(), run.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	require.Empty(t, n.HTTPAddr())
	url := "http://" + n.ProbesAddr()

	var status int
	var got ready
	require.Eventually(t, func() bool {
		status, got = askReady(t, url+"/readyz")
		return len(got.Waiting) == 1 && got.Waiting[0].Part == "projector"
	}, time.Minute, 50*time.Millisecond, "all but the projector become ready")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.False(t, got.Ready)
	require.Contains(t, got.Waiting[0].Why, "Postgres")
	status, got = askReady(t, url+"/readyz?role=decider")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, ready{true, []httpapi.Waiting{}}, got)

	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/metrics": `goniec_decider_owned{partition="1"} 1`} {
		resp, err := http.Get(url + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Contains(t, string(body), want)
	}
	resp, err := http.Get(url + "/v1/messages")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	stop()
	require.NoError(t, <-ended)
}
