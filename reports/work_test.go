package reports

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/scenario/result"
)

// strategyRun has a cell for each strategy at each work, with what it did per CPU second and its memory in MiB.
func strategyRun(trials int) *result.Run {
	r := &result.Run{Scenario: "s", Verdict: result.Pass}
	for trial := range trials {
		for _, c := range []struct {
			message, rooms, fanout string
			efficiency             float64
			memory                 int64
		}{
			{"64B", "1", "naive", 100, 30},
			{"64B", "1", "serial", 190, 30},
			{"64B", "1", "batched", 200, 30},
			{"64B", "25", "naive", 100, 30},
			{"64B", "25", "serial", 1000, 30},
			{"64B", "25", "batched", 3000, 30},
			{"16KiB", "1", "naive", 90, 100},
			{"16KiB", "1", "serial", 100, 30},
			{"16KiB", "1", "batched", 70, 44},
		} {
			r.Cells = append(r.Cells, result.Cell{
				Params: map[string]string{"message": c.message, "rooms": c.rooms, "fanout": c.fanout, "same": "1"}, Trial: trial + 1, Verdict: result.Pass,
				Server: result.Server{DeliveriesPerCPUs: c.efficiency + float64(trial), RSSPeakBytes: c.memory << 20},
				Curve:  []result.CurvePoint{{Rank: 0, P50us: 100, N: 1000}, {Rank: 0.5, P50us: 500, N: 1000}, {Rank: 1, P50us: 900, N: 1000}},
				Latency: map[string]*result.Latency{
					"delivery": {N: 10_000, P50us: 500, P99us: 1000}, "fanout.last": {N: 1000, P50us: 900, P99us: 2000},
				},
			})
		}
	}
	return r
}

func TestChoice(t *testing.T) {
	run := strategyRun(5)
	got := choiceTable(works(run, groups(run)))
	want := [][]string{
		{"64B / rooms=1", "batched, serial 1.05x", "naive 1.98x", "202 (200 – 204)", "100 µs", "500 µs", "900 µs", "2 ms", "30 MiB"},
		{"rooms=25", "batched", "serial 3x, naive 29.4x", "3 002 (3 000 – 3 004)", "100 µs", "500 µs", "900 µs", "2 ms", "30 MiB"},
		// naive would do by its CPU, but takes more than half as much memory again
		{"16KiB", "serial, batched 1.42x", "naive 1.11x (100 MiB)", "102 (100 – 104)", "100 µs", "500 µs", "900 µs", "2 ms", "30 MiB"},
	}
	for _, row := range got.Rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], nbsp, " ")
		}
	}
	if d := cmp.Diff(want, got.Rows); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(got.Note, "tested") || got.Title != "Which strategy when" {
		t.Errorf("five trials each: %q, %q", got.Title, got.Note)
	}
	if got, want := Sentence(run), "To use, by the server's CPU and memory: batched at 3 of 3 kinds of work, serial at 2. All 45 trials pass."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// One trial each shows what was measured, and recommends nothing.
func TestNoChoiceByOneTrial(t *testing.T) {
	run := strategyRun(1)
	gs := groups(run)
	ws := works(run, gs)
	got := choiceTable(ws)
	if got.Title != "What each strategy took" || slices.Contains(got.Head, "use") || !strings.Contains(got.Note, "nothing is called best") {
		t.Errorf("%q %q: %s", got.Title, got.Head, got.Note)
	}
	if got, want := Sentence(run), "3 strategies at 3 kinds of work: one trial each, too few to say which strategy to use: run it with --set matrix.repeat=5. All 9 cells pass."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	all := overviewTable(run, gs, ws)
	for _, row := range all.Rows {
		if strings.Contains(strings.Join(row, " "), "best") {
			t.Errorf("%q", row)
		}
	}
	if all.Marks != nil {
		t.Errorf("colours by rank: %v", all.Marks)
	}
}

