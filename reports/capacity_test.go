package reports

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/draw"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/stats"
)

func TestLatencyAgainstLoad(t *testing.T) {
	run := reporttest.Sample("search")
	p := figureOf(t, run, "latency-load").Panels[0]
	pts := reporttest.Line(t, p, "p99 delivery").Points
	if len(pts) != 10 || !slices.IsSortedFunc(pts, func(a, b draw.Point) int { return int(a.X - b.X) }) {
		t.Fatalf("points %v", pts)
	}
	for _, pt := range pts {
		var vs []float64
		for i := range run.Capacity.Probes {
			if pr := run.Capacity.Probes[i]; pr.Level == pt.X && pr.Verdict != "invalid" {
				vs = append(vs, float64(run.Cells[i].Latency["delivery"].P99us)/1e3)
			}
		}
		if math.Abs(stats.Median(vs)-pt.Y) > 1e-9 {
			t.Errorf("at %v: %v, trials %v", pt.X, pt.Y, vs)
		}
	}
	if void := reporttest.Line(t, p, "p99, invalid: not about the server").Points; len(void) != 1 || void[0].X != 3000 {
		t.Errorf("invalid trials at %v", void)
	}
	// The rule about another metric stands beside them, with its own values and limit.
	if own := reporttest.Line(t, p, "p99.9(fanout.last)").Points; len(own) != 10 || own[0].Y != 120 || !slices.ContainsFunc(p.Rules, func(r draw.Rule) bool { return r.At == 400 }) {
		t.Errorf("p99.9(fanout.last): %v, rules %v", own, p.Rules)
	}
	if b := p.Bands[0]; b.From != 4967 || b.To != 5187 {
		t.Errorf("the band is %+v", b)
	}
}

func TestSearchJournalLeadsToTheTrials(t *testing.T) {
	run := reporttest.Sample("search")
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Trials.Rows) != 18 || len(p.Trials.Links) != 18 || p.Word != "found" {
		t.Fatalf("%q, %d rows, %d links", p.Word, len(p.Trials.Rows), len(p.Trials.Links))
	}
	if got := strings.ReplaceAll(p.Sections[2].Heading, layout.Nbsp, " "); got != "Trial 3: 4 000 viewers, probe" {
		t.Errorf("the third trial is %q", got)
	}
	page, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range p.Trials.Links {
		if !strings.Contains(string(page), `href="#`+link+`"`) || !strings.Contains(string(page), ` id="`+link+`"`) {
			t.Errorf("the page does not lead to %s", link)
		}
	}
	f := figureOf(t, run, "search-journal").Panels[0]
	if h, b, v := reporttest.Line(t, f, "held").Points, reporttest.Line(t, f, "broke").Points, reporttest.Line(t, f, "invalid: the generator was the limit").Points; len(h) != 10 || len(b) != 7 || len(v) != 1 || v[0] != (draw.Point{X: 18, Y: 3000}) {
		t.Errorf("%d held, %d broke, invalid %v", len(h), len(b), v)
	}
}

// A search whose trials were all invalid has levels that it tried, and none that it can show.
func TestSearchWithoutValidTrials(t *testing.T) {
	run := reporttest.Sample("search")
	search := run.Capacity
	search.Probes, search.Low, search.High, search.End = search.Probes[:2], 0, search.Probes[0].Level, "generator"
	for i := range search.Probes {
		search.Probes[i].Verdict, search.Probes[i].Level, run.Cells[i].Verdict = "invalid", search.Probes[0].Level, "invalid"
	}
	run.Cells = run.Cells[:2]
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	page, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(page), layout.Nbsp, " ")
	for _, want := range []string{"No level has a valid trial.", "2 trials at 1 level in"} {
		if !strings.Contains(plain, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(plain, "held of trials") {
		t.Error("the page has the head of a table without rows")
	}
	var labels []string
	for _, tick := range figureOf(t, run, "search-journal").Panels[0].X.Ticks {
		labels = append(labels, tick.Label)
	}
	if !slices.Equal(labels, []string{"1", "2"}) {
		t.Errorf("the trials are numbered %q", labels)
	}
}
