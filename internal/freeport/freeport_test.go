package freeport

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddrs(t *testing.T) {
	addrs, err := Addrs(20)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, a := range addrs {
		require.False(t, seen[a], "given twice")
		seen[a] = true
		host, port, err := net.SplitHostPort(a)
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1", host)
		n, err := strconv.Atoi(port)
		require.NoError(t, err)
		require.Less(t, n, 32768, "kernels give it to outgoing connections")
		l, err := net.Listen("tcp", a)
		require.NoError(t, err, "it is free")
		require.NoError(t, l.Close())
	}
}

func TestPort(t *testing.T) {
	port, err := Port()
	require.NoError(t, err)
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
