package demo

import (
	"context"
	"fmt"
	"math/big"
	"sort"
	"strings"
	"time"

	"goniec/adapters/httpapi"
	"goniec/cmd/goniec/internal/client"
	"goniec/domain"
	"goniec/domain/message"
	"goniec/eventstore/audit"
	"goniec/internal/suffixes"
	"goniec/projections"
	"goniec/projections/query"
)

// checkBudget bounds all checks together.
const checkBudget = 90 * time.Second

// check asks all questions. An error means that one could not be asked.
func (d *demo) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkBudget)
	defer cancel()
	models, err := d.target.projector()
	if err != nil {
		return err
	}
	defer models.Close()
	if err := d.target.caughtUp(ctx, models); err != nil {
		return err
	}
	api, err := d.target.apiClient()
	if err != nil {
		return err
	}
	shown, err := allMessages(ctx, api)
	if err != nil {
		return fmt.Errorf("list messages: %w", err)
	}
	if err := d.book.Close(); err != nil { // all is in it: from here on it is only looked up
		return err
	}
	d.tell("outcomes")
	d.checkOutcomes(shown)
	for _, ask := range []struct {
		name string
		fn   func(context.Context, *projections.Projector) error
	}{
		{"suspensions", d.checkSuspensions},
		{"totals", d.checkTotals},
		{"the carriers' log", d.checkCarriers},
		{"hash chain", d.checkChain},
		{"rebuild", d.checkRebuild},
		{"search for numbers and texts", d.checkPrivacy},
	} {
		d.tell(ask.name)
		if err := ask.fn(ctx, models); err != nil {
			return fmt.Errorf("%s: %w", ask.name, err)
		}
	}
	d.report.Stories = stories(d.report.Verdicts, d.book, shown)
	return nil
}

func (d *demo) tell(what string) { d.opt.Live("checking: " + what) }

// checkOutcomes: every 202 is one message, it ended as its suffix requires, and
// the API shows what the journal says.
func (d *demo) checkOutcomes(shown map[string]httpapi.Message) {
	c, _ := d.book.Count() // its error has ended the run before
	d.report.States, d.report.Events = c.States, c.Events
	var lost, wrong, differ []string
	known := map[string]bool{}
	for _, s := range d.plan.Sendings {
		id := d.sent.ids[s.N]
		m := d.book.Message(id)
		if m == nil || known[id] {
			lost = append(lost, fmt.Sprintf("message %d (%s) was answered 202 and stands %s", s.N, id, map[bool]string{true: "in the journal twice", false: "nowhere in the journal"}[known[id]]))
			continue
		}
		known[id] = true
		v := judge(s, m, d.outages)
		d.report.Verdicts = append(d.report.Verdicts, v)
		for _, f := range v.Faults {
			wrong = append(wrong, fmt.Sprintf("suffix %s, message %s: %s", s.Want.Suffix, id, f))
		}
		if f := compareShown(v.Outcome, m, shown[id]); f != "" {
			differ = append(differ, fmt.Sprintf("message %s: %s", id, f))
		}
	}
	for _, m := range d.book.Messages() {
		if !known[m.ID] {
			lost = append(lost, "message "+m.ID+" is in the journal, and nobody was answered 202 for it")
		}
	}
	for _, f := range d.book.Strays() {
		lost = append(lost, f.Stream+": "+f.Type+" belongs to no message")
	}
	d.report.add("every 202 is one message in the journal", fmt.Sprintf("%d requests, %d messages, %d events", d.opt.Messages, c.Messages, c.Events), lost)
	d.report.add("every message ended as its suffix requires", d.summary(), wrong)
	d.report.add("the API shows what the journal says", fmt.Sprintf("%d messages", len(shown)), differ)
}

// summary counts the verdicts into rows, and says how it went in one line.
func (d *demo) summary() string {
	rows := map[string]*Row{}
	touched := Touched{}
	for _, e := range suffixes.Expectations() {
		d.report.Rows = append(d.report.Rows, Row{Expectation: e, Ended: map[string]int{}})
	}
	for i := range d.report.Rows {
		rows[d.report.Rows[i].Suffix] = &d.report.Rows[i]
	}
	as := 0
	for _, v := range d.report.Verdicts {
		r := rows[v.Want.Suffix]
		r.Messages++
		r.Ended[v.Outcome.String()]++
		usual := v.Outcome.is(v.Want)
		if usual {
			r.As++
			as++
		}
		touched.count(v, usual)
	}
	s := fmt.Sprintf("%d of %d suffixes' messages exactly so", as, len(d.report.Verdicts))
	if d.opt.Kills > 0 {
		d.report.Kills, d.report.Touched = d.outages, &touched
		s += fmt.Sprintf("; a kill came into the life of %d, of which %d ended otherwise, as the rules allow", touched.Messages, touched.Other)
	}
	return s
}

func (t *Touched) count(v Verdict, usual bool) {
	if !v.Touched {
		return
	}
	t.Messages++
	if usual {
		t.AsUsual++
	} else {
		t.Other++
	}
	if v.Outcome.Crashed {
		t.Unknown++
	}
}

// compareShown says what the API shows differently.
func compareShown(o Outcome, m *Message, got httpapi.Message) string {
	charges := map[string]int{}
	for _, c := range got.Charges {
		charges[c.Channel]++
	}
	late := m.has(func(e domain.Event) bool { f, ok := e.(message.Delivered); return ok && f.Late })
	switch {
	case got.ID == "":
		return "the API does not know it"
	case got.State != string(o.State) || got.Ended != o.Ended || got.Channel != string(o.Channel):
		return fmt.Sprintf("the API shows %s, %s, ended %t; the journal says %s, %s, %t", got.State, got.Channel, got.Ended, o.State, o.Channel, o.Ended)
	case charges["viber"] != o.Viber || charges["sms"] != o.SMS:
		return fmt.Sprintf("the API shows the charges %d/%d; the journal has %d/%d", charges["viber"], charges["sms"], o.Viber, o.SMS)
	case got.LateDelivery != late || got.DoubleDelivery != (m.delivered(domain.Viber) && m.delivered(domain.SMS)):
		return "the API shows another late or double delivery than the journal"
	}
	return ""
}

