package tables

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

func TestMedianAndRange(t *testing.T) {
	var cells []*result.Cell
	for _, v := range []float64{5, 1, 9, 3} {
		cells = append(cells, &result.Cell{Rates: result.Rates{DeliveriesPerS: v}})
	}
	if got := selection.Over(cells, selection.Deliveries); got != (selection.Spread{N: 4, Mid: 4, Low: 1, Top: 9}) {
		t.Errorf("of four: %+v", got)
	}
	if got := ShowSpread(selection.Over(cells[:3], selection.Deliveries), layout.Significant); got != "5 (1 – 9)" {
		t.Errorf("of three: %q", got)
	}
	if got := ShowSpread(selection.Over(nil, selection.Deliveries), layout.Significant); got != layout.None {
		t.Errorf("of none: %q", got)
	}
}

func TestPercentilesNeedSamples(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want []string
	}{
		{19, []string{layout.None, layout.None, layout.None, layout.None}},
		{20, []string{"1", layout.None, layout.None, layout.None}},
		{100, []string{"1", "2", layout.None, layout.None}},
		{999, []string{"1", "2", layout.None, layout.None}},
		{1000, []string{"1", "2", "3", layout.None}},
		{10000, []string{"1", "2", "3", "4"}},
	} {
		l := &result.Latency{N: c.n, P50us: 1, P90us: 2, P99us: 3, P999us: 4, Maxus: 5}
		for i, p := range selection.Percentiles {
			want := c.want[i]
			if want != layout.None {
				want += layout.Nbsp + "µs"
			}
			if got := ShowPercentile(p, l); got != want {
				t.Errorf("%s of %d samples: %q, want %q", p.Name, c.n, got, want)
			}
		}
	}
}

// TestRank: what four trials cannot tell apart from the best is marked so, what lies wholly apart
// is not.
func TestRank(t *testing.T) {
	of := func(label string, p99s ...int64) selection.Group {
		g := selection.Group{Label: label}
		for _, v := range p99s {
			g.Cells = append(g.Cells, &result.Cell{Verdict: result.Pass, Latency: map[string]*result.Latency{"delivery": {N: 5000, P99us: v}}})
		}
		return g
	}
	gs := []selection.Group{of("b", 21, 22, 25, 23, 26), of("a", 20, 24, 22, 21, 23), of("c", 90, 91, 95, 92, 93), {Label: "none"}}
	r := selection.Rank(gs, selection.LatencyOf("delivery", selection.P99), false)
	if !r.Tested || r.Place[1] != 1 || r.Place[0] != 2 || r.Place[2] != 3 || r.Place[3] != 0 || !r.Alike[0] || r.Alike[2] {
		t.Errorf("%+v", r)
	}
	tab := layout.Table{Rows: [][]string{{"b"}, {"a"}, {"c"}, {"-"}}}
	markRanks(r, &tab, 0, []int{0, 1, 2, 3})
	if tab.Rows[0][0] != "b ~" || tab.Rows[1][0] != "a best" || tab.Rows[2][0] != "c" || tab.Marks[[2]int{2, 0}] != "rank5" || tab.Rows[3][0] != "-" {
		t.Errorf("%v %v", tab.Rows, tab.Marks)
	}
	if r = selection.Rank(gs[:1], selection.LatencyOf("delivery", selection.P99), false); r.Tested || ranksNote(r) != "" {
		t.Errorf("one group: %+v", r)
	}
	if r = selection.Rank([]selection.Group{of("a", 1, 2), of("b", 5, 6)}, selection.LatencyOf("delivery", selection.P99), false); r.Tested || !strings.Contains(ranksNote(r), "none is marked best") {
		t.Errorf("two trials: %+v", r)
	}
	tab = layout.Table{Rows: [][]string{{"a"}, {"b"}}}
	if markRanks(r, &tab, 0, []int{0, 1}); tab.Rows[0][0] != "a" || tab.Marks != nil {
		t.Errorf("what was not tested is marked: %v %v", tab.Rows, tab.Marks)
	}
}

