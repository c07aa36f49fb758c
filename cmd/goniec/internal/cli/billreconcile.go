package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"goniec/adapters/closing"
	"goniec/adapters/phone"
	"goniec/adapters/sheet"
	"goniec/cmd/goniec/internal/run"
	"goniec/cmd/goniec/internal/words"
	"goniec/domain"
	"goniec/domain/calendar"
	"goniec/eventstore"
)

// Bounds of a carrier's file.
const (
	maxCarrierRows  = 20_000
	maxCarrierCount = 1_000_000_000_000
)

func (a *app) billingReconcile() *cobra.Command {
	var of, carrier string
	cmd := &cobra.Command{
		Use: "reconcile [MONTH]", Short: "Compare a month in journal, ledger and totals, and with a carrier's counts; ends with 1 at a difference", Args: cobra.MaximumNArgs(1),
		Long: `Sums up a month's charges three times, by account, sender, country, channel, category,
content, price version and currency: in the journal on Kafka, in the view ledger, and in
billing_month_totals; and names each line that differs in count, parts or amount. The
journal is read up to where the ledger has read it, and its hash chains are checked on the
way. The month is a calendar month in the billing zone; without one it is the current one.

With --carrier it compares a carrier's own counts, too. The file is CSV with a first line
that names the columns: month (as MONTH), sender, country (ISO 3166-1), channel (viber or
sms), count (of messages) and, if the carrier counts them, parts. Each sender, country and
channel stands in one row; what has none counts as 0. Ours are all charges of the month by
their time, those that came after its close and those that cost the client nothing included.` + topicsTarget,
		Example: "goniec billing reconcile 2026-11\ngoniec billing reconcile 2026-11 --carrier viber-2026-11.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			month, err := a.month(args)
			if err != nil {
				return err
			}
			var counts map[closing.CarrierKey]closing.CarrierCount
			if carrier != "" {
				if counts, err = readCarrier(carrier, month); err != nil {
					return err
				}
			}
			return a.reconcile(cmd.Context(), month, of, counts)
		},
	}
	cmd.Flags().StringVar(&of, "account", "", "the `id` of one account; without it all")
	cmd.Flags().StringVar(&carrier, "carrier", "", "a carrier's own counts, a CSV `file`")
	return cmd
}

var errUnreconciled = errors.New("the month is not the same everywhere")

func (a *app) reconcile(ctx context.Context, month, of string, carrier map[closing.CarrierKey]closing.CarrierCount) error {
	m, err := calendar.ParseMonth(month)
	if err != nil {
		return failWith(ExitUsage, err)
	}
	source, c, closed, err := a.source()
	if err != nil {
		return err
	}
	defer closed()
	reader, err := readerOf(c)
	if err != nil {
		return err
	}
	defer reader.Close()
	out, err := closing.Reconcile(ctx, source, reader, m, of, carrier)
	if err != nil {
		return interrupted(ctx, unavailable(err))
	}
	if err := a.show(out, func() { a.sayReconciled(out) }); err != nil {
		return err
	}
	if !out.Agrees {
		return failWith(ExitFailed, errUnreconciled)
	}
	return nil
}

func (a *app) sayReconciled(r closing.Reconciliation) {
	for _, d := range r.Differences {
		a.say("DIFFERS %s", d)
	}
	for _, d := range r.Carrier {
		a.say("DIFFERS %s, %s, %s: ours %s, the carrier's %s", d.Sender, d.Country, d.Channel, carrierWords(d.Ours), carrierWords(d.Carrier))
	}
	if r.Behind > 0 {
		a.say("the ledger has not read the last %s of the journal yet, which are not compared: repeat it", words.Count(int(r.Behind), "record"))
	}
	if r.Agrees {
		a.say("%s: %s in %s, the same everywhere", r.Month, words.Count(int(r.Charges), "charge"), words.Count(r.Lines, "line"))
	}
}

func carrierWords(c closing.CarrierCount) string {
	if c.Parts == nil {
		return words.Thousands(c.Count)
	}
	return words.Thousands(c.Count) + " in " + words.Count(int(*c.Parts), "part")
}

// source is the journal that months are computed from again, with the configuration.
func (a *app) source() (s closing.Source, c run.Config, closed func(), err error) {
	if c, err = a.cluster(); err != nil {
		return s, c, nil, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return s, c, nil, failWith(ExitUsage, fmt.Errorf("zone: %w", err))
	}
	cfg, closed, err := a.journal()
	if err != nil {
		return s, c, nil, err
	}
	return closing.Source{
		Records: eventstore.NewCluster(eventstore.KafkaConfig{}, cfg.Client), Topics: cfg.Topics, Installation: cfg.Installation, Partitions: cfg.Partitions, Zone: zone,
	}, c, closed, nil
}

var carrierColumns = []string{"month", "sender", "country", "channel", "count", "parts"}

// readCarrier reads a carrier's counts of the month; errors name line and column.
func readCarrier(path, month string) (map[closing.CarrierKey]closing.CarrierCount, error) {
	rows, err := readRows("--carrier", path, carrierColumns, maxCarrierRows)
	if err != nil {
		return nil, err
	}
	out := make(map[closing.CarrierKey]closing.CarrierCount, len(rows))
	for _, r := range rows {
		k, n, err := carrierRow(r, month)
		if _, twice := out[k]; twice && err == nil {
			err = errors.New("sender: stands with this country and channel in an earlier line")
		}
		if err != nil {
			return nil, failWith(ExitUsage, fmt.Errorf("--carrier: line %d, %w", r.Line, err))
		}
		out[k] = n
	}
	return out, nil
}

func carrierRow(r sheet.Row, month string) (k closing.CarrierKey, n closing.CarrierCount, err error) {
	k = closing.CarrierKey{Sender: r.Values["sender"], Country: r.Values["country"], Channel: r.Values["channel"]}
	switch {
	case r.Values["month"] != month:
		return k, n, fmt.Errorf("month: must be %s", month)
	case k.Sender == "":
		return k, n, errors.New("sender: is required")
	case !phone.KnownCountry(k.Country):
		return k, n, errors.New("country: must be a country's code such as PL")
	case k.Channel != string(domain.Viber) && k.Channel != string(domain.SMS):
		return k, n, errors.New("channel: must be viber or sms")
	}
	if n.Count, err = carrierCount("count", r.Values["count"]); err != nil || r.Values["parts"] == "" {
		return k, n, err
	}
	parts, err := carrierCount("parts", r.Values["parts"])
	n.Parts = &parts
	return k, n, err
}

func carrierCount(column, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > maxCarrierCount {
		return 0, fmt.Errorf("%s: must be a whole number from 0 to %d", column, int64(maxCarrierCount))
	}
	return n, nil
}
