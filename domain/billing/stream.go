package billing

import (
	"strings"

	"github.com/google/uuid"

	"goniec/domain"
	"goniec/domain/calendar"
)

const prefix = "billing/"

// Stream names the stream of an account's month: "billing/<account uuid>/2026-11".
// It lies with the account.
func Stream(account string, month calendar.Month) string {
	return prefix + account + "/" + month.String()
}

// ParseStream reads what Stream names; ok is false for any other name.
func ParseStream(stream string) (account string, month calendar.Month, ok bool) {
	rest, is := strings.CutPrefix(stream, prefix)
	account, name, two := strings.Cut(rest, "/")
	month, err := calendar.ParseMonth(name)
	return account, month, is && two && err == nil && checkUUID("account", account) == nil
}

func checkUUID(field, s string) error {
	if id, err := uuid.Parse(s); err != nil || id.String() != s {
		return domain.RefuseField(CodeInvalidValue, field, "must be a UUID in lower case")
	}
	return nil
}

func checkCurrency(field, s string) error {
	if len(s) != 3 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return domain.RefuseField(CodeInvalidValue, field, "must be an ISO 4217 code of three capital letters")
	}
	return nil
}
