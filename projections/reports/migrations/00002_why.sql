-- +goose Up
-- Why the report fitted no attempt when it came; NULL = written before that was kept.
ALTER TABLE stored_reports ADD COLUMN why text;

-- +goose Down
ALTER TABLE stored_reports DROP COLUMN why;
