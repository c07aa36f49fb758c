-- +goose Up
-- What each recipient of an account may be sent, as far as it was ever said.
CREATE TABLE opt_outs (
    recipient uuid        NOT NULL,
    channel   text        NOT NULL CHECK (channel IN ('viber', 'sms')),
    category  text        NOT NULL,
    partition integer     NOT NULL,
    account   uuid        NOT NULL,
    stopped   boolean     NOT NULL,
    origin    text        NOT NULL,
    message   uuid,
    sender    text,
    said_at   timestamptz NOT NULL,
    version   bigint      NOT NULL,
    PRIMARY KEY (recipient, channel, category)
);
CREATE INDEX opt_outs_listed ON opt_outs (account, said_at DESC);

-- +goose Down
DROP TABLE opt_outs;
