-- +goose Up
-- What an account's months are billed by.
CREATE TABLE accounts (
    id           uuid    PRIMARY KEY,
    partition    integer NOT NULL,
    currency     text    NOT NULL,
    notice_count text    NOT NULL CHECK (notice_count IN ('dates', 'full_days'))
);

-- The versions of the regulations. One holds from its day until the next one's.
CREATE TABLE regulations (
    version    bigint      PRIMARY KEY,
    partition  integer     NOT NULL,
    valid_from timestamptz NOT NULL
);

CREATE TABLE minimums (
    version   bigint         NOT NULL REFERENCES regulations,
    partition integer        NOT NULL,
    country   text           NOT NULL,
    currency  text           NOT NULL,
    unit      text           NOT NULL CHECK (unit IN ('amount', 'messages')),
    amount    numeric(24, 2) NOT NULL,
    messages  bigint         NOT NULL,
    mode      text           NOT NULL CHECK (mode IN ('true_up', 'full')),
    scope     text           NOT NULL CHECK (scope IN ('per_country', 'highest_of_sender')),
    PRIMARY KEY (version, country, currency)
);

-- +goose Down
DROP VIEW IF EXISTS goniec.forecast;
DROP VIEW IF EXISTS goniec.sender_month_traffic;
DROP TABLE minimums;
DROP TABLE regulations;
DROP TABLE accounts;
