package server

import "time"

// Advance moves the clock of the server on, and returns when what is due by then has been done: its
// tests wait for no timeout, and no timeout outruns them. A session must have been opened before.
func (s *Server) Advance(d time.Duration) { s.clock.Advance(d) }

// Never is a time between heartbeats that Advance does not reach.
const Never = 100_000 * time.Hour

// SetAbortTime makes Shutdown wait for less than its ten seconds for handlers that do not end.
func (s *Server) SetAbortTime(d time.Duration) { s.abortTime = d }
