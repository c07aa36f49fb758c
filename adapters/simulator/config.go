package simulator

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"goniec/adapters/smpp"
	"goniec/domain"
)

// Config of a Simulator.
type Config struct {
	// Addr is where the Viber service, the log and the page listen. Default "127.0.0.1:0".
	Addr string
	// SMPPAddr is where the SMSC listens. Default "127.0.0.1:0".
	SMPPAddr string
	// Auth judges an SMPP bind. Default: everybody may bind.
	Auth func(systemID, password string) smpp.Status
	// Dir holds the log ("carrier.ndjson"). Empty: a temporary file that goes with the Simulator.
	Dir string
	// SyncLog answers a submit only after it is on the disk. Otherwise the log is
	// written within some milliseconds and survives a killed process, except for those.
	SyncLog bool
	// Clock dates everything and decides when reports are due. Default: the machine's.
	Clock domain.Clock
	// CallbackURL takes the reports, unless the service has its own. It may be set
	// later with SetCallback; until then reports wait.
	CallbackURL string
	// Services are the senders, by id. Unknown ids are served too, unless StrictServices.
	Services []Service
	// StrictServices answers status 2 to an unknown service id.
	StrictServices bool
	// Delays of what the carriers do.
	Delays Delays
	// Workers bounds the callbacks under way at a time. Default 64.
	Workers int
	// CallTimeout bounds a callback, in real time. Default 10 s.
	CallTimeout time.Duration
	// RetryMax is the longest pause between two tries of a callback, in real time. Default 5 s.
	RetryMax time.Duration
	// GiveUpAfter is how long a callback is tried, in real time. Default 24 h.
	GiveUpAfter time.Duration
	// Hold is how long a connection without an answer is kept open, in real time. Default 30 s.
	Hold time.Duration
	// Phones bounds the numbers that the page remembers. Default 5000.
	Phones int
	// Hosts are names under which the page and the log may be asked for, besides
	// IP addresses and names without a dot: a page elsewhere must not read them
	// by way of a name that it lets point here. This option is not required.
	Hosts []string
	// Logger of the process; it never gets a number or a text. Default slog.Default().
	Logger *slog.Logger
}

// Service is a Viber sender.
type Service struct {
	ID          int64
	Name        string // what the phone shows
	CallbackURL string // This option is not required.
}

// Delays are the durations that the scripts are made of, in domain time.
type Delays struct {
	Deliver time.Duration // from the submit to the phone, on Viber. Default 300 ms
	Seen    time.Duration // from the phone to its owner's eye. Default 700 ms
	SMS     time.Duration //nolint:staticcheck // ST1011: SMS is no unit of time
	// from the submit to the phone, by SMS. Default 500 ms
	Reply    time.Duration // from the phone to the answer, or to a (un)subscription. Default 500 ms
	Gap      time.Duration // between repeated reports. Default 100 ms
	Margin   time.Duration // the "1 s" before or after the deadline. Default 1 s
	Validity time.Duration // the validity period that the scripts assume. Default 15 s
	Answer   time.Duration // real time from a submit to its answer. Default 0
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c *Config) setDefaults() {
	setDefault(&c.Addr, "127.0.0.1:0")
	setDefault(&c.SMPPAddr, "127.0.0.1:0")
	if c.Clock == nil {
		c.Clock = domain.SystemClock
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	setDefault(&c.Workers, 64)
	setDefault(&c.CallTimeout, 10*time.Second)
	setDefault(&c.RetryMax, 5*time.Second)
	setDefault(&c.GiveUpAfter, 24*time.Hour)
	setDefault(&c.Hold, 30*time.Second)
	setDefault(&c.Phones, 5000)
	c.Delays.setDefaults()
}

func (d *Delays) setDefaults() {
	setDefault(&d.Deliver, 300*time.Millisecond)
	setDefault(&d.Seen, 700*time.Millisecond)
	setDefault(&d.SMS, 500*time.Millisecond)
	setDefault(&d.Reply, 500*time.Millisecond)
	setDefault(&d.Gap, 100*time.Millisecond)
	setDefault(&d.Margin, time.Second)
	setDefault(&d.Validity, 15*time.Second)
}

// Validate names every fault of the configuration.
func (c Config) Validate() error {
	var faults []error
	if c.CallbackURL != "" && !validURL(c.CallbackURL) {
		faults = append(faults, errors.New("simulator.callback_url: must be an http or https address"))
	}
	for i, s := range c.Services {
		if s.ID <= 0 || (s.CallbackURL != "" && !validURL(s.CallbackURL)) {
			faults = append(faults, fmt.Errorf("simulator.services[%d]: needs a positive id and, if any, an http or https callback", i))
		}
	}
	d := c.Delays
	if min(d.Deliver, d.Seen, d.SMS, d.Reply, d.Gap, d.Margin, d.Validity, d.Answer) < 0 {
		faults = append(faults, errors.New("simulator.delays: must not be negative"))
	}
	if c.Workers < 0 || c.Phones < 0 || min(c.CallTimeout, c.RetryMax, c.GiveUpAfter, c.Hold) < 0 {
		faults = append(faults, errors.New("simulator: workers, phones and durations must not be negative"))
	}
	return errors.Join(faults...)
}

func validURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
