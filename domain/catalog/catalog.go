// Package catalog knows every type of event that the journal may hold, and
// reads its data. It is the one place that lists them all.
package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
	"goniec/domain/recipient"
)

// ErrUnknownType says that an event type is not in the catalog. Whoever meets
// it gives the partition up and alerts; it never skips the event.
type ErrUnknownType struct{ Type string }

func (e *ErrUnknownType) Error() string { return fmt.Sprintf("unknown event type %q", e.Type) }

type decoder func([]byte) (domain.Event, error)

// The table is built once and never written again.
var decoders = merge(messages(), recipients(), accounts(), months(), partitions())

// Decode reads the data of an event: JSON, as a value of the event's Go type.
// Fields that it does not know are ignored (a newer writer may add some). It
// fails with *ErrUnknownType, or with the JSON error. Safe for concurrent use.
func Decode(typ string, data []byte) (domain.Event, error) {
	decode, ok := decoders[typ]
	if !ok {
		return nil, &ErrUnknownType{Type: typ}
	}
	e, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("data of %s: %w", typ, err)
	}
	return e, nil
}

// Known says whether the type is in the catalog.
func Known(typ string) bool {
	_, ok := decoders[typ]
	return ok
}

// Types returns every event type, sorted.
func Types() []string { return slices.Sorted(maps.Keys(decoders)) }

// Zero returns the zero value of a type's Go type, for generators of schemas.
func Zero(typ string) (domain.Event, error) { return Decode(typ, []byte("{}")) }

func merge(tables ...map[string]decoder) map[string]decoder {
	all := make(map[string]decoder)
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

func as[T domain.Event](data []byte) (domain.Event, error) {
	var e T
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return e, nil
}

func messages() map[string]decoder {
	return map[string]decoder{
		message.TypeAccepted:        as[message.Accepted],
		message.TypeRefused:         as[message.Refused],
		message.TypeWaiting:         as[message.Waiting],
		message.TypePaused:          as[message.Paused],
		message.TypeResumed:         as[message.Resumed],
		message.TypeReleased:        as[message.Released],
		message.TypeAttemptStarted:  as[message.AttemptStarted],
		message.TypeAttemptAccepted: as[message.AttemptAccepted],
		message.TypeAttemptRefused:  as[message.AttemptRefused],
		message.TypeAttemptUnknown:  as[message.AttemptUnknown],
		message.TypeAttemptNotSent:  as[message.AttemptNotSent],
		message.TypeAttemptResolved: as[message.AttemptResolved],
		message.TypeOutcomeDecided:  as[message.OutcomeDecided],
		message.TypePartReported:    as[message.PartReported],
		message.TypeDelivered:       as[message.Delivered],
		message.TypeRead:            as[message.Read],
		message.TypeUndelivered:     as[message.Undelivered],
		message.TypeFellBack:        as[message.FellBack],
		message.TypeCharged:         as[message.Charged],
		message.TypeCancelRequested: as[message.CancelRequested],
		message.TypeOptedOut:        as[message.OptedOut],
		message.TypeFailed:          as[message.Failed],
		message.TypeUnknown:         as[message.Unknown],
		message.TypeCancelled:       as[message.Cancelled],
	}
}

func recipients() map[string]decoder {
	return map[string]decoder{
		recipient.TypeOptOutRecorded: as[recipient.OptOutRecorded],
		recipient.TypeOptOutLifted:   as[recipient.OptOutLifted],
		recipient.TypeReplyReceived:  as[recipient.ReplyReceived],
		recipient.TypeNotOnViber:     as[recipient.NotOnViber],
		recipient.TypeReportStored:   as[recipient.ReportStored],
		recipient.TypeReportMatched:  as[recipient.ReportMatched],
		recipient.TypeErased:         as[recipient.Erased],
	}
}

func accounts() map[string]decoder {
	return map[string]decoder{
		account.TypeAccountCreated:        as[account.AccountCreated],
		account.TypeAccessNoted:           as[account.AccessNoted],
		account.TypeSettingsChanged:       as[account.SettingsChanged],
		account.TypeKeyIssued:             as[account.KeyIssued],
		account.TypeKeyRevoked:            as[account.KeyRevoked],
		account.TypeSenderCreated:         as[account.SenderCreated],
		account.TypeSenderDraftSaved:      as[account.SenderDraftSaved],
		account.TypeSenderSubmitted:       as[account.SenderSubmitted],
		account.TypeSenderPassed:          as[account.SenderPassed],
		account.TypeSenderWithdrawn:       as[account.SenderWithdrawn],
		account.TypeSenderApproved:        as[account.SenderApproved],
		account.TypeSenderReturned:        as[account.SenderReturned],
		account.TypeSenderDisabled:        as[account.SenderDisabled],
		account.TypeSenderEnabled:         as[account.SenderEnabled],
		account.TypeSenderChangeSaved:     as[account.SenderChangeSaved],
		account.TypeSenderChangeSubmitted: as[account.SenderChangeSubmitted],
		account.TypeSenderChangeWithdrawn: as[account.SenderChangeWithdrawn],
		account.TypeSenderChangeReturned:  as[account.SenderChangeReturned],
		account.TypeSenderChangeApproved:  as[account.SenderChangeApproved],
		account.TypeSenderNoticeGiven:     as[account.SenderNoticeGiven],
		account.TypeSenderNoticeWithdrawn: as[account.SenderNoticeWithdrawn],
		account.TypeSenderClosed:          as[account.SenderClosed],
		account.TypeSenderEnableAsked:     as[account.SenderEnableAsked],
		account.TypeSenderEnableWithdrawn: as[account.SenderEnableWithdrawn],
		account.TypeSenderTaskDone:        as[account.SenderTaskDone],
		account.TypeSenderReminded:        as[account.SenderReminded],
		account.TypeSenderRefused:         as[account.SenderRefused],
		account.TypeSenderSuspended:       as[account.SenderSuspended],
		account.TypeSenderReinstated:      as[account.SenderReinstated],
		account.TypePricesPublished:       as[account.PricesPublished],
		account.TypeEndpointAdded:         as[account.EndpointAdded],
		account.TypeEndpointRemoved:       as[account.EndpointRemoved],
		account.TypePauseBegun:            as[account.PauseBegun],
		account.TypePauseEnded:            as[account.PauseEnded],
		account.TypeRegulationsPublished:  as[account.RegulationsPublished],
		account.TypeRegulationsAccepted:   as[account.RegulationsAccepted],
		account.TypePartySet:              as[account.PartySet],
	}
}

func months() map[string]decoder {
	return map[string]decoder{
		billing.TypeCreditRequested: as[billing.CreditRequested],
		billing.TypeCreditApproved:  as[billing.CreditApproved],
		billing.TypeCreditRejected:  as[billing.CreditRejected],
		billing.TypeMinimumWaived:   as[billing.MinimumWaived],
		billing.TypeMonthClosed:     as[billing.MonthClosed],
	}
}

func partitions() map[string]decoder {
	return map[string]decoder{
		partition.TypeOwned:         as[partition.Owned],
		partition.TypeEvicted:       as[partition.Evicted],
		partition.TypePeriodSealed:  as[partition.PeriodSealed],
		partition.TypeKeysDestroyed: as[partition.KeysDestroyed],
		partition.TypeParked:        as[partition.Parked],
		partition.TypeRetried:       as[partition.Retried],
		partition.TypeRetryFailed:   as[partition.RetryFailed],
		partition.TypeDropped:       as[partition.Dropped],
		partition.TypeContentRead:   as[partition.ContentRead],
	}
}
