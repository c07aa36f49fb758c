package partition

// KeysDestroyed: the day keys of a partition of the topic `keys` whose day is over were
// destroyed, and with them all that they sealed: retention has ended, whatever copies there are.
type KeysDestroyed struct {
	Through string `json:"through"` // the last of their days, in UTC: "2026-11-28"
	Keys    int    `json:"keys"`    // how many were destroyed
}

// TypeKeysDestroyed is the type of KeysDestroyed.
const TypeKeysDestroyed = "goniec.partition.keys_destroyed.v1"

func (KeysDestroyed) EventType() string { return TypeKeysDestroyed }

func (KeysDestroyed) partition() {}
