package words

import (
	"fmt"
	"strings"
	"time"

	"goniec/adapters/httpapi"
	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
)

// Teller tells the events of one story in the order of the journal. It remembers
// which attempt went over which channel. Not safe for concurrent use.
type Teller struct{ channels map[string]string }

// Tell returns a clause for an event of the journal, whatever its stream. nil,
// which is what an unknown type decodes to, has none.
func (t *Teller) Tell(e domain.Event) string {
	switch f := e.(type) {
	case nil:
		return ""
	case message.Event:
		return t.message(f)
	case recipient.Event:
		return ofRecipient(f)
	case account.Event:
		return ofAccount(f)
	case billing.Event:
		return ofBilling(f)
	case partition.Owned:
		return fmt.Sprintf("owned by process %s, epoch %d", f.Process, f.Epoch)
	case partition.Evicted:
		return fmt.Sprintf("forgot %d messages that ended long ago", len(f.Messages))
	case partition.PeriodSealed:
		return "the month " + f.Month + " is closed: what comes later for it counts in the next one"
	case partition.KeysDestroyed:
		return Count(f.Keys, "key") + " destroyed: the retention of what expired through " + f.Through + " has ended"
	case partition.Event:
		return ofParked(f)
	}
	return plain(e.EventType())
}

// ofParked tells what becomes of what could not be decided.
func ofParked(e partition.Event) string {
	switch f := e.(type) {
	case partition.Parked:
		what := "a command"
		if name, ok := f.Timer(); ok {
			what = "the timer " + strings.ReplaceAll(name, "_", " ")
		}
		return what + " is parked: " + strings.ReplaceAll(f.Reason, "_", " ")
	case partition.Retried:
		if f.Refused != "" {
			return "decided again, and refused: " + strings.ReplaceAll(f.Refused, "_", " ")
		}
		return "decided again"
	case partition.RetryFailed:
		return "could not be decided again: " + strings.ReplaceAll(f.Reason, "_", " ")
	case partition.Dropped:
		return "dropped: " + f.Reason
	case partition.ContentRead:
		return "its content was shown"
	}
	return plain(e.EventType())
}

// plain makes words of a type: "goniec.sender.approved.v1" is "approved".
func plain(typ string) string {
	parts := strings.Split(typ, ".")
	if len(parts) < 2 {
		return typ
	}
	return strings.ReplaceAll(parts[len(parts)-2], "_", " ")
}

// message tells a message's event as its timeline would, and more.
func (t *Teller) message(e message.Event) string {
	if t.channels == nil {
		t.channels = map[string]string{}
	}
	parts := strings.Split(e.EventType(), ".")
	s := httpapi.TimelineStep{Type: parts[len(parts)-2]}
	switch f := e.(type) {
	case message.Accepted:
		return fmt.Sprintf("accepted: %s for %s, %s", f.Category, f.Country, Count(f.SMSParts, "part")+" as SMS")
	case message.Refused:
		s.Reason = f.Reason
	case message.Waiting:
		return "waits until " + f.Until.UTC().Format("2006-01-02 15:04:05 UTC") + ": " + Reason(f.Reason)
	case message.Paused:
		s.Channel, s.Reason = string(f.Channel), f.Switch
	case message.Resumed:
		s.Channel = string(f.Channel)
	case message.OutcomeDecided:
		s.Channel, s.Reason = string(f.Channel), string(f.As)
		return Step(s) + "; " + f.Reason
	case message.Released:
		return "validity begins, until " + clock(f.Deadline)
	case message.FellBack:
		s.Channel, s.Reason = string(f.To), f.Reason
	case message.Charged:
		return fmt.Sprintf("charged %s: %s at %s", On(string(f.Channel)), Money(f.Amount, f.Currency), f.PriceVersion) + waived(f)
	case message.OptedOut:
		s.Reason = f.Origin
	case message.Failed:
		s.Reason = f.Reason
	case message.Unknown:
		s.Reason = f.Reason
	case message.CancelRequested, message.Cancelled:
	default:
		return t.attempt(e, s)
	}
	return Step(s)
}

