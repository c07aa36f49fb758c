package webhooks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"goniec/domain/message"
)

func TestAFailedCallIsRepeatedWithTheSameBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n < 3 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	endpoint, secret := w.add(r.URL)
	w.run()
	id := w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'delivered' AND attempts = 3")
	hits := r.waitFor(t, 3)
	require.Len(t, hits, 3)
	for _, h := range hits {
		verify(t, secret, h)
		require.Equal(t, id, h.id)
		require.Equal(t, hits[0].body, h.body)
	}
	log, next, err := w.engine().Log(t.Context(), w.account, endpoint, "", 2)
	require.NoError(t, err)
	older, end, err := w.engine().Log(t.Context(), w.account, endpoint, next, 2)
	require.NoError(t, err)
	require.Empty(t, end)
	log = append(log, older...)
	require.Len(t, log, 3)
	for i, want := range []Attempt{
		{EventID: id, Type: MessageUnknown, Attempt: 3, Status: 200, Done: true},
		{EventID: id, Type: MessageUnknown, Attempt: 2, Status: 503, Error: ErrorStatus},
		{EventID: id, Type: MessageUnknown, Attempt: 1, Status: 503, Error: ErrorStatus},
	} {
		got := log[i]
		require.WithinDuration(t, time.Now(), got.At, time.Minute)
		require.Equal(t, !want.Done, got.Next.After(got.At), "next attempt")
		got.At, got.Next, got.Duration = time.Time{}, time.Time{}, 0
		require.Equal(t, want, got)
	}
}

func TestGivenUpIsVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ int) { rw.WriteHeader(http.StatusGone) })
	endpoint, _ := w.add(r.URL)
	w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'given_up' AND attempts = 4")
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.river_job WHERE state = 'discarded'")
	log, _, err := w.engine().Log(t.Context(), w.account, endpoint, "", 1)
	require.NoError(t, err)
	require.True(t, log[0].Done)
	require.Equal(t, 410, log[0].Status)
	require.Zero(t, log[0].Next)
	require.Len(t, r.all(), 4)
}

func TestNoAttemptBeginsAfterTheLifetime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change = func(c *Config) { c.Lifetime = time.Millisecond }
	r := newReceiver(t, nil)
	endpoint, _ := w.add(r.URL)
	w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'given_up' AND attempts = 0")
	log, _, err := w.engine().Log(t.Context(), w.account, endpoint, "", 1)
	require.NoError(t, err)
	require.Equal(t, ErrorExpired, log[0].Error)
	require.Empty(t, r.all())
}

func TestASlowEndpointHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change = func(c *Config) { c.Concurrency, c.Timeout = 2, 30*time.Second }
	release := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, *http.Request, int) { <-release })
	fast := newReceiver(t, nil)
	w.add(slow.URL)
	w.add(fast.URL)
	w.run()
	t.Cleanup(func() { close(release) }) // before the engine waits for its calls
	const events = 40
	for i := range events {
		w.tell(int32(i%partitions), "message/"+uuid.NewString(), message.Unknown{}) // small
	}
	fast.waitFor(t, events)
	require.Len(t, fast.ids(), events)
	require.Len(t, slow.all(), 2, "no more calls at a time than Concurrency")
}

func TestADeadEndpointIsLeftAloneThenTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change = func(c *Config) {
		c.Breaker, c.Concurrency = BreakerConfig{Failures: 2, Pause: 300 * time.Millisecond}, 1
	}
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n <= 2 {
			rw.WriteHeader(http.StatusBadGateway)
		}
	})
	w.add(r.URL)
	w.run()
	for range 10 {
		w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	}
	w.eventually(10, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'delivered'")
	require.Len(t, r.all(), 12, "the open breaker cost no call")
	require.Contains(t, w.log.String(), `"to":"open"`)
}

func TestQueuesWithoutWorkAreClosedAndOpenedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change = func(c *Config) { c.Poll = minPoll }
	r := newReceiver(t, nil)
	w.add(r.URL)
	w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	open := func() int {
		w.last.lanes.mu.Lock()
		defer w.last.lanes.mu.Unlock()
		return len(w.last.lanes.breakers)
	}
	require.Eventually(t, func() bool { return open() == 0 }, time.Minute, 10*time.Millisecond)
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 2)
}

func TestARemovedEndpointGetsNothingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change = func(c *Config) { c.Schedule = []time.Duration{time.Second} }
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ int) { rw.WriteHeader(http.StatusBadGateway) })
	endpoint, _ := w.add(r.URL)
	w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	r.waitFor(t, 1)
	_, err := w.pool.Exec(t.Context(), "UPDATE goniec_webhooks.deliveries SET created_at = created_at - interval '1 hour'") // past viewGrace
	require.NoError(t, err)
	require.NoError(t, w.engine().Remove(t.Context(), w.account, "key:test", endpoint))
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'cancelled'")
	require.Len(t, r.all(), 1)
	log, _, err := w.engine().Log(t.Context(), w.account, endpoint, "", 1)
	require.NoError(t, err)
	require.Equal(t, ErrorRemoved, log[0].Error)
}

func TestScheduleFitsTheLifetime(t *testing.T) {
	t.Parallel()
	w := &worker{cfg: Config{Schedule: DefaultSchedule()}}
	var sum time.Duration
	for i, want := range w.cfg.Schedule {
		for id := range int64(200) {
			j := &river.Job[job]{JobRow: &rivertype.JobRow{ID: id, Attempt: i + 1}}
			d := w.delay(j)
			require.Equal(t, d, w.delay(j))
			require.LessOrEqual(t, d, want)
			require.GreaterOrEqual(t, d, want*9/10)
		}
		sum += want
	}
	require.Less(t, sum, defaultLifetime)
	require.Greater(t, sum, defaultLifetime-time.Hour)
}

func TestPurgeForgetsWhatIsOldAndGivesUpWhatNobodyWorksOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.engine().store
	for i, state := range []string{"delivered", "pending", "delivered"} {
		old := []string{"40 days", "2 days", "1 day"}[i]
		_, err := w.pool.Exec(t.Context(), fmt.Sprintf(`INSERT INTO goniec_webhooks.deliveries
			(endpoint, event, account, type, payload, state, created_at, deadline, finished_at) VALUES
			(gen_random_uuid(), $1, $2, 'x', '{}', $3, now() - interval '%[1]s', now() + interval '24 h' - interval '%[1]s',
			CASE WHEN $3 = 'pending' THEN NULL ELSE now() END)`, old), fmt.Sprint(i), w.account, state)
		require.NoError(t, err)
	}
	require.NoError(t, s.purge(t.Context(), defaultRetention))
	require.Equal(t, 2, w.count("SELECT count(*) FROM goniec_webhooks.deliveries"))
	require.Equal(t, 1, w.count("SELECT count(*) FROM goniec_webhooks.deliveries WHERE event = '1' AND state = 'given_up'"))
}

func TestMetricsCountWithoutNamingAnybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	endpoint, _ := w.add(r.URL)
	registry := prometheus.NewRegistry()
	w.change = func(c *Config) { c.Registry = registry }
	w.run()
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'delivered'")
	var text strings.Builder
	found, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range found {
		fmt.Fprintln(&text, f)
	}
	require.Contains(t, text.String(), "goniec_webhook_attempts_total")
	require.Contains(t, text.String(), "goniec_reactor_handler_execution_time_seconds")
	require.NotContains(t, text.String(), endpoint)
	require.NotContains(t, text.String(), w.account)
	_, err = New(w.last.cfg)
	require.ErrorContains(t, err, "register metrics")
}

// What waits is counted and has an age, and a reactor says what it waits for.
func TestTheQueueIsMeasured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ int) { rw.WriteHeader(http.StatusServiceUnavailable) })
	w.add(r.URL)
	w.change = func(c *Config) { c.Schedule = []time.Duration{time.Hour} }
	require.Equal(t, "webhooks", w.engine().Waiting()[0].Part)
	stop := w.run()
	require.Eventually(t, func() bool { return len(w.last.Waiting()) == 0 }, time.Minute, 5*time.Millisecond)
	w.tell(0, "message/"+uuid.NewString(), message.Unknown{})
	w.eventually(1, "SELECT count(*) FROM goniec_webhooks.deliveries WHERE state = 'pending' AND attempts = 1")
	n, oldest, err := w.last.store.queue(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.WithinDuration(t, time.Now(), oldest, time.Minute)
	stop()
}
