package file

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/throng-io/throng/scenario/internal/recorded"
	"github.com/throng-io/throng/scenario/regular"
)

// Limits of a data file.
const (
	maxDataBytes = 512 << 20
	maxDataLine  = 1 << 20
)

// Table is a data file in memory, with only the columns that templates name. Goroutines may read it
// concurrently.
type Table struct {
	Columns []string
	Rows    [][]Datum // each as long as Columns

	name string // of the file, for errors
}

// Datum is one value of a table in the three forms that templates write.
type Datum struct {
	Text   string // as it is; of JSON that is no string, its text
	String string // as the inside of a JSON string
	Value  string // as a JSON value: of CSV always a string
}

// Append appends the datum in a form.
func (v *Datum) Append(dst []byte, form Form) []byte {
	switch form {
	case FormString:
		return append(dst, v.String...)
	case FormValue:
		return append(dst, v.Value...)
	}
	return form.AppendURL(dst, v.Text)
}

// Data reads the data files of every cell, and checks that they have the
// columns that templates name and, where each row is for one client, enough
// rows. The tables are by the feeder's Path, with the columns that are used.
// A file is looked for beside the scenario file, then in the working directory.
// Errors are *Error, one for each mistake, joined.
func (f *File) Data() (map[string]*Table, error) {
	errs := &errorList{file: f.Name}
	columns := map[string][]string{}
	format := map[string]Feeder{}
	seen := map[*Spec]bool{}
	var specs []*Spec
	for _, c := range f.cells {
		if seen[c.Spec] {
			continue
		}
		seen[c.Spec] = true
		specs = append(specs, c.Spec)
		for _, feeder := range c.Spec.Data {
			format[feeder.Path] = feeder
			for _, u := range feeder.Uses {
				if !slices.Contains(columns[feeder.Path], u.Column) {
					columns[feeder.Path] = append(columns[feeder.Path], u.Column)
				}
			}
		}
	}
	tables := map[string]*Table{}
	for path, feeder := range format {
		t, all, err := f.table(feeder, columns[path])
		if row, ok := errors.AsType[*rowError](err); ok {
			errs.add(place{file: t.name, line: row.line, col: row.col}, row.msg, row.hint)
			continue
		}
		if err != nil {
			errs.add(place{line: feeder.Line, col: feeder.Col}, fmt.Sprintf("the data file %s cannot be used: %v", path, err), fileHint(err))
			continue
		}
		tables[path] = t
		for _, s := range specs {
			s.checkColumns(errs, path, all, len(t.Rows))
		}
	}
	if err := errs.join(1); err != nil {
		return nil, err
	}
	return tables, nil
}

// checkColumns compares the columns used with the columns of the file.
func (s *Spec) checkColumns(errs *errorList, path string, has []string, rows int) {
	for i := range s.Data {
		feeder := &s.Data[i]
		if feeder.Path != path {
			continue
		}
		for _, u := range feeder.Uses {
			if !slices.Contains(has, u.Column) {
				hint := orOneOf(u.Column, has)
				if len(has) == 1 && strings.ContainsAny(has[0], ";\t|") {
					hint = fmt.Sprintf("its first line is one column, %q: put commas between the names and the values", clip(has[0]))
				}
				errs.add(place{set: u.Set, line: u.Line, col: u.Col}, fmt.Sprintf("%s has no column `%s`", path, clip(u.Column)), hint)
			}
		}
		if need := s.RowsFor(feeder); feeder.Pick == PickUnique && need > rows {
			errs.add(place{line: feeder.Line, col: feeder.Col},
				fmt.Sprintf("%s has %d rows and %d clients need one each", path, rows, need), "add rows, lower the count, or write pick: sequential")
		}
	}
}

// RowsFor returns how many clients take a row of the feeder: the counts of the
// groups that use it or, where clients arrive, how many do in all phases.
func (s *Spec) RowsFor(f *Feeder) int {
	n := 0
	for i := range s.Groups {
		if f.UsedBy(s.Groups[i].Name) {
			n += s.People(&s.Groups[i])
		}
	}
	return n
}

// People is how many different clients a group has over a trial.
func (s *Spec) People(g *Group) int {
	if g.Arrive == 0 {
		return g.Count
	}
	sum := 0.0
	for _, p := range s.Phases {
		sum += g.Arrive * (p.Clients.From + p.Clients.To) / 2 * p.For.Seconds()
	}
	if g.Connect.Shape == "poisson" {
		sum += 6 * math.Sqrt(sum)
	}
	return int(math.Ceil(sum)) + 1
}

// A rowError is a mistake at a place of a data file.
type rowError struct {
	line, col int
	msg, hint string
}

func (e *rowError) Error() string { return e.msg }

// table reads one file; all are the names of its columns. After a *rowError the table has a name
// only.
func (f *File) table(feeder Feeder, columns []string) (t *Table, all []string, err error) {
	path := f.find(feeder.Path)
	in, err := regular.Open(path, maxDataBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, errNoFile
	case err != nil:
		why, odd := errors.AsType[*regular.Error](err)
		if odd {
			err = errors.New("it " + why.Why)
		}
		return nil, nil, err
	}
	defer in.Close()
	t = &Table{Columns: columns, name: path}
	from := io.LimitReader(in, maxDataBytes) // the file may grow
	if feeder.Format == "jsonl" {
		all, err = t.readJSON(from)
	} else {
		all, err = t.readCSV(from)
	}
	if err == nil && len(t.Rows) == 0 {
		err = errors.New("it has no rows; add one")
	}
	return t, all, err
}

