package run

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/words"
	"goniec/eventstore"
)

// check names what a part of the process waits for.
type check func() []eventstore.Waiting

// waiting lists what this process's roles wait for, or one of them does ("" = all).
func (n *Node) waiting(role string) []httpapi.Waiting {
	if role != "" && !n.cfg.Has(Role(role)) {
		return []httpapi.Waiting{{Part: "role", Why: "this process does not run it"}}
	}
	var out []httpapi.Waiting
	for _, c := range []check{n.startWaiting, n.watch.kafkaWaiting} {
		for _, w := range c() {
			out = append(out, httpapi.Waiting(w))
		}
	}
	for _, r := range Roles() {
		if c := n.checks[r]; c != nil && (role == "" || role == string(r)) {
			for _, w := range c() {
				out = append(out, httpapi.Waiting(w))
			}
		}
	}
	return out
}

// startWaiting says how far what every role needs has been read.
func (n *Node) startWaiting() (out []eventstore.Waiting) {
	if n.hasStarted() {
		return nil
	}
	for _, f := range []struct {
		name string
		*eventstore.Follower
	}{{"reference view", n.accounts}, {"keys", n.keys}} {
		switch read, of := f.Progress(); {
		case of == 0:
			out = append(out, eventstore.Waiting{Part: f.name, Why: "nothing was read yet"})
		case read < of:
			out = append(out, eventstore.Waiting{Part: f.name, Why: fmt.Sprintf("%s of %s offsets read", words.Thousands(read), words.Thousands(of))})
		}
	}
	if len(out) == 0 {
		out = []eventstore.Waiting{{Part: "start", Why: "not over yet"}}
	}
	return out
}

// addProbes serves /healthz, /readyz and /metrics where no API does.
func (n *Node) addProbes(ctx context.Context) error {
	if n.cfg.Has(RoleAPI) || n.cfg.Probes.Addr == "" || len(n.cfg.Roles) == 0 {
		return nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", n.cfg.Probes.Addr)
	if err != nil && n.cfg.Probes.Addr == Defaults().Probes.Addr { // nobody asked for that port: another process here has it
		ln, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("probes.addr: %w", err)
	}
	n.probes = ln
	n.serve("probes", ln, httpapi.Probes(n.waiting, n.metricsHandler()))
	return nil
}

// ProbesAddr is where /healthz, /readyz and /metrics are answered in a process
// without the API; "" if nowhere.
func (n *Node) ProbesAddr() string { return addrOf(n.probes) }

func (n *Node) metricsHandler() http.Handler {
	return promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{})
}
