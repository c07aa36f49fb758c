-- +goose Up
-- What the messages of an hour (of acceptance) cost, waived charges aside. Every
-- charge is in one cell with tag '' and in one more for each tag of its message;
-- double are those of messages charged on both channels. These two tables know
-- nothing of what was projected before them until the projection is rebuilt.
CREATE TABLE costs (
    account   uuid           NOT NULL,
    hour      timestamptz    NOT NULL,
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
    PRIMARY KEY (account, hour, partition, country, sender, category, tag, channel, currency, double)
) WITH (fillfactor = 50);

-- How many messages of an hour took how long: until the first delivery on a
-- channel, or until the fallback (channel ''). A slot is a span of milliseconds.
CREATE TABLE times (
    account   uuid        NOT NULL,
    hour      timestamptz NOT NULL,
    partition integer     NOT NULL,
    country   text        NOT NULL,
    sender    text        NOT NULL,
    what      text        NOT NULL CHECK (what IN ('delivery', 'fallback')),
    channel   text        NOT NULL,
    slot      smallint    NOT NULL CHECK (slot >= 0),
    messages  bigint      NOT NULL,
    PRIMARY KEY (account, hour, partition, country, sender, what, channel, slot)
) WITH (fillfactor = 50);

-- Search by number: the recipient is a keyed hash of account and number.
CREATE INDEX messages_received ON messages (recipient, accepted_at DESC, id DESC) WHERE recipient IS NOT NULL;

-- +goose Down
DROP VIEW IF EXISTS goniec.time_cells;
DROP VIEW IF EXISTS goniec.cost_cells;
DROP VIEW IF EXISTS goniec.traffic_cells;
DROP INDEX messages_received;
DROP TABLE times;
DROP TABLE costs;
