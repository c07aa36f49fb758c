-- +goose Up
-- Commands that could not be processed, and the streams that wait behind them.
CREATE TABLE parked (
    event       text        PRIMARY KEY COLLATE "C",
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    command     text        NOT NULL,
    type        text        NOT NULL,
    stream      text        NOT NULL,
    reason      text        NOT NULL,
    detail      text        NOT NULL,
    lane        text        NOT NULL,
    lane_offset bigint      NOT NULL,
    received_at timestamptz,
    parked_at   timestamptz NOT NULL
);

-- +goose Down
DROP TABLE parked;