// Values of an axis go by the words that the scenario has for them.
func TestWorksInWords(t *testing.T) {
	run := strategyRun(1)
	for i := range run.Cells {
		c := &run.Cells[i]
		c.ParamNames = map[string]string{"rooms": map[string]string{"1": "one room", "25": "rooms by the dozen"}[c.Params["rooms"]]}
	}
	var got []string
	for _, w := range works(run, groups(run)) {
		got = append(got, w.Label)
	}
	if want := []string{"64B / one room", "rooms by the dozen", "16KiB"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if s, err := cellSection(run, 3, varying(run)); err != nil || s.Heading != "Cell 04: naive / 64B / rooms by the dozen, trial 1" {
		t.Errorf("%v %q", err, s.Heading)
	}
}

// What cannot be told apart from the cheapest says so, and what is invalid says nothing.
func TestChoiceLeavesOut(t *testing.T) {
	run := strategyRun(5)
	for i := range run.Cells {
		c := &run.Cells[i]
		switch {
		case c.Params["rooms"] == "25":
			c.Verdict = result.Invalid
		case c.Params["fanout"] == "serial" && c.Params["message"] == "64B":
			c.Server.DeliveriesPerCPUs = 201.5 + float64(i%2)
		}
	}
	got := choiceTable(works(run, groups(run)))
	if len(got.Rows) != 2 || !strings.HasSuffix(got.Rows[0][1], "~") {
		t.Errorf("%q", got.Rows)
	}
}

func TestWorks(t *testing.T) {
	run := strategyRun(2)
	for _, w := range works(run, groups(run)) {
		if len(w.Of) != 3 || len(w.Of[0].Cells) != 2 || w.Of[2].Label != "batched" {
			t.Errorf("%+v", w)
		}
	}
	f := comparingWorks(works(run, groups(run)))
	if len(f) != 5 {
		t.Fatalf("%d figures, want cost, completion, and three receiver curves", len(f))
	}
	p := f[0].Panels[0]
	if len(p.Lines) != 3 || len(p.Lines[0].Points) != 3 || p.Y.Ticks[0].Label != "64B / rooms=1" || p.Lines[2].Points[1].X != 3000.5 {
		t.Errorf("%+v", p)
	}
	if y := p.Lines[1].Points[0].Y; y != p.Y.Ticks[0].At {
		t.Errorf("the one in the middle stands at %v, its row at %v", y, p.Y.Ticks[0].At)
	}
	// One kind of work needs no table of them, nor does a matrix without strategies.
	one := &result.Run{Cells: slices.Clone(strategyRun(1).Cells[:3])}
	other := &result.Run{Cells: []result.Cell{run.Cells[0], run.Cells[3]}}
	for _, run := range []*result.Run{one, other} {
		if ws := works(run, groups(run)); ws != nil {
			t.Errorf("%+v", ws)
		}
	}
}

// The percentile that a matrix is compared by is one that all of its combinations have the samples for.
func TestHighestThatAllHave(t *testing.T) {
	run := sample("matrix")
	for i := range run.Cells {
		run.Cells[i].Latency["delivery"].N = 999 // ten beyond p90, and not beyond p99
	}
	gs := groups(run)
	if q := highest(gs, "delivery"); q != p90 {
		t.Fatalf("%s", percentiles[q].name)
	}
	if got := Sentence(run); !strings.HasPrefix(got, "p90 delivery: ") {
		t.Error(got)
	}
	if head := overviewTable(run, gs, nil).Head; !slices.Contains(head, "delivery p90") || slices.Contains(head, "delivery p99") {
		t.Errorf("%q", head)
	}
	if f := tailByGroup(run, gs, "delivery"); f.Title != "p90 delivery by combination" {
		t.Error(f.Title)
	}
	run.Cells[1].Latency["delivery"].N = 99
	if head := overviewTable(run, gs, nil).Head; slices.Contains(head, "delivery p90") {
		t.Errorf("one has 99 samples: %q", head)
	}
}

// What the trials cannot tell apart is not told as an order.
func TestSentenceTellsWhatIsAlike(t *testing.T) {
	run := &result.Run{Verdict: result.Pass}
	for i := range 5 {
		for transport, us := range map[string]int64{"a": 1000 + int64(i), "b": 1003 - int64(i), "c": 9000 + int64(i)} {
			run.Cells = append(run.Cells, result.Cell{
				Params: map[string]string{"transport": transport}, Trial: i + 1, Verdict: result.Pass, Latency: map[string]*result.Latency{"delivery": {N: 5000, P99us: us}},
			})
		}
	}
	got := Sentence(run)
	if strings.Count(got, "(no difference shown)") != 1 || !strings.Contains(got, "9 ms with c (medians of 5 trials each)") {
		t.Error(got)
	}
}

// What rests on fewer trials than planned says so.
func TestTrialsNote(t *testing.T) {
	of := func(valid ...int) (gs []group) {
		for _, n := range valid {
			g := group{Cells: []*result.Cell{{Verdict: result.Invalid}}}
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
		{[]int{1, 0, 1}, "one trial each, 1 without a valid one"},
		{[]int{0, 0}, "no valid trial"},
	} {
		if got := trialsNote(of(test.valid...)); got != test.want {
			t.Errorf("%v: %q, want %q", test.valid, got, test.want)
		}
	}
}

// The wire table of a matrix is of valid trials, and stands with the overview.
func TestWireOfAMatrix(t *testing.T) {
	run := sample("matrix")
	for i := range run.Cells {
		run.Cells[i].Wire = map[string]*result.Wire{run.Cells[i].Params["transport"]: {Messages: 100, BytesIn: 1000, BytesOut: 1000}}
	}
	run.Cells[0].Verdict = result.Invalid // of two with websocket
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range p.Wire.Rows {
		rows = append(rows, row[0]+" "+row[1])
	}
	if want := []string{"upgrade 200", "polling 200", "websocket 100"}; !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}
}
