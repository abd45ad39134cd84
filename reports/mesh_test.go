package reports

import (
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// meshes is a run of rooms of 4 and 2 clients, with messages by data channels and by the server.
func meshes() *result.Run {
	run := &result.Run{Scenario: "p2p", Verdict: result.Pass}
	some := func(n int, us int64) *result.Latency {
		h := result.NewHistogram()
		for range n {
			result.Record(h, reporttest.Micro(float64(us)))
		}
		return result.FromHistogram(h)
	}
	for _, way := range []string{"peers", "room"} {
		for _, size := range []int64{4, 2} {
			text := map[int64]string{2: "2", 4: "4"}[size]
			c := result.Cell{
				Params: map[string]string{"way": way, "size": text}, Verdict: result.Pass, Seconds: 10,
				Ledger: result.Ledger{Expected: 1000, Received: 1000}, Generator: result.Generator{CPUs: 0.2, RSSPeakBytes: 100 << 20},
				Peers: &result.Peers{Open: 4 * (size - 1), Members: float64(size)}, Wire: map[string]*result.Wire{"websocket": {}},
				Latency: map[string]*result.Latency{"delivery": some(1000, 500)},
			}
			// Each way alone has too few channels for a median.
			for i, stage := range []string{"channel", "channel.signalling", "channel.ice", "channel.dtls", "channel.open"} {
				c.Latency[stage] = some(12, 1000*size+100*int64(i))
			}
			if way == "peers" {
				c.Peers.Direct, c.Server.CPUs = 1000, 0.001
			} else {
				c.Server.CPUs = 0.02
				c.Wire["websocket"] = &result.Wire{Messages: 1000, BytesIn: 200_000, BytesOut: 100_000}
			}
			run.Cells = append(run.Cells, c)
		}
	}
	return run
}

// A mesh is one row by the size of its rooms: how long its channels took to open, and what it saves
// the server beside the same messages without it.
func TestMesh(t *testing.T) {
	run := meshes()
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	find := func(title string) layout.Table {
		i := slices.IndexFunc(p.Beside, func(x layout.Table) bool { return strings.HasPrefix(x.Title, title) })
		if i < 0 {
			t.Fatalf("no table %q", title)
		}
		return p.Beside[i]
	}
	for _, want := range []struct {
		title string
		rows  []string
	}{
		{"How a mesh grows", []string{
			"size=2|1|2 ms|2 ms|2.1 ms|2.2 ms|2.3 ms|2.4 ms|8|0|100 MiB",
			"size=4|6|4 ms|4 ms|4.1 ms|4.2 ms|4.3 ms|4.4 ms|24|0|100 MiB",
		}},
		{"What the server saves", []string{
			"size=2|1 µs / 20 µs|95 %|0 / 300|100 %|200 µs / 200 µs|500 µs / 500 µs|500 µs / 500 µs",
			"size=4|1 µs / 20 µs|95 %|0 / 300|100 %|200 µs / 200 µs|500 µs / 500 µs|500 µs / 500 µs",
		}},
	} {
		var got []string
		for _, r := range find(want.title).Rows {
			got = append(got, plain(strings.Join(r, "|")))
		}
		if !slices.Equal(got, want.rows) {
			t.Errorf("%s:\n got %q\nwant %q", want.title, got, want.rows)
		}
	}
	if p.Lead == nil || p.Lead.Name != "mesh" || len(p.Lead.Panels) != 4 {
		t.Fatalf("leading figure %+v", p.Lead)
	}
	if set := p.Lead.Panels[0].Lines; len(set) != 5 || len(set[0].Points) != 2 || set[0].Points[0].X != 2 || !near(set[0].Points[1].Y, 4) {
		t.Errorf("set-up %+v", set)
	}
	if cpu := p.Lead.Panels[1].Lines; len(cpu) != 2 || !near(cpu[0].Points[0].Y, 1) || !near(cpu[1].Points[1].Y, 20) {
		t.Errorf("CPU %+v", cpu)
	}
}

// Without the same messages by the server there is nothing to save, and with one size nothing grows.
func TestMeshAlone(t *testing.T) {
	run := meshes()
	run.Cells = run.Cells[:2]
	p, err := build(run)
	if err != nil || len(p.Beside) != 1 || len(p.Beside[0].Rows) != 2 {
		t.Errorf("%+v, %v", p.Beside, err)
	}
	run = meshes()
	run.Cells = []result.Cell{run.Cells[0], run.Cells[2]}
	if p, err = build(run); err != nil || p.Lead.Name == "mesh" || len(p.Beside) != 2 {
		t.Errorf("lead %s, %+v, %v", p.Lead.Name, p.Beside, err)
	}
}
