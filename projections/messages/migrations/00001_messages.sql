-- +goose Up
CREATE TABLE messages (
    id              uuid        PRIMARY KEY,
    account         uuid        NOT NULL,
    version         bigint      NOT NULL CHECK (version > 0),
    state           text        NOT NULL CHECK (state IN ('accepted', 'waiting', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown', 'cancelled')),
    ended_at        timestamptz,
    channel         text        CHECK (channel IN ('viber', 'sms')),
    recipient       uuid,
    country         text        NOT NULL,
    sender          text        NOT NULL,
    category        text        NOT NULL,
    priced_category text        NOT NULL,
    content         text        NOT NULL,
    client_ref      text,
    tags            jsonb,
    sms_parts       integer,
    test            boolean     NOT NULL,
    fallback_reason text,
    reason          text,
    late_delivery   boolean     NOT NULL,
    double_delivery boolean     NOT NULL,
    accepted_at     timestamptz NOT NULL,
    deadline        timestamptz,
    updated_at      timestamptz NOT NULL,
    sent_at         timestamptz,
    delivered_at    timestamptz,
    read_at         timestamptz,
    -- JSON objects separated by commas: appending to text costs a fraction of
    -- appending to jsonb, and the views make jsonb of it.
    charges         text        NOT NULL,
    timeline        text        NOT NULL,
    fold            bytea       NOT NULL
    -- A row changes two or three times within seconds: half a page is kept free
    -- for that, and nothing below 4 KB is compressed.
) WITH (fillfactor = 50, toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.05);

-- Neither index holds a column that changes: updates stay on their page.
CREATE INDEX messages_listed ON messages (account, accepted_at DESC, id DESC);
CREATE INDEX messages_referenced ON messages (account, client_ref, accepted_at DESC, id DESC) WHERE client_ref IS NOT NULL;

-- How many messages of an hour (of acceptance) stand where. Every message is in
-- one cell with tag '' and in one more for each of its tags.
CREATE TABLE traffic (
    account         uuid        NOT NULL,
    hour            timestamptz NOT NULL,
    partition       integer     NOT NULL,
    country         text        NOT NULL,
    sender          text        NOT NULL,
    category        text        NOT NULL,
    tag             text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('accepted', 'waiting', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown', 'cancelled')),
    channel         text        NOT NULL,
    fallback_reason text        NOT NULL,
    sent            boolean     NOT NULL,
    late            boolean     NOT NULL,
    double          boolean     NOT NULL,
    messages        bigint      NOT NULL,
    PRIMARY KEY (account, hour, partition, country, sender, category, tag, state, channel, fallback_reason, sent, late, double)
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE traffic;
DROP TABLE messages;
