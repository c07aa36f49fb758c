package run

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"goniec/eventstore"
	"goniec/internal/wholefile"
)

// Secrets of an installation, as they lie in the secrets file. Losing the
// partition or recipient key, or letting them out, is what the run book on a
// lost partition secret is about; the sealing keys may be rotated.
type Secrets struct {
	Installation string                      `json:"installation"`
	Partition    []byte                      `json:"partition"`
	Recipient    []byte                      `json:"recipient"`
	Digest       []byte                      `json:"digest"`
	Seal         eventstore.InstallationKeys `json:"seal"`
}

// NewSecrets makes the secrets of a new installation.
func NewSecrets() Secrets {
	return Secrets{
		Installation: uuid.NewString(), Partition: random32(), Recipient: random32(), Digest: random32(),
		Seal: eventstore.InstallationKeys{Primary: "1", Keys: map[string][]byte{"1": random32()}},
	}
}

func random32() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}

// Keys returns what identities are keyed with.
func (s Secrets) Keys() eventstore.Secrets {
	return eventstore.Secrets{Partition: s.Partition, Recipient: s.Recipient, Digest: s.Digest}
}

func (s Secrets) validate() error {
	var errs []error
	check := func(ok bool, field string) {
		if !ok {
			errs = append(errs, fmt.Errorf("secrets file: %s is missing or not 32 bytes", field))
		}
	}
	check(s.Installation != "", "installation")
	check(len(s.Partition) == 32, "partition")
	check(len(s.Recipient) == 32, "recipient")
	check(len(s.Digest) == 32, "digest")
	check(len(s.Seal.Keys[s.Seal.Primary]) == 32, "seal.primary")
	for _, k := range s.Seal.Keys {
		check(len(k) == 32, "seal.keys")
	}
	return errors.Join(errs...)
}

// ReadSecrets reads the secrets file. Others than its owner must not be able to read it.
func ReadSecrets(path string) (Secrets, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secrets{}, fmt.Errorf("secrets file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Secrets{}, fmt.Errorf("secrets file %s: others can read it: chmod 600", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Secrets{}, fmt.Errorf("secrets file: %w", err)
	}
	var s Secrets
	if err := json.Unmarshal(b, &s); err != nil {
		return Secrets{}, errors.New("secrets file: not readable as JSON")
	}
	return s, s.validate()
}

// EnsureSecrets reads the secrets file, making one when there is none.
func EnsureSecrets(path string) (Secrets, error) {
	if _, err := os.Stat(path); err == nil {
		return ReadSecrets(path)
	}
	s := NewSecrets()
	return s, writePrivate(path, s)
}

// writePrivate writes v as JSON into a file that only its owner reads, in one piece.
func writePrivate(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(path, append(b, '\n'))
}
