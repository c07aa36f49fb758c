package audit

import (
	"fmt"

	"goniec/domain/message"
	"goniec/domain/partition"
)

// seal checks that months are sealed in order, each once (rules.md F4).
func (c *checker) seal(e partition.PeriodSealed) string {
	if e.Month <= c.sealed {
		return fmt.Sprintf("it seals the month %q, and %s is sealed already", e.Month, c.sealed)
	}
	c.sealed = e.Month
	return ""
}

// period checks that nothing is added to a month once it is sealed.
func (c *checker) period(e message.Charged) string {
	if c.sealed != "" && e.Month <= c.sealed {
		return fmt.Sprintf("it is charged in the month %q, and %s is sealed already", e.Month, c.sealed)
	}
	return ""
}
