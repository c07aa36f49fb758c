package account

import "goniec/domain"

// What people read that is recorded (rules.md G1): whoever looks at what a
// recipient said or was sent leaves an event.
const (
	AccessMatch     = "match"     // a text was compared with that of a message
	AccessConsent   = "consent"   // what a recipient allowed
	AccessExport    = "export"    // a part of the journal, written to files
	AccessRecipient = "recipient" // all that is kept of a recipient
)

// MaxAccessDetail bounds the detail, in characters.
const MaxAccessDetail = 500

const accessPrefix = "access/"

// AccessStream is the stream of all that is read. It lies with account Installation.
const AccessStream = accessPrefix + Installation

// NoteAccess asks to record that something is read; it is sent before it is shown.
// By is who reads. Subject is the stream that it is about, if it is one; Detail
// says more, without a number and without a text.
type NoteAccess struct {
	What    string `json:"what"`
	Subject string `json:"subject,omitempty"`
	Detail  string `json:"detail,omitempty"`
	By      string `json:"by"`
}

// AccessNoted: somebody read personal data, or took a part of the journal away.
type AccessNoted struct {
	// what was read: "match" (a text compared with a message's), "consent" (what a recipient
	// allowed), "export" (a part of the journal, written to files) or "recipient" (all that
	// is kept of one)
	What string `json:"what"`
	// the stream that it is about: "message/<uuid>", "recipient/<uuid>" or "number/<keyed
	// hash>"; absent of an export
	Subject string `json:"subject,omitempty"`
	// of an export its period and event types, of a recipient whose data: "of all accounts"
	// or "of account <uuid>"
	Detail string `json:"detail,omitempty"`
	By     string `json:"by"` // who read: key:<uuid of the API key>, or shell/<user of the machine>
}

// The types of what is read.
const (
	CommandNoteAccess = "access.note.v1"
	TypeAccessNoted   = "goniec.access.noted.v1"
)

func (NoteAccess) CommandType() string { return CommandNoteAccess }
func (NoteAccess) command()            {}
func (AccessNoted) EventType() string  { return TypeAccessNoted }
func (AccessNoted) account()           {}

func noteAccess(s State, c NoteAccess) ([]Event, error) {
	if s.Stream != AccessStream {
		return nil, wrongStream(s, c)
	}
	switch c.What {
	case AccessMatch, AccessConsent, AccessExport, AccessRecipient:
	case "":
		return nil, required("what")
	default:
		return nil, domain.RefuseField(CodeInvalidValue, "what", "must be match, consent, export or recipient")
	}
	if err := checkText("by", c.By, MaxBy); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name, value string
		bound       int
	}{{"subject", c.Subject, MaxAccessDetail}, {"detail", c.Detail, MaxAccessDetail}} {
		if f.value == "" {
			continue
		}
		if err := checkText(f.name, f.value, f.bound); err != nil {
			return nil, err
		}
	}
	return []Event{AccessNoted(c)}, nil
}
