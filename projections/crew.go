package projections

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// crew is the set of partitions that one process owns over one connection. All
// methods run in one goroutine, which alone uses the connection.
type crew struct {
	p       *Projector
	conn    *pgx.Conn
	running map[key]*running
	refused map[key]time.Time // given up; not tried again before
	ended   chan key          // a runner is done
}

type running struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid after done
}

// stopped is why the partition was given up, or nil.
func (r *running) stopped() error {
	if isStop(r.err) {
		return r.err
	}
	return nil
}

const rebalanceEvery = time.Second

func (c *crew) run(ctx context.Context) error {
	defer c.stopAll()
	if err := c.lock(ctx, classMember, rand.Int32()); err != nil { // not a secret
		return err
	}
	for {
		if err := c.rebalance(ctx); err != nil {
			return err
		}
		timer := time.NewTimer(rebalanceEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case k := <-c.ended:
			c.collect(ctx, k)
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (c *crew) lock(ctx context.Context, class, n int32) error {
	got, err := c.tryLock(ctx, class, n)
	if err == nil && !got {
		err = errors.New("advisory lock is taken")
	}
	return err
}

func (c *crew) tryLock(ctx context.Context, class, n int32) (got bool, err error) {
	err = c.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", class, n).Scan(&got)
	return got, err
}

func (c *crew) unlock(ctx context.Context, k key) error {
	_, err := c.conn.Exec(ctx, "SELECT pg_advisory_unlock($1, $2)", classRunner, lockNumber(k.String()))
	return err
}

func (k key) String() string { return fmt.Sprintf("%s/%d", k.topic, k.partition) }

// rebalance takes free partitions up to this process's share, and gives up
// what is above it, so that a process that joins gets its part.
func (c *crew) rebalance(ctx context.Context) error {
	keys := c.p.keys(c.p.cfg.Projections)
	share, err := c.share(ctx, len(keys))
	if err != nil {
		return err
	}
	for k, r := range c.running {
		if len(c.running) <= share {
			break
		}
		r.cancel()
		<-r.done
		delete(c.running, k)
		if err := c.unlock(ctx, k); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if len(c.running) >= share {
			break
		}
		if err := c.take(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// share is this process's part of n partitions, rounded up. The query is also
// what notices that the connection, and with it every lock, is gone.
func (c *crew) share(ctx context.Context, n int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, maxBackoff)
	defer cancel()
	var members int
	err := c.conn.QueryRow(ctx, `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = $1 AND l.objsubid = 2`,
		classMember).Scan(&members)
	if err != nil {
		return 0, err
	}
	members = max(members, 1)
	return (n + members - 1) / members, nil
}

func (c *crew) take(ctx context.Context, k key) error {
	if c.running[k] != nil || time.Now().Before(c.refused[k]) {
		return nil
	}
	got, err := c.tryLock(ctx, classRunner, lockNumber(k.String()))
	if err != nil || !got {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, done: make(chan struct{})}
	c.running[k] = r
	go func() {
		defer close(r.done)
		r.err = c.p.engine(c.p.liveLane(), k).run(ctx)
		c.p.noteEnd(k, r.stopped())
		select {
		case c.ended <- k:
		case <-ctx.Done():
		}
	}()
	return nil
}

// collect tidies up after a runner that ended by itself.
func (c *crew) collect(ctx context.Context, k key) {
	r := c.running[k]
	if r == nil {
		return
	}
	r.cancel()
	<-r.done
	delete(c.running, k)
	c.refused[k] = time.Now().Add(rebalanceEvery)
	switch stopped := (*ErrStopped)(nil); {
	case errors.As(r.err, &stopped):
		c.refused[k] = time.Now().Add(c.p.cfg.RetryAfter)
		c.p.cfg.Log.ErrorContext(ctx, "projection gave a partition up", "alert", "projection_stopped",
			"topic", k.topic, "partition", k.partition, "offset", stopped.Offset, "error", r.err)
	case r.err != nil:
		c.p.cfg.Log.WarnContext(ctx, "projection runner ended", "topic", k.topic, "partition", k.partition, "error", r.err)
	}
	if err := c.unlock(ctx, k); err != nil {
		c.p.cfg.Log.WarnContext(ctx, "a partition's lock was not given back; it goes with the connection", "error", err)
	}
}

func (c *crew) stopAll() {
	for _, r := range c.running {
		r.cancel()
	}
	for _, r := range c.running {
		<-r.done
	}
}
