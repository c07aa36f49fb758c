package webhooks

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/eventstore"
)

func TestAddListRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.engine()
	added, secret, err := e.Add(t.Context(), w.account, "key:test", "http://127.0.0.1:9/x", []string{MessageRead})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(secret, "whsec_"))
	kept := w.view.Endpoints(w.account)[0]
	require.NotContains(t, kept.Secret, secret)
	require.LessOrEqual(t, len(kept.Secret), account.MaxSecret)
	opened, err := openSecret(w.keys, kept.Secret)
	require.NoError(t, err)
	require.Equal(t, secret, opened)
	list := e.List(w.account)
	require.Len(t, list, 1)
	require.Equal(t, []string{MessageRead}, list[0].Events)
	require.Equal(t, added.ID, list[0].ID)
	require.NoError(t, e.Remove(t.Context(), w.account, "key:test", added.ID))
	require.Empty(t, e.List(w.account))
}

func TestAddRefusesBeforeAnyCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change = func(c *Config) { c.Policy = Policy{} }
	e := w.engine()
	cases := []struct{ name, url, event, code, field string }{
		{"unknown event", "https://1.1.1.1/", "message.exploded", account.CodeInvalidValue, "events"},
		{"the test cannot be wanted", "https://1.1.1.1/", WebhookTest, account.CodeInvalidValue, "events"},
		{"http", "http://1.1.1.1/", MessageRead, account.CodeInvalidURL, "url"},
		{"loopback", "https://127.0.0.1/", MessageRead, account.CodeInvalidURL, "url"},
		{"metadata", "https://169.254.169.254/latest", MessageRead, account.CodeInvalidURL, "url"},
		{"name of a private address", "https://localhost/", MessageRead, account.CodeInvalidURL, "url"},
		{"no such name", "https://nowhere.invalid/", MessageRead, account.CodeInvalidURL, "url"},
		{"other scheme", "ftp://1.1.1.1/", MessageRead, account.CodeInvalidURL, "url"},
		{"credentials", "https://a:b@1.1.1.1/", MessageRead, account.CodeInvalidURL, "url"},
		{"too long", "https://1.1.1.1/" + strings.Repeat("a", account.MaxURL), MessageRead, account.CodeTooLong, "url"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := e.Add(t.Context(), w.account, "key:test", c.url, []string{c.event})
			var refused *domain.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.code, refused.Code)
			require.Equal(t, c.field, refused.Field)
			require.NotContains(t, refused.Message, "1.1.1.1")
		})
	}
	require.Empty(t, e.List(w.account))
}

func TestTestCallsAtOnceAndIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n == 2 {
			rw.WriteHeader(http.StatusTeapot)
		}
	})
	endpoint, secret := w.add(r.URL, MessageRead)
	e := w.engine()
	good, err := e.Test(t.Context(), w.account, endpoint)
	require.NoError(t, err)
	require.Equal(t, 200, good.Status)
	require.Empty(t, good.Error)
	bad, err := e.Test(t.Context(), w.account, endpoint)
	require.NoError(t, err)
	require.Equal(t, 418, bad.Status)
	require.Equal(t, ErrorStatus, bad.Error)
	hits := r.all()
	verify(t, secret, hits[0])
	require.Equal(t, good.EventID, hits[0].id)
	require.Regexp(t, `^\{"id":"`+good.EventID+`","type":"webhook.test","timestamp":"[^"]+Z","data":\{"endpoint":"`+endpoint+`"\}\}$`, hits[0].body)
	log, next, err := e.Log(t.Context(), w.account, endpoint, "", 10)
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, []string{bad.EventID, good.EventID}, []string{log[0].EventID, log[1].EventID})

	_, err = e.Test(t.Context(), w.account, uuid.NewString())
	require.ErrorIs(t, err, ErrNotFound)
	_, err = e.Test(t.Context(), uuid.NewString(), endpoint)
	require.ErrorIs(t, err, ErrNotFound)
	foreign, _, err := e.Log(t.Context(), uuid.NewString(), endpoint, "", 10)
	require.NoError(t, err)
	require.Empty(t, foreign)
	_, _, err = e.Log(t.Context(), w.account, endpoint, "!", 10)
	require.Equal(t, account.CodeInvalidValue, domain.CodeOf(err))
	_, _, err = e.Log(t.Context(), w.account, "x", "", 10)
	require.ErrorIs(t, err, ErrNotFound)
}

func TestResendRepeatsTheSameEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	endpoint, secret := w.add(r.URL)
	w.run()
	id := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'delivered'")
	e := w.engine()
	require.NoError(t, e.Resend(t.Context(), w.account, endpoint, id))
	r.waitFor(t, 2)
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'delivered' AND attempts = 2")
	require.NoError(t, e.Resend(t.Context(), w.account, "", id))
	hits := r.waitFor(t, 3)
	for _, h := range hits {
		verify(t, secret, h)
		require.Equal(t, id, h.id)
		require.Equal(t, hits[0].body, h.body)
	}
	require.ErrorIs(t, e.Resend(t.Context(), w.account, endpoint, uuid.NewString()), ErrNotFound)
	require.ErrorIs(t, e.Resend(t.Context(), uuid.NewString(), endpoint, id), ErrNotFound)
	require.ErrorIs(t, e.Resend(t.Context(), w.account, uuid.NewString(), id), ErrNotFound)
	require.ErrorIs(t, e.Resend(t.Context(), "x", "", id), ErrNotFound)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target := newReceiver(t, nil)
	r := newReceiver(t, func(rw http.ResponseWriter, req *http.Request, _ int) {
		http.Redirect(rw, req, target.URL, http.StatusTemporaryRedirect)
	})
	endpoint, _ := w.add(r.URL)
	a, err := w.engine().Test(t.Context(), w.account, endpoint)
	require.NoError(t, err)
	require.Equal(t, ErrorRedirect, a.Error)
	require.Equal(t, http.StatusTemporaryRedirect, a.Status)
	require.Empty(t, target.all())
}

