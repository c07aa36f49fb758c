// Package run wires goniec's parts into a running process: configuration,
// secrets, roles, the embedded services of `up`.
package run

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"goniec/eventstore"
)

// Role is a part of goniec that a process may run.
type Role string

// The roles.
const (
	RoleAPI        Role = "api"        // HTTP API and carriers' callbacks
	RoleDecider    Role = "decider"    // decides commands, writes the journal
	RoleDispatcher Role = "dispatcher" // calls carriers, takes SMPP receipts
	RoleProjector  Role = "projector"  // read models in Postgres
	RoleReactor    Role = "reactor"    // webhooks
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{RoleAPI, RoleDecider, RoleDispatcher, RoleProjector, RoleReactor}
}

// Config of a process. Precedence: flags, then environment (GONIEC_KAFKA_BROKERS
// for kafka.brokers), then the file, then the defaults.
type Config struct {
	Roles    []Role         `koanf:"roles"`
	Data     string         `koanf:"data"`     // directory of local state (a cache, except for `up`)
	Secrets  string         `koanf:"secrets"`  // file with the installation's secrets, mode 0600
	Zone     string         `koanf:"zone"`     // billing zone, such as Europe/Warsaw
	Country  string         `koanf:"country"`  // of numbers in national form
	LogLevel string         `koanf:"loglevel"` // debug, info, warn, error
	HTTP     HTTPConfig     `koanf:"http"`
	Probes   ProbesConfig   `koanf:"probes"`
	Kafka    KafkaConfig    `koanf:"kafka"`
	Postgres PostgresConfig `koanf:"postgres"`
	Decider  DeciderConfig  `koanf:"decider"`
	Billing  BillingConfig  `koanf:"billing"`
	Viber    ViberConfig    `koanf:"viber"`
	SMPP     SMPPConfig     `koanf:"smpp"`
	Webhooks WebhooksConfig `koanf:"webhooks"`
	Mail     MailConfig     `koanf:"mail"`
	Audit    AuditConfig    `koanf:"audit"`
}

// HTTPConfig of the API.
type HTTPConfig struct {
	Addr           string `koanf:"addr"`
	RequestsPerSec int    `koanf:"requests"` // of an account without a limit of its own
}

// ProbesConfig of a process without the role api, whose port answers /healthz,
// /readyz and /metrics too.
type ProbesConfig struct {
	Addr string `koanf:"addr"` // "" = not served
}

// KafkaConfig says where the cluster is and how the topics are laid out.
type KafkaConfig struct {
	Brokers        []string      `koanf:"brokers"`
	Prefix         string        `koanf:"prefix"`
	Partitions     int32         `koanf:"partitions"`  // chosen once for an installation
	Replication    int16         `koanf:"replication"` // 3 in production
	MinInsync      int           `koanf:"mininsync"`   // 2 in production
	TLS            bool          `koanf:"tls"`
	CA             string        `koanf:"ca"` // PEM file; empty = the system's
	User           string        `koanf:"user"`
	PasswordFile   string        `koanf:"passwordfile"`
	SessionTimeout time.Duration `koanf:"sessiontimeout"`
}

// PostgresConfig of the read models.
type PostgresConfig struct {
	URL     string `koanf:"url"`
	URLFile string `koanf:"urlfile"` // a file that holds the URL, since it may hold a password
}

// DeciderConfig of the role decider.
type DeciderConfig struct {
	Standby   int           `koanf:"standby"`   // copies kept of partitions that others own, at most; -1 = of all
	StatePass time.Duration `koanf:"statepass"` // how often what has changed is written to the state topic
	// SessionTimeout is how long a decider may be silent until others take its partitions over.
	SessionTimeout time.Duration `koanf:"sessiontimeout"`
}

// BillingConfig is the same for all deciders of an installation.
type BillingConfig struct {
	Grace time.Duration `koanf:"grace"` // how long after its end a month is sealed (rules.md F4); 0 = none ever is
}

// maxGrace bounds BillingConfig.Grace: a month is sealed before the next one ends.
const maxGrace = 28 * 24 * time.Hour

// ViberConfig of the route "viber".
type ViberConfig struct {
	URL               string `koanf:"url"`
	Rate              int    `koanf:"rate"`              // calls a second over all processes; 0 = no limit
	InFlight          int    `koanf:"inflight"`          // calls under way at a time, per process
	CallbackTokenFile string `koanf:"callbacktokenfile"` // when set, callbacks must carry it as ?token=
}

