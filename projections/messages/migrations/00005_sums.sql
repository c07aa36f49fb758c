-- +goose Up
-- Cells put together, for reports over long ranges: an hour (of acceptance) of all
-- senders, whose sender is '', or a month of UTC of each sender. All follow from the
-- cells, so that the ones there are are put together here.
CREATE TABLE traffic_sums (
    account         uuid        NOT NULL,
    span            text        NOT NULL CHECK (span IN ('hour', 'month')),
    start           timestamptz NOT NULL,
    partition       integer     NOT NULL,
    country         text        NOT NULL,
    sender          text        NOT NULL,
    category        text        NOT NULL,
    tag             text        NOT NULL,
    fallback_reason text        NOT NULL,
    accepted        bigint      NOT NULL,
    sent            bigint      NOT NULL,
    delivered_viber bigint      NOT NULL,
    delivered_sms   bigint      NOT NULL,
    read            bigint      NOT NULL,
    late            bigint      NOT NULL,
    double          bigint      NOT NULL,
    failed          bigint      NOT NULL,
    unknown         bigint      NOT NULL,
    cancelled       bigint      NOT NULL,
    PRIMARY KEY (account, span, start, partition, country, sender, category, tag, fallback_reason)
) WITH (fillfactor = 50);

CREATE TABLE cost_sums (
    account   uuid           NOT NULL,
    span      text           NOT NULL CHECK (span IN ('hour', 'month')),
    start     timestamptz    NOT NULL,
    partition integer        NOT NULL,
    country   text           NOT NULL,
    sender    text           NOT NULL,
    category  text           NOT NULL,
    tag       text           NOT NULL,
    channel   text           NOT NULL CHECK (channel IN ('viber', 'sms')),
    currency  text           NOT NULL,
    double    boolean        NOT NULL,
    charges   bigint         NOT NULL,
    parts     bigint         NOT NULL,
    amount    numeric(24, 6) NOT NULL,
    PRIMARY KEY (account, span, start, partition, country, sender, category, tag, channel, currency, double)
) WITH (fillfactor = 50);

CREATE TABLE time_sums (
    account   uuid        NOT NULL,
    span      text        NOT NULL CHECK (span IN ('hour', 'month')),
    start     timestamptz NOT NULL,
    partition integer     NOT NULL,
    country   text        NOT NULL,
    sender    text        NOT NULL,
    what      text        NOT NULL CHECK (what IN ('delivery', 'fallback')),
    channel   text        NOT NULL,
    slot      smallint    NOT NULL CHECK (slot >= 0),
    messages  bigint      NOT NULL,
    PRIMARY KEY (account, span, start, partition, country, sender, what, channel, slot)
) WITH (fillfactor = 50);

INSERT INTO traffic_sums
SELECT account, span, start, partition, country, s.sender, category, tag, fallback_reason, sum(messages),
    coalesce(sum(messages) FILTER (WHERE sent), 0),
    coalesce(sum(messages) FILTER (WHERE state IN ('delivered', 'read') AND channel = 'viber'), 0),
    coalesce(sum(messages) FILTER (WHERE state IN ('delivered', 'read') AND channel = 'sms'), 0),
    coalesce(sum(messages) FILTER (WHERE state = 'read'), 0),
    coalesce(sum(messages) FILTER (WHERE late), 0),
    coalesce(sum(messages) FILTER (WHERE double), 0),
    coalesce(sum(messages) FILTER (WHERE state = 'failed'), 0),
    coalesce(sum(messages) FILTER (WHERE state = 'unknown'), 0),
    coalesce(sum(messages) FILTER (WHERE state = 'cancelled'), 0)
FROM traffic t, LATERAL (VALUES ('hour', t.hour, ''), ('month', date_trunc('month', t.hour, 'UTC'), t.sender)) AS s (span, start, sender)
WHERE messages <> 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

INSERT INTO cost_sums
SELECT account, span, start, partition, country, s.sender, category, tag, channel, currency, double, sum(charges), sum(parts), sum(amount)
FROM costs t, LATERAL (VALUES ('hour', t.hour, ''), ('month', date_trunc('month', t.hour, 'UTC'), t.sender)) AS s (span, start, sender)
WHERE charges <> 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11;

INSERT INTO time_sums
SELECT account, span, start, partition, country, s.sender, what, channel, slot, sum(messages)
FROM times t, LATERAL (VALUES ('hour', t.hour, ''), ('month', date_trunc('month', t.hour, 'UTC'), t.sender)) AS s (span, start, sender)
WHERE messages <> 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- For reports about one sender by day or hour.
CREATE INDEX traffic_of_sender ON traffic (account, sender, hour);
CREATE INDEX costs_of_sender ON costs (account, sender, hour);
CREATE INDEX times_of_sender ON times (account, sender, hour);

-- +goose Down
DROP VIEW IF EXISTS goniec.time_sums;
DROP VIEW IF EXISTS goniec.cost_sums;
DROP VIEW IF EXISTS goniec.traffic_sums;
DROP INDEX times_of_sender;
DROP INDEX costs_of_sender;
DROP INDEX traffic_of_sender;
DROP TABLE time_sums;
DROP TABLE cost_sums;
DROP TABLE traffic_sums;
