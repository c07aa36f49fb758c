// Package freeport finds loopback ports for servers that keep their port over restarts.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Kernels give ports from 32768 (Linux) or 49152 (others) on to outgoing connections: a server that is away for a
// while loses such a port to one of them. These lie below.
const (
	first, last = 15000, 29999
	tries       = 200 // for each port
)

var errNone = errors.New("no free port found")

// Addrs returns n different addresses (127.0.0.1:port) that nothing listened on a moment ago. Another process may take
// one before the caller listens: the caller copes with that, or asks once.
func Addrs(n int) ([]string, error) {
	held := make([]net.Listener, 0, n)
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	out := make([]string, 0, n)
	for range n {
		l, err := listen()
		if err != nil {
			return nil, err
		}
		held, out = append(held, l), append(out, l.Addr().String())
	}
	return out, nil
}

// Port returns one port as Addrs does.
func Port() (int, error) {
	l, err := listen()
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return strconv.Atoi(port)
}

func listen() (net.Listener, error) {
	err := errNone
	for range tries {
		port := first + rand.IntN(last-first+1) //nolint:gosec // which one does not matter
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("find a free port: %w", err)
}
