package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/result"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"verdict": func(v result.Verdict) string { return string(result.Worst(v, v)) },
	"numeric": func(t table, column int) bool { return column >= t.Left },
	"outcome": outcome,
	"command": command,
	"style": func() template.CSS {
		return template.CSS(strings.Replace(pageStyle, "/*figure colours*/", draw.CSS(), 1))
	},
	"inline": inline,
	"small": func(f *figure) (template.HTML, error) {
		s, err := draw.Inline(&f.Figure, draw.Small, "small")
		return template.HTML(s), err
	},
	"warnings": warnings,
	"notes":    notes,
	"ended":    outcomeOf,
	"several":  func(p *page) bool { return len(p.Sections) > 1 || p.Run.Capacity != nil },
	"only":     func(f *figure) []*figure { return []*figure{f} },
	"title":    func(p *page) string { return p.Run.Scenario + ": " + p.Word },
	"cut":      cut,
	"mark":     func(t table, row, column int) string { return t.Marks[[2]int{row, column}] },
	"link": func(t table, row int) string {
		if row < len(t.Links) {
			return t.Links[row]
		}
		return ""
	},
	"script": func() template.JS { return template.JS(pageScript) }, // ours, and made of no data
}).Parse(pageText))

func (p *page) html() ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// someWarnings are warnings as the page shows them: a few, and the others behind a click.
type someWarnings struct {
	Title       string
	First, Rest []string
}

func cut(title string, all []string) someWarnings {
	const first = 4
	if len(all) <= first+1 {
		return someWarnings{Title: title, First: all}
	}
	return someWarnings{title, all[:first], all[first:]}
}

// inline is the figure for the page: one picture for wide windows and paper, and one for phones, of which the style sheet shows one.
// A phone gets the comparing figures and those of an only cell; single cells of a matrix scroll sideways instead.
func inline(f *figure, phone bool) (template.HTML, error) {
	class := "wide only"
	if phone {
		class = "wide"
	}
	s, err := draw.Inline(&f.Figure, draw.Wide, class)
	if err != nil {
		return "", err
	}
	if phone {
		narrow, err := draw.Inline(&f.Figure, draw.Narrow, "narrow")
		if err != nil {
			return "", err
		}
		s += narrow
	}
	return template.HTML(s), nil // made by draw, which escapes all text
}

// outcomeClass is the class of each word for an outcome: of a check, a cell, a trial of a search, a change. Other words are neither
// good nor bad.
var outcomeClass = map[string]string{
	met: "good", string(result.Pass): "good", probeHeld: "good", "better": "good",
	notMet: "bad", noValue: "bad", probeBroke: "bad", "worse": "bad",
	"~": "",
}

// outcome is the class of a table cell that says how something went: those under the headings "outcome" and "verdict".
func outcome(t table, column int, text string) string {
	if column >= len(t.Head) || t.Head[column] != "outcome" && t.Head[column] != "verdict" {
		return ""
	}
	class, known := outcomeClass[text]
	switch {
	case known:
		return class
	case strings.Contains(text, string(result.Fail)): // some of several trials
		return "bad"
	}
	return "void"
}

// command writes the command line so that it can be pasted into a shell.
func command(args []string) string {
	var parts []string
	for _, a := range args {
		if a == "" || strings.ContainsFunc(a, func(r rune) bool { return !strings.ContainsRune(safeInShell, r) }) {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		parts = append(parts, a)
	}
	return strings.Join(parts, " ")
}

const safeInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+"

// Anchor is the id of a figure on the page.
func (f *figure) Anchor() string { return fmt.Sprintf("figure-%s", f.Name) }
