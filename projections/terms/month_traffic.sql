-- Of each configuration and month: the minimum that holds, and the traffic on Viber (rules.md A4, F2, F3). Whoever asks for
-- one account and month has no others summed up: both conditions reach the cells.
WITH zone AS (
    SELECT value AS name, to_char(now() AT TIME ZONE value, 'YYYY-MM') AS month FROM goniec.settings WHERE name = 'billing_zone'
), traffic AS NOT MATERIALIZED ( -- late charges belong to the month that they adjust; amounts are those of the lines, as rounded
    SELECT account, sender, country, coalesce(adjusts, month) AS month, sum(count)::bigint AS messages, sum(line_amount) AS amount,
        to_char((coalesce(adjusts, month) || '-01')::timestamp + interval '1 month', 'YYYY-MM') AS next
    FROM goniec.billing_month_totals WHERE channel = 'viber' GROUP BY 1, 2, 3, 4
), last AS ( -- a clock that runs ahead of the database's (a simulation's) has its months too
    SELECT a.id, greatest(zone.month, (SELECT max(c.month) FROM goniec.billing_month_cells c WHERE c.account = a.id)) AS month FROM zone CROSS JOIN accounts a
), months AS (
    SELECT s.id, to_char(m, 'YYYY-MM') AS month,
        m AT TIME ZONE zone.name AS begins, (m + interval '1 month') AT TIME ZONE zone.name AS ends,
        to_char(s.active_on AT TIME ZONE zone.name, 'YYYY-MM') AS activated
    FROM zone CROSS JOIN goniec.senders s JOIN last ON last.id = s.account,
        generate_series(date_trunc('month', s.active_on AT TIME ZONE zone.name), (last.month || '-01')::timestamp, interval '1 month') m
), owed AS (
    SELECT s.id AS sender, s.account, s.name, s.country, m.month, a.currency, n.version, n.unit, n.amount, n.messages, n.mode, n.scope,
        CASE
            WHEN NOT EXISTS (
                SELECT FROM jsonb_to_recordset(s.active_spells) AS x ("from" timestamptz, "to" timestamptz)
                WHERE x."from" < m.ends AND (x."to" IS NULL OR x."to" > greatest(x."from", m.begins))
            ) THEN 'not_active'
            WHEN n.version IS NULL THEN
                CASE WHEN EXISTS (SELECT FROM minimums x WHERE x.country = s.country AND x.version = terms.version) THEN 'other_currency' ELSE 'no_minimum' END
            WHEN m.activated = m.month THEN 'activation_month'
            WHEN b.waivers ? s.id::text AND EXISTS ( -- it may be waived while the suspension goes on, and lifted before the month is over
                SELECT FROM jsonb_to_recordset(s.suspended_spells) AS x ("from" timestamptz, "to" timestamptz)
                WHERE x."from" <= m.begins AND (x."to" IS NULL OR x."to" >= m.ends)
            ) THEN 'waived'
        END AS free
    FROM months m
    JOIN goniec.senders s ON s.id = m.id
    JOIN accounts a ON a.id = s.account
    CROSS JOIN LATERAL (SELECT max(r.version) AS version FROM regulations r WHERE r.valid_from <= m.begins) terms
    LEFT JOIN minimums n ON n.country = s.country AND n.currency = a.currency AND n.version = terms.version
    LEFT JOIN goniec.billing_months b ON b.account = s.account AND b.month = m.month
)
SELECT o.account, o.sender, o.name, o.country, o.month, o.currency, o.free,
    CASE WHEN o.free IS NULL THEN first_value(o.version) OVER highest END AS terms_version,
    CASE WHEN o.free IS NULL THEN first_value(o.unit) OVER highest END AS unit,
    CASE WHEN o.free IS NULL THEN first_value(o.amount) OVER highest END AS minimum_amount,
    CASE WHEN o.free IS NULL THEN nullif(first_value(o.messages) OVER highest, 0) END AS minimum_messages,
    CASE WHEN o.free IS NULL THEN first_value(o.mode) OVER highest END AS mode,
    CASE WHEN o.free IS NULL THEN o.scope END AS scope,
    coalesce(t.messages, 0) AS messages,
    coalesce(t.amount, 0)::numeric(24, 2) AS amount,
    coalesce(p.messages, 0) AS previous_messages,
    coalesce(p.amount, 0)::numeric(24, 2) AS previous_amount,
    (sum(coalesce(t.messages, 0)) OVER together)::bigint AS counted_messages,
    (sum(coalesce(t.amount, 0)) OVER together)::numeric(24, 2) AS counted_amount
FROM owed o
LEFT JOIN traffic t ON t.account = o.account AND t.sender = o.name AND t.country = o.country AND t.month = o.month
LEFT JOIN traffic p ON p.account = o.account AND p.sender = o.name AND p.country = o.country AND p.next = o.month
-- With scope highest_of_sender the countries of a name owe one minimum, the highest, and their traffic counts together.
WINDOW together AS (PARTITION BY o.account, o.month, o.name, CASE WHEN o.free IS NULL AND o.scope = 'highest_of_sender' THEN '' ELSE o.country END),
    highest AS (together ORDER BY o.amount DESC, o.messages DESC, o.country COLLATE "C")
