package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"goniec/adapters/sheet"
	"goniec/domain"
	"goniec/domain/calendar"
)

// Reports answers what the reports are made of, for an account. See rules.md D7.
type Reports interface {
	// Traffic counts messages; ErrReportTooLarge when there would be too many rows.
	Traffic(ctx context.Context, r Report) ([]TrafficRow, error)
	// Times says how long messages took; errors as Traffic.
	Times(ctx context.Context, r Report) ([]TimesRow, error)
	// Doubles says what messages cost that were charged on both channels; errors as Traffic.
	Doubles(ctx context.Context, r Report) ([]DoublesRow, error)
}

// ErrReportTooLarge says that a report would have too many rows.
var ErrReportTooLarge = errors.New("the report is too large")

// Report says what is counted, and by what.
type Report struct {
	Account                        string
	From, To                       time.Time // days, as UTC midnights; both are in it
	Zone                           *time.Location
	By                             []string // of day, hour, sender, country, category, tag, channel
	Sender, Country, Category, Tag string   // "" = all
}

// Bounds of a report: of its days, of its days by hour, and of its days if none are given.
const (
	maxReportDays      = 400
	maxReportHourDays  = 31
	standardReportDays = 7
	maxZone            = 64
	maxXLSXRows        = 10_000 // some 100 MB while it is written
)

// ReportQuery is what the reports have in common.
type ReportQuery struct {
	From    string `query:"from" doc:"First day (2026-11-01). Default: six days before the last."`
	To      string `query:"to" doc:"Last day, which is in the report. Default: today. At most 400 days, by hour 31."`
	Zone    string `query:"zone" doc:"Time zone of the days, such as Europe/Warsaw, off UTC by whole hours. Default: the billing zone."`
	By      string `query:"by" doc:"What rows are told apart by, with commas: day or hour, sender, country, category, tag; times: day or hour, sender, country, channel. Default: day."`
	Sender  string `query:"sender" doc:"Only this sender's."`
	Country string `query:"country" doc:"Only to this country, ISO 3166-1 alpha-2."`
	Format  string `query:"format" enum:"json,csv,xlsx" doc:"Default: what Accept asks for (text/csv), else json. A report has at most 100000 rows, as xlsx 10000."`
}

type messageReportParams struct {
	ReportQuery
	Category string `query:"category" enum:"transactional,promotional,one_time_code" doc:"Only this category, as the message was accepted with."`
	Tag      string `query:"tag" doc:"Only messages with this tag."`
}

const reportNote = " All of it is about the messages accepted in the range, whenever the rest came: a row still changes while reports, replies and charges come in. Test messages are in no report."

func (a *API) registerReports(api huma.API) {
	op := func(name, summary, description string, body reflect.Type) operation {
		return operation{
			id: "report-" + name, method: http.MethodGet, path: "/v1/reports/" + name, tag: "Reports",
			errors: []int{http.StatusUnprocessableEntity}, answered: body, summary: summary, description: description + reportNote,
		}
	}
	register(a, api, op("traffic", "What has become of messages, and what they cost",
		"By tag, a message counts once in each of its tags' rows. Replies and opt-outs count for the message that they answer; an opt-out that was lifted does not. "+
			"cost is exact, by currency; a bill rounds each of its lines, and goes by the day of the charge.", reflect.TypeFor[TrafficReport]()), a.trafficReport)
	register(a, api, op("times", "How long messages took to arrive, and to fall back",
		"From acceptance, or from send_at if they had to wait: delivery until the first delivery on either channel, fallback until the SMS was decided on. "+
			"Percentiles by nearest rank, in ms; each, also the longest, is at most 5 % off, and exact up to 10 ms.", reflect.TypeFor[TimesReport]()), a.timesReport)
	register(a, api, op("doubles", "What messages cost that were charged on both channels",
		"Such a message fell back, and Viber delivered it all the same. Waived charges do not count.", reflect.TypeFor[DoublesReport]()), a.doublesReport)
}

// report reads what the reports' parameters have in common; dims may follow by.
func (a *API) report(c *call, in *ReportQuery, dims ...string) (r Report, format string, err error) {
	r = Report{Account: c.key.Account, Sender: in.Sender, Country: in.Country}
	if r.Zone, err = a.reportZone(in.Zone); err != nil {
		return r, "", err
	}
	if r.By, err = reportBy(in.By, append([]string{"day", "hour"}, dims...)); err != nil {
		return r, "", err
	}
	if r.From, r.To, err = a.reportDays(in, r.Zone, slices.Contains(r.By, "hour")); err != nil {
		return r, "", err
	}
	if err := wholeHours(r); err != nil {
		return r, "", err
	}
	if utf8.RuneCountInString(in.Sender) > MaxSender {
		return r, "", domain.RefuseField(CodeTooLong, "sender", "must be at most %d characters", MaxSender)
	}
	if in.Country != "" {
		if err := knownCountry(CodeInvalidValue, "country", in.Country); err != nil {
			return r, "", err
		}
	}
	format, err = reportFormat(in.Format, c.r.Header.Get("Accept"))
	return r, format, err
}

func (a *API) messageReport(c *call, in *messageReportParams) (Report, string, error) {
	r, format, err := a.report(c, &in.ReportQuery, "sender", "country", "category", "tag")
	if err != nil {
		return r, "", err
	}
	r.Category, r.Tag = in.Category, in.Tag
	if in.Category != "" && !domain.Category(in.Category).Valid() {
		return r, "", domain.RefuseField(CodeInvalidValue, "category", "must be transactional, promotional or one_time_code")
	}
	if utf8.RuneCountInString(in.Tag) > MaxTag {
		return r, "", domain.RefuseField(CodeTooLong, "tag", "must be at most %d characters", MaxTag)
	}
	return r, format, nil
}

