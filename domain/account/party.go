package account

import (
	"goniec/domain"
	"goniec/domain/billing"
)

// SetParty says whom the account's months are invoiced to (rules.md F9), as a whole.
// The same again changes nothing.
type SetParty struct {
	Party billing.Party `json:"party"`
}

// PartySet: months that are closed from now on are invoiced to this party.
type PartySet struct {
	Party billing.Party `json:"party"` // whom the account's months are invoiced to from now on, as a whole (F9)
}

// The types of billing parties.
const (
	CommandSetParty = "account.set_party.v1"
	TypePartySet    = "goniec.account.party_set.v1"
)

func (SetParty) CommandType() string { return CommandSetParty }
func (SetParty) command()            {}
func (PartySet) EventType() string   { return TypePartySet }
func (PartySet) account()            {}

func setParty(s State, c SetParty) ([]Event, error) {
	if StreamID(s.Stream) == Installation {
		return nil, domain.RefuseField(CodeInvalidValue, "account", "the installation is not invoiced")
	}
	party, err := c.Party.Normal()
	if err != nil || party == s.Account.Party {
		return nil, err
	}
	return []Event{PartySet{Party: party}}, nil
}
