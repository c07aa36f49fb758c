package run

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/IBM/sarama"

	"goniec/domain/account"
	"goniec/domain/catalog"
	"goniec/domain/partition"
	"goniec/eventstore"
)

// AddSealKey adds an installation key to the secrets file and names it. Nothing
// seals with it before UseSealKey: every process has to know it first.
func AddSealKey(path string) (name string, err error) {
	s, err := ReadSecrets(path)
	if err != nil {
		return "", err
	}
	last := 0
	for k := range s.Seal.Keys {
		if n, err := strconv.Atoi(k); err == nil {
			last = max(last, n)
		}
	}
	name = strconv.Itoa(last + 1)
	s.Seal.Keys[name] = random32()
	return name, writePrivate(path, s)
}

// ErrNoSuchKey says that the secrets file holds no key of that name.
var ErrNoSuchKey = errors.New("the secrets file holds no such key")

// UseSealKey makes a key of the secrets file the one that seals. Idempotent.
func UseSealKey(path, name string) error {
	s, err := ReadSecrets(path)
	if err != nil {
		return err
	}
	if _, ok := s.Seal.Keys[name]; !ok {
		return ErrNoSuchKey
	}
	s.Seal.Primary = name
	return writePrivate(path, s)
}

// SealUsage counts what an installation key still opens.
type SealUsage struct {
	DayKeys int `json:"day_keys"` // that open contents
	Secrets int `json:"webhook_secrets"`
	Parked  int `json:"parked"` // commands, also those that were released since

	Acceptances int `json:"acceptances"` // addresses that regulations were accepted from
}

// SealUsages reads the topics and counts, by key. It takes as long as the journal is.
func SealUsages(ctx context.Context, client sarama.Client, topics eventstore.Topics, n int32) (map[string]SealUsage, error) {
	c := &sealCounter{dayKeys: map[string]string{}, secrets: map[string]string{}, usage: map[string]SealUsage{}}
	for _, r := range []struct {
		topic string
		take  func(*eventstore.Record) error
	}{{eventstore.Keys, c.key}, {eventstore.Accounts, c.event}, {eventstore.Messages, c.event}} {
		for p := range n {
			if _, err := eventstore.ReadAll(ctx, client, topics.Name(r.topic), p, r.take); err != nil {
				return nil, fmt.Errorf("read %s: %w", r.topic, err)
			}
		}
	}
	for _, key := range c.dayKeys {
		u := c.usage[key]
		u.DayKeys++
		c.usage[key] = u
	}
	for _, key := range c.secrets {
		u := c.usage[key]
		u.Secrets++
		c.usage[key] = u
	}
	return c.usage, nil
}

// sealCounter notes which key sealed what.
type sealCounter struct {
	dayKeys map[string]string // day key → installation key
	secrets map[string]string // endpoint → installation key
	usage   map[string]SealUsage
}

func (c *sealCounter) key(r *eventstore.Record) error {
	if r.Value == nil {
		delete(c.dayKeys, string(r.Key))
	} else {
		c.dayKeys[string(r.Key)] = eventstore.SealedBy(r.Value)
	}
	return nil
}

func (c *sealCounter) event(r *eventstore.Record) error {
	ev, err := eventstore.ParseEvent(r)
	if err != nil {
		return err
	}
	switch ev.Type {
	case account.TypeEndpointAdded, account.TypeEndpointRemoved, account.TypeRegulationsAccepted, partition.TypeParked:
	default:
		return nil
	}
	e, err := catalog.Decode(ev.Type, ev.Data)
	if err != nil {
		return err
	}
	switch e := e.(type) {
	case account.EndpointAdded:
		b, _ := base64.StdEncoding.DecodeString(e.Secret) // unreadable = sealed by no key
		c.secrets[e.Endpoint] = eventstore.SealedBy(b)
	case account.EndpointRemoved:
		delete(c.secrets, e.Endpoint)
	case account.RegulationsAccepted:
		b, _ := base64.StdEncoding.DecodeString(e.Address) // see above
		key := eventstore.SealedBy(b)
		u := c.usage[key]
		u.Acceptances++
		c.usage[key] = u
	case partition.Parked:
		if key := eventstore.SealedBy(e.Sealed); key != "" {
			u := c.usage[key]
			u.Parked++
			c.usage[key] = u
		}
	}
	return nil
}
