//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// links are the connections that faults lie on: each is a proxy of its own.
type links struct {
	server *toxiproxy.ApiServer
	mu     sync.Mutex
	byName map[string][]*toxiproxy.Proxy // by target of a fault: a link may be part of several
}

const mendBudget = 10 * time.Second

func newLinks() *links {
	log := zerolog.Nop()
	return &links{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), log), byName: map[string][]*toxiproxy.Proxy{}}
}

// open opens a proxy on listen ("" = a free port) and returns its address.
func (l *links) open(listen, upstream string, names ...string) (string, error) {
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	p := toxiproxy.NewProxy(l.server, names[0]+"→"+upstream, listen, upstream)
	if err := p.Start(); err != nil {
		return "", fmt.Errorf("proxy of %s: %w", names[0], err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range names {
		l.byName[n] = append(l.byName[n], p)
	}
	return p.Listen, nil
}

func (l *links) of(name string) []*toxiproxy.Proxy {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byName[name]
}

// cut closes the connections and refuses new ones until mend.
func (l *links) cut(name string) (mend func() error) {
	for _, p := range l.of(name) {
		p.Stop()
	}
	return func() error {
		for _, p := range l.of(name) {
			if err := p.Start(); err != nil && !errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) { // another fault ended before
				return fmt.Errorf("mend %s: %w", name, err)
			}
		}
		return nil
	}
}

// toxic puts a toxic on both directions until mend.
func (l *links) toxic(ctx context.Context, name, kind string, attributes map[string]any) (mend func() error, err error) {
	added := map[*toxiproxy.Proxy][]string{}
	mend = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mendBudget)
		defer cancel()
		var last error
		for p, names := range added {
			for _, n := range names {
				if err := p.Toxics.RemoveToxic(ctx, n); err != nil {
					last = fmt.Errorf("mend %s: %w", name, err)
				}
			}
		}
		return last
	}
	for _, p := range l.of(name) {
		for _, stream := range []string{"upstream", "downstream"} {
			id := kind + "_" + stream + "_" + name
			spec, err := json.Marshal(map[string]any{"name": id, "type": kind, "stream": stream, "attributes": attributes})
			if err != nil {
				return mend, err
			}
			if _, err := p.Toxics.AddToxicJson(bytes.NewReader(spec)); err != nil {
				return mend, fmt.Errorf("%s on %s: %w", kind, name, err)
			}
			added[p] = append(added[p], id)
		}
	}
	return mend, nil
}

// mute: what is sent vanishes; the connections close when it ends.
func (l *links) mute(ctx context.Context, name string) (func() error, error) {
	return l.toxic(ctx, name, "timeout", map[string]any{"timeout": 0})
}

func (l *links) slow(ctx context.Context, name string, by time.Duration) (func() error, error) {
	return l.toxic(ctx, name, "latency", map[string]any{"latency": by.Milliseconds(), "jitter": by.Milliseconds() / 2})
}

func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, proxies := range l.byName {
		for _, p := range proxies {
			p.Stop()
		}
	}
}
