package closing

import (
	"encoding/json"
	"fmt"

	"goniec/domain/billing"
)

// verdict computes the month again and compares it with what was written.
func (a *again) verdict() Verdict {
	was := a.written.Statement
	v := Verdict{Account: a.of, Month: was.Month.String(), Currency: was.Currency, Written: was.Total.String(), Charges: a.charges}
	s, err := billing.Statement{}, a.fault
	if err == nil {
		s, err = billing.Compute(a.in)
	}
	if err != nil {
		a.differs("it cannot be computed: %v", err)
	} else {
		v.Computed = s.Total.String()
		a.compare(was, s)
	}
	v.Differences, v.Agrees = a.difference, len(a.difference) == 0
	return v
}

func (a *again) compare(was, is billing.Statement) {
	if was.Account != is.Account || was.Month != is.Month || was.Currency != is.Currency {
		a.differs("account, month or currency: written %s %s %s, computed %s %s %s", was.Account, was.Month, was.Currency, is.Account, is.Month, is.Currency)
	}
	if partyOf(was) != partyOf(is) {
		a.differs("the billing party is another one")
	}
	if was.Total != is.Total {
		a.differs("total: written %s, computed %s", was.Total, is.Total)
	}
	if have, want := a.written.Inputs.Terms.Version, a.in.Terms.Version; have != want {
		a.differs("terms: written %q, in force %q", have, want)
	}
	for i := range max(len(was.Lines), len(is.Lines)) {
		written, computed := nth(was.Lines, i), nth(is.Lines, i)
		if written != computed {
			a.differs("line %d: written %s, computed %s", i+1, written, computed)
		}
	}
	for i := range max(len(was.Obligations), len(is.Obligations)) {
		written, computed := nth(was.Obligations, i), nth(is.Obligations, i)
		if written != computed {
			a.differs("minimum %d: written %s, computed %s", i+1, written, computed)
		}
	}
}

// partyOf is zero when nobody was named.
func partyOf(s billing.Statement) (p billing.Party) {
	if s.Party != nil {
		p = *s.Party
	}
	return p
}

// nth is an item in words that hold all of it.
func nth[T any](list []T, i int) string {
	if i >= len(list) {
		return "nothing"
	}
	data, err := json.Marshal(list[i])
	if err != nil {
		return fmt.Sprintf("%+v", list[i])
	}
	return string(data)
}
