-- +goose Up
-- A message may wait for the end of a pause, too.
ALTER TABLE messages DROP CONSTRAINT messages_waits_for_check;
ALTER TABLE messages ADD CONSTRAINT messages_waits_for_check CHECK (waits_for IN ('release', 'answer', 'resume', 'retry', 'report', 'deadline'));

-- The attempts of a message whose outcome is unknown and that wait for a word
-- (rules.md D18): JSON objects separated by commas. Few messages ever have any.
ALTER TABLE messages ADD COLUMN unknown text;
CREATE INDEX messages_unknown ON messages (accepted_at) WHERE unknown IS NOT NULL;

-- +goose Down
DROP VIEW IF EXISTS goniec.unknown_attempts;
ALTER TABLE messages DROP COLUMN unknown;
