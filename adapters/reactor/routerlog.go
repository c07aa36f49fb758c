package reactor

import (
	"context"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"
)

// routerLog is Watermill's log: its faults in ours, its progress as debugging.
// Unlike Watermill's own adapter it makes nothing of what is not logged, which is
// several lines for every event of the journal.
type routerLog struct {
	log    *slog.Logger
	parent *routerLog
	fields watermill.LogFields
}

// With implements watermill.LoggerAdapter.
func (l routerLog) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return routerLog{log: l.log, parent: &l, fields: fields}
}

// Error implements watermill.LoggerAdapter.
func (l routerLog) Error(msg string, err error, fields watermill.LogFields) {
	l.write(slog.LevelError, msg, fields, "error", err)
}

// Info implements watermill.LoggerAdapter.
func (l routerLog) Info(msg string, fields watermill.LogFields) {
	l.write(slog.LevelDebug, msg, fields)
}

// Debug implements watermill.LoggerAdapter.
func (l routerLog) Debug(msg string, fields watermill.LogFields) {
	l.write(slog.LevelDebug, msg, fields)
}

// Trace implements watermill.LoggerAdapter: one line per step of each event is too much for any log.
func (routerLog) Trace(string, watermill.LogFields) {}

func (l routerLog) write(level slog.Level, msg string, fields watermill.LogFields, args ...any) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	for k, v := range fields {
		args = append(args, k, v)
	}
	for p := &l; p != nil; p = p.parent {
		for k, v := range p.fields {
			args = append(args, k, v)
		}
	}
	l.log.Log(ctx, level, "watermill: "+msg, args...) //nolint:sloglint // the text is the library's
}
