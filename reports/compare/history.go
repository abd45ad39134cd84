package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/stats"
	"github.com/throng-io/throng/scenario/result"
)

// HistoryLength is how many results a history has at most, the newest of all not counted.
const HistoryLength = 10

// History is results of one scenario in order of time, as of a branch, and in which of its metrics
// a change point is. A result is one sample, however many trials it has: what a machine does from
// one run to the next is in all trials of a run.
type History struct {
	Scenario string        `json:"scenario"`
	Results  []PastResult  `json:"results"`
	Metrics  []PastMetric  `json:"metrics"`
	Notes    []string      `json:"notes,omitempty"`
	runs     []*result.Run // as Results
}

// PastResult is one result of a history.
type PastResult struct {
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	Commit  string    `json:"commit,omitempty"` // of the program that measured, where it is known
	Trials  int       `json:"trials"`           // valid ones
}

// PastMetric is one metric through a history. Results without a value of it are left out.
type PastMetric struct {
	Metric string    `json:"metric"`
	Title  string    `json:"title"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`  // medians over the trials of a result
	Of     []int     `json:"results"` // their places among the results
	// The most likely change point: the place of the first result after it; meaningless unless
	// Shown.
	At     int     `json:"since"`
	Before float64 `json:"before"` // medians over the results
	Since  float64 `json:"after"`
	Change float64 `json:"change"` // of Since from Before: see Relative
	// Change is a quotient less one; else, of shares and where a value is 0, a difference.
	Relative bool    `json:"relative"`
	P        float64 `json:"p"`      //
	PHolm    float64 `json:"p_holm"` // corrected for the metrics
	Shown    bool    `json:"shown"`  // there is a change point
	of       measure
	after    int    // how many values lie after it
	bounds   []bool // by value: it is only a lower bound
}