// What rests on fewer trials than planned says so.
func TestTrialsNote(t *testing.T) {
	of := func(valid ...int) (gs []selection.Group) {
		for _, n := range valid {
			g := selection.Group{Cells: []*result.Cell{{Verdict: result.Invalid}}}
			for range n {
				g.Cells = append(g.Cells, &result.Cell{Verdict: result.Pass})
			}
			gs = append(gs, g)
		}
		return gs
	}
	for _, test := range []struct {
		valid []int
		want  string
	}{
		{[]int{1, 1}, "one trial each"},
		{[]int{5, 5}, "5 trials each"},
		{[]int{3, 5}, "3 to 5 valid trials"},
		{[]int{1, 0, 1}, "one trial each, 1 without a valid trial"},
		{[]int{0, 0}, "no valid trial"},
	} {
		if got := TrialsNote(of(test.valid...)); got != test.want {
			t.Errorf("%v: %q, want %q", test.valid, got, test.want)
		}
	}
}

// A percentile among calls that were never answered is more than its value: in one trial of three
// it is in the range, in two it is the median, and a trial in which nearly all were never answered
// counts.
func TestMedianOfWhatNeverCame(t *testing.T) {
	whole := &result.Cell{Verdict: result.Pass, Latency: map[string]*result.Latency{"ack": {N: 2000, P50us: 900, P99us: 6000, Maxus: 7000}}}
	cut := &result.Cell{Verdict: result.Pass, Latency: map[string]*result.Latency{"ack": {N: 10, Never: 1990, P50us: 1_000_000, P99us: 1_000_000, Maxus: 1_000_000}}}
	for want, cells := range map[string][]*result.Cell{
		"6 ms (6 ms – 1 s)":     {whole, cut, whole},
		"> 1 s (6 ms – 1 s)":    {cut, whole, cut},
		"> 503 ms (6 ms – 1 s)": {cut, whole},
		"> 1 s":                 {cut},
	} {
		got := strings.ReplaceAll(ShowSpread(selection.OverLatency(cells, "ack", selection.P99), layout.Micros), layout.Nbsp, " ")
		if got != want {
			t.Errorf("%d trials: %q, want %q", len(cells), got, want)
		}
	}
	run := &result.Run{Cells: []result.Cell{*whole, *cut}}
	run.Cells[0].Params, run.Cells[1].Params = map[string]string{"k": "a"}, map[string]string{"k": "b"}
	over, trials := OverviewTable(run, selection.Groups(run), nil), TrialsTable(run)
	if row := strings.Join(over.Rows[1], "|"); !strings.Contains(row, ">"+layout.Nbsp+"1"+layout.Nbsp+"s") || !strings.Contains(over.Note, MoreNote) {
		t.Errorf("the overview has %q, %q", row, over.Note)
	}
	if row := strings.Join(trials.Rows[1], "|"); strings.Count(row, ">"+layout.Nbsp+"1"+layout.Nbsp+"s") != 3 {
		t.Errorf("the trials have %q", row)
	}
	run.Cells = run.Cells[:1]
	if over := OverviewTable(run, selection.Groups(run), nil); strings.Contains(over.Note, MoreNote) {
		t.Errorf("nothing was left unanswered: %q", over.Note)
	}
}

// Rows of one kind of work stand together, in whatever order they ran.
func TestByWork(t *testing.T) {
	gs := []selection.Group{{Label: "a small"}, {Label: "a large"}, {Label: "b small"}, {Label: "b large"}}
	ordered, works := byWork(gs, []selection.Work{{Label: "small", At: []int{0, 2}}, {Label: "large", At: []int{1, 3}}})
	for i, want := range []string{"a small", "b small", "a large", "b large"} {
		if ordered[i].Label != want {
			t.Errorf("row %d is %q, want %q", i, ordered[i].Label, want)
		}
	}
	if works[1].Label != "large" || works[1].At[0] != 2 || works[1].At[1] != 3 {
		t.Errorf("%+v", works)
	}
}
