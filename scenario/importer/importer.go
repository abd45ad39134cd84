package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/file"
)

// A Result is a scenario made of another file.
type Result struct {
	Scenario []byte
	Files    []File // to be written beside it
	Notes    []Note // by line
}

// valid returns the result, unless what was made is no scenario: the script has something that the
// importer does not know.
func (r *Result) valid(name string) (*Result, error) {
	texts := map[string][]byte{"scenario.yaml": r.Scenario}
	for _, f := range r.Files {
		if strings.HasSuffix(f.Name, ".yaml") {
			texts[f.Name] = f.Text
		}
	}
	for made, text := range texts {
		if _, err := file.Parse(made, text, nil); err != nil {
			return nil, fmt.Errorf("%s cannot be turned into a scenario: what was made of it has a mistake: %w", name, err)
		}
	}
	return r, nil
}

// A File is a file that the scenario names.
type File struct {
	Name string
	Text []byte
}

// A Note says what of the file the scenario does not say, or says otherwise.
type Note struct {
	Line int // of the file; 0: of all of it
	Text string
}

func (n Note) String() string {
	if n.Line == 0 {
		return n.Text
	}
	return fmt.Sprintf("line %d: %s", n.Line, n.Text)
}

// notes collects notes, each once.
type notes []Note

func (n *notes) add(line int, format string, args ...any) {
	note := Note{line, printable(fmt.Sprintf(format, args...))}
	if !slices.Contains(*n, note) {
		*n = append(*n, note)
	}
}

// sorted returns the notes in the order of the file.
func (n notes) sorted() []Note {
	slices.SortStableFunc(n, func(a, b Note) int { return a.Line - b.Line })
	return n
}

// printable is a text on one line without control characters, and of bounded length: for notes.
func printable(s string) string {
	s = oneLine(s)
	if r := []rune(s); len(r) > 200 {
		return string(r[:197]) + "..."
	}
	return s
}

// oneLine is a text on one line without control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t', r == 0x2028, r == 0x2029:
			return ' '
		case r < ' ', r == 0x7f, r == 0xfffd, r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

var reWord = regexp.MustCompile(`[A-Za-z0-9]+`)

// nameOf makes a name of letters, digits and a separator, which begins with a letter.
func nameOf(s, separator, otherwise string, most int) string {
	name := strings.Join(reWord.FindAllString(s, -1), separator)
	name = strings.TrimLeft(name, "0123456789"+separator)
	if len(name) > most {
		name = strings.TrimRight(name[:most], separator)
	}
	if name == "" {
		return otherwise
	}
	return name
}

// unique makes a name that is not taken, and takes it.
func unique(name string, taken map[string]bool) string {
	out := name
	for n := 2; taken[out]; n++ {
		out = name + strconv.Itoa(n)
	}
	taken[out] = true
	return out
}
