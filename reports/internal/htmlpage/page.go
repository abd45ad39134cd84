package htmlpage

import (
	"bytes"
	"slices"

	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// HTML renders the page.
func (p *Page) HTML() ([]byte, error) {
	var b bytes.Buffer
	if err := PageTemplate.Execute(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Section is a cell of the run on the page.
type Section struct {
	Heading string // "" for an only cell
	Anchor  string
	Cell    *result.Cell
	Text    string         // the cell's sentence, when it is one of several
	Tables  []layout.Table // what came out
	Latency layout.Table
	More    []layout.Table // at what cost, and with which settings
	Figures []*charts.Figure
	Note    string
}

// Page is a report as data.
type Page struct {
	Run       *result.Run
	Word      string // of the verdict
	Sentence  string
	Facts     layout.Table   // what was measured, on what, and what came out, in a few rows
	Lead      *charts.Figure // the picture to look at first; nil: none
	Multiples []*charts.Figure
	Choice    layout.Table   // which strategy to use for which work
	Overview  layout.Table   // of several cells
	Wire      layout.Table   // what each combination carried for one message
	Beside    []layout.Table // what some kinds of runs have besides, such as networks and meshes
	Trials    layout.Table   // each cell, when combinations were repeated
	Comparing []*charts.Figure
	Sections  []Section
	About     []layout.Table // of the run: environment

	Names []string // of a search: the headings of its cells
}

// Figures lists every figure of the page, the leading one first.
func (p *Page) Figures() []*charts.Figure {
	fs := p.Comparing
	if p.Lead != nil {
		fs = append([]*charts.Figure{p.Lead}, fs...)
	}
	for _, s := range p.Sections {
		fs = append(slices.Clip(fs), s.Figures...)
	}
	return fs
}
