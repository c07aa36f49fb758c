//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// gate stands before the simulated Viber and can answer 500 instead of it.
type gate struct {
	down     atomic.Bool
	answered atomic.Int64 // 500s
}

// handler hands requests on. When the carrier breaks off, so does it: an answer
// of its own would say that the carrier had not taken the message.
func (g *gate) handler(carriers string) http.Handler {
	proxy := passOn(func() string { return carriers }, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }) //nolint:forbidigo // net/http's way to break a connection off
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.down.Load() {
			g.answered.Add(1)
			_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)) // it is not answered anyway
			http.Error(w, "down by plan", http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// callbacks hands the carriers' reports to one API process after another.
func callbacks(apis []string) http.Handler {
	var n atomic.Int64
	next := func() string { return apis[int(n.Add(1))%len(apis)] }
	return passOn(next, func(w http.ResponseWriter) { http.Error(w, "no answer", http.StatusBadGateway) })
}

func passOn(target func() string, failed func(http.ResponseWriter)) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: target()})
		},
		Transport:    &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second, ResponseHeaderTimeout: time.Minute},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { failed(w) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}

// serve serves h on addr until ctx ends.
func serve(ctx context.Context, addr string, h http.Handler) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			_ = srv.Close() // its clients notice
		}
	}()
	return nil
}
