package eventstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// Content is what a person reads and where it goes. It lies only sealed, in the
// topic `contents`, under a key of its own.
type Content struct {
	To         string `json:"to"` // E.164, with +
	Text       string `json:"text"`
	ImageURL   string `json:"image_url,omitempty"`
	ButtonText string `json:"button_text,omitempty"`
	ButtonURL  string `json:"button_url,omitempty"`
	SMSText    string `json:"sms_text,omitempty"` // final, as it is sent
}

// InstallationKeys wrap all other keys. Primary seals, every one opens: a new
// primary is how they rotate. 32 bytes each.
type InstallationKeys struct {
	Primary string            `json:"primary"`
	Keys    map[string][]byte `json:"keys"`
}

// sealed is the wire form of everything sealed: the name of the key, then nonce
// and ciphertext.
type sealed struct {
	Key  string `json:"k"`
	Data []byte `json:"d"`
}

// Seal encrypts plain under the primary key; context binds the result to its
// place (it must be given again to Open).
func (ik InstallationKeys) Seal(plain []byte, context string) ([]byte, error) {
	ct, err := encrypt(ik.Keys[ik.Primary], plain, context)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed{Key: ik.Primary, Data: ct})
}

// Open decrypts what Seal made.
func (ik InstallationKeys) Open(b []byte, context string) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, errors.New("sealed value is not readable")
	}
	key, ok := ik.Keys[s.Key]
	if !ok {
		return nil, fmt.Errorf("installation key %q: %w", s.Key, ErrKeyGone)
	}
	return decrypt(key, s.Data, context)
}

func encrypt(key, plain []byte, context string) ([]byte, error) {
	a, err := subtle.NewAESGCM(key)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	return a.Encrypt(plain, []byte(context))
}

func decrypt(key, ct []byte, context string) ([]byte, error) {
	a, err := subtle.NewAESGCM(key)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	return a.Decrypt(ct, []byte(context))
}

// ErrKeyGone says that a key was destroyed (its retention is over, or its owner
// was erased) or is not known here: what it sealed cannot be read any more.
var ErrKeyGone = errors.New("sealing key is gone")

// Keyring holds the wrapped day keys of the topic `keys`, and makes new ones. A
// day key belongs to (account, expiry day): destroying it ends the retention of
// a whole day. Safe for concurrent use.
type Keyring struct {
	install  InstallationKeys
	producer Sender
	topic    string
	part     Partitioner

	mu   sync.RWMutex
	keys map[string][]byte // "<account>/<day>/<id>" → unwrapped key
	gone int               // keys destroyed
	mine map[string]string // "<account>/<day>" → name of the key that this process seals with
	make sync.Mutex        // one new key at a time
}

// NewKeyring returns an empty ring; Follow fills it.
func NewKeyring(install InstallationKeys, producer Sender, topics Topics, part Partitioner) *Keyring {
	return &Keyring{
		install: install, producer: producer, topic: topics.Name(Keys), part: part,
		keys: map[string][]byte{}, mine: map[string]string{},
	}
}

// Apply takes a record of the topic `keys`; a tombstone destroys.
func (k *Keyring) Apply(r *Record) error {
	name := string(r.Key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.Value == nil {
		k.forget(name)
		return nil
	}
	key, err := k.install.Open(r.Value, name)
	if err != nil {
		return fmt.Errorf("day key: %w", err)
	}
	k.keys[name] = key
	return nil
}

// Forget drops keys whose tombstones are written, before the topic brings them back.
func (k *Keyring) Forget(names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		k.forget(name)
	}
}

// forget drops a key; the caller holds mu.
func (k *Keyring) forget(name string) {
	if _, had := k.keys[name]; had {
		k.gone++
	}
	delete(k.keys, name)
	for day, mine := range k.mine {
		if mine == name {
			delete(k.mine, day)
		}
	}
}

// sealingKey returns this process's key for account and day, making and
// publishing it when there is none yet.
func (k *Keyring) sealingKey(ctx context.Context, account, day string) (name string, key []byte, err error) {
	slot := account + "/" + day
	if name, key := k.mineFor(slot); key != nil {
		return name, key, nil
	}
	k.make.Lock()
	defer k.make.Unlock()
	if name, key := k.mineFor(slot); key != nil {
		return name, key, nil
	}
	return k.newKey(ctx, slot)
}

func (k *Keyring) mineFor(slot string) (string, []byte) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	name := k.mine[slot]
	return name, k.keys[name]
}

