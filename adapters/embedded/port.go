package embedded

import (
	"net"
	"os"
	"strconv"
	"strings"

	"goniec/internal/wholefile"
)

const loopback = "127.0.0.1"

// rememberedPort returns the port stored in the file if it can be listened on now, else 0. The caller still races with
// other processes until it listens, and must cope with that by asking again.
func rememberedPort(file string) int {
	if port := readPort(file); port != 0 && portFree(port) {
		return port
	}
	return 0
}

func readPort(file string) int {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	port, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

func rememberPort(file string, port int) error {
	return wholefile.Write(file, []byte(strconv.Itoa(port)+"\n"))
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
