package billing

import (
	"math"
	"slices"

	"goniec/domain/calendar"
	"goniec/domain/money"
)

// Forecast is what the month that goes on comes to for an account's senders.
type Forecast struct {
	Account  string
	Currency string
	Today    calendar.Date
	Senders  []SenderForecast
}

// SenderForecast is one configuration that is active in the month, with what can
// still be decided about it.
type SenderForecast struct {
	Prediction
	Ends         calendar.Month // the month of the notice that was given; zero = none was
	NoticeFor    calendar.Month // the first month whose end can still be asked for (rules.md F5); zero with Ends
	NoticeBy     calendar.Date  // the last day for it
	Offs, Ons    int            // how often it can still be switched this year (rules.md F6)
	WaitingCosts money.Cents    // the minimum of the month after NoticeFor, which no notice by then makes due
}

// Prediction is what a month comes to for one configuration if its traffic goes on as
// it did so far: as much on every day of the month. Where the highest minimum of a
// sender name holds, traffic and minimum are those of the name.
type Prediction struct {
	SenderID  string
	Sender    string // its name
	Country   string
	Countries []string // whose traffic counts together
	Minimum   Minimum  // of the terms; zero when they have none
	Free      string   // why none is owed: one of the reasons; "" when it is
	Now       Traffic
	Expected  Traffic // at the month's end
	Missing   Traffic // Expected to the minimum, in its unit
	TopUp     money.Cents
}

// Traffic is traffic on Viber: charged messages, and the sum of the lines' amounts.
type Traffic struct {
	Messages int64
	Amount   money.Cents
}

// Predict makes the prediction of every configuration on a day of the month, which
// counts as a whole one: before its end the forecast is on the low side. It is linear
// over the month's days so far (rules.md F3, F9). It fails as Compute does.
func Predict(in Inputs, day int) ([]Prediction, error) {
	in, err := in.normal()
	if err != nil {
		return nil, err
	}
	_, sums, err := usageLines(in)
	if err != nil {
		return nil, err
	}
	due, err := obligations(in, sums)
	if err != nil {
		return nil, err
	}
	out := make([]Prediction, len(in.Senders))
	for i, s := range in.Senders {
		of := slices.IndexFunc(due, func(o Obligation) bool {
			return o.SenderID == s.ID || o.SenderID == "" && o.Sender == s.Name && slices.Contains(o.Countries, s.Country)
		})
		if out[i], err = due[of].forecast(day, in.Month.Last().Day); err != nil { // every sender has one
			return nil, err
		}
		out[i].SenderID, out[i].Country = s.ID, s.Country
	}
	return out, nil
}

func (o Obligation) forecast(day, days int) (Prediction, error) {
	f := Prediction{Sender: o.Sender, Countries: o.Countries, Minimum: o.Minimum, Now: Traffic{o.Messages, o.Traffic}}
	if o.Country != "" {
		f.Countries = []string{o.Country}
	}
	if most := int64(math.MaxInt64 / 64); f.Now.Messages > most || int64(f.Now.Amount) > most {
		return Prediction{}, overflow()
	}
	past, all := int64(day), int64(days)
	f.Expected.Messages = f.Now.Messages * all / past
	f.Expected.Amount = money.Cents((2*int64(f.Now.Amount)*all + past) / (2 * past)) // rounded half up
	if o.Reason != ReasonReached && o.Reason != ReasonCharged {
		f.Free = o.Reason
		return f, nil
	}
	owed, err := o.Minimum.topUp(traffic{f.Expected.Amount, f.Expected.Messages})
	f.TopUp = owed.Round()
	if o.Minimum.Unit == UnitMessages {
		f.Missing.Messages = max(0, o.Minimum.Messages-f.Expected.Messages)
	} else {
		f.Missing.Amount = max(0, o.Minimum.Amount.Round()-f.Expected.Amount)
	}
	return f, err
}

// Owed is the minimum that the terms have for a country and accounts in a currency,
// zero when they have none.
func (t Terms) Owed(country, currency string) money.Cents {
	m, _ := t.in(country, currency)
	return m.Amount.Round()
}
