package server

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// guard runs a function of the application. It returns an error if that panics.
func (s *Server) guard(f func()) (err error) {
	defer s.recovered(&err)
	f()
	return nil
}

// recovered keeps a panic of the application from ending the process.
func (s *Server) recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("handler panicked: %v", cause)
		s.panics.Add(1)
		s.logs.write(&s.panicked, slog.LevelError, "handler panicked", "panic", cause, "stack", string(debug.Stack()))
	}
}
