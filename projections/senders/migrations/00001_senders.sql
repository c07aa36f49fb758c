-- +goose Up
CREATE TABLE senders (
    id           uuid        PRIMARY KEY,
    partition    integer     NOT NULL,
    account      uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    name         text        NOT NULL,
    company      text        NOT NULL,
    country      text        NOT NULL,
    two_way      boolean     NOT NULL,
    state        text        NOT NULL CHECK (state IN ('new', 'submitted', 'active', 'disabled')),
    service_id   bigint,
    active_on    timestamptz,
    submitted_at timestamptz,
    reasons      jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    history      jsonb       NOT NULL,
    fold         jsonb       NOT NULL
);
CREATE INDEX senders_listed ON senders (account, name, country);

-- +goose Down
DROP TABLE senders;