func waived(f message.Charged) string {
	if f.Waived == "" {
		return ""
	}
	return ", waived: " + Reason(f.Waived)
}

// attempt tells what became of an attempt.
func (t *Teller) attempt(e message.Event, s httpapi.TimelineStep) string {
	more := ""
	switch f := e.(type) {
	case message.AttemptStarted:
		t.channels[f.Attempt] = string(f.Channel)
		s.Channel = string(f.Channel)
	case message.AttemptAccepted:
		s.Channel = t.channels[f.Attempt]
	case message.AttemptRefused:
		s.Channel, s.Code, s.Reason, more = t.channels[f.Attempt], f.Code, f.Reason, utcAgain(f.RetryAt)
	case message.AttemptUnknown:
		s.Channel, s.Code, s.Reason = t.channels[f.Attempt], f.Code, f.Reason
	case message.AttemptNotSent:
		s.Channel, s.Reason, more = t.channels[f.Attempt], f.Reason, utcAgain(f.RetryAt)
	case message.AttemptResolved:
		s.Channel, more = t.channels[f.Attempt], guessed(f.Inferred)
	case message.PartReported:
		s.Channel, s.Code, s.Reason = t.channels[f.Attempt], f.Code, f.Status
	case message.Delivered:
		s.Channel, more = string(f.Channel), flags(f)
	case message.Read:
		s.Channel, more = t.channels[f.Attempt], guessed(f.Inferred)
	case message.Undelivered:
		s.Channel, s.Code, s.Reason = string(f.Channel), f.Code, f.Reason
	}
	return Step(s) + more
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

func utcAgain(at *time.Time) string {
	if at == nil {
		return ""
	}
	return "; tried again at " + clock(*at)
}

func guessed(is bool) string {
	if is {
		return " (inferred: the report has no id that we know)"
	}
	return ""
}

func flags(f message.Delivered) string {
	out := ""
	if f.Late {
		out = ", late"
	}
	if f.Double {
		out += ", on both channels"
	}
	return out + guessed(f.Inferred)
}

func ofRecipient(e recipient.Event) string {
	switch f := e.(type) {
	case recipient.OptOutRecorded:
		return "the recipient opted out (" + Reason(f.Origin) + ") of " + scopes(f.Stops)
	case recipient.OptOutLifted:
		return "the opt-out is lifted for " + scopes(f.Opens)
	case recipient.ReplyReceived:
		return fmt.Sprintf("the recipient replied %s, %s", On(string(f.Channel)), Count(f.Length, "character")) + keyword(f.Keyword)
	case recipient.NotOnViber:
		return "remembered as not on Viber until " + f.Until.UTC().Format("2006-01-02 15:04 UTC")
	case recipient.ReportStored:
		if f.Pending {
			return "a report (" + f.Status + ") waits: it may belong to the attempt under way"
		}
		return "a report (" + f.Status + ") fits no attempt and is kept"
	case recipient.Erased:
		return fmt.Sprintf("%s erased: %s", Count(f.Contents, "text"), f.Reason) + endedBy(f.Ended)
	case recipient.ReportMatched:
		return "the report that waited belongs to this attempt" + guessed(f.Inferred)
	}
	return plain(e.EventType())
}

func endedBy(n int) string {
	if n == 0 {
		return ""
	}
	return "; " + Count(n, "message") + " not sent any more"
}

func keyword(k string) string {
	if k == "" {
		return ""
	}
	return ", the keyword " + k
}

func scopes(list []recipient.Scope) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = strings.ReplaceAll(string(s.Category), "_", " ") + " " + Channel(string(s.Channel))
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

func ofAccount(e account.Event) string {
	switch f := e.(type) {
	case account.AccountCreated:
		return "account created: " + f.Name
	case account.KeyIssued:
		return "API key issued for the role " + f.Role
	case account.KeyRevoked:
		return "API key revoked"
	case account.PartySet:
		return "billing party named"
	case account.SettingsChanged:
		return "settings changed"
	case account.SenderCreated:
		return fmt.Sprintf("sender %s created for %s", f.Name, f.Country)
	case account.SenderDraftSaved:
		return "form saved"
	case account.SenderSubmitted:
		return "submitted for review"
	case account.SenderPassed:
		return "passed to Viber on " + f.On.UTC().Format("2006-01-02")
	case account.SenderWithdrawn:
		return "submission withdrawn"
	case account.SenderApproved:
		return fmt.Sprintf("approved: active from %s with service id %d", f.ActiveOn.UTC().Format("2006-01-02"), f.ServiceID)
	case account.SenderReturned:
		return "returned: " + strings.Join(f.Reasons, "; ")
	case account.PricesPublished:
		return fmt.Sprintf("prices published: %s, in force from %s", Count(len(f.Prices), "price"), f.ValidFrom.UTC().Format("2006-01-02"))
	case account.RegulationsPublished:
		return fmt.Sprintf("regulations published: %s, in force from %s", f.Title, f.ValidFrom.Format("2006-01-02"))
	case account.RegulationsAccepted:
		return fmt.Sprintf("version %d of the regulations accepted by %s", f.Version, f.Label)
	case account.PauseBegun:
		return Paused(f.Switch.Name()) + ": " + f.Reason
	case account.PauseEnded:
		return "the pause has ended: " + f.Reason
	case account.AccessNoted:
		return access(f)
	case account.EndpointAdded:
		return "webhook endpoint added"
	case account.EndpointRemoved:
		return "webhook endpoint removed"
	}
	return ofActiveSender(e)
}

// access says what somebody read.
func access(f account.AccessNoted) string {
	what := map[string]string{
		account.AccessMatch: "a text was compared with the message's", account.AccessConsent: "read what a recipient allowed",
		account.AccessExport: "a part of the journal was written to files", account.AccessRecipient: "read all that is kept of a recipient",
	}[f.What]
	if what == "" {
		what = "something was read"
	}
	for _, more := range []string{f.Subject, f.Detail} {
		if more != "" {
			what += ", " + more
		}
	}
	return what
}

// ofActiveSender says what happened to a sender once it was approved.
func ofActiveSender(e account.Event) string {
	switch f := e.(type) {
	case account.SenderChangeSaved:
		return "new version of the form saved"
	case account.SenderChangeSubmitted:
		return "new version submitted for review"
	case account.SenderChangeWithdrawn:
		return "new version withdrawn from review"
	case account.SenderChangeReturned:
		return "new version returned: " + strings.Join(f.Reasons, "; ")
	case account.SenderChangeApproved:
		return "new version approved"
	case account.SenderNoticeGiven:
		return fmt.Sprintf("notice given: %s at the end of %s: %s", map[bool]string{true: "closed for good", false: "disabled"}[f.Close], f.Month, f.Reason)
	case account.SenderNoticeWithdrawn:
		return "notice withdrawn"
	case account.SenderDisabled:
		return "disabled: " + f.Reason
	case account.SenderClosed:
		return "closed for good: " + f.Reason
	case account.SenderEnableAsked:
		return "asked to be enabled from " + f.From.String()
	case account.SenderEnableWithdrawn:
		return "request to be enabled withdrawn"
	case account.SenderTaskDone:
		return "done at Viber: " + strings.ReplaceAll(string(f.Task), "_", " ")
	case account.SenderEnabled:
		return "enabled again"
	case account.SenderReminded:
		return "operator reminded: " + string(f.Of)
	case account.SenderRefused:
		return "refused by the carrier: status " + f.Code
	case account.SenderSuspended:
		return "suspended by the " + f.By + ": " + f.Reason
	case account.SenderReinstated:
		return "suspension lifted: " + f.Reason
	}
	return plain(e.EventType())
}

// Actor names who caused an event: "API key 3f…", "timer deadline", "carrier viber".
func Actor(actor string) string {
	kind, name := actor, ""
	if i := strings.IndexAny(actor, "/:"); i >= 0 {
		kind, name = actor[:i], actor[i+1:]
	}
	switch kind {
	case "key":
		return "API key " + name
	case "timer", "carrier":
		return kind + " " + strings.ReplaceAll(name, "_", " ")
	}
	return strings.ReplaceAll(actor, "/", " ")
}
