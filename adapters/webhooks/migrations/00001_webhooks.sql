-- +goose Up

-- One row for every (endpoint, event): what was promised, and what became of it.
-- Its key is what makes "at least once" into "queued once".
CREATE TABLE deliveries (
    endpoint    uuid        NOT NULL,
    event       text        NOT NULL,
    account     uuid        NOT NULL,
    type        text        NOT NULL,
    payload     text        NOT NULL, -- the exact bytes that are signed; no number, no text
    state       text        NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up', 'cancelled')),
    round       integer     NOT NULL DEFAULT 0, -- +1 with every resend: jobs of earlier rounds do nothing
    attempts    integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    deadline    timestamptz NOT NULL, -- no attempt begins after it
    finished_at timestamptz CHECK ((finished_at IS NULL) = (state = 'pending')),
    PRIMARY KEY (endpoint, event)
);
CREATE INDEX deliveries_pending ON deliveries (endpoint) WHERE finished_at IS NULL;
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_old ON deliveries (created_at);

-- Every call made, without bodies and without the address.
CREATE TABLE attempts (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint    uuid        NOT NULL,
    account     uuid        NOT NULL,
    event       text        NOT NULL,
    type        text        NOT NULL,
    attempt     integer     NOT NULL,
    at          timestamptz NOT NULL,
    duration_ms bigint      NOT NULL,
    status      integer     NOT NULL, -- HTTP status; 0 = no answer
    error       text        NOT NULL, -- class of the failure; '' = success
    next_at     timestamptz,
    done        boolean     NOT NULL
);
CREATE INDEX attempts_listed ON attempts (account, endpoint, id DESC);
CREATE INDEX attempts_old ON attempts (at);

-- What later events of a message do not repeat. Only for accounts with endpoints.
CREATE TABLE notes (
    message    text        PRIMARY KEY,
    client_ref text        NOT NULL DEFAULT '',
    tags       jsonb       NOT NULL DEFAULT '[]',
    channels   jsonb       NOT NULL DEFAULT '{}', -- attempt id -> channel
    noted_at   timestamptz NOT NULL
);
CREATE INDEX notes_old ON notes (noted_at);

-- Events below next_offset are none of this reactor's business any more: they were
-- there before it, or their jobs are stored.
CREATE TABLE positions (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Journal records that no retry can turn into a webhook. Their bytes stay in the journal.
CREATE TABLE poisoned (
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    event         text        NOT NULL,
    type          text        NOT NULL,
    reason        text        NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
);

-- +goose Down
DROP TABLE poisoned;
DROP TABLE positions;
DROP TABLE notes;
DROP TABLE attempts;
DROP TABLE deliveries;