// errNoFile is of a file that a scenario names.
var errNoFile = errors.New("there is no such file beside the scenario or in the working directory")

// fileHint says what to do about a file that cannot be read.
func fileHint(err error) string {
	switch {
	case errors.Is(err, errNoFile):
		return "put it there, or name it by its whole path"
	case strings.Contains(err.Error(), "; "):
		return "" // it says so
	}
	return "name a file that can be read"
}

// find returns the path of a file that the scenario names: beside the scenario or, when there is
// none, in the working directory.
func (f *File) find(path string) string {
	if f.unpacked != nil {
		return f.unpacked[path]
	}
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	beside := filepath.Join(filepath.Dir(f.Name), path)
	if _, err := os.Stat(beside); errors.Is(err, fs.ErrNotExist) {
		return path
	}
	return beside
}

// notUTF8 reports where a text is not UTF-8; nil when it is. The place given is the beginning of
// the text.
func notUTF8(text string, line, col int) error {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			line += strings.Count(text[:i], "\n")
			return &rowError{line, col + i, fmt.Sprintf("the byte 0x%02x is not UTF-8", text[i]), "save the file as UTF-8: it may be in Latin-1 or UTF-16"}
		}
	}
	return nil
}

func (t *Table) readCSV(in io.Reader) (all []string, err error) {
	r := csv.NewReader(recorded.Unmarked(in))
	r.ReuseRecord = true
	next := func() ([]string, error) {
		row, err := r.Read()
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			what := bad.Err.Error()
			if errors.Is(err, csv.ErrFieldCount) {
				what = fmt.Sprintf("the row has %d values and the first line %d columns", len(row), r.FieldsPerRecord)
			}
			return nil, &rowError{bad.Line, bad.Column, what, "correct the row, or put the value in quotes"}
		}
		for i, field := range row {
			line, col := r.FieldPos(i)
			if err = cmp.Or(err, notUTF8(field, line, col)); err != nil {
				return nil, err
			}
		}
		return row, err
	}
	head, err := next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty; write the names of the columns into its first line")
	}
	if err != nil {
		return nil, err
	}
	all = slices.Clone(head)
	at, err := t.places(all, r.FieldPos)
	if err != nil {
		return nil, err
	}
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		out := make([]Datum, len(at))
		for i, j := range at {
			if j >= 0 {
				out[i] = textDatum(strings.Clone(row[j]))
			}
		}
		t.Rows = append(t.Rows, out)
	}
}

// places are where the columns are among the names of all, -1 where one is not; where is the place
// of a name in the file.
func (t *Table) places(all []string, where func(int) (line, col int)) ([]int, error) {
	at := make([]int, len(t.Columns))
	for i, name := range t.Columns {
		at[i] = slices.Index(all, name)
		if at[i] < 0 {
			continue
		}
		rest := at[i] + 1
		if next := slices.Index(all[rest:], name); next >= 0 {
			line, col := where(rest + next)
			return nil, &rowError{line, col, fmt.Sprintf("the column %q stands twice", clip(name)), "rename one"}
		}
	}
	return at, nil
}

func textDatum(s string) Datum {
	value := jsonString(s)
	d := Datum{Text: s, String: value[1 : len(value)-1], Value: value}
	if d.String == s {
		d.Text = d.String // one copy in memory
	}
	return d
}

func (t *Table) readJSON(in io.Reader) (all []string, err error) {
	lines := bufio.NewScanner(recorded.Unmarked(in))
	lines.Buffer(make([]byte, 1<<16), maxDataLine)
	n := 1
	for ; lines.Scan(); n++ {
		if err := notUTF8(lines.Text(), n, 1); err != nil {
			return nil, err
		}
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil || row == nil {
			return nil, noObject(n, line[0] == '[')
		}
		if all == nil {
			for name := range row {
				all = append(all, name)
			}
			slices.Sort(all)
		}
		out := make([]Datum, len(t.Columns))
		for i, name := range t.Columns {
			raw, ok := row[name]
			if !ok {
				if slices.Contains(all, name) {
					return nil, &rowError{n, 1, fmt.Sprintf("the line has no %q", name), "the first line has it: add it, or write null"}
				}
				continue
			}
			out[i] = jsonDatum(raw)
		}
		t.Rows = append(t.Rows, out)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, &rowError{n, 1, fmt.Sprintf("the line has more than %d bytes", maxDataLine), "shorten it"}
	}
	return all, lines.Err()
}

// noObject is the mistake of a line that is no object; listed: a list begins there.
func noObject(line int, listed bool) error {
	hint := `write one such as {"name": "Ada"}`
	if listed {
		hint += ", without a list around them: jq -c '.[]' makes such lines of a list"
	}
	return &rowError{line, 1, "the line is not a JSON object", hint}
}

// jsonDatum keeps the type of a JSON value.
func jsonDatum(raw json.RawMessage) Datum {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return textDatum(s)
	}
	text := string(raw)
	inside := jsonString(text)
	return Datum{Text: text, String: inside[1 : len(inside)-1], Value: text}
}