// SMPPConfig of the route "sms".
type SMPPConfig struct {
	Addr         string `koanf:"addr"`
	SystemID     string `koanf:"systemid"`
	PasswordFile string `koanf:"passwordfile"`
	TLS          bool   `koanf:"tls"`
	Zone         string `koanf:"zone"` // of the dates in the SMSC's receipts
	Window       int    `koanf:"window"`
	Rate         int    `koanf:"rate"`
}

// WebhooksConfig of the clients' endpoints.
type WebhooksConfig struct {
	AllowLoopback bool `koanf:"allowloopback"` // this machine may be called: for trials
	AllowHTTP     bool `koanf:"allowhttp"`     // http may be called everywhere
}

// MailConfig of the notices to clients (rules.md B8).
type MailConfig struct {
	Addr         string `koanf:"addr"` // host:port of the server that takes mails; "" = no notices go out
	TLS          bool   `koanf:"tls"`  // STARTTLS; at port 465 TLS from the beginning
	From         string `koanf:"from"` // the address that notices come from
	User         string `koanf:"user"`
	PasswordFile string `koanf:"passwordfile"`
}

// AuditConfig of the checkpoints that a process of the role reactor makes. One process is enough.
type AuditConfig struct {
	KeyFile    string        `koanf:"keyfile"`    // of `goniec audit keygen`; "" = no checkpoints are made
	Dir        string        `koanf:"dir"`        // where they are kept; "" = checkpoints in the data directory
	Every      time.Duration `koanf:"every"`      // how often one is made
	MailTo     string        `koanf:"mailto"`     // whom they are sent to; "" = nobody
	URL        string        `koanf:"url"`        // that is called with each (Standard Webhooks); "" = none
	SecretFile string        `koanf:"secretfile"` // of the calls' signatures
}

// minEvery bounds AuditConfig.Every.
const minEvery = 10 * time.Second

// Checkpoints is the directory that holds them.
func (c Config) Checkpoints() string {
	if c.Audit.Dir != "" {
		return c.Audit.Dir
	}
	return c.StateDir(CheckpointsName)
}

// Defaults returns the configuration before any file, variable or flag.
func Defaults() Config {
	return Config{
		Roles: Roles(), Data: "goniec-data", Zone: "Europe/Warsaw", Country: "PL", LogLevel: "info",
		HTTP:    HTTPConfig{Addr: "127.0.0.1:8080", RequestsPerSec: 1000},
		Probes:  ProbesConfig{Addr: "127.0.0.1:8081"},
		Kafka:   KafkaConfig{Prefix: "goniec.", Partitions: 12, Replication: 3, MinInsync: 2, SessionTimeout: 10 * time.Second},
		Decider: DeciderConfig{Standby: -1, StatePass: 3 * time.Minute, SessionTimeout: 6 * time.Second},
		Billing: BillingConfig{Grace: 72 * time.Hour},
		Viber:   ViberConfig{InFlight: 256},
		SMPP:    SMPPConfig{Window: 64, SystemID: "goniec", Zone: "UTC"},
		Mail:    MailConfig{TLS: true},
		Audit:   AuditConfig{Every: 10 * time.Minute},
	}
}

// Load reads path (when not empty) and the environment over base.
func Load(base Config, path string) (Config, error) {
	k := koanf.New(".")
	if err := k.Load(structs.Provider(base, "koanf"), nil); err != nil {
		return base, fmt.Errorf("configuration: %w", err)
	}
	known := k.All()
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return base, fmt.Errorf("configuration file: %w", err)
		}
	}
	err := k.Load(env.Provider(".", env.Opt{Prefix: "GONIEC_", TransformFunc: fromEnv}), nil)
	if err != nil {
		return base, fmt.Errorf("environment: %w", err)
	}
	var unknown []error
	for key := range k.All() {
		if _, ok := known[key]; !ok && !ignoredKeys[key] {
			unknown = append(unknown, fmt.Errorf("%s: unknown setting", key))
		}
	}
	if len(unknown) > 0 {
		return base, errors.Join(unknown...)
	}
	var out Config
	if err := k.Unmarshal("", &out); err != nil {
		return base, fmt.Errorf("configuration: %w", err)
	}
	return out, nil
}

// ignoredKeys are variables of the same prefix that are no settings of a process.
var ignoredKeys = map[string]bool{"config": true, "api.key": true, "api.keyfile": true, "api.url": true, "clock.offset": true, "postgres.bin": true, "update": true}

func fromEnv(k, v string) (string, any) {
	key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(k, "GONIEC_"), "_", "."))
	if strings.HasPrefix(key, "test.") {
		return "", nil
	}
	if key == "roles" || key == "kafka.brokers" {
		return key, strings.Split(v, ",")
	}
	return key, v
}

// Has says whether the process runs the role.
func (c Config) Has(r Role) bool { return slices.Contains(c.Roles, r) }

