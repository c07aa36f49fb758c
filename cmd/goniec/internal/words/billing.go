package words

import (
	"fmt"

	"goniec/domain/billing"
)

func ofBilling(e billing.Event) string {
	switch f := e.(type) {
	case billing.CreditRequested:
		return fmt.Sprintf("credit of %s asked for: %s", f.Amount, f.Reason)
	case billing.CreditApproved:
		return "credit approved"
	case billing.CreditRejected:
		return "credit rejected: " + f.Reason
	case billing.MinimumWaived:
		return "a sender's minimum waived: " + f.Reason
	case billing.MonthClosed:
		return fmt.Sprintf("month closed: %s, %s %s in all", Count(len(f.Statement.Lines), "line"), f.Statement.Total, f.Statement.Currency)
	}
	return plain(e.EventType())
}
