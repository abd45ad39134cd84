package server

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/server/internal/budget"
)

// logs writes all lines of a server's log. Clients must not be able to fill a disk, or slow the
// server down: each source, such as a connection, has some lines at once and then one every while,
// and so have all of them together. A line that is left out is counted, and the next one that is
// written has their number.
type logs struct {
	to     *slog.Logger
	panics atomic.Uint64 // of its handler

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
	if !l.enabled(level) {
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
	l.log(level, message, args...)
}

// enabled reports whether lines of a level are written, for lines that take time to make.
func (l *logs) enabled(level slog.Level) (yes bool) {
	defer l.recovered()
	return l.to.Enabled(context.Background(), level)
}

// log calls the application's handler of the log.
func (l *logs) log(level slog.Level, message string, args ...any) {
	defer l.recovered()
	l.to.Log(context.Background(), level, message, args...)
}

// recovered keeps a panic of that handler from ending the process: it is called on goroutines of
// the server's own. There is nowhere to write of it, so it is counted.
func (l *logs) recovered() {
	if recover() != nil {
		l.panics.Add(1)
	}
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
		l.log(slog.LevelWarn, "lines of the log were left out", "left_out", left)
	}
}

// clip shortens text of a client.
func clip(s string) string {
	if len(s) > longestValue {
		return s[:longestValue] + "..."
	}
	return s
}
