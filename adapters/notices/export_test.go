package notices

import (
	"time"

	"goniec/adapters/mailer"
	"goniec/domain/catalog"
)

// Drafts are the notices of facts of which nothing is said.
func Drafts(zone *time.Location) map[string]mailer.Mail {
	out := map[string]mailer.Mail{}
	for typ, words := range texts {
		zero, err := catalog.Zero(typ)
		if err != nil {
			continue
		}
		t := words(zero, zone)
		out[typ] = mailer.Mail{Subject: t.subject("Sowa", "PL"), Text: t.body("Sowa", "PL", "Jan")}
	}
	return out
}
