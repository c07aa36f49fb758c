package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/gif"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"goniec/adapters/httpapi"
	"goniec/domain/account"
	"goniec/domain/billing"
	"goniec/domain/calendar"
	"goniec/domain/message"
)

// happened applies events to a sender that no command of the test would bring about.
func (b *bundle) happened(stream string, events ...account.Event) {
	s := b.decider.states[stream]
	for _, e := range events {
		s = account.Evolve(s, e, b.decider.now)
		b.view.Apply(stream, s.Version, e, b.decider.now)
	}
	b.decider.states[stream] = s
}

func animation(t *testing.T) string {
	t.Helper()
	frame := func() *image.Paletted {
		return image.NewPaletted(image.Rect(0, 0, 200, 200), color.Palette{color.Black, color.White})
	}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame(), frame()}, Delay: []int{1, 1}}))
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// Whoever is refused is told the field, the rule, and what helps: a date or an action; in
// Polish and in English (rules.md B3, B5, B6, B12, F4 to F6, F9).
func TestRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	goniec, waiting := account.SenderID(acc, "GONIEC", "PL"), account.SenderID(acc, "Waiting", "PL")
	submitted := func(b *bundle) { b.do(account.SenderStream(waiting), account.SubmitSender{Elsewhere: true}) }
	on := func(m time.Month, d int) calendar.Date { return calendar.Date{Year: 2026, Month: m, Day: d} }
	twice := []account.Event{
		account.SenderDisabled{Reason: "x", On: on(3, 1), At: now},
		account.SenderEnabled{On: on(4, 1), At: now},
		account.SenderDisabled{Reason: "x", On: on(6, 1), At: now},
		account.SenderEnabled{On: on(7, 1), At: now},
	}
	patch := func(body string) request {
		return request{method: http.MethodPatch, path: "/v1/senders/" + waiting, key: clientKey, body: body}
	}
	logo := func(content string) request { return patch(`{"logo":"` + content + `"}`) }
	client := func(path, body string) request {
		return request{method: http.MethodPost, path: path, key: clientKey, body: body}
	}
	operator := func(path, body string) request {
		return request{method: http.MethodPost, path: path, key: operatorKey, body: body}
	}
	sends := func(sender string) request { return client("/v1/messages", good("sender", `"`+sender+`"`)) }
	off := func(before ...account.Event) func(*bundle) {
		return func(b *bundle) {
			b.happened(account.SenderStream(goniec), append(before, account.SenderDisabled{Reason: "x", On: on(9, 1), At: now})...)
		}
	}
	edit := patch(`{"kind":"promotions"}`)
	credit := `{"account":"` + acc + `","credit":"` + creditID + `","amount":"1.00","reason":"x"}`

	for name, c := range map[string]struct {
		before        func(*bundle)
		r             request
		code, field   string
		rule, help    string // in English
		zasada, pomoc string // and in Polish
	}{
		"a frozen form": {
			submitted, edit, account.CodeSenderState, "",
			"the form is frozen while it is under review", "withdraw it, change it and submit it again",
			"formularz jest zablokowany na czas weryfikacji", "wycofaj zgłoszenie, zmień formularz i zgłoś go ponownie",
		},
		"a frozen form that Viber has": {
			func(b *bundle) {
				submitted(b)
				b.do(account.SenderStream(waiting), account.PassSender{Reference: "V-1"})
			}, edit, account.CodeSenderState, "",
			"frozen while Viber reviews it", "ask the operator to return it",
			"weryfikuje go Viber", "poproś operatora o zwrot",
		},
		"notice that is too late": {
			func(b *bundle) { b.decider.now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) },
			client("/v1/senders/"+goniec+"/disable", `{"reason":"x"}`), account.CodeNoticeTooLate, "month",
			"notice for the end of 2026-11 had to be given by 2026-11-24", "confirm the end of 2026-12 by naming it: its minimum applies",
			"wyłączenie z końcem miesiąca 2026-11 trzeba było zgłosić do 2026-11-24", "potwierdź wyłączenie z końcem miesiąca 2026-12",
		},
		"a third switching off": {
			func(b *bundle) { b.happened(account.SenderStream(goniec), twice...) },
			client("/v1/senders/"+goniec+"/disable", `{"reason":"x"}`), account.CodeToggledTwice, "month",
			"switched off twice in 2026", "it can be off from 2027-01-01, with notice for the end of 2026-12 or later",
			"wyłączono w roku 2026 już dwa razy", "można go wyłączyć od 2027-01-01, zgłaszając to na koniec miesiąca 2026-12",
		},
		"a third switching on": {
			func(b *bundle) {
				b.happened(account.SenderStream(goniec), append(twice, account.SenderDisabled{Reason: "x", On: on(9, 1), At: now})...)
			},
			client("/v1/senders/"+goniec+"/enable", `{"as_soon_as_possible":true}`), account.CodeToggledTwice, "month",
			"switched on twice in 2026", "it can be on again from 2027-01-01; ask for month 2027-01",
			"włączono w roku 2026 już dwa razy", "można go włączyć od 2027-01-01; podaj miesiąc 2027-01",
		},
		"closed for good": {
			func(b *bundle) {
				b.happened(account.SenderStream(goniec), account.SenderDisabled{Reason: "x", On: on(11, 1), At: now}, account.SenderClosed{Reason: "x"})
			},
			client("/v1/senders/"+goniec+"/enable", `{}`), account.CodeSenderClosed, "",
			"closed for good", "create another one", "zamknięto na stałe", "utwórz innego",
		},
		"a sender that exists": {
			nil, client("/v1/senders", `{"company":"Other","name":"Waiting"}`), account.CodeAlreadyExists, "name",
			"names a sender that exists already in this country, with another company name or way of communication",
			"change that one's form (PATCH /v1/senders/" + waiting + "), or choose another name",
			"nadawca o tej nazwie i dla tego kraju już istnieje", "zmień jego formularz (PATCH /v1/senders/" + waiting + ") albo wybierz inną nazwę",
		},
		"a second notice": {
			func(b *bundle) {
				b.do(account.SenderStream(goniec), account.DisableSender{Reason: "x", Month: calendar.Month{Year: 2026, Month: 12}})
			},
			client("/v1/senders/"+goniec+"/disable", `{"reason":"x","month":"2027-01"}`), account.CodeAlreadyExists, "month",
			"notice was given already, for the end of 2026-12", "take it back first (POST …/disable/withdraw",
			"wyłączenie z końcem miesiąca 2026-12 zgłoszono już wcześniej", "najpierw wycofaj tamto zgłoszenie (POST …/disable/withdraw",
		},
		"a second request to be on": {
			func(b *bundle) {
				b.happened(account.SenderStream(goniec), account.SenderDisabled{Reason: "x", On: on(11, 1), At: now})
				b.do(account.SenderStream(goniec), account.EnableSender{})
			},
			client("/v1/senders/"+goniec+"/enable", `{"as_soon_as_possible":true}`), account.CodeAlreadyExists, "month",
			"is about to be enabled from 2026-12-01 on already", "take that back first (POST …/enable/withdraw",
			"włączenie nadawcy od 2026-12-01 zgłoszono już wcześniej", "najpierw wycofaj tamto zgłoszenie (POST …/enable/withdraw",
		},
		"a sender that is new": {
			nil, sends("Waiting"), message.CodeSenderNotActive, "sender",
			"is new for PL, not active", "complete its form and submit it", "nadawca dla kraju PL jest w stanie Nowa", "uzupełnij jego formularz i zgłoś go",
		},
		"a sender under review": {
			submitted, sends("Waiting"), message.CodeSenderNotActive, "sender",
			"is under review for PL", "it can send once it is approved", "jest w stanie W weryfikacji", "będzie mógł wysyłać po zatwierdzeniu",
		},
		"a sender that is off": {
			off(), sends("GONIEC"), message.CodeSenderNotActive, "sender",
			"is disabled for PL", "it can be enabled from 2026-11-10 on", "jest wyłączony", "można go włączyć od 2026-11-10",
		},
		"a sender that was on twice this year": {
			off(twice...), sends("GONIEC"), message.CodeSenderNotActive, "sender",
			"is disabled for PL", "it can be enabled from 2027-01-01 on", "jest wyłączony", "można go włączyć od 2027-01-01",
		},
		"a sender that is about to be on": {
			func(b *bundle) {
				off()(b)
				b.do(account.SenderStream(goniec), account.EnableSender{})
			}, sends("GONIEC"), message.CodeSenderNotActive, "sender",
			"is disabled for PL", "asked to be on from 2026-12-01, and an operator confirms that", "jest wyłączony", "ma zostać włączony od 2026-12-01, po potwierdzeniu przez operatora",
		},
		"a sender that is closed": {
			func(b *bundle) {
				off()(b)
				b.happened(account.SenderStream(goniec), account.SenderClosed{Reason: "x"})
			}, sends("GONIEC"), message.CodeSenderNotActive, "sender",
			"was closed for good for PL", "send with another sender", "zamknięto na stałe", "użyj innego nadawcy",
		},
		"a sender that is suspended": {
			func(b *bundle) {
				b.do(account.SenderStream(goniec), account.SuspendSender{Reason: "x", By: account.ByOperator})
			}, sends("GONIEC"), message.CodeSenderSuspended, "sender",
			"is suspended for PL", "an operator lifts that", "nadawca jest zawieszony dla kraju PL", "zawieszenie zdejmuje operator",
		},
		"another name": {
			nil, patch(`{"name":"Other"}`), httpapi.CodeUnknownField, "name",
			"is fixed when the sender is created", "another name or country is another sender (POST /v1/senders)",
			"nie można zmienić po utworzeniu nadawcy", "inna nazwa lub inny kraj to inny nadawca (POST /v1/senders)",
		},
		"another country": {
			nil, patch(`{"country":"DE"}`), httpapi.CodeUnknownField, "country",
			"is fixed when the sender is created", "leave it out", "nie można zmienić po utworzeniu nadawcy", "pomiń je",
		},
		"a form that lacks something": {
			nil, client("/v1/senders/"+waiting+"/submit", ""), account.CodeFormIncomplete, "logo",
			"is missing", "a logo of 200×200 pixels", "do uzupełnienia", "logo 200×200 pikseli",
		},
		"a logo of 199×200": {
			nil, logo(logoFile(t, 199)), account.CodeInvalidLogo, "logo",
			"has 199×200 pixels", "crop or scale it to exactly 200×200", "ma 199×200 pikseli", "przytnij go albo przeskaluj do dokładnie 200×200",
		},
		"a PDF for a logo": {
			nil, logo(base64Of("%PDF-1.7\n%named .png")), account.CodeInvalidLogo, "logo",
			"is not a JPG, GIF or PNG, whatever its name says", "save it as one", "to nie jest plik JPG, GIF ani PNG, niezależnie od jego nazwy", "zapisz go w jednym z tych formatów",
		},
		"an animated logo": {
			nil, logo(animation(t)), account.CodeInvalidLogo, "logo", "is animated", "save one of its pictures", "to animacja", "zapisz jedną z jej klatek",
		},
		"a logo of 10 MB": {
			nil, logo(strings.Repeat("A", 10<<20*4/3)), httpapi.CodeTooLarge, "logo",
			"is larger than 500 KB", "save it as JPG, or as PNG with fewer colours", "plik jest większy niż 500 KB", "zapisz go jako JPG",
		},
		"a credit for a closed month": {
			func(b *bundle) {
				b.operator("POST", "/v1/billing/2026-10/close", `{"account":"`+acc+`","confirm":true}`)
			},
			operator("/v1/billing/2026-10/credits", credit), billing.CodeMonthClosed, "",
			"2026-10 is closed", "this goes into the next month, 2026-11 or later", "miesiąc 2026-10 jest zamknięty", "wpisz to do następnego, 2026-11 lub późniejszego",
		},
		"a credit that nobody else approves": {
			func(b *bundle) { b.operator("POST", "/v1/billing/2026-11/credits", credit) },
			operator("/v1/billing/2026-11/credits/"+creditID+"/approve", `{"account":"`+acc+`"}`), billing.CodeSamePerson, "credit",
			"must be approved by somebody else than who asked for it", "with a key of their own", "musi zatwierdzić ktoś inny niż ten, kto o nią prosił", "własnym kluczem",
		},
		"prices into a closed month": {
			nil, operator("/v1/prices", `{"currency":"PLN","valid_from":"2026-10-15T00:00:00Z","prices":[{"country":"PL","channel":"sms","amount":"1"}]}`), account.CodeBackdated, "valid_from",
			"must not lie in the past, as charges are never priced again", "leave it out for prices from now on", "nie może przypadać w przeszłości", "pomiń pole, aby ceny obowiązywały od teraz",
		},
		"regulations that were not accepted": {
			func(b *bundle) { b.publish("# Zasady", "2026-11-10") }, client("/v1/messages", good()), "regulations_not_accepted", "",
			"version 1 of the regulations is in force and the account has not accepted it", "accept it with POST /v1/regulations/1/acceptance or goniec regulations accept 1",
			"obowiązuje wersja 1 regulaminu, a konto jej nie zaakceptowało", "zaakceptuj przez POST /v1/regulations/1/acceptance albo goniec regulations accept 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if c.before != nil {
				c.before(b)
			}
			for language, words := range map[string][]string{"en": {c.rule, c.help}, "pl": {c.zasada, c.pomoc}} {
				c.r.header = map[string]string{"Accept-Language": language}
				w := b.call(c.r)
				p := decode[httpapi.Problem](t, w)
				require.Equal(t, c.code, p.Code, w.Body.String())
				require.NotEmpty(t, p.Errors)
				require.Equal(t, c.field, p.Errors[0].Field)
				for _, said := range words {
					require.Contains(t, p.Errors[0].Message, said)
					require.Contains(t, p.Detail, said)
				}
			}
		})
	}
}

// Closing a month again changes nothing; one that cannot be closed says from when, or what is waited for.
func TestCloseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for language, words := range map[string]string{"en": "2026-11 can be closed when it is sealed, from 2026-12-04 on", "pl": "miesiąc 2026-11 można zamknąć, gdy zostanie zapieczętowany, od 2026-12-04"} {
		w := b.call(request{
			method: http.MethodPost, path: "/v1/billing/2026-11/close", key: operatorKey, body: `{"account":"` + acc + `","confirm":true}`,
			header: map[string]string{"Accept-Language": language},
		})
		require.Equal(t, words, decode[httpapi.CloseBody](t, w).Accounts[0].Detail)
	}
	again := func() httpapi.ClosedBody {
		return decode[httpapi.CloseBody](t, b.operator("POST", "/v1/billing/2026-10/close", `{"account":"`+acc+`","confirm":true}`)).Accounts[0]
	}
	first := again()
	require.True(t, first.Changed)
	second := again()
	require.Equal(t, []any{httpapi.MonthClosed, first.Total, false}, []any{second.State, second.Total, second.Changed})
}
