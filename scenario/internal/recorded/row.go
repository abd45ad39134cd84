package recorded

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxRow is how many bytes a row may have.
const MaxRow = 1 << 20

// The columns of a log.
const (
	Time  = "time"
	User  = "user"
	Room  = "room"
	Event = "event"
	Size  = "size"
	Body  = "body"
)

// Columns are the names of all columns, in the order in which Writer has them.
var Columns = []string{Time, User, Room, Event, Size, Body}

// A Row is one message of a log.
type Row struct {
	At    time.Duration // since the first row
	User  string
	Room  string
	Event string
	Size  int    // bytes of the payload; -1: the log has no sizes
	Body  string // the payload; "" without that column

	line, col [6]int // of the fields, by their place in Columns; line 0: the log has no such column
}

// Error is a mistake at a place of a log.
type Error struct {
	Line, Col int
	Msg, Hint string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s; %s", e.Line, e.Col, e.Msg, e.Hint)
}

// Wrong is a mistake in a column of the row.
func (r *Row) Wrong(column, msg, hint string) *Error {
	i := slices.Index(Columns, column)
	return &Error{Line: r.line[i], Col: r.col[i], Msg: msg, Hint: hint}
}

// Reader reads a log. One goroutine at a time.
type Reader struct {
	csv   *csv.Reader
	meter *meter
	at    [6]int // of Columns in the file; -1: it has no such column
	first int64  // nanoseconds of the first row
	last  time.Duration
	line  int  // of the last row
	some  bool // a row has been read
	dates bool // times are RFC 3339
	names map[string]string
}

// Unmarked reads a text without the byte order mark with which some programs begin a file: before a
// quote of CSV it would be a text.
func Unmarked(in io.Reader) *bufio.Reader {
	const mark = "\ufeff"
	text := bufio.NewReaderSize(in, 1<<16)
	if first, _ := text.Peek(len(mark)); string(first) == mark {
		_, _ = text.Discard(len(mark))
	}
	return text
}

// NewReader reads the line of column names.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{meter: &meter{in: Unmarked(in)}, names: map[string]string{}}
	r.csv = csv.NewReader(r.meter)
	r.csv.ReuseRecord = true
	head, err := r.read()
	if errors.Is(err, io.EOF) {
		return nil, &Error{1, 1, "the file is empty", "write the names of the columns into its first line: " + strings.Join(Columns[:5], ",")}
	}
	if err != nil {
		return nil, err
	}
	for i := range r.at {
		r.at[i] = -1
	}
	for i, name := range head {
		line, col := r.csv.FieldPos(i)
		at := slices.Index(Columns, strings.TrimSpace(name))
		switch {
		case at < 0:
			continue // a log may say more than is played
		case r.at[at] >= 0:
			return nil, &Error{line, col, fmt.Sprintf("the column %s is there twice", name), "remove one"}
		}
		r.at[at] = i
	}
	switch {
	case !r.Has(Time):
		return nil, &Error{1, 1, "there is no column `time`", "write the names of the columns into the first line: " + strings.Join(Columns[:5], ",")}
	case r.Has(Size) && r.Has(Body):
		line, col := r.csv.FieldPos(r.at[slices.Index(Columns, Body)])
		return nil, &Error{line, col, "the log has sizes and bodies, and the size of a message follows from its body", "remove the column size, or the column body"}
	}
	return r, nil
}

// Has reports whether the log has a column.
func (r *Reader) Has(column string) bool { return r.at[slices.Index(Columns, column)] >= 0 }

// read reads a record, with the place of a mistake in the CSV.
func (r *Reader) read() ([]string, error) {
	r.meter.since = 0
	rec, err := r.csv.Read()
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		switch {
		case errors.Is(bad.Err, errTooLong):
			return nil, &Error{bad.StartLine, 1, fmt.Sprintf("the row has more than %d bytes", MaxRow), "shorten it, or close the quotes"}
		case errors.Is(bad.Err, csv.ErrFieldCount):
			return nil, &Error{bad.Line, bad.Column, fmt.Sprintf("the row has %d values and the first line %d columns", len(rec), r.csv.FieldsPerRecord), "correct the row, or put values with commas in quotes"}
		}
		return nil, &Error{bad.Line, bad.Column, bad.Err.Error(), "correct the row, or put the value in quotes"}
	}
	if errors.Is(err, errTooLong) {
		return nil, &Error{r.line + 1, 1, fmt.Sprintf("the row has more than %d bytes", MaxRow), "shorten it, or close the quotes"}
	}
	if err == nil {
		r.line, _ = r.csv.FieldPos(0)
	}
	return rec, err
}

