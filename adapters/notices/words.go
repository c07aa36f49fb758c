package notices

import (
	"fmt"
	"strings"
	"time"

	"goniec/domain/account"
	"goniec/domain/calendar"
)

// text is a notice in both languages: a title and what it says.
type text struct{ plTitle, pl, enTitle, en string }

// texts are the events that a client is told of, and the words for each. A fact is of the type of its name.
var texts = map[string]func(fact any, zone *time.Location) text{
	account.TypeSenderSubmitted: always(text{
		"zgłoszenie przyjęte", "Zgłoszenie zostało przyjęte do weryfikacji. Do jej zakończenia danych nie można zmieniać.",
		"submitted", "The submission was taken for verification. Nothing can be changed until it is over.",
	}),
	account.TypeSenderPassed: func(fact any, zone *time.Location) text {
		e, _ := fact.(account.SenderPassed)
		return text{
			"przekazana do Vibera", fmt.Sprintf("Zgłoszenie przekazano do Vibera %s. Weryfikacja trwa zwykle do %s.", day(e.On, zone), day(e.VerifiedBy, zone)),
			"passed to Viber", fmt.Sprintf("The submission was passed to Viber on %s. Verification usually ends by %s.", day(e.On, zone), day(e.VerifiedBy, zone)),
		}
	},
	account.TypeSenderApproved: func(fact any, zone *time.Location) text {
		e, _ := fact.(account.SenderApproved)
		return text{
			"aktywna", fmt.Sprintf("Nazwa nadawcy jest aktywna od %s. Miesiąc aktywacji jest wolny od minimum.", day(e.ActiveOn, zone)),
			"active", fmt.Sprintf("The sender name is active since %s. The month of activation has no minimum.", day(e.ActiveOn, zone)),
		}
	},
	account.TypeSenderReturned: func(fact any, _ *time.Location) text {
		e, _ := fact.(account.SenderReturned)
		return returned(e.Reasons)
	},
	account.TypeSenderChangeApproved: always(text{
		"zmiana zatwierdzona", "Nowa wersja danych nadawcy jest zatwierdzona i obowiązuje.",
		"change approved", "The sender's new version was approved and works.",
	}),
	account.TypeSenderChangeReturned: func(fact any, _ *time.Location) text {
		e, _ := fact.(account.SenderChangeReturned)
		return returned(e.Reasons)
	},
	account.TypeSenderNoticeGiven: func(fact any, _ *time.Location) text {
		e, _ := fact.(account.SenderNoticeGiven)
		return text{
			"wypowiedzenie przyjęte", fmt.Sprintf("Nazwa nadawcy zostanie wyłączona z końcem miesiąca %s; minimum za ten miesiąc obowiązuje. Do tego czasu prośbę można wycofać.", e.Month),
			"notice taken", fmt.Sprintf("The sender name will be switched off at the end of %s; that month's minimum applies. Until then it can be withdrawn.", e.Month),
		}
	},
	account.TypeSenderNoticeWithdrawn: always(text{
		"wypowiedzenie wycofane", "Prośbę o wyłączenie wycofano. Nazwa nadawcy działa dalej.",
		"notice withdrawn", "The notice was withdrawn. The sender name goes on working.",
	}),
	account.TypeSenderDisabled: func(fact any, _ *time.Location) text {
		e, _ := fact.(account.SenderDisabled)
		return text{
			"wyłączona", fmt.Sprintf("Nazwa nadawcy jest wyłączona od %s.", e.On),
			"disabled", fmt.Sprintf("The sender name is switched off since %s.", e.On),
		}
	},
	account.TypeSenderClosed: always(text{"zamknięta", "Nazwę nadawcy zamknięto na stałe.", "closed", "The sender name was closed for good."}),
	account.TypeSenderEnabled: func(fact any, _ *time.Location) text {
		e, _ := fact.(account.SenderEnabled)
		return text{
			"włączona", fmt.Sprintf("Nazwa nadawcy jest znów aktywna od %s; minimum za ten miesiąc obowiązuje.", e.On),
			"enabled", fmt.Sprintf("The sender name is active again since %s; that month's minimum applies.", e.On),
		}
	},
	account.TypeSenderSuspended: always(text{
		"zawieszona", "Nazwę nadawcy zawieszono: nowe wiadomości są odrzucane, a przyjęte wychodzą jako SMS.",
		"suspended", "The sender name was suspended: new messages are refused, accepted ones go as SMS.",
	}),
	account.TypeSenderReinstated: always(text{"zawieszenie zdjęte", "Zawieszenie zdjęto. Nazwa nadawcy działa.", "suspension lifted", "The suspension was lifted. The sender name works."}),
}

// always are words that need nothing of the fact.
func always(t text) func(any, *time.Location) text {
	return func(any, *time.Location) text { return t }
}

func returned(reasons []string) text {
	list := "\n- " + strings.Join(reasons, "\n- ")
	return text{
		"do poprawy", "Zgłoszenie zwrócono do poprawy. Powody:" + list,
		"returned", "The submission was returned. Reasons:" + list,
	}
}

func day(t time.Time, zone *time.Location) string { return calendar.DateOf(t, zone).String() }

func (t text) subject(name, country string) string {
	return fmt.Sprintf("Viber, nadawca %s (%s): %s / %s", name, country, t.plTitle, t.enTitle)
}

// body is Polish and then English, as clients are told the same in both.
func (t text) body(name, country, manager string) string {
	b := fmt.Sprintf("Nazwa nadawcy: %s (%s)\n\n%s\n", name, country, t.pl)
	if manager != "" {
		b += "\nOpiekun konta: " + manager + "\n"
	}
	b += fmt.Sprintf("\n---\nSender name: %s (%s)\n\n%s\n", name, country, t.en)
	if manager != "" {
		b += "\nAccount manager: " + manager + "\n"
	}
	return b
}
