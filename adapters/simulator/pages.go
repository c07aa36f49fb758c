package simulator

import (
	_ "embed"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"goniec/domain"
)

//go:embed page.html
var pageHTML []byte

const (
	maxAskBody   = 8 << 10
	maxSaid      = 1000 // code points of what a recipient answers
	defaultLimit = 1000
	maxLimit     = 10_000
)

// routes are the Viber service, and what looks behind it.
func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /vibersrvc/1/send_message", s.viber)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /stats", s.showStats)
	guard := http.NewCrossOriginProtection()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /{$}": showPage, "GET /log": s.showLog, "GET /mails": s.mails.show,
		"POST /phone/list": s.listPhones, "POST /phone/view": s.viewPhone, "POST /phone/act": s.actOnPhone,
	} {
		mux.Handle(pattern, guard.Handler(s.sameHost(h)))
	}
	return mux
}

// sameHost refuses names that somebody else could point here: only IP
// addresses, names without a dot, and those of the configuration are ours.
func (s *Simulator) sameHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if net.ParseIP(strings.Trim(host, "[]")) == nil && strings.Contains(host, ".") && !slices.Contains(s.cfg.Hosts, host) {
			http.Error(w, "this name is not one of the simulator's", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Simulator) health(w http.ResponseWriter, _ *http.Request) {
	if err := s.engine.log.wait(0); err != nil {
		http.Error(w, "the log cannot be written", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, map[string]bool{"ok": true})
}

func (s *Simulator) showStats(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.engine.stats()) }

func showPage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(pageHTML)
}

// showLog answers entries after ?since= (0), at most ?limit= (1000): as
// {"entries":[…],"next":N}, or a line each with ?format=ndjson.
func (s *Simulator) showLog(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, err1 := number(q.Get("since"), 0)
	limit, err2 := number(q.Get("limit"), defaultLimit)
	if err1 != nil || err2 != nil || limit == 0 {
		http.Error(w, "since and limit must be whole numbers", http.StatusBadRequest)
		return
	}
	lines, next, err := s.engine.log.page(since, int(min(limit, maxLimit)))
	if err != nil {
		http.Error(w, "the log cannot be read", http.StatusInternalServerError)
		return
	}
	writeLines(w, lines, next, q.Get("format") == "ndjson")
}

func writeLines(w http.ResponseWriter, lines [][]byte, next int64, ndjson bool) {
	begin, between, end := `{"entries":[`, ",\n", `],"next":`+strconv.FormatInt(next, 10)+"}\n"
	w.Header().Set("Content-Type", "application/json")
	if ndjson {
		begin, between, end = "", "\n", "\n"
		w.Header().Set("Content-Type", "application/x-ndjson")
	}
	if ndjson && len(lines) == 0 {
		return
	}
	_, _ = w.Write([]byte(begin))
	for i, line := range lines {
		if i > 0 {
			_, _ = w.Write([]byte(between))
		}
		_, _ = w.Write(line)
	}
	_, _ = w.Write([]byte(end))
}

func number(s string, def int64) (int64, error) {
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n < 0 {
		err = errors.New("negative")
	}
	return n, err
}

// ask is what the page asks; numbers travel in bodies, never in addresses.
type ask struct {
	Number  string         `json:"number"`
	Version int64          `json:"version"`
	Do      Report         `json:"do"`
	Channel domain.Channel `json:"channel"`
	Text    string         `json:"text"`
}

func readAsk(w http.ResponseWriter, r *http.Request) (ask, bool) {
	var a ask
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		http.Error(w, "the body must be JSON", http.StatusUnsupportedMediaType)
		return a, false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAskBody)).Decode(&a); err != nil {
		http.Error(w, "the body is not what is expected", http.StatusBadRequest)
		return a, false
	}
	return a, true
}

// listPhones answers the numbers that contain the digits asked for.
func (s *Simulator) listPhones(w http.ResponseWriter, r *http.Request) {
	if a, ok := readAsk(w, r); ok {
		writeJSON(w, map[string]any{"numbers": s.engine.search(onlyDigits(a.Number))})
	}
}

func onlyDigits(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

// viewPhone answers a phone, or 204 when it is as the page knows it.
func (s *Simulator) viewPhone(w http.ResponseWriter, r *http.Request) {
	a, ok := readAsk(w, r)
	if !ok {
		return
	}
	v := s.engine.view("+" + onlyDigits(a.Number))
	if a.Version != 0 && v.Version == a.Version {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, v)
}

// actOnPhone answers, or (un)subscribes, as the phone's owner.
func (s *Simulator) actOnPhone(w http.ResponseWriter, r *http.Request) {
	a, ok := readAsk(w, r)
	if !ok {
		return
	}
	if !a.valid() {
		http.Error(w, "a reply needs a text; only Viber knows subscribe and unsubscribe", http.StatusBadRequest)
		return
	}
	err := s.engine.act(a.Channel, "+"+onlyDigits(a.Number), a.Do, a.Text)
	switch code := domain.CodeOf(err); {
	case code != "":
		http.Error(w, "nobody has written to this number on that channel yet", http.StatusConflict)
	case err != nil:
		http.Error(w, "the log cannot be written", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

func (a ask) valid() bool {
	switch a.Do {
	case Reply:
		return (a.Channel == domain.Viber || a.Channel == domain.SMS) && a.Text != "" && utf8.RuneCountInString(a.Text) <= maxSaid
	case Subscribe, Unsubscribe:
		return a.Channel == domain.Viber && a.Text == ""
	case Delivered, Seen, Expired, Undelivered:
	}
	return false
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}
