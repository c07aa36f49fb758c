-- +goose Up
-- A build is one set of tables of a projection, in a schema of its own. At most
-- one build of a projection is live: the views of schema goniec read it.
CREATE TABLE builds (
    projection  text        NOT NULL,
    build       integer     NOT NULL CHECK (build > 0),
    schema      text        NOT NULL UNIQUE,
    state       text        NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    switched_at timestamptz,
    PRIMARY KEY (projection, build)
);
CREATE UNIQUE INDEX builds_one_live ON builds (projection) WHERE state = 'live';

-- How far a build has read one journal partition. The row is the fence too: a
-- runner writes only while its own id stands in it.
CREATE TABLE checkpoints (
    projection  text        NOT NULL,
    build       integer     NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL CHECK (partition >= 0),
    live        boolean     NOT NULL,
    runner      uuid,
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    end_offset  bigint      NOT NULL DEFAULT 0,
    head        bytea       NOT NULL CHECK (octet_length(head) = 32),
    recorded_at timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    stopped     text,
    PRIMARY KEY (topic, partition, projection, build),
    FOREIGN KEY (projection, build) REFERENCES builds ON DELETE CASCADE
) WITH (fillfactor = 20);

-- Settings of the installation that views need.
CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO settings VALUES ('billing_zone', 'Europe/Warsaw');

-- +goose Down
DROP TABLE settings;
DROP TABLE checkpoints;
DROP TABLE builds;
