// Package httpapi is the HTTP API of goniec: messages, opt-outs, webhooks and
// billing for clients, accounts, senders and prices for operators. Requests are
// judged from the reference view; what is taken in is durable before the answer.
// Answers that are no success are problem+json with stable codes.
package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"goniec/domain"
	"goniec/domain/account"
	bill "goniec/domain/billing"
	"goniec/eventstore/tracing"
)

// Bounds of requests.
const (
	MaxBody      = 1 << 20  // of any request but a batch
	MaxBatchBody = 16 << 20 // of a batch
	MaxBatch     = 10_000   // messages of a batch
)

// Config is what the API is made of.
type Config struct {
	View      *account.View
	Accepter  Accepter
	Commander Commander
	Queries   Queries
	Webhooks  Webhooks
	Parking   Parking
	Privacy   Privacy
	Bills     *bill.View // fed with View
	Closing   Closing
	Blobs     Blobs
	Sealer    Sealer

	// Clock of domain time. This option is not required: default is the system's clock.
	Clock domain.Clock
	// Country (ISO 3166-1 alpha-2) of numbers in national form. This option is
	// not required: without it numbers must be international.
	Country string
	// Zone of billing: months, and the days of reports. This option is not required: default is UTC.
	Zone *time.Location
	// Started is closed when View has caught up; until then /v1 answers 503.
	// This option is not required: nil means that it has.
	Started <-chan struct{}
	// Waiting is what /readyz names: the parts of the process, or of one of its
	// roles, that are not ready. This option is not required.
	Waiting func(role string) []Waiting
	// Callbacks takes what carriers send to /callbacks/…. This option is not required.
	Callbacks http.Handler
	// Metrics answers /metrics. This option is not required.
	Metrics http.Handler
	// Registerer takes the metrics of the API itself. This option is not required.
	Registerer prometheus.Registerer
	// Tracer of requests. This option is not required.
	Tracer *tracing.Tracer
	// Logger. This option is not required: default is slog.Default().
	Logger *slog.Logger
	// RequestsPerSec of an account without a limit of its own. Default: 1000.
	RequestsPerSec int
	// Batches that may be read and judged at the same time; each may take some
	// 100 MB. More are answered 503. Default: 4.
	Batches int
	// Patience is how long a well-formed but unknown message, and a decided
	// change of the reference data, is waited for. Default: 2 s.
	Patience time.Duration
	// Version of the program, shown in the OpenAPI document. Default: "dev".
	Version string
}

func (c *Config) setDefaults() {
	if c.Clock == nil {
		c.Clock = domain.SystemClock
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.RequestsPerSec == 0 {
		c.RequestsPerSec = 1000
	}
	if c.Batches == 0 {
		c.Batches = 4
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Second
	}
	if c.Version == "" {
		c.Version = "dev"
	}
}

// Validate joins everything that is missing.
func (c *Config) Validate() error {
	missing := func(absent bool, name string) error {
		if absent {
			return errors.New("httpapi: " + name + " is required")
		}
		return nil
	}
	return errors.Join(
		missing(c.View == nil, "View"), missing(c.Accepter == nil, "Accepter"), missing(c.Commander == nil, "Commander"),
		missing(c.Queries == nil, "Queries"), missing(c.Webhooks == nil, "Webhooks"), missing(c.Parking == nil, "Parking"), missing(c.Privacy == nil, "Privacy"),
		missing(c.Bills == nil, "Bills"), missing(c.Closing == nil, "Closing"),
		missing(c.Blobs == nil, "Blobs"), missing(c.Sealer == nil, "Sealer"),
		missing(c.RequestsPerSec < 0, "RequestsPerSec, not negative,"), missing(c.Batches < 0, "Batches, not negative,"),
	)
}

// API is an http.Handler. It starts no goroutine and holds nothing to close.
type API struct {
	http.Handler
	cfg     Config
	check   Validator
	limits  *limiter
	batches chan struct{}
	metrics *metrics
	openapi []byte  // the document, JSON
	faults  []error // of operations that could not be registered
}

// New builds the API. It fails when the configuration is not complete.
func New(cfg Config) (*API, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &API{
		cfg:     cfg,
		check:   Validator{View: cfg.View, Clock: cfg.Clock, Country: cfg.Country, Zone: cfg.Zone},
		limits:  newLimiter(cfg.RequestsPerSec),
		batches: make(chan struct{}, cfg.Batches),
	}
	var err error
	if a.metrics, err = newMetrics(cfg.Registerer); err != nil {
		return nil, err
	}
	router, err := a.routes()
	a.Handler = router
	return a, err
}

// OpenAPI returns the OpenAPI 3.1 document as JSON.
func (a *API) OpenAPI() []byte { return a.openapi }

func (a *API) routes() (http.Handler, error) {
	root := chi.NewRouter()
	root.Use(a.traced, inPolish, a.observe, secure)
	root.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		problem(http.StatusNotFound, CodeNotFound, "there is no such path").write(w)
	})
	root.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		problem(http.StatusMethodNotAllowed, CodeMethodNotAllowed, "this path does not take this method").write(w)
	})
	root.Get("/healthz", healthz)
	root.Get("/readyz", readyz(a.waiting))
	if a.cfg.Metrics != nil {
		root.Method(http.MethodGet, "/metrics", a.cfg.Metrics)
	}
	if a.cfg.Callbacks != nil {
		root.Handle("/callbacks/*", http.MaxBytesHandler(a.cfg.Callbacks, MaxBody))
	}
	var document *huma.OpenAPI
	root.Group(func(r chi.Router) {
		r.Use(a.started, a.authenticate, a.limit)
		api := humachi.New(r, humaConfig(a.cfg.Version))
		a.registerMessages(api)
		a.registerAccount(api)
		a.registerWebhooks(api)
		a.registerSenders(api)
		a.registerRegulations(api)
		a.registerOperator(api)
		a.registerParked(api)
		a.registerPrivacy(api)
		a.registerPauses(api)
		a.registerUnknown(api)
		a.registerBills(api)
		a.registerReports(api)
		document = api.OpenAPI()
	})
	return root, errors.Join(append(a.faults, a.serveDocs(root, document))...)
}

func humaConfig(version string) huma.Config {
	c := huma.DefaultConfig("goniec", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", "" // served without a key by serveDocs
	c.CreateHooks = nil                                   // no $schema in answers
	c.Info.Description = "Business messages over Viber with fallback to SMS. Every request carries an API key: Authorization: Bearer ‹key›. Problems are in English, or in Polish with Accept-Language: pl."
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key of an account or of the installation; each operation names the roles of keys that may call it."},
	}
	return c
}

func (a *API) hasStarted() bool {
	if a.cfg.Started == nil {
		return true
	}
	select {
	case <-a.cfg.Started:
		return true
	default:
		return false
	}
}

func (a *API) waiting(role string) []Waiting {
	var out []Waiting
	if a.cfg.Waiting != nil {
		out = a.cfg.Waiting(role)
	}
	if len(out) == 0 && !a.hasStarted() {
		out = []Waiting{{Part: "reference view", Why: "the reference data is still being read"}}
	}
	return out
}
