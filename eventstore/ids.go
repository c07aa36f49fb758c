package eventstore

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// Partition is a partition number, the same on every topic of an installation.
type Partition = int32

// Partitioner answers which partition a key lies in. N is chosen once for an installation.
type Partitioner struct{ N int32 }

// Of returns murmur2(key) mod N, as Kafka's Java client counts it.
func (p Partitioner) Of(key []byte) Partition {
	return int32(murmur2(key)&0x7fffffff) % p.N
}

// NewID returns a random UUIDv8 that carries its partition in the first 16 bits.
func NewID(p Partition) uuid.UUID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return stamp(b, p)
}

// DerivedID returns the UUIDv8 of partition p that belongs to sum (at least 16
// bytes of a hash or HMAC): the same sum gives the same id.
func DerivedID(p Partition, sum []byte) uuid.UUID {
	var b [16]byte
	copy(b[:], sum)
	return stamp(b, p)
}

// PartitionOf reads the partition out of an id made by NewID or DerivedID.
func PartitionOf(id uuid.UUID) Partition {
	return int32(binary.BigEndian.Uint16(id[:2]))
}

func stamp(b [16]byte, p Partition) uuid.UUID {
	binary.BigEndian.PutUint16(b[:2], uint16(p)) // partitions are < 65,536, checked where N is configured
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return b
}

// ParseID parses an id of 36 characters and checks that its partition exists.
// Hex digits may be capital: use the id that is returned, not s, as a name.
func (p Partitioner) ParseID(s string) (uuid.UUID, Partition, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return uuid.Nil, 0, fmt.Errorf("not a UUID of 36 characters")
	}
	part := PartitionOf(id)
	if part >= p.N {
		return uuid.Nil, 0, fmt.Errorf("id of an unknown partition")
	}
	return id, part, nil
}

// Secrets key the identities of an installation. They are never rotated: the
// run book on a lost partition secret says why. 32 random bytes each.
type Secrets struct {
	Partition []byte // keys numbers: where they lie and how they are compared
	Recipient []byte // keys (account, number) to recipient ids
	Digest    []byte // keys digests of contents and requests
}

// NumberKey is the keyed hash of an E.164 number: 32 hex digits. It stands for
// the number in the journal and decides its partition.
func (s Secrets) NumberKey(e164 string) string {
	return hex.EncodeToString(mac(s.Partition, []byte(e164))[:16])
}

// RecipientID is who a number is for one account.
func (s Secrets) RecipientID(p Partition, account, e164 string) uuid.UUID {
	return DerivedID(p, mac(s.Recipient, []byte(account), []byte(e164)))
}

// IdempotentMessageID is the message id of a request with an Idempotency-Key:
// the same (account, key, number, client_ref) always names the same message.
func (s Secrets) IdempotentMessageID(p Partition, account, key, e164, clientRef string) uuid.UUID {
	return DerivedID(p, mac(s.Recipient, []byte("message"), []byte(account), []byte(key), []byte(e164), []byte(clientRef)))
}

// ContentDigest is a keyed digest, so that nobody can guess a text from it,
// yet a text presented later can be proven to be the one that was sent.
func (s Secrets) ContentDigest(parts ...string) string {
	bs := make([][]byte, len(parts))
	for i, p := range parts {
		bs[i] = []byte(p)
	}
	return hex.EncodeToString(mac(s.Digest, bs...))
}

// mac is HMAC-SHA256 over the length-prefixed parts.
func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	var n [4]byte
	for _, p := range parts {
		binary.BigEndian.PutUint32(n[:], uint32(len(p))) // inputs are bounded far below 4 GiB
		h.Write(n[:])
		h.Write(p)
	}
	return h.Sum(nil)
}

// murmur2 is the hash of Kafka's default partitioner (seed 0x9747b28c).
func murmur2(data []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := uint32(0x9747b28c) ^ uint32(len(data)) // see mac
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> r
		h = h*m ^ k*m
		data = data[4:]
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// NumberPartition returns the keyed hash of an E.164 number and the partition
// in which everything about that number lies: its messages, reports, opt-outs.
func NumberPartition(s Secrets, part Partitioner, e164 string) (key string, p Partition) {
	key = s.NumberKey(e164)
	return key, part.Of([]byte(key))
}

// FactID names an outside fact of partition p by what identifies it there, keyed,
// since parts may be personal: a carrier that says the same again gets the same id.
func (s Secrets) FactID(p Partition, parts ...string) uuid.UUID {
	bs := [][]byte{[]byte("fact")}
	for _, part := range parts {
		bs = append(bs, []byte(part))
	}
	return DerivedID(p, mac(s.Digest, bs...))
}
