-- +goose Up
-- Carrier reports that fitted no attempt when they came.
CREATE TABLE stored_reports (
    id          text        PRIMARY KEY COLLATE "C",
    partition   integer     NOT NULL,
    number      text        NOT NULL,
    route       text        NOT NULL,
    channel     text        NOT NULL,
    service_id  bigint,
    carrier_id  text        NOT NULL,
    status      text        NOT NULL,
    code        text,
    pending     boolean     NOT NULL,
    happened_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    matched_at  timestamptz,
    message     uuid,
    attempt     uuid,
    inferred    boolean
);
CREATE INDEX stored_reports_unmatched ON stored_reports (received_at DESC) WHERE matched_at IS NULL;

-- +goose Down
DROP TABLE stored_reports;
