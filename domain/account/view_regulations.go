package account

import (
	"fmt"
	"slices"
	"time"
)

// Regulations is a version of the regulations.
type Regulations struct {
	Version int64
	RegulationsPublished
}

// Acceptance is an account's word on a version; from where stays sealed in the journal.
type Acceptance struct {
	Version int64
	Digest  string // of the text
	Label   string // of who accepted
	At      time.Time
}

func (v *View) applyRegulations(version int64, e Event) {
	if p, ok := e.(RegulationsPublished); ok {
		v.regulations = append(slices.Clip(v.regulations), Regulations{Version: version, RegulationsPublished: p})
	}
}

// Regulations returns all versions, the oldest first.
func (v *View) Regulations() []Regulations {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.regulations
}

// RegulationsAt returns the version in force at t: the last of those that have
// begun. A month's minimum is that of the version in force at its first instant
// (rules.md B12).
func (v *View) RegulationsAt(t time.Time) (Regulations, bool) {
	all := v.Regulations() // in order of ValidFrom too: the decision sees to that
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].ValidFrom.After(t) {
			return all[i], true
		}
	}
	return Regulations{}, false
}

// ComingRegulations returns the version that is the next to begin after t.
func (v *View) ComingRegulations(t time.Time) (Regulations, bool) {
	for _, r := range v.Regulations() {
		if r.ValidFrom.After(t) {
			return v.RegulationsAt(r.ValidFrom) // of two that begin together the later one counts
		}
	}
	return Regulations{}, false
}

// Acceptances returns what an account has accepted, the oldest first.
func (v *View) Acceptances(account string) []Acceptance {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if a, ok := v.accounts[account]; ok {
		return a.accepted
	}
	return nil
}

// Unaccepted is the version in force at t that the account has not accepted; 0 when
// it has, or when none is in force.
func (v *View) Unaccepted(account string, t time.Time) int64 {
	r, ok := v.RegulationsAt(t)
	if !ok || slices.ContainsFunc(v.Acceptances(account), func(a Acceptance) bool { return a.Version == r.Version }) {
		return 0
	}
	return r.Version
}

// MissingRegulations is what Missing would say of the acceptance, which is the
// account's and not the form's (rules.md B1, B5).
func (v *View) MissingRegulations(account string, t time.Time) []Item {
	version := v.Unaccepted(account, t)
	if version == 0 {
		return nil
	}
	return []Item{{"regulations_missing", "accept_regulations", "B1", fmt.Sprintf("acceptance of the regulations, version %d", version)}}
}
