package program

import (
	"bytes"
	"io"
	"testing"
)

// What a process writes is kept to a bound, and its writer never hears of that.
func TestSaid(t *testing.T) {
	var s Said
	if s.Lines() != 0 || s.String() != "" {
		t.Errorf("of nothing: %d lines, %q", s.Lines(), s.String())
	}
	_, _ = io.WriteString(&s, "one\ntwo\n")
	if s.Lines() != 2 || s.String() != "one\ntwo" {
		t.Errorf("%d lines, %q", s.Lines(), s.String())
	}
	for range 2 {
		if n, err := s.Write(bytes.Repeat([]byte("x"), maxSaid)); n != maxSaid || err != nil {
			t.Errorf("%d bytes are taken: %v", n, err)
		}
	}
	if n := len(s.String()); n != maxSaid {
		t.Errorf("%d bytes are kept", n)
	}
}
