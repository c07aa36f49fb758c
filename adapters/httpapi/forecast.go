package httpapi

import (
	"context"

	bill "goniec/domain/billing"
)

// ForecastBody is what the current month comes to for an account's senders.
type ForecastBody struct {
	Account  string           `json:"account" format:"uuid"`
	Month    string           `json:"month" example:"2026-11"`
	Day      int              `json:"day" doc:"Of the month, in the billing zone; it counts as a whole one."`
	Days     int              `json:"days" doc:"Of the month."`
	Currency string           `json:"currency" example:"PLN"`
	Senders  []SenderForecast `json:"senders" doc:"Those that are active in the month, for however short."`
}

// SenderForecast is one sender's month.
type SenderForecast struct {
	ID               string   `json:"id" format:"uuid"`
	Name             string   `json:"name"`
	Country          string   `json:"country" example:"PL"`
	Countries        []string `json:"countries" doc:"Whose traffic counts: all of the name's, where the terms have one minimum for them together."`
	Free             string   `json:"free,omitempty" enum:"activation_month,waived,no_minimum,other_currency" doc:"Why no minimum is owed."`
	Minimum          string   `json:"minimum,omitempty" example:"300.00"`
	MinimumMessages  int64    `json:"minimum_messages,omitempty" doc:"Where messages are counted."`
	Messages         int64    `json:"messages" doc:"So far, charged on Viber."`
	Amount           string   `json:"amount" example:"120.50"`
	ExpectedMessages int64    `json:"expected_messages" doc:"At the month's end."`
	ExpectedAmount   string   `json:"expected_amount" example:"180.75"`
	MissingMessages  int64    `json:"missing_messages,omitempty" doc:"From what is expected to the minimum, where messages are counted."`
	MissingAmount    string   `json:"missing_amount,omitempty" example:"119.25" doc:"The same, where amounts are."`
	TopUp            string   `json:"top_up" example:"119.25" doc:"What would be charged besides."`
	Ends             string   `json:"ends,omitempty" example:"2026-11" doc:"It ends with this month: notice was given."`
	NoticeFor        string   `json:"notice_for,omitempty" example:"2026-11" doc:"The first month with whose end it can still end."`
	NoticeBy         string   `json:"notice_by,omitempty" example:"2026-11-24" doc:"The last day to give notice for it."`
	WaitingCosts     string   `json:"waiting_costs" example:"300.00" doc:"The next month's minimum, which is due when no notice is given by then; of this country alone."`
	OffsLeft         int      `json:"offs_left" doc:"How often it can still be switched off this year."`
	OnsLeft          int      `json:"ons_left" doc:"And on."`
}

func (a *API) forecast(ctx context.Context, c *call, in *accountParam, _ *noBody) (*answer[ForecastBody], error) {
	of, err := a.accountOf(c, in.Account)
	if err != nil {
		return nil, err
	}
	f, err := a.cfg.Closing.Forecast(ctx, of, a.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	month := f.Today.InMonth()
	out := ForecastBody{Account: of, Month: month.String(), Day: f.Today.Day, Days: month.Last().Day, Currency: f.Currency, Senders: []SenderForecast{}}
	for _, s := range f.Senders {
		out.Senders = append(out.Senders, senderForecast(s))
	}
	return ok(out)
}

func senderForecast(s bill.SenderForecast) SenderForecast {
	ends, _ := s.Ends.MarshalText() // none of the three fails
	last, _ := s.NoticeFor.MarshalText()
	by, _ := s.NoticeBy.MarshalText()
	out := SenderForecast{
		ID: s.SenderID, Name: s.Sender, Country: s.Country, Countries: s.Countries, Free: s.Free, Messages: s.Now.Messages, Amount: s.Now.Amount.String(),
		ExpectedMessages: s.Expected.Messages, ExpectedAmount: s.Expected.Amount.String(), TopUp: s.TopUp.String(),
		Ends: string(ends), NoticeFor: string(last), NoticeBy: string(by), WaitingCosts: s.WaitingCosts.String(), OffsLeft: s.Offs, OnsLeft: s.Ons,
	}
	if s.Free != "" {
		return out
	}
	out.Minimum, out.MinimumMessages = s.Minimum.Amount.Cents(), s.Minimum.Messages
	if s.Minimum.Unit == bill.UnitMessages {
		out.MissingMessages = s.Missing.Messages
	} else {
		out.MissingAmount = s.Missing.Amount.String()
	}
	return out
}