// Next returns the next row, io.EOF after the last one, or an *Error. The strings are the caller's.
func (r *Reader) Next() (Row, error) {
	rec, err := r.read()
	if err != nil {
		return Row{}, err
	}
	row := Row{Size: -1}
	var fields [6]string
	for i, at := range r.at {
		if at < 0 {
			continue
		}
		fields[i] = rec[at]
		row.line[i], row.col[i] = r.csv.FieldPos(at)
		if !utf8.ValidString(fields[i]) {
			return Row{}, &Error{row.line[i], row.col[i], "the value is not UTF-8", "save the file as UTF-8: it may be in Latin-1 or UTF-16"}
		}
	}
	if row.At, err = r.when(fields[0], &row); err != nil {
		return Row{}, err
	}
	for i, to := range []*string{&row.User, &row.Room, &row.Event} {
		*to = r.name(fields[i+1])
		if strings.ContainsFunc(*to, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return Row{}, row.Wrong(Columns[i+1], "the value holds a control character", "remove it")
		}
	}
	switch {
	case r.Has(Body):
		row.Body = strings.Clone(fields[5])
		row.Size = len(row.Body)
	case r.Has(Size):
		if row.Size, err = strconv.Atoi(strings.TrimSpace(fields[4])); err != nil || row.Size < 0 {
			return Row{}, row.Wrong(Size, fmt.Sprintf("%q is not a number of bytes", clip(fields[4])), "write a whole number such as 120")
		}
	}
	return row, nil
}

// name returns one copy of a text that many rows have.
func (r *Reader) name(s string) string {
	if known, ok := r.names[s]; ok {
		return known
	}
	if len(r.names) >= maxNames {
		clear(r.names)
	}
	s = strings.Clone(s)
	r.names[s] = s
	return s
}

// maxNames bounds the texts that are remembered so that they are kept once.
const maxNames = 1 << 16

// when reads the time of a row.
func (r *Reader) when(text string, row *Row) (time.Duration, error) {
	text = strings.TrimSpace(text)
	ns, date, ok := parseTime(text)
	switch {
	case !ok:
		return 0, row.Wrong(Time, fmt.Sprintf("%q is not a time", clip(text)), "write RFC 3339, such as 2026-03-01T12:00:00.250Z, or seconds, such as 12.5")
	case !r.some:
		r.some, r.first, r.dates = true, ns, date
	case date != r.dates:
		return 0, row.Wrong(Time, fmt.Sprintf("the time %s is of another kind than the times above it", clip(text)), "write all times as RFC 3339, or all as seconds")
	}
	at := time.Duration(ns - r.first)
	if at < r.last {
		return 0, row.Wrong(Time, fmt.Sprintf("the time %s is %v before the time of the row above it", clip(text), r.last-at), "sort the rows by time")
	}
	r.last = at
	return at, nil
}

// maxSeconds keeps times apart from the end of an int64 of nanoseconds.
const maxSeconds = 9_000_000_000

// parseTime reads a date, or seconds with up to nine decimals that count.
func parseTime(text string) (ns int64, date, ok bool) {
	if strings.Contains(text, ":") {
		t, err := time.Parse(time.RFC3339Nano, text)
		if s := t.Unix(); err != nil || s < -maxSeconds || s > maxSeconds {
			return 0, true, false
		}
		return t.UnixNano(), true, true
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits, negative := strings.CutPrefix(whole, "-")
	for _, part := range []string{digits, fraction} {
		if strings.ContainsFunc(part, func(c rune) bool { return c < '0' || c > '9' }) {
			return 0, false, false
		}
	}
	if digits == "" {
		return 0, false, false
	}
	s, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || s > maxSeconds {
		return 0, false, false
	}
	f, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	ns = s*int64(time.Second) + f
	if negative {
		ns = -ns
	}
	return ns, false, true
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// A meter is a reader that fails within a row that is too long.
type meter struct {
	in    io.Reader
	since int // bytes since the row began, about
}

var errTooLong = errors.New("too long")

// Read is of io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.since > MaxRow {
		return 0, errTooLong
	}
	n, err := m.in.Read(p)
	m.since += n
	return n, err
}

// Writer writes a log. One goroutine at a time.
type Writer struct {
	csv    *csv.Writer
	bodies bool
	record []string
}

// NewWriter writes the line of column names: with bodies, or with sizes.
func NewWriter(out io.Writer, bodies bool) (*Writer, error) {
	w := &Writer{csv: csv.NewWriter(out), bodies: bodies}
	last := Size
	if bodies {
		last = Body
	}
	return w, w.csv.Write(append(slices.Clone(Columns[:4]), last))
}

// Write writes a row. Rows must be in order of time.
func (w *Writer) Write(r *Row) error {
	last := r.Body
	if !w.bodies {
		last = strconv.Itoa(max(r.Size, 0))
	}
	at := r.At.Microseconds()
	w.record = append(w.record[:0], fmt.Sprintf("%d.%06d", at/1e6, at%1e6), r.User, r.Room, r.Event, last)
	return w.csv.Write(w.record)
}

// Flush writes out what is buffered.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