func (a *API) reportZone(name string) (*time.Location, error) {
	if name == "" {
		return a.cfg.Zone, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || len(name) > maxZone {
		return nil, domain.RefuseField(CodeInvalidValue, "zone", "must be a time zone such as Europe/Warsaw")
	}
	return zone, nil
}

// wholeHours refuses a zone in which days begin between the hours that are counted.
func wholeHours(r Report) error {
	for d := r.From; !d.After(r.To.AddDate(0, 0, 1)); d = d.AddDate(0, 0, 1) {
		if _, off := calendar.DateOf(d, time.UTC).Begins(r.Zone).Zone(); off%3600 != 0 {
			return domain.RefuseField(CodeInvalidValue, "zone", "must be off UTC by whole hours: messages are counted by the hour")
		}
	}
	return nil
}

func reportBy(s string, known []string) ([]string, error) {
	if s == "" {
		return []string{"day"}, nil
	}
	parts := strings.SplitN(s, ",", len(known)+1)
	for i, p := range parts {
		if !slices.Contains(known, p) || slices.Contains(parts[:i], p) {
			return nil, domain.RefuseField(CodeInvalidValue, "by", "must be some of %s, each once, with commas", strings.Join(known, ", "))
		}
	}
	if slices.Contains(parts, "day") && slices.Contains(parts, "hour") {
		return nil, domain.RefuseField(CodeInvalidValue, "by", "must have day or hour, not both")
	}
	return parts, nil
}

// reportDays reads the range; a day is a UTC midnight.
func (a *API) reportDays(in *ReportQuery, zone *time.Location, hourly bool) (from, to time.Time, err error) {
	y, m, d := a.cfg.Clock.Now().In(zone).Date()
	to = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if in.To != "" {
		if to, err = reportDay("to", in.To); err != nil {
			return from, to, err
		}
	}
	from = to.AddDate(0, 0, 1-standardReportDays)
	if in.From != "" {
		if from, err = reportDay("from", in.From); err != nil {
			return from, to, err
		}
	}
	limit, unit := maxReportDays, ""
	if hourly {
		limit, unit = maxReportHourDays, " by hour"
	}
	switch {
	case from.After(to):
		return from, to, domain.RefuseField(CodeInvalidValue, "from", "must not be after to")
	case from.AddDate(0, 0, limit-1).Before(to):
		return from, to, domain.RefuseField(CodeInvalidValue, "from", "must be at most %d days before to%s, both counted", limit, unit)
	}
	return from, to, nil
}

func reportDay(field, s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return t, domain.RefuseField(CodeInvalidValue, field, "must be a day such as 2026-11-10")
	}
	return t, nil
}

// The formats of a report, by their names in the query.
const (
	formatJSON = "json"
	formatCSV  = "csv"
	formatXLSX = "xlsx"

	typeCSV  = "text/csv"
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

func reportFormat(asked, accept string) (string, error) {
	switch asked {
	case formatJSON, formatCSV, formatXLSX:
		return asked, nil
	case "":
	default:
		return "", domain.RefuseField(CodeInvalidValue, "format", "must be json, csv or xlsx")
	}
	for _, accepted := range strings.Split(accept, ",") {
		switch media, _, _ := mime.ParseMediaType(accepted); media {
		case typeCSV:
			return formatCSV, nil
		case typeXLSX:
			return formatXLSX, nil
		case "application/json", "application/*", "*/*":
			return formatJSON, nil
		}
	}
	return formatJSON, nil
}

// tabular is a report's body.
type tabular interface{ table() sheet.Table }

// answerReport sends a report in the format that was asked for.
func answerReport(c *call, format string, body tabular, err error) (*answer[any], error) {
	if errors.Is(err, ErrReportTooLarge) {
		return nil, domain.RefuseField(CodeTooMany, "by", "makes too many rows: choose fewer, a shorter range, or one sender")
	}
	if err != nil {
		return nil, err
	}
	if format == formatJSON {
		return &answer[any]{Status: http.StatusOK, Body: body}, nil
	}
	var b bytes.Buffer
	t, media := body.table(), typeCSV+"; charset=utf-8; header=present"
	if format == formatXLSX && len(t.Rows) > maxXLSXRows {
		return nil, domain.RefuseField(CodeTooMany, "format", "xlsx has room for %d rows: choose fewer, or csv", maxXLSXRows)
	}
	if format == formatXLSX {
		media, err = typeXLSX, t.WriteXLSX(&b)
	} else {
		err = t.WriteCSV(&b)
	}
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Content-Type", media)
	c.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.%s"`, t.Name, format))
	return &answer[any]{Status: http.StatusOK, Body: b.Bytes()}, nil
}

func (a *API) trafficReport(ctx context.Context, c *call, in *messageReportParams, _ *noBody) (*answer[any], error) {
	r, format, err := a.messageReport(c, in)
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Queries.Traffic(ctx, r)
	acc, _ := a.cfg.View.AccountByID(r.Account)
	return answerReport(c, format, TrafficReport{rangeOf(r), orEmpty(rows), acc.Currency}, err)
}

func (a *API) timesReport(ctx context.Context, c *call, in *ReportQuery, _ *noBody) (*answer[any], error) {
	r, format, err := a.report(c, in, "sender", "country", "channel")
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Queries.Times(ctx, r)
	return answerReport(c, format, TimesReport{rangeOf(r), orEmpty(rows)}, err)
}

func (a *API) doublesReport(ctx context.Context, c *call, in *messageReportParams, _ *noBody) (*answer[any], error) {
	r, format, err := a.messageReport(c, in)
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Queries.Doubles(ctx, r)
	return answerReport(c, format, DoublesReport{rangeOf(r), orEmpty(rows)}, err)
}
