-- +goose Up
-- One row for each parked thing, and what became of it. (What an early build parked holds nothing back any more.)
DROP TABLE parked CASCADE;
CREATE TABLE parked (
    id          text        PRIMARY KEY COLLATE "C",
    event       text        NOT NULL,
    partition   integer     NOT NULL,
    command     text        NOT NULL,
    type        text        NOT NULL,
    stream      text        NOT NULL,
    position    integer     NOT NULL,
    account     text        NOT NULL,
    reason      text        NOT NULL,
    detail      text        NOT NULL,
    lane        text        NOT NULL,
    lane_offset bigint      NOT NULL,
    received_at timestamptz,
    parked_at   timestamptz NOT NULL,
    sealed      bytea,
    state       text        NOT NULL CHECK (state IN ('parked', 'retried', 'dropped')),
    retries     integer     NOT NULL DEFAULT 0,
    shown       integer     NOT NULL DEFAULT 0,
    ended_at    timestamptz,
    ended_by    text,
    note        text,
    CHECK ((ended_at IS NULL) = (state = 'parked')),
    CHECK (sealed IS NULL OR state = 'parked')
);
CREATE INDEX parked_now ON parked (stream, position) WHERE state = 'parked';
CREATE INDEX parked_at ON parked (parked_at DESC);

-- +goose Down
DROP TABLE parked;