// allMessages reads every page of the list.
func allMessages(ctx context.Context, api *client.Client) (map[string]httpapi.Message, error) {
	out := map[string]httpapi.Message{}
	f := client.Filter{Limit: 200}
	for {
		page, err := api.Messages(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Messages {
			out[m.ID] = m
		}
		if page.Next == "" {
			return out, nil
		}
		f.Cursor = page.Next
	}
}

// checkTotals: the month's totals are what the journal's charges add up to.
func (d *demo) checkTotals(ctx context.Context, _ *projections.Projector) error {
	prices, err := readPrices(ctx, d.target.client, d.target.topics(), d.target.running.Partitions)
	if err != nil {
		return err
	}
	lines, faults := addUp(d.book.Messages(), prices)
	reader, err := query.Open(d.target.running.Postgres, 2)
	if err != nil {
		return err
	}
	defer reader.Close()
	var read []query.BillingLine
	for _, month := range months(lines) {
		got, err := reader.Billing(ctx, d.target.running.Account, month)
		if err != nil {
			return err
		}
		read = append(read, got...)
	}
	faults = append(faults, compareLines(lines, read)...)
	d.report.Lines, d.report.Totals = lines, totals(lines)
	sum := new(big.Rat)
	for _, l := range lines {
		sum.Add(sum, l.sum)
	}
	d.report.add("the month's totals are what the journal adds up to", fmt.Sprintf("%d lines, %s", len(lines), sum.FloatString(2)), faults)
	return nil
}

func months(lines []*Line) []string {
	var out []string
	for _, l := range lines {
		if len(out) == 0 || out[len(out)-1] != l.Month {
			out = append(out, l.Month)
		}
	}
	return out
}

func totals(lines []*Line) []Total {
	by := map[string]*Total{}
	sums := map[string]*big.Rat{}
	var keys []string
	for _, l := range lines {
		k := l.Month + " " + l.Channel + " " + l.Currency
		if by[k] == nil {
			by[k], sums[k], keys = &Total{Month: l.Month, Channel: l.Channel, Currency: l.Currency}, new(big.Rat), append(keys, k)
		}
		by[k].Count += l.Count
		by[k].Parts += l.Parts
		sums[k].Add(sums[k], l.sum)
	}
	sort.Strings(keys)
	out := make([]Total, len(keys))
	for i, k := range keys {
		by[k].Amount = sums[k].FloatString(6)
		out[i] = *by[k]
	}
	return out
}

// checkCarriers: the carriers' own log agrees with the journal.
func (d *demo) checkCarriers(ctx context.Context, _ *projections.Projector) error {
	log, err := ReadCarrierLog(ctx, d.target.carriers)
	if err != nil {
		return err
	}
	var faults []string
	numbers := map[string]bool{}
	for _, s := range d.plan.Sendings {
		numbers[s.Number] = true
		m := d.book.Message(d.sent.ids[s.N])
		if m == nil {
			continue
		}
		for _, f := range log.compare(s.Number, m, &d.report.Calls) {
			faults = append(faults, fmt.Sprintf("suffix %s, message %s: %s", s.Want.Suffix, m.ID, f))
		}
	}
	for number := range log.calls {
		if !numbers[number] {
			faults = append(faults, "the carriers were handed a number that nothing was sent to")
		}
	}
	c := d.report.Calls
	detail := fmt.Sprintf("%d calls on Viber, %d as SMS, each with its event before it", c.Viber, c.SMS)
	if d.opt.Kills > 0 {
		detail += fmt.Sprintf("; of %d calls nobody knows whether they were made: %d were", c.Crashed, c.Made)
	}
	d.report.add("the carriers' log agrees with the journal", detail, faults)
	return nil
}

func (d *demo) checkChain(ctx context.Context, _ *projections.Projector) error {
	r, err := audit.Verify(ctx, audit.Config{
		Client: d.target.client, Topics: d.target.topics(), Installation: d.target.installation, Partitions: d.target.running.Partitions,
	})
	if err != nil {
		return err
	}
	var faults []string
	for _, f := range r.Broken {
		faults = append(faults, f.String())
	}
	d.report.add("the hash chain is intact", fmt.Sprintf("%d events of %d streams in %d partitions", r.Events, r.Streams, len(r.Partitions)), faults)
	return nil
}

func (d *demo) checkRebuild(ctx context.Context, models *projections.Projector) error {
	rows, faults, err := d.target.rebuild(ctx, models, func(name string) { d.tell("rebuild of " + name) })
	if err != nil {
		return err
	}
	d.report.add("the read models rebuilt from nothing are equal", fmt.Sprintf("%d rows", rows), faults)
	return nil
}

func (d *demo) checkPrivacy(ctx context.Context, _ *projections.Projector) error {
	s, faults, err := d.target.search(ctx, NeedlesOf(d.plan))
	if err != nil {
		return err
	}
	d.report.Search = s
	detail := fmt.Sprintf("%d logs, the metrics, %d records of %d topics, %d rows: %s", s.Files, s.Records, s.Topics, s.Rows, size(s.Bytes))
	d.report.add("no number and no text stands anywhere in clear", detail, faults)
	return nil
}

func size(n int64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1e6), ".0") + " MB"
}
