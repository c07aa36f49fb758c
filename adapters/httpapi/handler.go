package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"goniec/domain/account"
	"goniec/internal/pause"
)

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 30 * time.Second

// operation describes one endpoint.
type operation struct {
	id, method, path string
	tag, summary     string
	description      string
	status           int   // of success
	errors           []int // besides those that every operation has
	maxBody          int64
	documented       reflect.Type // of the body, if it is not what is decoded
	answered         reflect.Type // of a report: JSON, CSV or XLSX
	batch            bool         // takes much memory: few at a time
	produces         []string     // media types of a file that is answered
	large, smaller   string       // the field that makes a body too large, and what helps
}

type (
	noParams struct{}
	noBody   struct{}
	idParam  struct {
		ID string `path:"id" format:"uuid"`
	}
)

// answer is what a handler returns.
type answer[O any] struct {
	Status   int
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     O
}

// file is what a handler answers that gives a file out as it is.
type file struct {
	Status      int
	ETag        string `header:"ETag"`
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func ok[O any](body O) (*answer[O], error) { return &answer[O]{Status: http.StatusOK, Body: body}, nil }

// register adds an endpoint for the roles that the table access names. The body is
// read and decoded here and not by huma: so that faults have our codes and paths,
// and never repeat what was sent. O is an answer or a file.
func register[I, B, O any](a *API, api huma.API, o operation, fn func(context.Context, *call, *I, *B) (*O, error)) {
	roles, err := permitted(o.id)
	if err != nil {
		a.faults = append(a.faults, err)
		return
	}
	known := queryNames(reflect.TypeFor[I]())
	huma.Register(api, o.huma(api, reflect.TypeFor[B](), roles), func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		if p := faultyQuery(c.r, known); p != nil {
			return nil, p
		}
		if o.batch {
			select {
			case a.batches <- struct{}{}:
				defer func() { <-a.batches }()
			default:
				return nil, unavailable("other batches are being read; try again")
			}
		}
		body := new(B)
		if d, ok := any(body).(interface{ setDefaults() }); ok {
			d.setDefaults()
		}
		if p := readBody(c, o, body); p != nil {
			return nil, p
		}
		out, err := fn(ctx, c, in, body)
		if err != nil {
			return nil, a.failed(ctx, c, err)
		}
		return out, nil
	})
	o.documentBody(api, reflect.TypeFor[B]())
}

func queryNames(params reflect.Type) []string {
	var names []string
	for i := range params.NumField() {
		f := params.Field(i)
		if f.Anonymous {
			names = append(names, queryNames(f.Type)...)
		} else if name := f.Tag.Get("query"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// faultyQuery refuses a parameter that would be ignored: a filter spelt wrong
// would select everything. And what is no text, which read models cannot look for.
func faultyQuery(r *http.Request, known []string) *Problem {
	for name, values := range r.URL.Query() {
		if slices.ContainsFunc(values, noText) {
			return problem(http.StatusBadRequest, CodeInvalidEncoding, "the query must be text in UTF-8")
		}
		if slices.Contains(known, name) {
			continue
		}
		if len(known) == 0 {
			return problem(http.StatusBadRequest, CodeUnknownField, "this request takes no query parameters")
		}
		return problem(http.StatusBadRequest, CodeUnknownField, "the query may have "+strings.Join(known, ", "))
	}
	return nil
}

// noText: Postgres holds no such text.
func noText(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) }

// failed logs what is not the caller's fault; such errors hold nothing personal.
func (a *API) failed(ctx context.Context, c *call, err error) error {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		a.cfg.Logger.WarnContext(ctx, "request could not be served", "request", c.request, "route", route(c.r), "error", err)
	}
	return p
}

func readBody[B any](c *call, o operation, body *B) *Problem {
	if _, none := any(body).(*noBody); none {
		return nil
	}
	if p := mediaType(c.r.Header); p != nil {
		return p
	}
	limit := o.maxBody
	if limit == 0 {
		limit = MaxBody
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(bodyTimeout)) // not supported by test recorders
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return o.tooLarge(limit)
	}
	if err != nil {
		return problem(http.StatusBadRequest, CodeInvalidJSON, "the body did not arrive whole")
	}
	if faults := decodeStrict(data, body); len(faults) > 0 {
		return refusals(faults)
	}
	return nil
}

