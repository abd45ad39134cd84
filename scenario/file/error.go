package file

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a scenario file or in an override.
type Error struct {
	File      string // the file's name, or the override: "--set viewers=abc"
	Line, Col int    // from 1, the column in characters; 0 for an override
	Msg       string // the mistake
	Hint      string // what to do; may be empty
}

// Error returns one line: FILE:LINE:COL: the mistake; the remedy.
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

// maxErrors bounds the mistakes reported at once; a longer list does not help.
const maxErrors = 25

// errorList collects mistakes. Each is kept once, however many cells of the
// matrix meet it.
type errorList struct {
	file string
	all  []*mistake
	seen map[string]*mistake
	hits int    // mistakes met, repeated mistakes of earlier cells included
	cell string // the combination that is being decoded, "" outside of one
}

type mistake struct {
	err   Error
	cell  string // the first combination that met it
	cells int    // how many did
	last  string
}

func (l *errorList) add(at place, msg, hint string) {
	l.hits++
	// Keys and values of the file may stand in the text: it stays one line.
	msg, hint = printable(msg), printable(hint)
	e := Error{File: cmp.Or(at.file, l.file), Line: at.line, Col: at.col, Msg: msg, Hint: hint}
	if at.set != "" {
		e = Error{File: at.set, Msg: msg, Hint: hint}
	}
	key := e.Error()
	if m, ok := l.seen[key]; ok {
		if m.last != l.cell {
			m.cells++
			m.last = l.cell
		}
		return
	}
	if l.seen == nil {
		l.seen = map[string]*mistake{}
	}
	m := &mistake{err: e, cell: l.cell, cells: 1, last: l.cell}
	l.seen[key] = m
	l.all = append(l.all, m)
}

// join returns all mistakes in the order of the file, overrides first; nil
// when there are none. A mistake that only some of the combinations have
// names the first of them.
func (l *errorList) join(combinations int) error {
	if len(l.all) == 0 {
		return nil
	}
	slices.SortStableFunc(l.all, func(a, b *mistake) int {
		if c := cmp.Compare(a.err.Line, b.err.Line); c != 0 {
			return c
		}
		if c := cmp.Compare(a.err.Col, b.err.Col); c != 0 {
			return c
		}
		return strings.Compare(a.err.File, b.err.File)
	})
	var errs []error
	for i, m := range l.all {
		if i == maxErrors {
			m.err.Msg, m.err.Hint = fmt.Sprintf("and %d more mistakes from here on", len(l.all)-i), "correct the mistakes above first"
			errs = append(errs, &m.err)
			break
		}
		if m.cell != "" && m.cells < combinations {
			m.err.Msg += " (in the cell " + m.cell + ")"
		}
		errs = append(errs, &m.err)
	}
	return errors.Join(errs...)
}
