package file

import "fmt"

// Error is one mistake in a scenario file or in an override.
type Error struct {
	File      string // the file's name, or the override: "--set viewers=abc"
	Line, Col int    // from 1, the column in characters; 0 for an override
	Msg       string // what is wrong
	Hint      string // what to do; may be empty
}

// Error returns one line: FILE:LINE:COL: what is wrong; what to do.
func (e *Error) Error() string {
	text := e.File
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Col)
	}
	text += ": " + e.Msg
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}
