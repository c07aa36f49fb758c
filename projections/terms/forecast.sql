-- Of each configuration that is active in the current month: what it comes to if its traffic goes on as it did so far
-- (rules.md F3, F5, F6). The API computes the same by goniec's own clock: adapters/closing/forecast.go.
WITH today AS (
    SELECT value AS zone, (now() AT TIME ZONE value)::date AS day, date_trunc('month', now() AT TIME ZONE value) AS first
    FROM goniec.settings WHERE name = 'billing_zone'
), clock AS (
    SELECT *, to_char(first, 'YYYY-MM') AS month, extract(day FROM day)::bigint AS past,
        extract(day FROM first + interval '1 month' - interval '1 day')::bigint AS days
    FROM today
), notice AS ( -- the first month whose end can still be asked for, by its first day, and the last day for it
    SELECT a.id AS account, m.first, (m.first + interval '1 month')::date - n.days AS by
    FROM clock, accounts a, LATERAL (SELECT CASE a.notice_count WHEN 'full_days' THEN 8 ELSE 7 END AS days) n,
        LATERAL (SELECT CASE WHEN clock.day <= (clock.first + interval '1 month')::date - n.days THEN clock.first
            ELSE clock.first + interval '1 month' END AS first) m
), expected AS (
    SELECT t.*, clock.day, clock.past, clock.days, t.counted_messages * clock.days / clock.past AS expected_messages,
        round(t.counted_amount * clock.days / clock.past, 2)::numeric(24, 2) AS expected_amount
    FROM clock JOIN goniec.sender_month_traffic t ON t.month = clock.month WHERE t.free IS DISTINCT FROM 'not_active'
)
SELECT x.account, x.sender, x.name, x.country, x.month, x.currency, x.past AS day, x.days,
    x.free, x.unit, x.minimum_amount, x.minimum_messages, x.mode, x.scope,
    x.counted_messages AS messages, x.counted_amount AS amount, x.expected_messages, x.expected_amount,
    CASE WHEN x.unit = 'messages' THEN greatest(0, x.minimum_messages - x.expected_messages) END AS missing_messages,
    CASE WHEN x.unit = 'amount' THEN greatest(0, x.minimum_amount - x.expected_amount)::numeric(24, 2) END AS missing_amount,
    (CASE
        WHEN x.free IS NOT NULL OR x.expected_amount >= x.minimum_amount AND x.unit = 'amount' OR x.expected_messages >= x.minimum_messages THEN 0
        WHEN x.mode = 'full' THEN x.minimum_amount
        ELSE greatest(0, x.minimum_amount - x.expected_amount)
    END)::numeric(24, 2) AS top_up,
    s.ends_with AS ends,
    CASE WHEN s.ends_with IS NULL THEN to_char(n.first, 'YYYY-MM') END AS notice_for,
    CASE WHEN s.ends_with IS NULL THEN n.by END AS notice_by,
    greatest(0, 2 - (SELECT count(*) FROM jsonb_array_elements_text(coalesce(s.offs, '[]')) d WHERE left(d, 4) = left(x.month, 4)))::integer AS offs_left,
    greatest(0, 2 - (SELECT count(*) FROM jsonb_array_elements_text(coalesce(s.ons, '[]')) d WHERE left(d, 4) = left(x.month, 4)))::integer AS ons_left,
    CASE WHEN s.ends_with IS NULL THEN coalesce(next.amount, 0) ELSE 0 END::numeric(24, 2) AS waiting_costs
FROM expected x
JOIN goniec.senders s ON s.id = x.sender
JOIN notice n ON n.account = x.account
CROSS JOIN clock
LEFT JOIN minimums next ON next.country = x.country AND next.currency = x.currency AND next.version =
    (SELECT max(r.version) FROM regulations r WHERE r.valid_from <= (n.first + interval '1 month') AT TIME ZONE clock.zone)
