-- +goose Up
-- One row per charge, keyed by the event that made it.
CREATE TABLE charges (
    event         text           PRIMARY KEY COLLATE "C",
    partition     integer        NOT NULL,
    message       uuid           NOT NULL,
    account       uuid           NOT NULL,
    month         text           NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    adjusts       text           NOT NULL,
    sender        text           NOT NULL,
    country       text           NOT NULL,
    channel       text           NOT NULL CHECK (channel IN ('viber', 'sms')),
    category      text           NOT NULL,
    content       text           NOT NULL,
    parts         integer        NOT NULL CHECK (parts >= 0),
    unit_price    numeric(18, 6) NOT NULL,
    amount        numeric(18, 6) NOT NULL,
    currency      text           NOT NULL,
    price_version text           NOT NULL,
    waived        text           NOT NULL,
    charged_at    timestamptz    NOT NULL
);

-- The charges summed up as they come in. A view sums the partitions.
CREATE TABLE totals (
    account       uuid           NOT NULL,
    month         text           NOT NULL,
    partition     integer        NOT NULL,
    sender        text           NOT NULL,
    country       text           NOT NULL,
    channel       text           NOT NULL,
    category      text           NOT NULL,
    content       text           NOT NULL,
    currency      text           NOT NULL,
    price_version text           NOT NULL,
    adjusts       text           NOT NULL,
    count         bigint         NOT NULL,
    parts         bigint         NOT NULL,
    waived        bigint         NOT NULL,
    amount        numeric(24, 6) NOT NULL,
    PRIMARY KEY (account, month, partition, sender, country, channel, category, content, currency, price_version, adjusts)
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE totals;
DROP TABLE charges;
