package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"golang.org/x/text/language"

	"goniec/adapters/polish"
	"goniec/domain/account"
)

// maxAcceptLanguage is how much of the header is read, bytes.
const maxAcceptLanguage = 1000

var languages = language.NewMatcher([]language.Tag{language.English, language.Polish})

// wantsPolish says whether the client would rather have Polish than English.
func wantsPolish(r *http.Request) bool {
	header := r.Header.Get("Accept-Language")
	if header == "" || len(header) > maxAcceptLanguage {
		return false
	}
	_, i := language.MatchStrings(languages, header)
	return i == 1
}

// inPolish answers problems in Polish to whoever asks for it. Codes and names of fields stay.
func inPolish(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pw := &problemWriter{ResponseWriter: w, polish: wantsPolish(r)}
		next.ServeHTTP(pw, r)
		pw.finish()
	})
}

// problemWriter keeps a problem back until it is whole, to translate it; other answers pass.
type problemWriter struct {
	http.ResponseWriter
	polish bool
	status int // of the problem
	body   bytes.Buffer
}

// Unwrap serves http.ResponseController.
func (w *problemWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *problemWriter) WriteHeader(status int) {
	if w.Header().Get("Content-Type") == problemType {
		w.Header().Add("Vary", "Accept-Language")
		if w.polish {
			w.status = status
			return
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *problemWriter) Write(p []byte) (int, error) {
	if w.status != 0 {
		return w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

func (w *problemWriter) finish() {
	if w.status == 0 {
		return
	}
	body := w.body.Bytes()
	if translated, err := translate(body); err == nil {
		body = translated
		w.Header().Set("Content-Language", "pl")
		w.Header().Del("Content-Length")
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.ResponseWriter.Write(body) // the client may be gone
}

// translate keeps members of a problem that it does not know.
func translate(body []byte) ([]byte, error) {
	members := map[string]json.RawMessage{}
	var p Problem
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	p.sayInPolish()
	for name, v := range map[string]any{"title": p.Title, "detail": p.Detail, "errors": p.Errors} {
		if _, ok := members[name]; !ok {
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		members[name] = raw
	}
	return json.Marshal(members)
}

func (p *Problem) sayInPolish() {
	if title, ok := titles[p.Status]; ok {
		p.Title = title
	}
	english := p.Detail
	if s, ok := polish.Of(english); ok {
		p.Detail = s
	}
	for i, e := range p.Errors {
		said := polishErrors(p.Errors[i : i+1])[0]
		if english == detailOf(e.Field, e.Message) && e.Field != "" {
			p.Detail = said.Field + ": " + said.Message
		}
		p.Errors[i] = said
	}
}

// said gives faults that stand in an answer of success, in the client's language.
func (c *call) said(faults []FieldError) []FieldError {
	if wantsPolish(c.r) {
		return polishErrors(faults)
	}
	return faults
}

// needs gives what a form lacks, in the client's language.
func (c *call) needs(missing []account.Item) []account.Item {
	out := make([]account.Item, len(missing))
	for i, item := range missing {
		if wantsPolish(c.r) {
			item.Needs = polish.Term(item.Needs)
		}
		out[i] = item
	}
	return out
}

// polishErrors gives the faults in Polish, those without Polish words as they are.
func polishErrors(faults []FieldError) []FieldError {
	out := make([]FieldError, len(faults))
	for i, e := range faults {
		if s, ok := polish.Of(e.Message); ok {
			e.Message = s
		}
		out[i] = e
	}
	return out
}

var titles = map[int]string{
	http.StatusBadRequest:            "Niepoprawne żądanie",
	http.StatusUnauthorized:          "Brak uwierzytelnienia",
	http.StatusForbidden:             "Brak uprawnień",
	http.StatusNotFound:              "Nie znaleziono",
	http.StatusMethodNotAllowed:      "Niedozwolona metoda",
	http.StatusNotAcceptable:         "Niedostępny format odpowiedzi",
	http.StatusConflict:              "Konflikt ze stanem zasobu",
	http.StatusPreconditionFailed:    "Zasób zmienił się w międzyczasie",
	http.StatusRequestEntityTooLarge: "Za duże żądanie",
	http.StatusUnsupportedMediaType:  "Nieobsługiwany typ treści",
	http.StatusUnprocessableEntity:   "Błędne dane",
	http.StatusTooManyRequests:       "Za dużo żądań",
	http.StatusInternalServerError:   "Błąd po naszej stronie",
	http.StatusServiceUnavailable:    "Usługa chwilowo niedostępna",
}
