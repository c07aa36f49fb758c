package message

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"goniec/domain"
)

// IndexKeys returns the keys under which s must be found, sorted, without
// repeats. They change with the state; the difference between two states is
// what an index has to write.
//
//	cid/<route>/<carrier id>            an attempt has that id (normalised): its reports
//	num/<number>                        an attempt is in flight or in doubt: reports without known id
//	rcp/<recipient>                     the outcome may still change by sending: opt-outs
//	held/<lane>/<switch>/<µs>           the step waits for a switch: lane 0 is urgent, 1 bulk, with 20 digits of Unix µs
//	last/<number>/<channel>/<id>/<µs>   the newest taken attempt on a channel, with Viber's service id or the
//	                                    SMS sender and 20 digits of Unix µs: the message that a reply belongs to (D9)
func IndexKeys(s State) []string {
	var keys []string
	newest := map[domain.Channel]string{}
	for _, a := range s.Attempts {
		for _, id := range a.CarrierIDs {
			keys = append(keys, CarrierKey(a.Route, id))
		}
		if a.Status == AttemptInFlight || a.doubtful() {
			keys = append(keys, NumberKey(s.Accepted.Number))
		}
		switch a.Status {
		case AttemptTaken, AttemptArrived, AttemptDied:
			newest[a.Channel] = LastPrefix(s.Accepted.Number, a.Channel, a.serviceKey()) + fmt.Sprintf("%020d", a.Started.UnixMicro())
		case AttemptInFlight, AttemptLost, AttemptRejected, AttemptUnsent:
		}
	}
	for _, key := range newest {
		keys = append(keys, key)
	}
	if s.Status != none && !s.Ended() {
		keys = append(keys, RecipientKey(s.Accepted.Recipient))
	}
	if s.Hold != "" {
		keys = append(keys, HeldPrefix(s.Urgent())+s.Hold+"/"+fmt.Sprintf("%020d", s.HeldAt.UnixMicro()))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// CarrierKey is the index key of a carrier's id on a route.
func CarrierKey(route, carrierID string) string {
	return "cid/" + route + "/" + NormaliseCarrierID(carrierID)
}

// NumberKey is the index key of open attempts to a number.
func NumberKey(number string) string { return "num/" + number }

// RecipientKey is the index key of a recipient's live messages.
func RecipientKey(recipient string) string { return "rcp/" + recipient }

// HeldPrefix begins the index keys of a lane's messages that wait for a switch (D17).
func HeldPrefix(urgent bool) string {
	if urgent {
		return "held/0/"
	}
	return "held/1/"
}

// LastPrefix begins the index keys of taken attempts to a number; they sort by
// time. Service is Viber's service id in decimal, or the SMS sender.
func LastPrefix(number string, ch domain.Channel, service string) string {
	return "last/" + number + "/" + string(ch) + "/" + service + "/"
}

func (a Attempt) serviceKey() string {
	if a.Channel == domain.Viber {
		return strconv.FormatInt(a.ServiceID, 10)
	}
	return a.From
}

// NormaliseCarrierID returns id as it is compared: carriers change the case of
// hexadecimal ids and drop leading zeros between answer and report. It is
// idempotent; an id of zeros alone becomes "0".
func NormaliseCarrierID(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	rest := strings.TrimLeftFunc(id, func(r rune) bool { return r == '0' || unicode.IsSpace(r) })
	if rest != "" || id == "" {
		return rest
	}
	return "0"
}
