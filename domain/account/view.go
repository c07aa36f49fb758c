package account

import (
	"slices"
	"strings"
	"sync"
	"time"

	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
)

// View is the whole accounts journal, folded for reading: every process that
// decides or answers keeps one. Make it with NewView. All methods may be called
// at the same time; a read costs some map look-ups, whatever the size.
//
// What the methods return is shared and must not be changed.
type View struct {
	mu        sync.RWMutex
	versions  map[string]int64
	accounts  map[string]*accountRecord
	keys      map[string]Key // by hash
	senders   map[string]*Sender
	byName    map[senderName][]*Sender // one per country
	byService map[int64][]*Sender
	byLook    map[string][]*Sender // by Likeness of the name
	lists     map[string]*priceList
	pauses    map[string]ActivePause // the switches that are on, by name

	regulations []Regulations // every version, in order
}

// Account is an account as it stands.
type Account struct {
	ID       string
	Name     string
	Currency string
	Settings Settings
	Party    billing.Party // zero = none was named yet
	Version  int64         // of its stream
	Created  time.Time
}

// Key is an API key without its secret.
type Key struct {
	ID      string
	Account string
	Role    string
	Label   string
	Issued  time.Time
	Revoked bool
}

// Endpoint is a registered webhook; its secret is sealed.
type Endpoint struct {
	ID      string
	Account string
	URL     string
	Events  []string // empty = all
	Secret  string
	Added   time.Time
}

// Sender is a configuration as it stands.
type Sender struct {
	ID      string
	Version int64
	Changed time.Time
	SenderState
}

type senderName struct{ account, name string }

type accountRecord struct {
	Account
	keys      map[string]string // key id → hash
	endpoints []Endpoint
	accepted  []Acceptance
}

// NewView returns an empty view.
func NewView() *View {
	return &View{
		versions:  map[string]int64{},
		accounts:  map[string]*accountRecord{},
		keys:      map[string]Key{},
		senders:   map[string]*Sender{},
		byName:    map[senderName][]*Sender{},
		byService: map[int64][]*Sender{},
		byLook:    map[string][]*Sender{},
		lists:     map[string]*priceList{},
		pauses:    map[string]ActivePause{},
	}
}

// Apply folds one event in. Events of a stream come in order of version; one
// that was seen already (version not above the last) changes nothing. Gaps are
// the reader's to find: it checks versions and hashes before it calls Apply.
func (v *View) Apply(stream string, version int64, e Event, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if version <= v.versions[stream] {
		return
	}
	v.versions[stream] = version
	kind, id, _ := strings.Cut(stream, "/")
	switch kind + "/" {
	case accountPrefix:
		v.applyAccount(id, version, e, at)
	case senderPrefix:
		v.applySender(id, version, e, at)
	case pricesPrefix:
		v.applyPrices(id, version, e)
	case pausePrefix:
		v.applyPause(e, at)
	case regulationsPrefix:
		v.applyRegulations(version, e)
	}
}

func (v *View) applyAccount(id string, version int64, e Event, at time.Time) {
	a, ok := v.accounts[id]
	if !ok {
		a = &accountRecord{Account: Account{ID: id, Created: at}, keys: map[string]string{}}
		v.accounts[id] = a
	}
	a.Version = version
	switch e := e.(type) {
	case AccountCreated:
		a.Name, a.Currency, a.Settings = e.Name, e.Currency, e.Settings
	case SettingsChanged:
		a.Settings = e.Settings
	case KeyIssued:
		a.keys[e.Key] = e.Hash
		v.keys[e.Hash] = Key{ID: e.Key, Account: id, Role: RoleNow(e.Role), Label: e.Label, Issued: at}
	case KeyRevoked:
		k := v.keys[a.keys[e.Key]]
		k.Revoked = true
		v.keys[a.keys[e.Key]] = k
	case EndpointAdded:
		added := Endpoint{ID: e.Endpoint, Account: id, URL: e.URL, Events: e.Events, Secret: e.Secret, Added: at}
		a.endpoints = append(slices.Clip(a.endpoints), added)
	case EndpointRemoved:
		// A new slice: the old one may be in a reader's hands.
		a.endpoints = slices.DeleteFunc(slices.Clone(a.endpoints), func(x Endpoint) bool { return x.ID == e.Endpoint })
	case PartySet:
		a.Party = e.Party
	case RegulationsAccepted:
		a.accepted = append(slices.Clip(a.accepted), Acceptance{Version: e.Version, Digest: e.Digest, Label: e.Label, At: at})
	}
}

func (v *View) applySender(id string, version int64, e Event, at time.Time) {
	s := Sender{ID: id, Version: version, Changed: at}
	old := v.senders[id]
	if old == nil {
		s.SenderState = *evolveSender(nil, e, at)
	} else {
		s.SenderState = *evolveSender(&old.SenderState, e, at)
	}
	v.indexSender(old, &s)
}

// indexSender puts a new record in the place of the old one; records are never
// changed once a reader can see them.
func (v *View) indexSender(old, s *Sender) {
	v.senders[s.ID] = s
	name := senderName{s.Account, s.Name}
	v.byName[name] = replaced(v.byName[name], old, s)
	look := Likeness(s.Name)
	v.byLook[look] = replaced(v.byLook[look], old, s)
	if old != nil && old.ServiceID != 0 && old.ServiceID != s.ServiceID {
		v.byService[old.ServiceID] = replaced(v.byService[old.ServiceID], old, nil)
	}
	if s.ServiceID != 0 {
		v.byService[s.ServiceID] = replaced(v.byService[s.ServiceID], old, s)
	}
}

