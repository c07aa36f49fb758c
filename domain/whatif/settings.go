package whatif

import (
	"strconv"
	"time"

	"goniec/domain"
	"goniec/domain/account"
	"goniec/domain/message"
	"goniec/domain/sms"
)

// Settings are what messages are decided by instead. What is nil or empty stays as
// each message was accepted with.
type Settings struct {
	Validity       *time.Duration // rules.md D3
	Fallback       *bool          // D3
	FallbackAtOnce *bool          // D4
	LatePolicy     string         // D3c
	SMSValidity    *time.Duration // D3b
	ReportWait     *time.Duration // D3b
	// Prices are in force instead of those that were, for accounts of their currency.
	Prices *account.PricesPublished
}

// CodeInvalidValue refuses a setting that says what no account could be set to.
const CodeInvalidValue = "invalid_value"

// Policies are the names that Set knows.
func Policies() []string {
	return []string{"fallback", "fallback_at_once", "late_policy", "sms_validity", "report_wait"}
}

// Set takes a setting by its name, one of Policies; the values are true or false,
// durations such as 60s, or a late policy. It refuses with a *domain.Error.
func (s *Settings) Set(name, value string) error {
	switch name {
	case "fallback":
		return setBool(&s.Fallback, name, value)
	case "fallback_at_once":
		return setBool(&s.FallbackAtOnce, name, value)
	case "sms_validity":
		return setSpan(&s.SMSValidity, name, value, time.Second, account.MaxSMSValidity)
	case "report_wait":
		return setSpan(&s.ReportWait, name, value, time.Second, account.MaxReportWait)
	case "late_policy":
		if value != account.BillBoth && value != account.WaiveViber {
			return domain.RefuseField(CodeInvalidValue, name, "must be bill_both or waive_viber")
		}
		s.LatePolicy = value
		return nil
	}
	return domain.RefuseField(CodeInvalidValue, name, "is no setting that can be tried")
}

// SetValidity takes a validity period within rules.md D3's bounds.
func (s *Settings) SetValidity(value string) error {
	return setSpan(&s.Validity, "validity", value, message.MinValidity, message.MaxValidity)
}

func setBool(to **bool, name, value string) error {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return domain.RefuseField(CodeInvalidValue, name, "must be true or false")
	}
	*to = &b
	return nil
}

func setSpan(to **time.Duration, name, value string, lo, hi time.Duration) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < lo || d > hi {
		return domain.RefuseField(CodeInvalidValue, name, "must be a duration from %s to %s", lo, hi)
	}
	*to = &d
	return nil
}

// terms are what a message would have been accepted with; guessed says that its SMS
// was never counted.
func (s Settings) terms(a message.Accepted) (terms message.Accepted, guessed bool) {
	replace(&a.Fallback, s.Fallback)
	replace(&a.FallbackAtOnce, s.FallbackAtOnce)
	replaceSpan(&a.ValidityMS, s.Validity)
	replaceSpan(&a.SMSValidityMS, s.SMSValidity)
	replaceSpan(&a.ReportWaitMS, s.ReportWait)
	if s.LatePolicy != "" {
		a.LatePolicy = s.LatePolicy
	}
	if a.Fallback && a.SMSParts < 1 { // never counted, since no SMS was wanted
		a.SMSParts, guessed = partsOf(a.TextLength), true
	}
	return a, guessed
}

func replace(to, by *bool) {
	if by != nil {
		*to = *by
	}
}

func replaceSpan(to *int64, by *time.Duration) {
	if by != nil {
		*to = by.Milliseconds()
	}
}

// partsOf is how many parts a text of n characters takes at most: in UCS-2, which
// one letter with an accent is enough for (D8).
func partsOf(n int) int {
	if n <= sms.SingleUCS2 {
		return 1
	}
	return (n + sms.PartUCS2 - 1) / sms.PartUCS2
}
