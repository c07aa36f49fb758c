package account

import (
	"time"

	"goniec/domain"
	"goniec/domain/calendar"
)

// Late policies (D3).
const (
	BillBoth   = "bill_both"
	WaiveViber = "waive_viber"
)

// Ways with Polish letters in an SMS (D8).
const (
	KeepLetters  = "keep"
	StripLetters = "strip"
)

// Bounds of D3, D3b and D8.
const (
	MinValidity     = 15 * time.Second
	MaxValidity     = 24 * time.Hour
	MaxSMSValidity  = 72 * time.Hour
	MaxReportWait   = 72 * time.Hour
	MaxSMSParts     = 10
	MaxRetention    = 3650 // days
	MaxRequestsRate = 100_000
	MaxSMSName      = 11
)

// DefaultSettings returns the decided values of rules.md for a new account.
func DefaultSettings() Settings {
	return Settings{
		LatePolicy:      BillBoth,
		FallbackAtOnce:  true,
		DefaultValidity: (10 * time.Minute).Milliseconds(),
		SMSValidity:     (24 * time.Hour).Milliseconds(),
		ReportWait:      time.Hour.Milliseconds(),
		PolishLetters:   KeepLetters,
		SMSMaxParts:     3,
		RetentionDays:   30,
	}
}

// Validate refuses settings out of bounds; the field is "settings.<json name>".
func (s Settings) Validate() error {
	checks := []struct {
		field string
		ok    bool
		must  string
	}{
		{"default_category", s.DefaultCategory == "" || s.DefaultCategory.Valid(), "must be transactional, promotional or one_time_code"},
		{"late_policy", s.LatePolicy == BillBoth || s.LatePolicy == WaiveViber, "must be bill_both or waive_viber"},
		{"default_validity_ms", within(s.DefaultValidity, MinValidity, MaxValidity), "must be from 15 s to 24 h"},
		{"sms_validity_ms", within(s.SMSValidity, time.Second, MaxSMSValidity), "must be from 1 s to 72 h"},
		{"report_wait_ms", within(s.ReportWait, time.Second, MaxReportWait), "must be from 1 s to 72 h"},
		{"sms_name", s.SMSName == "" || isAlphanumeric(s.SMSName, MaxSMSName), "must be at most 11 letters A-Z, a-z or digits"},
		{"polish_letters", s.PolishLetters == KeepLetters || s.PolishLetters == StripLetters, "must be keep or strip"},
		{"sms_max_parts", s.SMSMaxParts >= 1 && s.SMSMaxParts <= MaxSMSParts, "must be from 1 to 10"},
		{"retention_days", s.RetentionDays >= 0 && s.RetentionDays <= MaxRetention, "must be from 0 to 3650"},
		{"notice_count", s.NoticeCount == "" || s.NoticeCount == calendar.NoticeDates || s.NoticeCount == calendar.NoticeFullDays, "must be dates or full_days"},
		{"requests_per_s", s.RequestsPerSec >= 0 && s.RequestsPerSec <= MaxRequestsRate, "must be from 0 to 100000"},
	}
	if s.ManagerName != "" {
		if err := checkText("settings.manager_name", s.ManagerName, MaxLabel); err != nil {
			return err
		}
	}
	if err := checkEmail("settings.manager_email", s.ManagerEmail); err != nil {
		return err
	}
	for _, c := range checks {
		if !c.ok {
			return domain.RefuseField(CodeInvalidValue, "settings."+c.field, "%s", c.must)
		}
	}
	return nil
}

func within(ms int64, lo, hi time.Duration) bool {
	return ms >= lo.Milliseconds() && ms <= hi.Milliseconds()
}