func (k *Keyring) newKey(ctx context.Context, slot string) (string, []byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	name := slot + "/" + uuid.NewString()
	wrapped, err := k.install.Seal(key, name)
	if err != nil {
		return "", nil, err
	}
	msg := &sarama.ProducerMessage{
		Topic: k.topic, Partition: k.part.Of([]byte(name)),
		Key: sarama.StringEncoder(name), Value: sarama.ByteEncoder(wrapped),
	}
	if err := k.producer.Send(ctx, msg); err != nil {
		return "", nil, fmt.Errorf("publish day key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[name], k.mine[slot] = key, name
	return name, key, nil
}

// Destroyed is how many keys it has known and lost.
func (k *Keyring) Destroyed() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.gone
}

// KeyDay is the expiry day ("2026-11-28") that the name of a day key says.
func KeyDay(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return ""
	}
	return parts[1]
}

// Expired returns the names of the keys that lie in partition p of the topic and whose
// day is over at now, sorted.
func (k *Keyring) Expired(p Partition, now time.Time) []string {
	today := now.UTC().Format(time.DateOnly)
	k.mu.RLock()
	defer k.mu.RUnlock()
	var names []string
	for name := range k.keys {
		if day := KeyDay(name); day != "" && day < today && k.part.Of([]byte(name)) == p {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (k *Keyring) openingKey(name string) ([]byte, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.keys[name]
	return key, ok
}

// contentRecord is the value of a record of `contents`.
type contentRecord struct {
	Key     string `json:"k"` // name of the day key
	Wrapped []byte `json:"w"` // the message's own key, wrapped by it
	Sealed  []byte `json:"s"`
}

// InstallationAccount owns day keys of facts that have no account yet, such as
// a reply's text.
const InstallationAccount = "installation"

// Seal encrypts plain under the day key of (account, the UTC day of expires),
// making that key when there is none yet; context binds the result to its place.
// An empty account stands for InstallationAccount.
func (k *Keyring) Seal(ctx context.Context, account string, expires time.Time, plain []byte, context string) ([]byte, error) {
	if account == "" {
		account = InstallationAccount
	}
	name, key, err := k.sealingKey(ctx, account, expires.UTC().Format(time.DateOnly))
	if err != nil {
		return nil, err
	}
	ct, err := encrypt(key, plain, context)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed{Key: name, Data: ct})
}

// Open decrypts what Seal made. ErrKeyGone: its retention is over.
func (k *Keyring) Open(b []byte, context string) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, errors.New("sealed value is not readable")
	}
	key, ok := k.openingKey(s.Key)
	if !ok {
		return nil, ErrKeyGone
	}
	return decrypt(key, s.Data, context)
}

// SealContent returns the record of `contents` for id: its own random key,
// wrapped by the day key of (account, the UTC day of expires).
func (k *Keyring) SealContent(ctx context.Context, id, account string, expires time.Time, c Content) ([]byte, error) {
	name, dayKey, err := k.sealingKey(ctx, account, expires.UTC().Format(time.DateOnly))
	if err != nil {
		return nil, err
	}
	own := make([]byte, 32)
	_, _ = rand.Read(own) // never fails
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, errors.New("content cannot be encoded")
	}
	rec := contentRecord{Key: name}
	if rec.Wrapped, err = encrypt(dayKey, own, id); err != nil {
		return nil, err
	}
	if rec.Sealed, err = encrypt(own, plain, id); err != nil {
		return nil, err
	}
	return json.Marshal(rec)
}

// ContentKeyName names the day key that a record of `contents` is under; "" when it is none.
func ContentKeyName(value []byte) string {
	if name, ok := quickKeyName(value); ok {
		return name
	}
	var rec contentRecord
	if json.Unmarshal(value, &rec) != nil {
		return ""
	}
	return rec.Key
}

// OpenContent reads a record of `contents`. ErrKeyGone: it was erased.
func (k *Keyring) OpenContent(id string, value []byte) (Content, error) {
	var rec contentRecord
	if err := json.Unmarshal(value, &rec); err != nil {
		return Content{}, errors.New("content record is not readable")
	}
	dayKey, ok := k.openingKey(rec.Key)
	if !ok {
		return Content{}, fmt.Errorf("content: %w", ErrKeyGone)
	}
	own, err := decrypt(dayKey, rec.Wrapped, id)
	if err != nil {
		return Content{}, errors.New("content key does not open")
	}
	plain, err := decrypt(own, rec.Sealed, id)
	if err != nil {
		return Content{}, errors.New("content does not open")
	}
	var c Content
	if err := json.Unmarshal(plain, &c); err != nil {
		return Content{}, errors.New("content is not readable")
	}
	return c, nil
}

// SealedBy names the installation key that sealed b; "" when b is not what Seal makes.
func SealedBy(b []byte) string {
	var s sealed
	if err := json.Unmarshal(b, &s); err != nil {
		return ""
	}
	return s.Key
}
