package account

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// Installation is the account without a client: operators' keys and the
// default price list belong to it.
const Installation = "00000000-0000-0000-0000-000000000000"

// DefaultPrices names the price list that holds where an account's own has no row.
const DefaultPrices = "default"

const (
	accountPrefix = "account/"
	senderPrefix  = "sender/"
	pricesPrefix  = "prices/"
	pausePrefix   = "pause/"
)

// AccountStream names the stream of an account, its keys and endpoints.
func AccountStream(account string) string { return accountPrefix + account }

// SenderStream names the stream of a configuration by its id.
func SenderStream(id string) string { return senderPrefix + id }

// PricesStream names the stream of a price list: an account's id or DefaultPrices.
func PricesStream(list string) string { return pricesPrefix + list }

// SenderID derives a configuration's id from what makes it unique (B9), so that
// a second one of the same account, name and country meets the first one's
// stream and is refused there, however the commands race.
func SenderID(account, name, country string) string {
	h := sha256.New()
	for _, part := range []string{"goniec.sender", account, name, country} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash never fails
		h.Write([]byte(part))
	}
	var id uuid.UUID
	copy(id[:], h.Sum(nil))
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// HashKey returns what stands for an API key in the journal and in the view:
// its SHA-256 in hex. A key has 256 random bits, so a plain hash suffices.
func HashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// StreamID returns the part of a stream's name after the kind, or "".
func StreamID(stream string) string {
	_, id, _ := strings.Cut(stream, "/")
	return id
}