func replaced(list []*Sender, old, s *Sender) []*Sender {
	out := slices.DeleteFunc(slices.Clone(list), func(x *Sender) bool { return x == old })
	if s != nil {
		out = append(out, s)
	}
	return out
}

// AccountByID finds an account.
func (v *View) AccountByID(id string) (Account, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	a, ok := v.accounts[id]
	if !ok {
		return Account{}, false
	}
	return a.Account, true
}

// Accounts returns all accounts, the installation's included, oldest first.
func (v *View) Accounts() []Account {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]Account, 0, len(v.accounts))
	for _, a := range v.accounts {
		out = append(out, a.Account)
	}
	slices.SortFunc(out, func(a, b Account) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// KeyByHash finds the key with that HashKey; a revoked one is not found.
func (v *View) KeyByHash(hash string) (Key, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	k, ok := v.keys[hash]
	if !ok || k.Revoked {
		return Key{}, false
	}
	return k, true
}

// Keys returns an account's keys, the revoked ones included, oldest first.
func (v *View) Keys(account string) []Key {
	v.mu.RLock()
	defer v.mu.RUnlock()
	a, ok := v.accounts[account]
	if !ok {
		return nil
	}
	out := make([]Key, 0, len(a.keys))
	for _, hash := range a.keys {
		out = append(out, v.keys[hash])
	}
	slices.SortFunc(out, func(a, b Key) int {
		if c := a.Issued.Compare(b.Issued); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Endpoints returns an account's webhooks, oldest first.
func (v *View) Endpoints(account string) []Endpoint {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if a, ok := v.accounts[account]; ok {
		return a.endpoints
	}
	return nil
}

// Sender finds the configuration of an account by sender name and destination country.
func (v *View) Sender(account, name, country string) (Sender, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, s := range v.byName[senderName{account, name}] {
		if s.Country == country {
			return *s, true
		}
	}
	return Sender{}, false
}

// SenderByID finds a configuration.
func (v *View) SenderByID(id string) (Sender, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if s, ok := v.senders[id]; ok {
		return *s, true
	}
	return Sender{}, false
}

// SendersNamed returns an account's configurations of that sender name, by country.
func (v *View) SendersNamed(account, name string) []Sender {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return sorted(v.byName[senderName{account, name}])
}

// SendersByServiceID returns the configurations that Viber knows by this id;
// one sender name may use one id in several countries.
func (v *View) SendersByServiceID(id int64) []Sender {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return sorted(v.byService[id])
}

// LookAlikes returns other accounts' configurations whose names may be taken for
// this one's (B9).
func (v *View) LookAlikes(s Sender) []Sender {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var list []*Sender
	for _, x := range v.byLook[Likeness(s.Name)] {
		if x.Account != s.Account {
			list = append(list, x)
		}
	}
	return sorted(list)
}

// Senders returns all configurations of an account, or of all accounts for "".
func (v *View) Senders(account string) []Sender {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var list []*Sender
	for _, s := range v.senders {
		if account == "" || s.Account == account {
			list = append(list, s)
		}
	}
	return sorted(list)
}

func sorted(list []*Sender) []Sender {
	out := make([]Sender, 0, len(list))
	for _, s := range list {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sender) int {
		return strings.Compare(a.Name+"\x00"+a.Country+"\x00"+a.ID, b.Name+"\x00"+b.Country+"\x00"+b.ID)
	})
	return out
}

// AccountFacts gives what a message's decision needs of its account at now. The
// routes are the installation's and are left empty.
func (v *View) AccountFacts(account string, now time.Time) message.AccountFacts {
	a, ok := v.AccountByID(account)
	if !ok {
		return message.AccountFacts{}
	}
	return message.AccountFacts{
		Known:          true,
		Active:         account != Installation, // the installation itself sends nothing
		Unaccepted:     v.Unaccepted(account, now),
		Currency:       a.Currency,
		FallbackAtOnce: a.Settings.FallbackAtOnce,
		LatePolicy:     a.Settings.LatePolicy,
		SMSValidity:    time.Duration(a.Settings.SMSValidity) * time.Millisecond,
		ReportWait:     time.Duration(a.Settings.ReportWait) * time.Millisecond,
	}
}

// SenderFacts gives what a message's decision needs of its sender (D12, D13).
func (v *View) SenderFacts(account, name, country string) message.SenderFacts {
	s, ok := v.Sender(account, name, country)
	if !ok {
		return message.SenderFacts{Known: len(v.SendersNamed(account, name)) > 0}
	}
	from := s.Company
	if a, ok := v.AccountByID(account); ok && a.Settings.SMSName != "" {
		from = a.Settings.SMSName
	}
	return message.SenderFacts{
		Known:     true,
		InCountry: true,
		Active:    s.Status == SenderActive && s.Suspension == nil,
		Suspended: s.Suspension != nil,
		ID:        s.ID,
		Version:   int(s.Version),
		ServiceID: s.ServiceID,
		SMSFrom:   from,
	}
}

// Notice is how notice is counted for an account's senders (F5).
func (v *View) Notice(account string) calendar.Notice {
	a, _ := v.AccountByID(account)
	return calendar.Notice{Count: a.Settings.NoticeCount}
}

// PolicyVersion is the version of the account's stream, which holds its settings.
func (v *View) PolicyVersion(account string) int {
	a, _ := v.AccountByID(account)
	return int(a.Version)
}

// Version returns how many events of a stream the view has folded in: whoever
// knows a command's outcome can wait until its effect is visible here.
func (v *View) Version(stream string) int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.versions[stream]
}
