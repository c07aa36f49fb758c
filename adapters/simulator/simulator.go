package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"goniec/domain"
)

const (
	tick         = 10 * time.Millisecond
	shutdownTime = 5 * time.Second
)

// Simulator is both carriers, and a mail server. All methods are safe for concurrent use.
type Simulator struct {
	cfg       Config
	engine    *engine
	callbacks *callbacks
	reports   *outbound // on Viber
	viber     *viberService
	smsc      *smsc
	mails     *mailbox
	listener  net.Listener
	http      *http.Server

	closing sync.Once
}

// New opens the log and listens; nothing is served before Run. If Run is never
// called, call Close.
func New(cfg Config) (*Simulator, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	names := serviceNames(cfg.Services)
	e, err := openEngine(cfg, func(id int64) string {
		if name := names[id]; name != "" {
			return name
		}
		return fmt.Sprintf("Service %d", id)
	})
	if err != nil {
		return nil, err
	}
	s := &Simulator{cfg: cfg, engine: e, callbacks: newCallbacks(cfg)}
	s.reports = newOutbound(cfg, cfg.Workers, s.callbacks.post, e.settle)
	e.send = s.send
	s.viber = newViberService(cfg, e, s.reports, names)
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, e.log.close())
	}
	return s, nil
}

func serviceNames(services []Service) map[int64]string {
	names := map[int64]string{}
	for _, s := range services {
		names[s.ID] = s.Name
	}
	return names
}

func (s *Simulator) listen() (err error) {
	if s.smsc, err = newSMSC(s.cfg, s.engine); err != nil {
		return err
	}
	if s.mails, err = newMailbox(); err != nil {
		s.smsc.server.Close()
		return err
	}
	if s.listener, err = net.Listen("tcp", s.cfg.Addr); err != nil {
		s.smsc.server.Close()
		s.mails.close()
		return fmt.Errorf("simulator: %w", err)
	}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	return nil
}

// send hands a report to its carrier. It is called with the engine locked and does not block.
func (s *Simulator) send(r *pending) {
	if r.of.channel == domain.SMS {
		s.smsc.out.add(r, nil)
		return
	}
	s.reports.add(r, nil)
}

// Addr is host:port of the Viber service, the log and the page.
func (s *Simulator) Addr() string { return s.listener.Addr().String() }

// URL is the address of the page, and the Viber client's base address.
func (s *Simulator) URL() string { return "http://" + s.Addr() }

// SMPPAddr is host:port of the SMSC.
func (s *Simulator) SMPPAddr() string { return s.smsc.server.Addr() }

// MailAddr is host:port of a mail server whose mails the page /mails shows.
func (s *Simulator) MailAddr() string { return s.mails.listener.Addr().String() }

// SetCallback changes where reports go, unless their service has an address of
// its own; reports that failed so far are tried there at once.
func (s *Simulator) SetCallback(url string) error {
	if !validURL(url) {
		return errors.New("simulator: the callback must be an http or https address")
	}
	s.callbacks.setBase(url)
	s.reports.wakeAll()
	return nil
}

// Stats counts what the log holds.
func (s *Simulator) Stats() Stats { return s.engine.stats() }

// Run serves until ctx is over, then ends within some seconds. What was not
// reported by then goes out after the next start on the same log. It is called once.
func (s *Simulator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	part := func(name string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				cancel(fmt.Errorf("simulator: %s: %w", name, err))
			}
		})
	}
	s.engine.resume()
	part("viber", s.serveHTTP)
	part("smpp", s.smsc.server.Run)
	part("mail", s.mails.run)
	part("callbacks", s.reports.run)
	part("receipts", s.smsc.out.run)
	part("clock", s.watchClock)
	wg.Wait()
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

func (s *Simulator) serveHTTP(ctx context.Context) error {
	down := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(down)
		s.viber.close()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if s.http.Shutdown(grace) != nil {
			_ = s.http.Close()
		}
	})
	err := s.http.Serve(s.listener)
	if !stop() {
		<-down
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// watchClock fires what is due. The clock may be virtual, so it is asked, not waited for.
func (s *Simulator) watchClock(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			s.reports.wake(now)
			s.smsc.out.wake(now)
			if err := s.engine.fireDue(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Close ends a Simulator that was never run. Idempotent; Run does it itself.
func (s *Simulator) Close() (err error) {
	s.closing.Do(func() {
		_ = s.listener.Close()
		s.smsc.server.Close()
		s.mails.close()
		err = s.engine.log.close()
	})
	return err
}
