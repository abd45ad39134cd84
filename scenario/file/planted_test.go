package file

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A site is a value or a key of a file that is written on one line, with its place.
type site struct {
	line, col int // from 1, col in characters
	width     int // in characters, quotes included
	isKey     bool
	path      string
	inFlow    bool // inside of { } or [ ]
}

// sitesOf lists the places of a file where a fault can be planted: its keys, and its single values
// that stand on one line.
func sitesOf(lines []string, n *node, path string, out *[]site) {
	add := func(at place, text, path string, isKey bool) {
		if at.line < 1 || at.line > len(lines) {
			return
		}
		row := []rune(lines[at.line-1])
		rest := string(row[min(at.col-1, len(row)):])
		for _, written := range []string{text, `"` + text + `"`, `'` + text + `'`} {
			if text != "" && strings.HasPrefix(rest, written) {
				before := strings.TrimLeft(string(row[:at.col-1]), " -")
				*out = append(*out, site{at.line, at.col, len([]rune(written)), isKey, path, before != "" && (isKey || strings.ContainsAny(before, "{["))})
				return
			}
		}
	}
	for i, item := range n.items {
		sitesOf(lines, item, fmt.Sprintf("%s.%d", path, i), out)
	}
	for _, e := range n.keys {
		add(e.at, e.key, path+"."+e.key, true)
		sitesOf(lines, e.val, path+"."+e.key, out)
	}
	if n.kind == scalar && !n.null && !strings.Contains(n.text, "\n") {
		add(n.at, n.text, path, false)
	}
}

// put replaces what stands at a site.
func (s site) put(lines []string, text string) string {
	row := []rune(lines[s.line-1])
	changed := slices.Clone(lines)
	changed[s.line-1] = string(row[:s.col-1]) + text + string(row[s.col-1+s.width:])
	return strings.Join(changed, "\n")
}

// written is what stands at a site.
func (s site) written(lines []string) string {
	return string([]rune(lines[s.line-1])[s.col-1 : s.col-1+s.width])
}

// faults are what may be planted at a site: those with a message, which no file may have anywhere,
// and wrong values and keys, which the schema judges.
var faults = []struct {
	name string
	keys bool                            // at keys; else at values
	says string                          // part of the message; "" where it depends on the place
	more int                             // lines between the site and the fault
	put  func(s site, was string) string // "": not here
}{
	{"a tag", false, "", 0, func(_ site, was string) string { return "!odd " + was }},
	{"an alias of nothing", false, "no anchor &nowhere stands before this", 0, func(site, string) string { return "*nowhere" }},
	{"an unknown variable", false, "unknown variable `nowhere.at`", 0, func(site, string) string { return `"${nowhere.at}"` }},
	{"a control character", false, "the character U+0007 is not allowed", 0, func(_ site, was string) string { return was + "\a" }},
	{"a byte that is not UTF-8", true, "the byte 0xff is not valid UTF-8", 0, func(_ site, was string) string { return was + "\xff" }},
	{"a key that stands twice", true, "stands twice in this mapping", 0, func(s site, was string) string {
		if !s.inFlow {
			return ""
		}
		return was + ": 1, " + was
	}},
	{"a line that stands twice", true, "stands twice in this mapping", 1, func(s site, was string) string {
		if s.inFlow {
			return ""
		}
		return was + ": 1\n" + strings.Repeat(" ", s.col-1) + was
	}},
	{"a key that nobody knows", true, "", 0, func(_ site, was string) string { return strings.Trim(was, `"'`) + "qzx" }},
	{"no value", false, "", 0, func(site, string) string { return "null" }},
	{"a list in a list", false, "", 0, func(site, string) string { return "[[]]" }},
	{"a mapping", false, "", 0, func(site, string) string { return "{qzx: {}}" }},
	{"two words", false, "", 0, func(site, string) string { return `"q zx"` }},
	{"a negative number", false, "", 0, func(site, string) string { return "-1" }},
	{"an amount that is too large", false, "", 0, func(site, string) string { return "900000000000h" }},
}

// TestPlantedFaults plants each fault at every place of every ready scenario: an error names the
// line of the fault, and tells what to do. A wrong key or value that the parser takes is one that
// the schema takes too.
func TestPlantedFaults(t *testing.T) {
	s := compile(t)
	planted, refused := 0, 0
	for name, text := range allGood(t) {
		lines := strings.Split(text, "\n")
		errs := &errorList{}
		root := load(errs, text, "")
		var sites []site
		sitesOf(lines, root, "", &sites)
		if len(sites) < 3 {
			t.Fatalf("%s has %d places", name, len(sites))
		}
		for i, at := range sites {
			for j, fault := range faults {
				// every thirteenth, so that the test takes seconds: each fault still meets hundreds of places
				if fault.keys != at.isKey || (i+j)%13 != 0 {
					continue
				}
				changed := fault.put(at, at.written(lines))
				if changed == "" {
					continue
				}
				planted++
				bad := at.put(lines, changed)
				_, err := Parse(name, []byte(bad), nil)
				byTable := func() bool { return fault.says != "" || validate(s, []byte(bad)) != nil }
				switch {
				case err == nil && byTable():
					t.Errorf("%s:%d: %s at %s is taken, and the schema refuses it", name, at.line, fault.name, at.path)
				case err != nil:
					refused++
					if !names(t, err, at.line+fault.more, fault.says) && byTable() {
						t.Errorf("%s:%d: %s at %s is not shown there, but:\n%v", name, at.line+fault.more, fault.name, at.path, err)
					}
				}
			}
		}
	}
	t.Logf("%d faults, %d refused", planted, refused)
	if planted < 2000 || refused < planted/2 {
		t.Errorf("only %d faults were planted, and %d refused", planted, refused)
	}
}

// names reports whether one of the errors is at that line, with that text.
func names(t *testing.T, err error, line int, text string) bool {
	t.Helper()
	for _, e := range mistakes(t, err) {
		if e.Line == line && strings.Contains(e.Msg, text) {
			return true
		}
	}
	return false
}

// allGood are the texts of the ready scenarios and of the good files, by path.
func allGood(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../../scenarios/*.yaml", "testdata/good/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 10 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[path] = string(text)
		}
	}
	return all
}
