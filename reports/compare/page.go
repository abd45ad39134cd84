package compare

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/layout"
)

// PageName is the page that Comparison.Write puts into its directory.
const PageName = "compare.html"

//go:embed compare.html
var compareText string

var compareTemplate = template.Must(template.Must(htmlpage.PageTemplate.Clone()).New("compare").Parse(compareText))

// comparePage is a comparison as a page shows it.
type comparePage struct {
	*Comparison
	Title      string
	Text       string // the sentence
	Class      string // of the verdict box
	Word       string
	Conditions []string
	Residue    string // what differs in every one of several pairs; "" when that is not the same
	Differs    layout.Table
	Overview   layout.Table
	Overall    []*charts.Figure
	Sections   []compareSection
	Method     string
}

type compareSection struct {
	Heading string
	Residue string
	Differs layout.Table
	Changes layout.Table
	Figures []*charts.Figure
	Open    bool
}

func (c *Comparison) page() *comparePage {
	overall, each := compareFigures(c)
	p := &comparePage{Comparison: c, Title: c.against() + " against " + c.Base, Text: c.sentence(), Method: c.method(), Overall: overall}
	p.Word, p.Class = c.verdict()
	for _, f := range c.Findings {
		p.Conditions = append(p.Conditions, f.line())
	}
	if len(c.Pairs) > 1 {
		p.Overview = overviewOf(c)
	}
	if c.alike() {
		p.Residue, p.Differs = residueSentence(c, &c.Pairs[0]), residueTable(&c.Pairs[0])
	}
	for i := range c.Pairs {
		pair := &c.Pairs[i]
		s := compareSection{Changes: changesTable(pair), Figures: each[i]}
		if p.Residue == "" {
			s.Residue, s.Differs = residueSentence(c, pair), residueTable(pair)
		}
		if pair.Label != "" {
			s.Heading = pair.Label + " against " + pair.Base
		}
		p.Sections = append(p.Sections, s)
	}
	return p
}

// verdict is the word and the colour of the page's first box: what the gates say, else the outcome
// of an only pair.
func (c *Comparison) verdict() (word, class string) {
	for _, f := range c.Findings {
		switch {
		case f.Failed:
			return "fail", "fail"
		case f.Unjudged:
			word, class = "not decided", "invalid"
		case word == "":
			word, class = "pass", "pass"
		}
	}
	if word != "" {
		return word, class
	}
	if len(c.Pairs) > 1 {
		return "compared", "even"
	}
	outcome := Untested
	if ch := c.Pairs[0].headline(); ch != nil {
		outcome = ch.Outcome
	}
	switch outcome {
	case Better:
		return "better", "pass"
	case Worse:
		return "worse", "fail"
	case NotShown:
		return elsewhere(c.Pairs[0].Changes)
	}
	return "untested", "invalid"
}

// elsewhere is the verdict on a pair whose first metric shows no difference, by its others.
func elsewhere(changes []Change) (word, class string) {
	n := map[Outcome]int{}
	for _, ch := range changes {
		n[ch.Outcome]++
	}
	switch {
	case n[Better]+n[Worse] == 0:
		return "no difference shown", "even"
	case n[Better] == 0:
		return fmt.Sprintf("worse in %d of %d", n[Worse], len(changes)), "fail"
	case n[Worse] == 0:
		return fmt.Sprintf("better in %d of %d", n[Better], len(changes)), "pass"
	}
	return fmt.Sprintf("%d better, %d worse", n[Better], n[Worse]), "even"
}

// HTML is the comparison as one page that needs no other file and no network.
func (c *Comparison) HTML() ([]byte, error) {
	return c.page().html()
}

func (p *comparePage) html() ([]byte, error) {
	var b bytes.Buffer
	if err := compareTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("draw comparison: %w", err)
	}
	return b.Bytes(), nil
}

// Write draws the comparison into dir, which is made when missing: compare.html, compare.json,
// compare.md, and every figure as Write does for a run. Figures of an earlier comparison there are
// removed. dir must not hold a run, whose figures would be lost: that is an error.
func (c *Comparison) Write(dir string, what reports.Drawing) error {
	if _, err := os.Stat(filepath.Join(dir, htmlpage.PageName)); err == nil {
		return fmt.Errorf("write comparison: %s holds the report of a run; choose another directory", dir)
	}
	p := c.page()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	all := p.Overall
	for _, s := range p.Sections {
		all = append(slices.Clip(all), s.Figures...)
	}
	if err := htmlpage.WriteFigures(dir, all, what.Drawn(), what.Width); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	var data bytes.Buffer
	if err := c.JSON(&data); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	page, err := p.html()
	if err != nil {
		return err
	}
	var comment bytes.Buffer
	if err := c.Markdown(&comment); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	for name, text := range map[string][]byte{PageName: page, "compare.json": data.Bytes(), "compare.md": comment.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write comparison: %w", err)
		}
	}
	return nil
}
