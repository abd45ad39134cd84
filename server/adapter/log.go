package adapter

import (
	"context"
	"log/slog"
)

// guarded keeps a panic of the application's log from ending the process: its lines are written on
// goroutines of the broker's connection, and by timers. A line that panics is left out, as there is
// nowhere to write of it.
type guarded struct{ slog.Handler }

// Enabled implements slog.Handler.
func (g guarded) Enabled(ctx context.Context, level slog.Level) (yes bool) {
	defer caught()
	return g.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (g guarded) Handle(ctx context.Context, r slog.Record) (err error) {
	defer caught()
	return g.Handler.Handle(ctx, r)
}

func caught() { _ = recover() }