// tooLarge names the field at fault where only one can be.
func (o operation) tooLarge(limit int64) *Problem {
	detail := "the body may have " + strconv.FormatInt(limit, 10) + " bytes"
	p := problem(http.StatusRequestEntityTooLarge, CodeTooLarge, detail)
	if o.large != "" {
		message := cmp.Or(o.smaller, "is too large: "+detail)
		p.Detail = detailOf(o.large, message)
		p.Errors = []FieldError{{Field: o.large, Code: CodeTooLarge, Message: message}}
	}
	return p
}

func mediaType(h http.Header) *Problem {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return problem(http.StatusUnsupportedMediaType, CodeUnsupportedMedia, "the body must be JSON in UTF-8: Content-Type: application/json")
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return problem(http.StatusUnsupportedMediaType, CodeUnsupportedMedia, "the body must not be compressed")
	}
	return nil
}

func (o operation) huma(api huma.API, body reflect.Type, roles []string) huma.Operation {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	registry := api.OpenAPI().Components.Schemas
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary, Description: o.description,
		DefaultStatus: o.status, SkipValidateParams: true, Security: security(roles),
		Middlewares: huma.Middlewares{guard(roles)}, Responses: map[string]*huma.Response{},
	}
	always := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	always = append(always, http.StatusBadRequest)
	if body != reflect.TypeFor[noBody]() {
		always = append(always, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	schema := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, status := range append(always, o.errors...) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
		}
	}
	if o.answered != nil {
		op.Responses[strconv.Itoa(o.status)] = &huma.Response{Description: http.StatusText(o.status), Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(o.answered, true, o.answered.Name())}, typeCSV: {}, typeXLSX: {},
		}}
	}
	if o.produces != nil {
		content := map[string]*huma.MediaType{}
		for _, media := range o.produces {
			content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
		op.Responses[strconv.Itoa(o.status)] = &huma.Response{Content: content}
	}
	return op
}

// documentBody describes the body in the document only: huma would read and
// judge a body that it knew of when the operation was registered.
func (o operation) documentBody(api huma.API, body reflect.Type) {
	if o.documented != nil {
		body = o.documented
	}
	item := api.OpenAPI().Paths[o.path]
	if body == reflect.TypeFor[noBody]() || item == nil {
		return
	}
	op := map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch}[o.method]
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(body, true, body.Name())},
	}}
}

// waitVisible waits until a view shows what was decided, so that the caller's next
// request is judged by it. If it takes too long, the answer goes out all the same.
func (a *API) waitVisible(ctx context.Context, view interface{ Version(stream string) int64 }, stream string, version int64) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Patience)
	defer cancel()
	_ = pause.Until(ctx, func() bool { return view.Version(stream) >= version })
}

// configureHere is configure for what is answered from the view, or counts by it at once.
func (a *API) configureHere(ctx context.Context, c *call, owner, stream string, command account.Command) (Outcome, error) {
	out, err := a.configure(ctx, c, owner, stream, command)
	if err == nil && a.cfg.View.Version(stream) < out.Version {
		err = unavailable("the change is made, but not visible here yet")
	}
	return out, err
}

// configure decides a command and waits until it is visible here; see waitVisible.
func (a *API) configure(ctx context.Context, c *call, owner, stream string, command account.Command) (Outcome, error) {
	out, err := a.cfg.Commander.Configure(ctx, c.origin(), owner, stream, command)
	if err != nil {
		return Outcome{}, err
	}
	a.waitVisible(ctx, a.cfg.View, stream, out.Version)
	return out, nil
}

func typeOf(v any) string { return fmt.Sprintf("%T", v) }
