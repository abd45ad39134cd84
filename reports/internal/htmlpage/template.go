package htmlpage

import (
	_ "embed"
	"html/template"
	"strings"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// PageScript is the script of every page.
//
//go:embed page.js
var PageScript string

// PageTemplate is the template of a report. Comparisons and the viewer add templates to clones of
// it.
var PageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"verdict": func(v result.Verdict) string { return string(result.Worst(v, v)) },
	"numeric": func(t layout.Table, column int) bool { return column >= t.Left },
	"outcome": outcome,
	"command": Command,
	"style": func() template.CSS {
		return template.CSS(strings.Replace(pageStyle, "/*figure colours*/", draw.CSS(), 1))
	},
	"inline": inline,
	"small": func(f *charts.Figure) (template.HTML, error) {
		s, err := draw.Inline(&f.Figure, draw.Small, "small")
		return template.HTML(s), err
	},
	"warnings": sentences.Warnings,
	"notes":    sentences.Notes,
	"ended":    selection.OutcomeOf,
	"several":  func(p *Page) bool { return len(p.Sections) > 1 || p.Run.Capacity != nil },
	"only":     func(f *charts.Figure) []*charts.Figure { return []*charts.Figure{f} },
	"title":    func(p *Page) string { return p.Run.Scenario + ": " + p.Word },
	"cut":      cut,
	"mark":     func(t layout.Table, row, column int) string { return t.Marks[[2]int{row, column}] },
	"link": func(t layout.Table, row int) string {
		if row < len(t.Links) {
			return t.Links[row]
		}
		return ""
	},
	"script": func() template.JS { return template.JS(PageScript) }, // ours, and made of no data
}).Parse(pageText))

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

// inline is the figure for the page: one picture for wide windows and paper, and one for phones, of
// which the style sheet shows one. A phone gets the comparing figures, and the figures of a single
// cell; single cells of a matrix scroll sideways instead.
func inline(f *charts.Figure, phone bool) (template.HTML, error) {
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

// outcomeClass is the class of each word for an outcome: of a check, a cell, a trial of a search, a
// change. Other words are neither good nor bad.
var outcomeClass = map[string]string{
	tables.Met: "good", string(result.Pass): "good", selection.ProbeHeld: "good", "better": "good",
	tables.NotMet: "bad", tables.NoValue: "bad", selection.ProbeBroke: "bad", "worse": "bad",
	"~": "",
}

// outcome is the class of a table cell that says how something went: those under the headings
// "outcome" and "verdict".
func outcome(t layout.Table, column int, text string) string {
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

// Command writes the command line so that it can be pasted into a shell.
func Command(args []string) string {
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
