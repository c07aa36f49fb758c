-- +goose Up
CREATE TABLE replies (
    event       text        PRIMARY KEY COLLATE "C",
    id          text        NOT NULL,
    partition   integer     NOT NULL,
    account     uuid,
    channel     text        NOT NULL CHECK (channel IN ('viber', 'sms')),
    sender      text,
    message     uuid,
    keyword     text,
    two_way     boolean     NOT NULL,
    length      integer     NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX replies_listed ON replies (account, received_at DESC, event DESC);

-- +goose Down
DROP TABLE replies;
