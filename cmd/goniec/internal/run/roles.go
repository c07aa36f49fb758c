package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"goniec/adapters/gateway"
	"goniec/adapters/httpapi"
	"goniec/eventstore"
	"goniec/projections"
	"goniec/projections/models"
	"goniec/projections/query"
)

// addProjector fills the read models. Postgres may be down when it starts: it
// waits, and nothing else does.
func (n *Node) addProjector(context.Context) error {
	url, err := n.cfg.Postgres.ReadURL()
	if err != nil {
		return err
	}
	p, err := n.projector()
	if err != nil {
		return err
	}
	n.closers = append(n.closers, func() error { p.Close(); return nil })
	n.watch.projector = p
	n.watch.registerProjections()
	n.checks[RoleProjector] = p.Waiting
	n.parts["projector"] = n.migrated(url, p.Run)
	return nil
}

func (n *Node) projector() (*projections.Projector, error) {
	url, err := n.cfg.Postgres.ReadURL()
	if err != nil {
		return nil, err
	}
	return projections.New(projections.Config{
		URL: url, Kafka: n.client, Topics: n.kafka.Topics(), Installation: n.secrets.Installation, Partitions: n.part.N,
		Projections: models.All(), Log: n.log, Tracer: n.tracer,
	})
}

// addAPI serves the HTTP API and the carriers' callbacks.
func (n *Node) addAPI(ctx context.Context) error {
	url, err := n.cfg.Postgres.ReadURL()
	if err != nil {
		return err
	}
	reader, err := query.Open(url, 8)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, func() error { reader.Close(); return nil })
	callbacks, err := n.callbacks()
	if err != nil {
		return err
	}
	hooks, err := n.webhooksPort()
	if err != nil {
		return err
	}
	blobs := eventstore.NewBlobStore(n.client, n.producer, n.kafka.Topics(), n.part)
	n.views["blobs"] = blobs.Run
	api, err := httpapi.New(httpapi.Config{ //nolint:contextcheck // each request has a context of its own
		View: n.view, Accepter: n.gateway, Commander: n.gateway, Queries: gateway.Queries{Reader: reader, Recipient: n.gateway.Recipient}, Webhooks: hooks,
		Parking: gateway.Parking{Gateway: n.gateway, Reader: reader}, Privacy: n.privacy(reader), Blobs: blobs, Sealer: n.secrets.Seal, Zone: n.zone,
		Bills: n.bills, Closing: n.closing(reader),
		Clock: n.clock, Country: n.cfg.Country, Started: n.started, Waiting: n.waiting, Callbacks: callbacks,
		Metrics: n.metricsHandler(), Registerer: n.metrics, Tracer: n.tracer, Logger: n.log,
		RequestsPerSec: n.cfg.HTTP.RequestsPerSec, Version: Version(),
	})
	if err != nil {
		return err
	}
	var handler http.Handler = api
	if vc, ok := n.clock.(*VirtualClock); ok {
		mux := http.NewServeMux()
		mux.Handle("/clock", vc)
		mux.Handle("/", api)
		handler = mux
	}
	return n.serveHTTP(ctx, handler)
}

// privacy finds and ends what is kept about a number.
func (n *Node) privacy(reader *query.Reader) gateway.Privacy {
	p := gateway.Privacy{Gateway: n.gateway, Client: n.client, Keys: n.keys, Reader: reader}
	if n.compact != nil {
		p.Compact = n.compactErased
	}
	return p
}

// drainBudget is how long requests under way may take when the process stops.
const drainBudget = 10 * time.Second

func (n *Node) serveHTTP(ctx context.Context, h http.Handler) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.cfg.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("http.addr: %w", err)
	}
	n.listener = ln
	n.serve("http", ln, h)
	return nil
}

// serve answers on a listener while the process runs.
func (n *Node) serve(name string, ln net.Listener, h http.Handler) {
	n.closers = append(n.closers, func() error { _ = ln.Close(); return nil }) // closed already if it was served
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 90 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	n.parts[name] = func(ctx context.Context) error {
		stopped := make(chan error, 1)
		stop := context.AfterFunc(ctx, func() {
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainBudget)
			defer cancel()
			stopped <- srv.Shutdown(drain)
		})
		defer stop()
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return <-stopped
	}
}

// HTTPAddr is where the API listens; "" without the role.
func (n *Node) HTTPAddr() string { return addrOf(n.listener) }

func addrOf(ln net.Listener) string {
	if ln == nil {
		return ""
	}
	return ln.Addr().String()
}
