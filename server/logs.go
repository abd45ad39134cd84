package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/budget"
)

// logs writes all lines of a server's log. Clients must not be able to fill a disk, or slow the
// server down: each source, such as a connection, has some lines at once and then one every while,
// and so have all of them together. A line that is left out is counted, and the next one that is
// written has their number.
type logs struct {
	to *slog.Logger

	mu      sync.Mutex // also guards the sources
	all     budget.Rate
	leftOut uint64
}

// source is what writes lines: one connection, or one part of the server.
type source struct {
	rate    budget.Rate
	leftOut bool
}

// How many lines there may be at once, and after which time there may be one more.
const (
	linesOfSource, lineOfSource = 5, 10 * time.Second
	linesOfAll, lineOfAll       = 100, 100 * time.Millisecond
)

// longestValue bounds in bytes what a client can put into a line.
const longestValue = 1000

// write writes a line of *from, which is made if it is nil; from may be nil itself, for messages
// that no client can repeat at will. args are as in package slog.
func (l *logs) write(from **source, level slog.Level, message string, args ...any) {
	ctx := context.Background()
	if !l.to.Enabled(ctx, level) {
		return
	}
	now := time.Now()
	l.mu.Lock()
	allowed := true
	if from != nil {
		if *from == nil {
			*from = &source{}
		}
		allowed = (*from).rate.Take(now, linesOfSource, lineOfSource)
	}
	allowed = allowed && l.all.Take(now, linesOfAll, lineOfAll)
	if !allowed {
		l.leftOut++
		if from != nil {
			(*from).leftOut = true
		}
		l.mu.Unlock()
		return
	}
	left := l.leftOut
	l.leftOut = 0
	l.mu.Unlock()
	if left > 0 {
		args = append(args, "left_out", left)
	}
	l.to.Log(ctx, level, message, args...)
}

// end logs how many lines were left out, if no line has said so yet: when *from ends and has left
// some out, or with the server (nil).
func (l *logs) end(from **source) {
	l.mu.Lock()
	tell := l.leftOut > 0
	if from != nil {
		tell = tell && *from != nil && (*from).leftOut && l.all.Take(time.Now(), linesOfAll, lineOfAll)
	}
	left := l.leftOut
	if tell {
		l.leftOut = 0
	}
	l.mu.Unlock()
	if tell {
		l.to.Warn("lines of the log were left out", "left_out", left)
	}
}

// clip shortens text of a client.
func clip(s string) string {
	if len(s) > longestValue {
		return s[:longestValue] + "..."
	}
	return s
}
