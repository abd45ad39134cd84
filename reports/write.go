package reports

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// PageName and FiguresName are what Write puts into its directory.
const (
	PageName    = "report.html"
	FiguresName = "figures"
)

// maxDrawnCells is how many cells of a matrix get figures of their own. Beyond it a page would take minutes to draw, and nobody
// would look at them; the comparing figures and all tables are complete whatever the number.
const maxDrawnCells = 24

// DrawFormats are the formats that Write draws, and defaultDrawn those that it draws unless told otherwise.
var (
	DrawFormats  = []string{"html", "svg", "png", "pdf"}
	defaultDrawn = DrawFormats[:3]
)

// Drawing says what to draw. The zero value is the page, and the figures as SVG and PNG for screens.
type Drawing struct {
	Formats []string // of DrawFormats; others are ignored; nil: html, svg and png
	Width   float64  // of the figures' files in points; 0: 600. The page has its own
}

// Drawn are the formats that d asks for.
func (d *Drawing) drawn() []string {
	if d.Formats == nil {
		return defaultDrawn
	}
	return d.Formats
}

// Write draws run into dir, which is made when missing: report.html, one page that needs no other file and no network, and every
// figure of it as figures/NAME.svg, figures/NAME.png and, when asked for, figures/NAME.pdf. The same run gives the same bytes. Figures
// that the run has no data for are left out; those of an earlier report in the same place are removed.
func Write(dir string, run *result.Run, what Drawing) error {
	p, err := build(run)
	if err != nil {
		return fmt.Errorf("draw report: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := writeFigures(dir, p.figures(), what.drawn(), what.Width); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if !slices.Contains(what.drawn(), "html") {
		return nil
	}
	html, err := p.html()
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, PageName), html, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// HTML returns the page of run.
func HTML(run *result.Run) ([]byte, error) {
	p, err := build(run)
	if err != nil {
		return nil, fmt.Errorf("draw report: %w", err)
	}
	return p.html()
}

// drawers write a figure as a file of their format.
var drawers = []struct {
	format string
	draw   func(io.Writer, *draw.Figure, draw.Size) error
}{{"svg", draw.SVG}, {"png", draw.PNG}, {"pdf", draw.PDF}}

// writeFigures replaces the pictures in the folder of the figures in dir by those of fs. Other files there are left, so that no
// figure of another result stays and nothing else is lost.
func writeFigures(dir string, fs []*figure, formats []string, width float64) error {
	dir = filepath.Join(dir, FiguresName)
	size := draw.Wide
	if width > 0 {
		size = draw.Paper(width)
	}
	for _, d := range drawers {
		old, err := filepath.Glob(filepath.Join(dir, "*."+d.format))
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
		if !slices.Contains(formats, d.format) {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, f := range fs {
			var b bytes.Buffer
			if err := d.draw(&b, &f.Figure, size); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, f.Name+"."+d.format), b.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// section is a cell of the run on the page.
type section struct {
	Heading string // "" for an only cell
	Anchor  string
	Cell    *result.Cell
	Text    string  // the cell's sentence, when it is one of several
	Tables  []table // what came out
	Latency table
	More    []table // at what cost, and with which settings
	Figures []*figure
	Note    string
}

// page is a report as data.
type page struct {
	Run       *result.Run
	Word      string // of the verdict
	Sentence  string
	Facts     table   // what was measured, on what, and what came out, in a few rows
	Lead      *figure // the picture to look at first; nil: none
	Multiples []*figure
	Choice    table // which strategy to use for which work
	Overview  table // of several cells
	Wire      table // what each combination carried for one message
	Trials    table // each cell, when combinations were repeated
	Comparing []*figure
	Sections  []section
	About     []table // of the run: environment

	trials []string // of a search: the headings of its cells
}

func (p *page) figures() []*figure {
	fs := p.Comparing
	if p.Lead != nil {
		fs = append([]*figure{p.Lead}, fs...)
	}
	for _, s := range p.Sections {
		fs = append(slices.Clip(fs), s.Figures...)
	}
	return fs
}

// build makes the whole report as data.
func build(run *result.Run) (*page, error) {
	p := &page{Run: run, Word: wordOf(run), Sentence: sentence(run), Facts: factsTable(run), About: []table{environmentTable(run)}}
	gs := groups(run)
	switch {
	case run.Capacity != nil:
		fillCapacity(p, CapacityOf(run))
	case len(run.Cells) > 1:
		if err := fillMatrix(p, gs); err != nil {
			return nil, err
		}
	}
	axes := varying(run)
	for i := range run.Cells {
		s, err := cellSection(run, i, axes)
		if err != nil {
			return nil, err
		}
		if i < len(p.trials) {
			s.Heading = p.trials[i]
		}
		p.Sections = append(p.Sections, s)
	}
	if len(p.Sections) == 1 && run.Capacity == nil {
		p.Lead, p.Sections[0].Figures = lead(p.Sections[0].Figures, "spectrum")
	}
	return p, nil
}

// fillCapacity fills in what the page of a search shows besides its trials.
func fillCapacity(p *page, c *Capacity) {
	if word := map[result.Verdict]string{result.Pass: "found", result.Fail: "not found"}[c.Verdict]; word != "" && !p.Run.Interrupted {
		p.Word = word
	}
	p.Facts = capacityFacts(c)
	p.Overview = levelsTable(c)
	p.Overview.Title = "" // it stands under that heading
	p.trials = c.headings()
	p.Lead, p.Comparing = lead(capacityFigures(c), "latency-load")
	for i, f := range p.Comparing {
		if f.Name == "search-journal" {
			p.Trials, p.Comparing[i].Data = f.Data, table{}
		}
	}
}

// fillMatrix fills in what the page of several cells shows besides them.
func fillMatrix(p *page, gs []group) (err error) {
	ws := works(p.Run, gs)
	p.Overview = overviewTable(p.Run, gs, ws)
	if p.Choice = choiceTable(ws); len(p.Choice.Rows) == 0 { // strategies send the same bytes
		p.Wire = wireOverview(p.Run)
	}
	if len(gs) < len(p.Run.Cells) {
		p.Trials = trialsTable(p.Run)
	}
	if p.Comparing, err = comparing(p.Run, gs, ws); err != nil {
		return err
	}
	p.Lead, p.Comparing = lead(p.Comparing, "tail")
	p.Multiples, err = multiples(p.Run, gs)
	return err
}

// lead takes the figure to look at first out of the others; the first of them, when there is none of that name.
func lead(fs []*figure, name string) (first *figure, rest []*figure) {
	i := max(0, slices.IndexFunc(fs, func(f *figure) bool { return f.Name == name }))
	if len(fs) == 0 {
		return nil, nil
	}
	return fs[i], slices.Delete(slices.Clone(fs), i, i+1)
}

func cellSection(run *result.Run, i int, axes []string) (section, error) {
	c := &run.Cells[i]
	names := metrics(c)
	s := section{
		Cell: c, Anchor: result.CellName(i, len(run.Cells)),
		Tables:  filled(checksTable(c), ledgerTable(c), wireTable(c), targetTable(c)),
		Latency: latencyTable(c.Latency, names),
		More:    filled(loadTable(c), errorTable(c), settingsTable(c), resourceTable(c)),
	}
	prefix := ""
	if s.Anchor != "" {
		prefix = s.Anchor + "-"
		s.Heading = fmt.Sprintf("Cell %02d", i+1)
		if l := label(c, axes); l != "" {
			s.Heading += ": " + l
		}
		s.Heading += fmt.Sprintf(", trial %d", max(1, c.Trial))
		s.Text = cellSentence(c)
	}
	if run.Capacity != nil {
		s.Text += " " + searchNote(run, i)
		return s, nil
	}
	if i >= maxDrawnCells {
		s.Note = fmt.Sprintf("Figures of single cells are drawn for the first %d; the timeline of this one is in result.json.", maxDrawnCells)
		return s, nil
	}
	var err error
	s.Figures, err = cellFigures(prefix, run.Scenario, c, names)
	return s, err
}

func filled(ts ...table) []table {
	return slices.DeleteFunc(ts, func(t table) bool { return len(t.Rows) == 0 })
}

// cellFigures are the figures of one cell, without those it has no data for. Among several cells (prefix is not empty) the
// distributions are left to the comparing figures.
func cellFigures(prefix, scenario string, c *result.Cell, names []string) ([]*figure, error) {
	sub := joinSub(scenario, population(c))
	var fs []*figure
	add := func(f *figure) {
		if f != nil {
			f.Alert = alert(c)
			fs = append(fs, f)
		}
	}
	if prefix == "" {
		f, err := spectrum("spectrum", c, spectrumNames(names), sub)
		if err != nil {
			return nil, err
		}
		add(f)
	}
	for _, metricName := range []string{metric.Delivery, metric.Ack} {
		add(latencyTimeline(prefix+"latency-"+metricName, metricName, c, sub))
		if prefix == "" {
			add(heatMap("heat-"+metricName, metricName, c, sub))
		}
	}
	if prefix == "" {
		add(receiverCurve("receivers", c, sub))
		add(completion("completion", c, sub))
		add(deliveryBySize("room-size", c, sub))
		add(ledgerWaterfall("ledger", c, sub))
		add(sloStrip("rules", c, sub))
	}
	add(recovery(prefix+"recovery", c, sub))
	add(connectRamp(prefix+"connects", c, sub))
	if len(c.Timeline) > 0 {
		add(generatorHealth(prefix+"generator", c, sub))
		add(serverResources(prefix+"server", c, sub))
	}
	return fs, nil
}

// spectrumNames leaves out of the spectrum what belongs to the ramp, unless there is nothing else.
func spectrumNames(names []string) []string {
	var kept []string
	for _, n := range names {
		if !isConnect(n) {
			kept = append(kept, n)
		}
	}
	if len(kept) == 0 {
		return names
	}
	return kept
}

// alert is what stands on every figure of a cell in red: a picture travels without its page.
func alert(c *result.Cell) string {
	if c.Interrupted {
		return upperFirst(c.Reason) + ": no whole trial"
	}
	if result.Worst(c.Verdict, c.Verdict) == result.Invalid {
		return strings.TrimSuffix("INVALID, says nothing about the server: "+c.Reason, ": ")
	}
	switch n := len(c.Warnings); n {
	case 0:
		return ""
	case 1:
		return "Warning: " + c.Warnings[0]
	default:
		return fmt.Sprintf("Warning: %s; and %d more on the page", c.Warnings[0], n-1)
	}
}