// The policy holds when the call is made, whatever the name resolved to when the
// endpoint was registered.
func TestThePolicyHoldsAtTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	endpoint, _ := w.add(strings.Replace(r.URL, "127.0.0.1", "localhost", 1))
	w.change = func(c *Config) { c.Policy = Policy{AllowHTTP: true} }
	a, err := w.engine().Test(t.Context(), w.account, endpoint)
	require.NoError(t, err)
	require.Equal(t, ErrorAddress, a.Error)
	require.Empty(t, r.all())
}

func TestFailuresHaveClasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, *http.Request, int) { <-release })
	t.Cleanup(func() { close(release) })
	gone := newReceiver(t, nil)
	gone.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for class, link := range map[string]string{
		ErrorTimeout: slow.URL, ErrorConnection: gone.URL, ErrorTLS: secure.URL,
		ErrorDNS: "https://nowhere.invalid/", ErrorURL: "http://127.0.0.1:bad/",
	} {
		w.change = func(c *Config) {
			if class == ErrorTimeout {
				c.Timeout = 100 * time.Millisecond
			}
		}
		endpoint := uuid.NewString()
		_, sealed, err := w.engine().NewSecret()
		require.NoError(t, err)
		w.reference(w.account, account.EndpointAdded{Endpoint: endpoint, URL: link, Secret: sealed})
		a, err := w.engine().Test(t.Context(), w.account, endpoint)
		require.NoError(t, err)
		require.Equal(t, class, a.Error)
		require.Zero(t, a.Status)
	}
	endpoint := uuid.NewString()
	w.reference(w.account, account.EndpointAdded{Endpoint: endpoint, URL: slow.URL, Secret: "broken"})
	a, err := w.engine().Test(t.Context(), w.account, endpoint)
	require.NoError(t, err)
	require.Equal(t, ErrorSecret, a.Error)
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	public, loopback := Policy{}, Policy{AllowLoopback: true}
	anyHTTP := Policy{AllowHTTP: true}
	lan := Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	cases := []struct {
		policy Policy
		scheme string
		ip     string
		want   bool
	}{
		{public, "https", "1.1.1.1", true},
		{public, "https", "2606:4700:4700::1111", true},
		{public, "http", "1.1.1.1", false},
		{anyHTTP, "http", "1.1.1.1", true},
		{anyHTTP, "http", "127.0.0.1", false},
		{loopback, "http", "127.0.0.1", true},
		{loopback, "http", "::1", true},
		{loopback, "http", "::ffff:127.0.0.1", true},
		{loopback, "http", "1.1.1.1", false},
		{loopback, "https", "10.0.0.1", false},
		{lan, "https", "10.1.2.3", true},
		{lan, "http", "10.1.2.3", false},
		{lan, "https", "10.2.2.3", false},
		{lan, "https", "::ffff:10.1.2.3", true},
		{public, "", "1.1.1.1", false},
	}
	for _, ip := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
		"fd00:ec2::254", "ff02::1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:a00:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1", "::ffff:0:a00:1",
	} {
		cases = append(cases, struct {
			policy Policy
			scheme string
			ip     string
			want   bool
		}{public, "https", ip, false})
	}
	for _, c := range cases {
		require.Equal(t, c.want, c.policy.allows(c.scheme, netip.MustParseAddr(c.ip)), "%s %s %+v", c.scheme, c.ip, c.policy)
	}
	require.True(t, public.allows("https", netip.MustParseAddr("64:ff9b::101:101")), "NAT64 of a public address")
	require.False(t, public.allows("https", netip.Addr{}))
}

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	err := Config{Timeout: time.Hour, Concurrency: 1000, Poll: 1, Schedule: []time.Duration{0}, Retention: time.Second}.Validate()
	require.EqualError(t, err, strings.Join([]string{
		"webhooks: Pool is required", "webhooks: View is required", "webhooks: Keys has no primary key",
		"webhooks: Timeout must be at most 1 m", "webhooks: Concurrency must be 1 to 100", "webhooks: Poll must be at least 10 ms",
		"webhooks: Retention must not be less than Lifetime", "webhooks: Schedule[0] must be positive",
	}, "\n"))
	w := newWorld(t)
	w.change = func(c *Config) { c.Kafka = eventstore.KafkaConfig{} }
	require.ErrorContains(t, w.engine().Run(t.Context()), "Kafka.Brokers")
}

func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	require.NoError(t, Migrate(t.Context(), database(t)))
}

// FuzzURL: whatever passes has one host, no credentials, and goes where it says.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://example.com/a?b=c", "http://[::1]:80/", "https://a@b/", "https://a\n/", "//x", "https://%31/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseURL(s)
		if err != nil {
			require.NotEmpty(t, domain.CodeOf(err))
			return
		}
		require.Contains(t, []string{"http", "https"}, u.Scheme)
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.LessOrEqual(t, len(s), account.MaxURL)
	})
}