// Validate joins all faults, each with the path of its field.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, field, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: %s", field, what))
		}
	}
	check(len(c.Roles) > 0, "roles", "at least one is required")
	for _, r := range c.Roles {
		check(slices.Contains(Roles(), r), "roles", fmt.Sprintf("%q is not one of %v", r, Roles()))
	}
	check(len(c.Kafka.Brokers) > 0, "kafka.brokers", "at least one host:port is required")
	check(c.Kafka.Partitions >= 1 && c.Kafka.Partitions <= 1024, "kafka.partitions", "must be from 1 to 1024")
	check(c.Kafka.Replication >= 1, "kafka.replication", "must be at least 1")
	check(c.Kafka.MinInsync >= 1 && c.Kafka.MinInsync <= int(c.Kafka.Replication), "kafka.mininsync", "must be from 1 to kafka.replication")
	check(c.Decider.Standby >= -1, "decider.standby", "must be a number of partitions, or -1 for all")
	check(c.Decider.StatePass >= time.Second, "decider.statepass", "must be at least 1s")
	check(c.Decider.SessionTimeout >= time.Second, "decider.sessiontimeout", "must be at least 1s")
	check(c.Billing.Grace >= 0 && c.Billing.Grace <= maxGrace, "billing.grace", "must be from 0 to 672h")
	check(c.Secrets != "", "secrets", "the file with the installation's secrets is required")
	check(c.Data != "", "data", "a directory is required")
	_, err := time.LoadLocation(c.Zone)
	check(err == nil, "zone", "is not a time zone")
	_, err = time.LoadLocation(c.SMPP.Zone)
	check(err == nil, "smpp.zone", "is not a time zone")
	check(len(c.Country) == 2, "country", "must be two letters")
	check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "loglevel", "must be debug, info, warn or error")
	if c.Has(RoleAPI) || c.Has(RoleProjector) || c.Has(RoleReactor) {
		check(c.Postgres.URL != "" || c.Postgres.URLFile != "", "postgres.url", "is required by the roles api, projector and reactor")
	}
	check(c.Mail.Addr == "" || c.Mail.From != "", "mail.from", "is required with mail.addr")
	check(c.Audit.Every >= minEvery, "audit.every", "must be at least 10s")
	check(c.Audit.MailTo == "" || c.Mail.Addr != "", "mail.addr", "is required with audit.mailto")
	check(c.Audit.URL == "" || c.Audit.SecretFile != "", "audit.secretfile", "is required with audit.url")
	check(c.Audit.KeyFile != "" || c.Audit.MailTo == "" && c.Audit.URL == "", "audit.keyfile", "is required with audit.mailto and audit.url")
	if c.Has(RoleDispatcher) {
		check(c.Viber.URL != "", "viber.url", "is required by the role dispatcher")
		check(c.SMPP.Addr != "", "smpp.addr", "is required by the role dispatcher")
	}
	return errors.Join(errs...)
}

// copies is Standby with "all" as a number.
func (c DeciderConfig) copies(partitions int32) int {
	if c.Standby < 0 {
		return int(partitions)
	}
	return c.Standby
}

// StateDir is where a role keeps local state.
func (c Config) StateDir(name string) string { return filepath.Join(c.Data, name) }

// Store returns the event store's view of the configuration.
func (c KafkaConfig) Store() (eventstore.KafkaConfig, error) {
	out := eventstore.KafkaConfig{Brokers: c.Brokers, Prefix: c.Prefix, SASLUser: c.User, SessionTimeout: c.SessionTimeout}
	if c.TLS {
		out.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if c.CA != "" {
			pem, err := os.ReadFile(c.CA)
			if err != nil {
				return out, fmt.Errorf("kafka.ca: %w", err)
			}
			out.TLS.RootCAs = x509.NewCertPool()
			if !out.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return out, errors.New("kafka.ca: no certificate in the file")
			}
		}
	}
	pass, err := readSecret(c.PasswordFile)
	if err != nil {
		return out, fmt.Errorf("kafka.passwordfile: %w", err)
	}
	out.SASLPass = pass
	return out, nil
}

// Layout of the topics.
func (c KafkaConfig) Layout() eventstore.Layout {
	return eventstore.Layout{Partitions: c.Partitions, ReplicationFactor: c.Replication, MinInsync: c.MinInsync}
}

// ReadURL returns the Postgres URL, from the file if one is named.
func (c PostgresConfig) ReadURL() (string, error) {
	if c.URLFile == "" {
		return c.URL, nil
	}
	url, err := readSecret(c.URLFile)
	if err != nil {
		return "", fmt.Errorf("postgres.urlfile: %w", err)
	}
	return url, nil
}

func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}
