//go:build goniec_next

package catalog

import "goniec/domain/partition"

// Noted is an event that only the test of a rolling upgrade writes: its second
// build is made with the tag goniec_next, and the first does not know the type.
type Noted struct{ partition.Owned }

// EventType implements domain.Event.
func (Noted) EventType() string { return "goniec.partition.noted.v1" }

func init() { decoders[Noted{}.EventType()] = as[Noted] }
