package run

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"time"

	"goniec/adapters/dispatch"
	"goniec/adapters/intake"
	"goniec/adapters/smpp"
	"goniec/adapters/viber"
	"goniec/domain/message"
	"goniec/eventstore"
)

// The names of the routes, as they stand in events and metrics.
const (
	viberRoute = "viber"
	smsRoute   = "sms"
)

// callTimeout bounds a call to a carrier (rules.md D3b).
const callTimeout = 5 * time.Second

// intakeMetrics are those of all that takes reports here.
func (n *Node) intakeMetrics() *intakeMetrics {
	if n.intake == nil {
		n.intake = newIntakeMetrics(n.metrics)
	}
	return n.intake
}

// takeIn is what takes the carriers' reports, shared by both.
func (n *Node) takeIn() (*intake.Intake, error) {
	token, err := readSecret(n.cfg.Viber.CallbackTokenFile)
	if err != nil {
		return nil, fmt.Errorf("viber.callbacktokenfile: %w", err)
	}
	return intake.New(intake.Config{
		Producer: n.producer, Keyring: n.keyring, Secrets: n.secrets.Keys(), Part: n.part, Topics: n.kafka.Topics(),
		View: n.view, Clock: n.clock, Log: n.log, Routes: map[string]intake.Route{viberRoute: {Token: token}}, Metrics: n.intakeMetrics(), Tracer: n.tracer,
	})
}

func (n *Node) callbacks() (http.Handler, error) {
	in, err := n.takeIn()
	if err != nil {
		return nil, err
	}
	return n.onceStarted(in.ViberHandler()), nil
}

// onceStarted refuses reports until the reference view has caught up: before, an
// opt-out could not be told whose it is. The carrier tries again.
func (n *Node) onceStarted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !n.hasStarted() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the reference data is still being read", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// afterStart runs a part once the reference view has caught up.
func (n *Node) afterStart(run part) part {
	return func(ctx context.Context) error {
		select {
		case <-n.started:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// addDispatcher calls the carriers and takes the SMSC's receipts.
func (n *Node) addDispatcher(ctx context.Context) error {
	if err := os.MkdirAll(n.cfg.StateDir("contents"), 0o700); err != nil {
		return err
	}
	contents, err := eventstore.OpenContentStore(ctx, n.cfg.StateDir("contents"), n.secrets.Installation, n.client, n.kafka.Topics(), n.log)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, contents.Close)
	viberClient, err := viber.New(viber.Config{BaseURL: n.cfg.Viber.URL, Clock: n.clock, Timeout: callTimeout, MaxConns: n.cfg.Viber.InFlight})
	if err != nil {
		return err
	}
	n.closers = append(n.closers, func() error { viberClient.Close(); return nil })
	var late func(message.Answer)
	smsClient, err := n.smppClient(func(a message.Answer) { late(a) })
	if err != nil {
		return err
	}
	registerSMPP(n.metrics, smsRoute, smsClient)
	states := eventstore.NewOwnerStates("dispatcher")
	n.checks[RoleDispatcher] = states.Waiting
	d, err := dispatch.New(dispatch.Config{
		Kafka: n.kafka, Client: n.client, Producer: n.producer, Partitions: n.part.N, Contents: contents, Open: n.keyring.OpenContent,
		KeysCaughtUp: n.keys.CaughtUp, Clock: n.clock, Log: n.log, TwoWay: n.twoWay, Paused: n.view.Holds, CallTimeout: callTimeout,
		Sweep: eventstore.NewSweeper(contents, n.keyring, n.keys.CaughtUp, n.producer, n.clock).Sweep, SweepEvery: n.sweepEvery,
		Metrics: newDispatchMetrics(n.metrics, states), States: states, Tracer: n.tracer,
		Routes: []dispatch.Route{
			{Name: viberRoute, Carrier: dispatch.Viber(viberClient), PerSecond: float64(n.cfg.Viber.Rate), Concurrency: n.cfg.Viber.InFlight},
			{Name: smsRoute, Carrier: dispatch.SMS(smsClient), PerSecond: float64(n.cfg.SMPP.Rate), Concurrency: n.cfg.SMPP.Window},
		},
	})
	if err != nil {
		return err
	}
	late = d.Late
	n.parts["smpp"] = n.afterStart(smsClient.Run)
	n.parts["dispatcher"] = n.afterStart(d.Run) // it must know what is paused before it calls
	return nil
}

func (n *Node) smppClient(late func(message.Answer)) (*smpp.Client, error) {
	in, err := n.takeIn()
	if err != nil {
		return nil, err
	}
	password, err := readSecret(n.cfg.SMPP.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("smpp.passwordfile: %w", err)
	}
	zone, err := time.LoadLocation(n.cfg.SMPP.Zone)
	if err != nil {
		return nil, fmt.Errorf("smpp.zone: %w", err)
	}
	cfg := smpp.Config{
		Name: smsRoute, Addr: n.cfg.SMPP.Addr, SystemID: n.cfg.SMPP.SystemID, Password: password, Window: n.cfg.SMPP.Window,
		CallTimeout: callTimeout, Zone: zone, Handler: in.SMPPHandler(smsRoute), Clock: n.clock, Logger: n.log,
		OnLate: func(r smpp.Result) { late(r.Answer) },
	}
	if n.cfg.SMPP.TLS {
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return smpp.NewClient(cfg)
}

// twoWay says whether recipients of a Viber service may answer.
func (n *Node) twoWay(account string, service int64) bool {
	for _, s := range n.view.SendersByServiceID(service) {
		if s.Account == account && s.TwoWay {
			return true
		}
	}
	return false
}
