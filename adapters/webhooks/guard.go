package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"goniec/domain"
	"goniec/domain/account"
)

// Policy says which addresses may be called. The zero value allows https to
// public addresses alone. It is applied to the address that is dialled, after the
// name was resolved, so a name that changes its mind gains nothing.
type Policy struct {
	// AllowLoopback allows this machine, over http too: for trials.
	AllowLoopback bool
	// AllowHTTP allows http everywhere.
	AllowHTTP bool
	// AllowNetworks are called although they are private.
	AllowNetworks []netip.Prefix
}

// errRefusedAddress says that the policy forbids the address.
var errRefusedAddress = errors.New("the address may not be called")

// Networks that no client's endpoint lies in: private, shared, link-local (the
// clouds' metadata services among them), documentation, multicast, reserved.
var refusedNetworks = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // a cloud's metadata service on a public address
	"::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// inside returns the IPv4 address that an IPv6 address leads to.
func inside(ip netip.Addr) netip.Addr {
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixTo4.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

// allows says whether ip may be called over the scheme.
func (p Policy) allows(scheme string, ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return false
	}
	if ip.Is6() {
		ip = inside(ip)
	}
	if ip.IsLoopback() && p.AllowLoopback {
		return true
	}
	if scheme != "https" && !p.AllowHTTP {
		return false
	}
	return within(p.AllowNetworks, ip) || !within(refusedNetworks, ip)
}

func within(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

type schemeKey struct{}

// withScheme tells the dialler which scheme a connection is for.
func withScheme(ctx context.Context, scheme string) context.Context {
	return context.WithValue(ctx, schemeKey{}, scheme)
}

// dialler connects to what the policy allows and to nothing else.
func (p Policy) dialler(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			scheme, _ := ctx.Value(schemeKey{}).(string)
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !p.allows(scheme, ap.Addr()) {
				return errRefusedAddress
			}
			return nil
		},
	}
}

const resolveTimeout = 5 * time.Second

// check refuses a URL that may not be called with a *domain.Error. Every address
// that its host has now must be allowed.
func (p Policy) check(ctx context.Context, resolver *net.Resolver, raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	ips, err := resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil || len(ips) == 0 {
		return badURL("its host could not be resolved")
	}
	for _, ip := range ips {
		if !p.allows(u.Scheme, ip) {
			return badURL("must be https and must not lead into a private network")
		}
	}
	return nil
}

func parseURL(raw string) (*url.URL, error) {
	if len(raw) > account.MaxURL {
		return nil, domain.RefuseField(account.CodeTooLong, "url", "must be at most %d characters", account.MaxURL)
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		strings.ContainsAny(raw, " \t\r\n") {
		return nil, badURL("must be an http or https URL without credentials and fragment")
	}
	return u, nil
}

func badURL(format string, args ...any) error {
	return domain.RefuseField(account.CodeInvalidURL, "url", "%s", fmt.Sprintf(format, args...))
}
