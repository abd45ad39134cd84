package reports

import (
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// lossy is a run over networks that lose nothing and two packets of a hundred. late of 1000
// messages wait for a lost packet.
func lossy(late map[string][2]int) *result.Run {
	run := &result.Run{Scenario: "lossy", Verdict: result.Pass}
	for _, transport := range []string{"websocket", "webtransport"} {
		for i, loss := range []string{"2%", "0%"} { // not in order
			h := result.NewHistogram()
			for n := range 2000 {
				us := int64(100_000)
				if n < late[transport][i] {
					us = 300_000
				}
				result.Record(h, reporttest.Micro(float64(us)))
			}
			asked, lost := 0.02*float64(1-i), int64(1-i)*40
			c := result.Cell{
				Params: map[string]string{"transport": transport, "loss": loss}, Verdict: result.Pass, Seconds: 10,
				Latency: map[string]*result.Latency{"ack": result.FromHistogram(h)},
				Phases:  []result.Phase{{Name: "ramp", EndS: 1}, {Name: "hold", StartS: 1, EndS: 11, Record: true}},
				Network: &result.Network{},
			}
			for _, direction := range []string{"up", "down"} {
				c.Network.Rows = append(c.Network.Rows,
					result.NetworkRow{Phase: "ramp", Direction: direction, Packets: 7, Lost: 7, AskedLoss: asked},
					result.NetworkRow{
						Phase: "hold", Direction: direction, Packets: 2000, Lost: lost, AskedLoss: asked, AskedUs: 50_000, JitterUs: 5_000,
						Probes: 900, DelayP50us: 50_200, DelayP99us: 55_100, AddedP99us: 200, AskedRate: 8000, Rate: 7990, Outages: 3, AskedOutageS: 2, Outage: 11,
					})
			}
			run.Cells = append(run.Cells, c)
		}
	}
	return run
}

// The figure of a lossy network has the share of the messages that were delayed beside the share
// that lost a packet, by the loss that was asked for, in order.
func TestHeadOfLineBlocking(t *testing.T) {
	run := lossy(map[string][2]int{"websocket": {300, 5}, "webtransport": {160, 5}})
	f := figureOf(t, run, "blocking")
	held := f.Panels[1]
	want := map[string][2]float64{"websocket, delayed": {0.25, 15}, "webtransport, delayed": {0.25, 8}, "lost a packet of their own": {0, 3.96}}
	for _, l := range held.Lines {
		w, known := want[l.Name]
		if !known || len(l.Points) != 2 || l.Points[0].X != 0 || l.Points[1].X != 2 || !near(l.Points[0].Y, w[0]) || !near(l.Points[1].Y, w[1]) {
			t.Errorf("%s: %+v, want %v", l.Name, l.Points, w)
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if p99 := f.Panels[0].Lines[0].Points; !near(p99[0].Y/100, 1) || !near(p99[1].Y/300, 1) {
		t.Errorf("p99 %v", p99)
	}
	if !strings.Contains(plain(f.Caption), "15 % of websocket were delayed and 3.96 % lost a packet: 3.79 for each") {
		t.Error(plain(f.Caption))
	}
	p, err := build(run)
	if err != nil || p.Lead == nil || p.Lead.Name != "blocking" {
		t.Errorf("leading figure %+v, %v", p.Lead, err)
	}
}

func near(a, b float64) bool { return a > b-0.01 && a < b+0.01 }

func plain(s string) string { return strings.ReplaceAll(s, layout.Nbsp, " ") }

// Without a network, with one loss, or with few samples there is no such figure.
func TestNoBlockingWithoutLosses(t *testing.T) {
	for name, spoil := range map[string]func(c *result.Cell){
		"no network": func(c *result.Cell) { c.Network = nil },
		"one loss":   func(c *result.Cell) { c.Network.Rows[1].AskedLoss, c.Network.Rows[3].AskedLoss = 0, 0 },
		"few samples": func(c *result.Cell) {
			h := result.NewHistogram()
			result.Record(h, reporttest.Micro(100))
			c.Latency["ack"] = result.FromHistogram(h)
		},
		"invalid": func(c *result.Cell) { c.Verdict = result.Invalid },
	} {
		run := lossy(nil)
		for i := range run.Cells {
			spoil(&run.Cells[i])
		}
		p, err := build(run)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, f := range p.Figures() {
			if f.Name == "blocking" {
				t.Errorf("%s: there is a figure: %+v", name, f.Data)
			}
		}
	}
}

// The tables of a network say what was asked and what was measured in the recorded phases, without
// columns that no row needs.
func TestNetworkTables(t *testing.T) {
	run := lossy(nil)
	head := []string{"delay asked", "delay p50", "delay p99", "added p99", "loss asked", "lost", "rate asked", "rate", "outages", "packets", "in outages"}
	row := []string{"50 ms ±5 ms", "50.2 ms", "55.1 ms", "200 µs", "2 %", "2 %", "8 kB/s", "7.99 kB/s", "3 of 2 s", "2 000", "11"}
	check := func(table layout.Table, left ...string) {
		t.Helper()
		if table.Title != "Network" || !slices.Equal(table.Head[table.Left:], head) {
			t.Fatalf("%q with %q, want %q", table.Title, table.Head, head)
		}
		got := strings.Split(plain(strings.Join(table.Rows[0], "|")), "|")
		if want := append(left, row...); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	p, err := build(run)
	if err != nil || len(p.Beside) != 1 {
		t.Fatal(p.Beside, err)
	}
	check(p.Beside[0], "2% / websocket", "up")
	if n := len(p.Beside[0].Rows); n != 8 {
		t.Errorf("%d rows, want one for each direction of 4 combinations", n)
	}
	run.Cells = run.Cells[:1]
	if p, err = build(run); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.Sections[0].Tables, func(x layout.Table) bool { return x.Title == "Network" })
	if i < 0 {
		t.Fatal("the only cell has no table of its network")
	}
	check(p.Sections[0].Tables[i], "hold", "up")
	var text strings.Builder
	if err := Summary(&text, run); err != nil || !strings.Contains(text.String(), "50 ms ±5 ms") {
		t.Errorf("the summary lacks the network: %v\n%s", err, text.String())
	}
}
