-- +goose Up
-- What may stand beside a state: a suspension, the end that was asked for, a task of the
-- operator's; and when the sender was active or suspended. Rows that an earlier build wrote have
-- nothing of it until the projection is rebuilt.
ALTER TABLE senders ADD COLUMN suspended boolean NOT NULL DEFAULT false;
ALTER TABLE senders ADD COLUMN closed boolean NOT NULL DEFAULT false;
ALTER TABLE senders ADD COLUMN ends_with text;                 -- the month of notice, such as 2026-11
ALTER TABLE senders ADD COLUMN closes boolean NOT NULL DEFAULT false; -- that end is for good
ALTER TABLE senders ADD COLUMN enabled_from date;
ALTER TABLE senders ADD COLUMN changing boolean NOT NULL DEFAULT false; -- a new version is under review
ALTER TABLE senders ADD COLUMN task text CHECK (task IN ('switch_off', 'switch_on'));
ALTER TABLE senders ADD COLUMN task_due timestamptz;
ALTER TABLE senders ADD COLUMN active_spells jsonb NOT NULL DEFAULT '[]';
ALTER TABLE senders ADD COLUMN suspended_spells jsonb NOT NULL DEFAULT '[]';
CREATE INDEX senders_tasks ON senders (task_due) WHERE task IS NOT NULL;

-- +goose Down
DROP VIEW IF EXISTS goniec.sender_states;
ALTER TABLE senders DROP COLUMN suspended, DROP COLUMN closed, DROP COLUMN ends_with, DROP COLUMN closes, DROP COLUMN enabled_from,
    DROP COLUMN changing, DROP COLUMN task, DROP COLUMN task_due, DROP COLUMN active_spells, DROP COLUMN suspended_spells;
