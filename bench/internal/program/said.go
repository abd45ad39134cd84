package program

import (
	"bytes"
	"strings"
	"sync"
)

// Said keeps what a process writes, up to its first megabyte. Goroutines may share it.
type Said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const maxSaid = 1 << 20

// Write implements io.Writer. It never fails.
func (s *Said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b[:min(len(b), maxSaid-s.text.Len())])
	return len(b), nil
}

// String is what was written so far, without the white space around it.
func (s *Said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(s.text.String())
}

// Lines is how many lines that has.
func (s *Said) Lines() int {
	text := s.String()
	if text == "" {
		return 0
	}
	return strings.Count(text, "\n") + 1
}
