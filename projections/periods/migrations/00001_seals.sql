-- +goose Up
-- One row for each month that a partition has sealed.
CREATE TABLE seals (
    month     text        NOT NULL COLLATE "C" CHECK (month ~ '^\d{4}-\d{2}$'),
    partition integer     NOT NULL,
    position  bigint      NOT NULL, -- offset in the messages journal
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (partition, month)
);

-- +goose Down
DROP TABLE seals;
