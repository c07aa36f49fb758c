package closing

import (
	"context"
	"time"

	"goniec/domain/billing"
	"goniec/domain/calendar"
)

// Forecast predicts the month in which now lies; see billing.Predict. It fails as
// Preview does.
func (g *Gatherer) Forecast(ctx context.Context, of string, now time.Time) (billing.Forecast, error) {
	today := calendar.DateOf(now, g.cfg.Zone)
	in, err := g.Preview(ctx, of, today.InMonth())
	if err != nil {
		return billing.Forecast{}, err
	}
	predicted, err := billing.Predict(in, today.Day)
	if err != nil {
		return billing.Forecast{}, err
	}
	notice := g.cfg.View.Notice(of)
	last := notice.Earliest(now, g.cfg.Zone)
	next, err := terms(g.cfg.View, last.Ends(g.cfg.Zone))
	if err != nil {
		return billing.Forecast{}, err
	}
	out := billing.Forecast{Account: of, Currency: in.Currency, Today: today}
	for _, f := range predicted {
		s, _ := g.cfg.View.SenderByID(f.SenderID) // the inputs come from there
		one := billing.SenderForecast{
			Prediction: f, Offs: calendar.TogglesLeft(s.Offs, today.Year), Ons: calendar.TogglesLeft(s.Ons, today.Year),
			NoticeFor: last, NoticeBy: notice.LastDay(last), WaitingCosts: next.Owed(f.Country, in.Currency),
		}
		if s.Notice != nil {
			one.Ends, one.NoticeFor, one.NoticeBy, one.WaitingCosts = s.Notice.Month, calendar.Month{}, calendar.Date{}, 0
		}
		out.Senders = append(out.Senders, one)
	}
	return out, nil
}
