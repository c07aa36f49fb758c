package words

import (
	"fmt"
	"strings"
	"time"

	"goniec/domain"
	"goniec/domain/message"
	"goniec/domain/recipient"
)

// refusedBy are the rules by which requests are refused.
var refusedBy = map[string]string{
	"regulations_not_accepted": "B12", "sender_not_in_country": "D13", "opted_out": "E2", "no_price": "F8", "paused": "D17",
}

// Rule is the rule of docs/rules.md by which an event was decided; "" for what was
// only learned, such as a carrier's report.
func Rule(e domain.Event) string {
	switch f := e.(type) {
	case message.FellBack:
		return f.Rule
	case message.Accepted:
		return "D12"
	case message.Refused:
		if rule := refusedBy[f.Reason]; rule != "" {
			return rule
		}
		return "D12"
	case message.Waiting:
		return "D10"
	case message.Paused, message.Resumed:
		return "D17"
	case message.AttemptNotSent:
		if f.Reason == "paused" {
			return "D17"
		}
		return "D3"
	case message.Released, message.AttemptStarted:
		return "D3"
	case message.AttemptRefused:
		return "D16"
	case message.AttemptUnknown, message.Unknown, message.Failed, message.Cancelled, message.CancelRequested:
		return "D3b"
	case message.OutcomeDecided, message.AttemptResolved:
		return "D18"
	case message.Charged:
		if f.Waived != "" {
			return "D3"
		}
		return "F1"
	case message.OptedOut, recipient.OptOutRecorded:
		return "E2"
	case recipient.NotOnViber:
		return "E6"
	}
	return ""
}

// Facts are what a decision was made by, in words: what the event itself keeps.
func Facts(e domain.Event) []string {
	switch f := e.(type) {
	case message.Accepted:
		return append(used(f.Facts), "validity "+span(f.ValidityMS), "fallback "+onOff(f.Fallback), "basis "+f.Basis)
	case message.Refused:
		return append(used(f.Facts), Reason(f.Reason))
	case message.Released:
		return []string{"deadline " + f.Deadline.UTC().Format(time.RFC3339)}
	case message.Paused:
		return append(used(f.Facts), Paused(f.Switch))
	case message.Resumed:
		return used(f.Facts)
	case message.AttemptStarted:
		return append(used(f.Facts), "route "+f.Route, "not after "+f.NotAfter.UTC().Format(time.RFC3339))
	case message.AttemptRefused:
		return []string{"the carrier's code " + f.Code}
	case message.FellBack:
		out := append(used(f.Facts), Reason(f.Reason))
		if f.Code != "" {
			out = append(out, "the carrier's code "+f.Code)
		}
		return out
	case message.Charged:
		out := []string{"price list " + f.PriceVersion, fmt.Sprintf("%s each, %s", Money(f.UnitPrice, f.Currency), Count(f.Parts, "part")), "month " + f.Month}
		if f.Adjusts != "" {
			out = append(out, "for the closed month "+f.Adjusts)
		}
		return out
	case message.OptedOut:
		return []string{"said by " + strings.ReplaceAll(f.Origin, "_", " ")}
	case recipient.OptOutRecorded:
		return []string{"said by " + strings.ReplaceAll(f.Origin, "_", " ")}
	}
	return nil
}

func used(f message.UsedFacts) (out []string) {
	for _, v := range []struct {
		name string
		n    int
	}{{"sender version", f.SenderVersion}, {"policy version", f.PolicyVersion}} {
		if v.n > 0 {
			out = append(out, fmt.Sprintf("%s %d", v.name, v.n))
		}
	}
	if f.PriceVersion != "" {
		out = append(out, "price list "+f.PriceVersion)
	}
	return out
}

func span(ms int64) string { return Duration(time.Duration(ms) * time.Millisecond) }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
