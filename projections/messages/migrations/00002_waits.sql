-- +goose Up
-- Messages that were projected before have neither until something happens to
-- them, or the projection is rebuilt.
ALTER TABLE messages
    ADD COLUMN waits_for text CHECK (waits_for IN ('release', 'answer', 'retry', 'report', 'deadline')),
    ADD COLUMN send_at   timestamptz;

-- +goose Down
DROP VIEW IF EXISTS goniec.messages;
ALTER TABLE messages DROP COLUMN send_at, DROP COLUMN waits_for;
