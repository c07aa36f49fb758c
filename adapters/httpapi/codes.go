package httpapi

import (
	"goniec/domain/account"
	bill "goniec/domain/billing"
	"goniec/domain/message"
	"goniec/domain/partition"
)

// Code explains one stable code of a problem.
type Code struct {
	Code    string
	Status  int
	Meaning string
}

// Codes lists every code that an answer may have, as the documentation shows it.
func Codes() []Code { return documented(meanings) }

// meanings has a row for each code, in the order of the page.
var meanings = []meaning{
	{CodeInvalidJSON, "The body is not JSON, or did not arrive whole."},
	{CodeInvalidEncoding, "The body, the query, or a text in them, is not valid UTF-8, or holds U+0000."},
	{CodeUnknownField, "The request has no such field; names are spelt exactly, in lower case."},
	{CodeDuplicateField, "A field is given twice."},
	{CodeInvalidType, "A field has a value of another type."},
	{CodeUnauthorized, "There is no API key, or it is not known or was revoked."},
	{CodeWrongRole, "The key is valid, but its role may not do this; the detail names the roles that may."},
	{CodeNotFound, "There is nothing of that name in this account."},
	{CodeMethodNotAllowed, "The path does not take this method."},
	{CodeTooLarge, "The body is too large."},
	{CodeUnsupportedMedia, "The body is not application/json in UTF-8, or is compressed."},
	{CodeTooManyRequests, "The account's rate is exceeded; Retry-After says when to go on."},
	{CodeUnavailable, "Something needed is not there now. A message may have been accepted: repeat it with the same Idempotency-Key."},
	{CodeInternal, "A fault of the service; the request id helps to find it."},
	{CodeRequired, "A required field is missing or empty."},
	{CodeTooLong, "A value is too long."},
	{CodeTooMany, "A list is too long, or there are too many of a kind."},
	{CodeInvalidValue, "A value is not one of those possible."},
	{CodeInvalidURL, "Not an http or https URL, or one that may not be called."},
	{CodeInvalidNumber, "Not a phone number that exists."},
	{CodeSMSTooLong, "The SMS would take more parts than the account allows: give a shorter sms.text."},
	{CodeDuplicateInBatch, "The item repeats an earlier one of its batch."},
	{CodeIdempotencyConflict, "The Idempotency-Key was used with another body; the first one stands."},
	{message.CodeAccountUnknown, "There is no such account."},
	{message.CodeAccountNotActive, "The account is not active."},
	{message.CodePaused, "Sending is paused by the operator; the detail names the switch. Nothing was accepted."},
	{message.CodeNotAccepted, "The account has not accepted the regulations in force; the detail says which version and how."},
	{message.CodeSenderUnknown, "The account has no sender of that name."},
	{message.CodeSenderNotInCountry, "The sender has no configuration for the number's country."},
	{message.CodeSenderNotActive, "The sender is not active."},
	{message.CodeSenderSuspended, "The sender is suspended; an operator lifts that."},
	{message.CodeOptedOut, "The recipient has opted out."},
	{message.CodeNoPrice, "No price is in force for this."},
	{message.CodeInvalidCategory, "Not transactional, promotional or one_time_code."},
	{message.CodeInvalidContent, "Not text or rich content."},
	{message.CodeInvalidValidity, "Not a duration from 15s to 24h."},
	{message.CodeInvalidSendAt, "In the past, or more than 90 days ahead."},
	{message.CodeInvalidSMS, "The SMS has no text."},
	{message.CodeAlreadyEnded, "Nothing is left to cancel."},
	{message.CodeNothingOpen, "No outcome is unknown here, or something else was said of it before."},
	{message.CodeSeveralOpen, "Several attempts of the message have an unknown outcome: name one."},
	{message.CodeNoSMS, "No SMS can follow: the message has ended, is cancelled, has none, its SMS has begun, or the recipient has opted out."},
	{account.CodeInvalidName, "The name has characters that are not possible."},
	{account.CodeInvalidCountry, "Not a country."},
	{account.CodeInvalidPrice, "A row of the price list is not possible."},
	{account.CodeAlreadyExists, "It exists already, with other properties."},
	{account.CodeSenderState, "The step is not possible in the sender's state."},
	{account.CodeInvalidLogo, "Not a whole JPG, GIF or PNG of exactly 200×200 pixels, at most 500 KB, not animated; the message says what helps."},
	{account.CodeFormIncomplete, "The form lacks something; missing, and the errors, name all of it."},
	{account.CodePassedOn, "The submission was passed to Viber already and cannot be withdrawn."},
	{account.CodeNoticeTooLate, "It is too late for the end of that month; the detail names the earliest that is possible. Naming it confirms that its minimum applies."},
	{account.CodeNoNotice, "No notice was given that could be withdrawn."},
	{account.CodeToggledTwice, "The sender was switched off, or on, twice in that year; the detail names the day from which it is possible."},
	{account.CodeSenderClosed, "The sender was closed for good."},
	{account.CodeEnabling, "The sender is about to be enabled: withdraw that first."},
	{account.CodeNotEnabling, "Nobody asked for the sender to be enabled."},
	{account.CodeNoTask, "The operator has no task to confirm."},
	{account.CodeNotSuspended, "The sender is not suspended."},
	{account.CodeNoChange, "Nothing was changed since the version that works."},
	{bill.CodeMonthOpen, "The month has not ended: it cannot be closed yet."},
	{bill.CodeNotSealed, "Partitions have not sealed the month; the detail names them."},
	{bill.CodeBehind, "The read models have not seen the whole month, or its close, yet; the detail says what. Try again."},
	{bill.CodeEarlierOpen, "The month before is open: months are closed one after another."},
	{bill.CodeMonthClosed, "The month is closed: what was asked for goes into the next one."},
	{bill.CodeAlreadyClosed, "The month is closed, with other inputs."},
	{bill.CodeSamePerson, "Somebody else than who asked for the credit must approve it."},
	{bill.CodeCreditState, "The credit is approved or rejected already."},
	{bill.CodeCurrencyMismatch, "Something is not in the account's currency."},
	{bill.CodeOverflow, "A sum would not be exact."},
	{account.CodeMonthSealed, "The month is sealed: nothing is dated into it any more."},
	{account.CodeVersionConflict, "It has changed since the version that If-Match names: read it again."},
	{account.CodeWrongStream, "The command does not fit what it was sent to."},
	{account.CodeTooSoon, "A new version has to be announced longer ahead."},
	{account.CodeBackdated, "The date lies too early."},
	{partition.CodeParked, "It could not be decided and was put aside; it is kept, and an operator decides it again. Do not repeat it."},
	{partition.CodeNotParked, "It is not parked any more: it was retried or dropped before."},
	{partition.CodeWaitsInLine, "Something of its stream is parked before it and has to be retried or dropped first."},
	{partition.CodeContentGone, "It holds no content, or the retention of that is over."},
}

// meaning is a code with its sentence.
type meaning struct{ code, meaning string }

func documented(meanings []meaning) []Code {
	out := make([]Code, len(meanings))
	for i, m := range meanings {
		out[i] = Code{Code: m.code, Status: documentedStatus(m.code), Meaning: m.meaning}
	}
	return out
}

func documentedStatus(code string) int {
	switch code {
	case CodeUnauthorized:
		return 401
	case CodeWrongRole:
		return 403
	case CodeMethodNotAllowed:
		return 405
	case CodeTooLarge:
		return 413
	case CodeUnsupportedMedia:
		return 415
	case CodeTooManyRequests:
		return 429
	case CodeInternal:
		return 500
	case CodeUnavailable:
		return 503
	}
	return statusOf(code)
}
