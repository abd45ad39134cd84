package reports

import (
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/reports/internal/charts"
	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// build makes the whole report as data.
func build(run *result.Run) (*htmlpage.Page, error) {
	p := &htmlpage.Page{Run: run, Word: selection.WordOf(run), Sentence: sentence(run), Facts: factsTable(run), About: []layout.Table{tables.EnvironmentTable(run)}}
	gs := selection.Groups(run)
	switch {
	case run.Capacity != nil:
		fillCapacity(p, capacity.Of(run))
	case len(run.Cells) > 1:
		if err := fillMatrix(p, gs); err != nil {
			return nil, err
		}
	}
	axes := selection.Varying(run)
	for i := range run.Cells {
		s, err := cellSection(run, i, axes)
		if err != nil {
			return nil, err
		}
		if i < len(p.Names) {
			s.Heading = p.Names[i]
		}
		p.Sections = append(p.Sections, s)
	}
	if len(p.Sections) == 1 && run.Capacity == nil {
		p.Lead, p.Sections[0].Figures = lead(p.Sections[0].Figures, "spectrum")
	}
	return p, nil
}

// fillCapacity fills in what the page of a search shows besides its trials.
func fillCapacity(p *htmlpage.Page, c *capacity.Capacity) {
	if word := c.Word(); word != "" && !p.Run.Interrupted {
		p.Word = word
	}
	p.Facts = capacity.Facts(c)
	p.Overview = capacity.LevelsTable(c)
	p.Overview.Title = "" // it stands under that heading
	p.Names = c.Headings()
	p.Lead, p.Comparing = lead(capacity.Figures(c), "latency-load")
	for i, f := range p.Comparing {
		if f.Name == "search-journal" {
			p.Trials, p.Comparing[i].Data = f.Data, layout.Table{}
		}
	}
}

// fillMatrix fills in what the page of several cells shows besides them.
func fillMatrix(p *htmlpage.Page, gs []selection.Group) (err error) {
	ws := selection.Works(p.Run, gs)
	p.Overview = tables.OverviewTable(p.Run, gs, ws)
	// strategies send the same bytes
	if p.Choice = tables.ChoiceTable(ws); len(p.Choice.Rows) == 0 {
		p.Wire = tables.WireOverview(p.Run)
	}
	p.Beside = beside(p.Run, gs)
	if len(gs) < len(p.Run.Cells) {
		p.Trials = tables.TrialsTable(p.Run)
	}
	if p.Comparing, err = charts.Comparing(p.Run, gs, ws); err != nil {
		return err
	}
	p.Lead, p.Comparing = lead(p.Comparing, "blocking", "mesh", "tail")
	p.Multiples, err = charts.Multiples(p.Run, gs)
	return err
}

// beside are the tables of combinations with several nodes, a network of packets, or data channels.
func beside(run *result.Run, gs []selection.Group) []layout.Table {
	ms := selection.Meshes(run, gs)
	return layout.Filled(tables.CrossingOverview(gs), tables.NetworkOverview(gs), tables.MeshTable(ms), tables.SavedTable(ms))
}

// lead takes the figure to look at first out of the others: the first name that one of them has, or
// the first figure.
func lead(fs []*charts.Figure, names ...string) (first *charts.Figure, rest []*charts.Figure) {
	if len(fs) == 0 {
		return nil, nil
	}
	i := 0
	for _, name := range names {
		if at := slices.IndexFunc(fs, func(f *charts.Figure) bool { return f.Name == name }); at >= 0 {
			i = at
			break
		}
	}
	return fs[i], slices.Delete(slices.Clone(fs), i, i+1)
}

func cellSection(run *result.Run, i int, axes []string) (htmlpage.Section, error) {
	c := &run.Cells[i]
	names := selection.Metrics(c)
	s := htmlpage.Section{
		Cell: c, Anchor: result.CellName(i, len(run.Cells)),
		Tables:  layout.Filled(tables.ChecksTable(c), tables.LedgerTable(c), tables.OperationTable(c), tables.TrendTable(c), tables.AgentTable(c), tables.NodeTable(c), tables.ActTable(c), tables.NetworkTable(c), tables.WireTable(c), tables.TargetTable(c)),
		Latency: tables.LatencyTable(c.Latency, names, c.ClockBoundUs()),
		More:    layout.Filled(tables.LoadTable(c), tables.ErrorTable(c), tables.SettingsTable(c), tables.ResourceTable(c)),
	}
	prefix := ""
	if s.Anchor != "" {
		prefix = s.Anchor + "-"
		s.Heading = fmt.Sprintf("Cell %02d", i+1)
		if l := selection.Label(c, axes); l != "" {
			s.Heading += ": " + l
		}
		s.Heading += fmt.Sprintf(", trial %d", max(1, c.Trial))
		s.Text = sentences.CellSentence(c)
	}
	if run.Capacity != nil {
		s.Text += " " + capacity.SearchNote(run, i)
		return s, nil
	}
	if i >= maxDrawnCells {
		s.Note = fmt.Sprintf("Only the first %d cells have figures of their own. The timeline of this cell is in result.json.", maxDrawnCells)
		return s, nil
	}
	var err error
	s.Figures, err = charts.CellFigures(prefix, run.Scenario, c, names)
	return s, err
}