// OpenHistory reads the last results below dir, those of the scenario of the newest one: each
// directory with a result.json is one, and others are left out. newest is one more, that comes
// after them; nil is none.
func OpenHistory(dir string, newest *Input) (*History, error) {
	names, err := fs.Glob(os.DirFS(dir), "*/"+result.FileName) // the directory's own name is no pattern
	if err != nil {
		return nil, fmt.Errorf("--history %s: %w", dir, err)
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--history %s: no such directory; name the one that holds the results, each in a directory of its own", dir)
	}
	if newest != nil && newest.Run.Capacity != nil {
		return nil, fmt.Errorf("%s is the result of a search, and a history follows runs", newest.Name)
	}
	var inputs []Input
	searches := 0
	for _, name := range names {
		name = path.Dir(name)
		run, err := result.Read(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if newest != nil && (sameRun(run, newest.Run) || run.Started.After(newest.Run.Started)) {
			continue
		}
		if run.Capacity != nil {
			searches++
			continue
		}
		inputs = keep(inputs, Input{Name: name, Run: run})
	}
	slices.SortStableFunc(inputs, func(a, b Input) int { return a.Run.Started.Compare(b.Run.Started) })
	if newest != nil {
		inputs = append(inputs, Input{Name: shortNames([]Input{*newest})[0], Run: newest.Run})
	}
	if len(inputs) == 0 && searches > 0 {
		return nil, fmt.Errorf("--history %s: there are results of searches alone, and a history follows runs", dir)
	}
	h, err := newHistory(dir, inputs)
	if err != nil {
		return nil, err
	}
	if searches > 0 {
		h.Notes = append(h.Notes, fmt.Sprintf("%s of searches left out.", layout.Plural(searches, "result")))
	}
	for i := range h.Notes {
		h.Notes[i] = strings.ReplaceAll(h.Notes[i], layout.Nbsp, " ")
	}
	return h, nil
}

// keep adds a result that has been read: of each scenario the newest that a history may need keep
// their cells. A directory may hold the results of years.
func keep(inputs []Input, in Input) []Input {
	inputs = append(inputs, in)
	var oldest *result.Run
	n := 0
	for _, other := range inputs {
		run := other.Run
		if run.Scenario != in.Run.Scenario || len(run.Cells) == 0 {
			continue
		}
		n++
		if oldest == nil || run.Started.Before(oldest.Started) {
			oldest = run
		}
	}
	if n > HistoryLength+1 {
		oldest.Cells = nil
	}
	return inputs
}

func newHistory(dir string, inputs []Input) (*History, error) {
	if len(inputs) == 0 {
		return nil, fmt.Errorf("--history %s: no result there; each result is a directory below it, with a %s", dir, result.FileName)
	}
	h := &History{Scenario: inputs[len(inputs)-1].Run.Scenario, Metrics: []PastMetric{}}
	others := len(inputs)
	inputs = slices.DeleteFunc(inputs, func(in Input) bool { return in.Run.Scenario != h.Scenario })
	if others -= len(inputs); others > 0 {
		h.Notes = append(h.Notes, fmt.Sprintf("%s of other scenarios left out.", layout.Plural(others, "result")))
	}
	inputs = inputs[max(0, len(inputs)-HistoryLength-1):]
	var trials [][]*result.Cell
	for _, in := range inputs {
		groups := selection.Groups(in.Run)
		if len(groups) > 1 {
			return nil, fmt.Errorf("%s has %d combinations of its matrix, and a history follows one; keep results of one", in.Name, len(groups))
		}
		var valid []*result.Cell
		if len(groups) == 1 {
			valid = groups[0].Valid()
		}
		h.runs, trials = append(h.runs, in.Run), append(trials, valid)
		h.Results = append(h.Results, PastResult{Name: in.Name, Started: in.Run.Started, Commit: in.Run.Env["commit"], Trials: len(valid)})
	}
	if len(inputs) < stats.MinSeries {
		h.Notes = append(h.Notes, fmt.Sprintf("With fewer than %d results no change point can be found; there are %d.", stats.MinSeries, len(inputs)))
	}
	h.measure(trials)
	return h, nil
}

// measure looks for the change point of each metric. Metrics that are the same in all results, or
// in too few of them, cannot raise a false alarm, and take no part in the correction.
func (h *History) measure(trials [][]*result.Cell) {
	var ps []float64
	var family []int // their places in h.Metrics
	for _, m := range compared {
		past := PastMetric{Metric: m.name, Title: m.title, Unit: m.unit, of: m}
		for i, cells := range trials {
			if s := collect(cells, m); len(s.values) > 0 {
				past.Values, past.Of = append(past.Values, stats.Median(s.values)), append(past.Of, i)
				past.bounds = append(past.bounds, s.beyond > 0 && 2*s.beyond >= len(s.values))
			}
		}
		if len(past.Values) == 0 {
			continue
		}
		past.find()
		past.PHolm = past.P
		if len(past.Values) >= stats.MinSeries && slices.Min(past.Values) < slices.Max(past.Values) {
			family, ps = append(family, len(h.Metrics)), append(ps, past.P)
		}
		h.Metrics = append(h.Metrics, past)
	}
	for i, p := range stats.Holm(ps, nil) {
		m := &h.Metrics[family[i]]
		m.PHolm, m.Shown = p, p <= stats.Alpha
	}
}

func (m *PastMetric) find() {
	m.Relative = m.Unit != "share" && slices.Min(m.Values) > 0
	at, p := stats.ChangePoint(scaled(m.Values, m.Relative))
	m.P = p
	if at == 0 {
		m.Before, m.Since = stats.Median(m.Values), stats.Median(m.Values)
		return
	}
	m.At, m.after = m.Of[at], len(m.Values)-at
	m.Before, m.Since = stats.Median(m.Values[:at]), stats.Median(m.Values[at:])
	m.Change = m.Since - m.Before
	if m.Relative {
		m.Change = m.Since/m.Before - 1
	}
}

// at is the place of the first value after the change point.
func (m *PastMetric) at() int { return len(m.Values) - m.after }

// showMedian writes the median of some of the values, with a sign where it is only a lower bound.
func (m *PastMetric) showMedian(from, to int) string {
	bounds := 0
	for _, is := range m.bounds[from:to] {
		if is {
			bounds++
		}
	}
	s := m.of.show(stats.Median(m.Values[from:to]))
	if bounds > 0 && 2*bounds >= to-from {
		s = ">" + layout.Nbsp + s
	}
	return s
}

// Sentence says which metrics have changed, and since when.
func (h *History) Sentence() string {
	var parts []string
	for i := range h.Metrics {
		m := &h.Metrics[i]
		if !m.Shown {
			continue
		}
		c := Change{Relative: m.Relative, Unit: m.Unit}
		parts = append(parts, fmt.Sprintf("%s changed with %s: from %s to %s (%s, %s, %s since).",
			startWith(m.Title), h.Results[m.At].Name, m.showMedian(0, m.at()), m.showMedian(m.at(), len(m.Values)), c.showChange(m.Change), sayP(&m.PHolm), layout.Plural(m.after, "result")))
	}
	if len(parts) == 0 {
		parts = []string{fmt.Sprintf("No change point is shown in %s of %s.", layout.Plural(len(h.Metrics), "metric"), layout.Plural(len(h.Results), "result"))}
	}
	return strings.ReplaceAll(strings.Join(parts, " "), layout.Nbsp, " ")
}

// table has a row for each metric.
func (h *History) table() layout.Table {
	t := layout.Table{Left: 1, Head: []string{"metric", "before", "since", "change", "p", "results", "changed with"}}
	for i := range h.Metrics {
		m := &h.Metrics[i]
		row := []string{m.Title, m.showMedian(0, len(m.Values)), "", string(NotShown), showP(&m.PHolm), fmt.Sprint(len(m.Values)), layout.None}
		if m.Shown {
			c := Change{Relative: m.Relative, Unit: m.Unit}
			row[1], row[2], row[3], row[6] = m.showMedian(0, m.at()), m.showMedian(m.at(), len(m.Values)), c.showChange(m.Change), h.Results[m.At].Name
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// differing says what else changed with the first result after a change point.
func (h *History) differing() (notes []string) {
	seen := map[int]bool{}
	for i := range h.Metrics {
		m := &h.Metrics[i]
		if !m.Shown || seen[m.At] || m.At == 0 {
			continue
		}
		seen[m.At] = true
		p := Pair{
			base: side{run: h.runs[m.At-1], all: cellsOf(h.runs[m.At-1])},
			new:  side{run: h.runs[m.At], all: cellsOf(h.runs[m.At])},
		}
		var parts []string
		for _, d := range residue(&p, nil) {
			parts = append(parts, fmt.Sprintf("%s %s instead of %s", d.What, d.New, d.Base))
		}
		if len(parts) > 0 {
			notes = append(notes, fmt.Sprintf("With %s changed, too: %s.", h.Results[m.At].Name, strings.Join(parts, "; ")))
		}
	}
	return notes
}

func cellsOf(run *result.Run) (cells []*result.Cell) {
	for i := range run.Cells {
		cells = append(cells, &run.Cells[i])
	}
	return cells
}

// pastMethod says how a history is judged.
const pastMethod = "A result is one sample, its value the median over its trials. A change point is where the mean of the last results changed: " +
	"the largest Student's t over all cuts that leave two results or more on either side, with its simulated distribution, corrected after Holm for the metrics. " +
	"Of twenty histories without a change one has a change point at most, also where results resemble the one before a little (correlation 0.3). " +
	"The results ran at different times, so a change of the machine is one, too; throng compare --live tells builds apart."

// Text writes the history for a terminal.
func (h *History) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", h.Sentence())
	layout.TextTable(&b, h.table())
	fmt.Fprintf(&b, "\n%s\n", pastMethod)
	for _, n := range append(h.differing(), h.Notes...) {
		fmt.Fprintf(&b, "\nnote: %s\n", n)
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), layout.Nbsp, " "))
	return err
}

// Markdown writes the history for a comment on a pull request.
func (h *History) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### Load test: %s, %s\n\n%s\n", layout.MarkdownText(h.Scenario), layout.MarkdownText(layout.Plural(len(h.Results), "result")), layout.MarkdownText(h.Sentence()))
	layout.MarkdownTable(&b, h.table())
	for _, n := range append(h.differing(), h.Notes...) {
		fmt.Fprintf(&b, "\n> %s\n", layout.MarkdownText(n))
	}
	fmt.Fprintf(&b, "\n<sub>%s</sub>\n", layout.MarkdownText(pastMethod))
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), layout.Nbsp, " "))
	return err
}

// JSON writes the history as data.
func (h *History) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		*History
		Sentence string `json:"sentence"`
	}{h, h.Sentence()})
}
