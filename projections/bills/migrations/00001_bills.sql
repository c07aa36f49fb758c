-- +goose Up
-- One row for each month of an account that anything was said of.
CREATE TABLE months (
    account   uuid           NOT NULL,
    month     text           NOT NULL COLLATE "C" CHECK (month ~ '^\d{4}-\d{2}$'),
    partition integer        NOT NULL,
    version   bigint         NOT NULL CHECK (version > 0),
    state     text           NOT NULL CHECK (state IN ('open', 'closed')),
    closed_at timestamptz    CHECK ((closed_at IS NULL) = (state = 'open')),
    total     numeric(24, 2),
    currency  text,
    positions jsonb,
    credits   jsonb          NOT NULL,
    waivers   jsonb          NOT NULL,
    statement jsonb,                   -- as it was decided
    fold      jsonb          NOT NULL,
    PRIMARY KEY (account, month)
);

-- The lines of the statements of closed months, in their order.
CREATE TABLE lines (
    account       uuid           NOT NULL,
    month         text           NOT NULL COLLATE "C",
    number        integer        NOT NULL CHECK (number > 0),
    partition     integer        NOT NULL,
    kind          text           NOT NULL,
    rule          text           NOT NULL,
    sender        text,
    country       text,
    channel       text,
    category      text,
    content       text,
    price_version text,
    adjusts       text,
    terms_version text,
    credit        text,
    count         bigint         NOT NULL,
    parts         bigint         NOT NULL,
    waived        bigint         NOT NULL,
    exact         numeric(24, 6) NOT NULL,
    amount        numeric(24, 2) NOT NULL,
    currency      text           NOT NULL,
    note_code     text,
    note          text,
    PRIMARY KEY (account, month, number),
    FOREIGN KEY (account, month) REFERENCES months
);

-- +goose Down
DROP TABLE lines;
DROP TABLE months;
