package httpapi

import (
	"encoding/json"
	"net/http"
)

// Waiting names a part of the process that is not ready, and why, for people.
type Waiting struct {
	Part string `json:"part"`
	Why  string `json:"why"`
}

// readiness is the body of /readyz: a problem (RFC 9457) with two members of its own.
type readiness struct {
	*Problem
	Ready   bool      `json:"ready"`
	Waiting []Waiting `json:"waiting"`
}

// Probes answers /healthz, /readyz and /metrics of a process without the API.
func Probes(waiting func(role string) []Waiting, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(waiting))
	mux.Handle("GET /metrics", metrics)
	return secure(mux)
}

// healthz says that the process answers, and nothing of what it depends on: a
// process that is restarted because Kafka is away does not bring Kafka back.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n")) // the client may be gone
}

// readyz answers 200 when no part of the process's roles waits, else 503 with all that do;
// ?role=… asks for one role alone.
func readyz(waiting func(role string) []Waiting) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := readiness{Waiting: waiting(r.URL.Query().Get("role"))}
		body.Ready = len(body.Waiting) == 0
		status := http.StatusOK
		media := "application/json"
		if body.Ready {
			body.Waiting = []Waiting{}
		} else {
			body.Problem = unavailable("parts of this process are not ready")
			status, media = body.Status, body.ContentType("")
			w.Header().Set("Retry-After", "1")
		}
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // see above
	}
}
