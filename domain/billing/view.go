package billing

import (
	"maps"
	"slices"
	"sync"
	"time"

	"goniec/domain/calendar"
	"goniec/domain/money"
)

// View is all months of all accounts, folded for reading. Make it with NewView.
// All methods may be called at the same time. It keeps no statements' lines.
//
// What the methods return is shared and must not be changed.
type View struct {
	mu       sync.RWMutex
	versions map[string]int64
	months   map[string]map[calendar.Month]Month                // by account
	owed     map[string]map[calendar.Month]map[place]Obligation // by account; as the last close left them
}

// Month is a month of an account as it stands.
type Month struct {
	State
	Account  string
	Month    calendar.Month
	ClosedAt time.Time // zero = open
	Currency string    // with ClosedAt
	Total    money.Cents
}

// Closed says whether the month has its statement.
func (m Month) Closed() bool { return m.Digest != "" }

// NewView returns an empty view.
func NewView() *View {
	return &View{
		versions: map[string]int64{},
		months:   map[string]map[calendar.Month]Month{},
		owed:     map[string]map[calendar.Month]map[place]Obligation{},
	}
}

// Apply folds one event in. Events of an account come in the order of the journal;
// one that was seen already (version not above the last) changes nothing.
func (v *View) Apply(stream string, version int64, e Event, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	account, month, ok := ParseStream(stream)
	if version <= v.versions[stream] || !ok {
		return
	}
	v.versions[stream] = version
	if v.months[account] == nil {
		v.months[account] = map[calendar.Month]Month{}
		v.owed[account] = map[calendar.Month]map[place]Obligation{}
	}
	m := v.months[account][month]
	m.Account, m.Month, m.Stream = account, month, stream
	m.State = Evolve(m.State, e)
	if closed, ok := e.(MonthClosed); ok {
		m.ClosedAt, m.Currency, m.Total = at, closed.Statement.Currency, closed.Statement.Total
		v.owe(account, closed.Statement.Obligations)
	}
	v.months[account][month] = m
}

// owe takes a statement's obligations in the place of what was known of them.
func (v *View) owe(account string, list []Obligation) {
	for _, o := range list {
		if v.owed[account][o.Month] == nil {
			v.owed[account][o.Month] = map[place]Obligation{}
		}
		v.owed[account][o.Month][place{sender: o.Sender, country: o.Country}] = o
	}
}

// Months returns the months of an account that anything is known of, the oldest first.
func (v *View) Months(account string) []Month {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.months[account]), func(a, b Month) int { return a.Month.Compare(b.Month) })
}

// Month returns a month; one that nothing is known of is open.
func (v *View) Month(account string, month calendar.Month) Month {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if m, ok := v.months[account][month]; ok {
		return m
	}
	return Month{Account: account, Month: month, State: State{Stream: Stream(account, month)}}
}

// Obligations returns what a closed month came to, with what later closes made of
// it: the Closed of the next close's inputs are those of the months that it adjusts.
func (v *View) Obligations(account string, month calendar.Month) []Obligation {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return inOrder(slices.Collect(maps.Values(v.owed[account][month])))
}

// Version returns how many events of a stream the view has folded in.
func (v *View) Version(stream string) int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.versions[stream]
}
