package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Each claim has a scenario of the same name with the axis that it compares, enough rounds, and
// every alternative that its judgement asks for.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("scenarios/*.yaml")
	if err != nil || len(files) != len(claims) {
		t.Errorf("%v: %d scenarios for %d claims", err, len(files), len(claims))
	}
	for _, c := range claims {
		name := filepath.Join("scenarios", c.name+".yaml")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		f, err := file.Parse(name, text, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		run := &result.Run{}
		for _, cell := range f.Cells() {
			one := result.Cell{Params: cell.Spec.Params, ParamNames: cell.Spec.ParamNames, Trial: cell.Trial, Verdict: result.Pass}
			one.Wire = map[string]*result.Wire{"any": {Messages: 1, PerMessage: 300, InPerMessage: 200}}
			one.Server = result.Server{CPUs: 1, DeliveriesPerCPUs: 1000, RSSPeakBytes: 1 << 20}
			one.Clients.Asked, one.Messages.Sent, one.Ledger.Expected = 2, 1, 1
			one.Rates.DeliveriesPerS = 1000
			one.Latency = map[string]*result.Latency{}
			for _, of := range []string{metric.Ack, metric.Delivery, metric.Gap, metric.Connect, metric.ConnectUpgrade} {
				one.Latency[of] = &result.Latency{N: 1000, P50us: 1000, P99us: 2000}
			}
			run.Cells = append(run.Cells, one)
		}
		table, err := tableOf(c, run)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var b strings.Builder
		table.markdown(&b, "x.svg")
		if !strings.Contains(b.String(), ". True if ") {
			t.Errorf("%s: it does not say when it is true:\n%s", c.name, &b)
		}
		if (c.limit == 0) == (c.rule == "") && c.name != "nodes" {
			t.Errorf("%s: by which of limit and rule is it judged?", c.name)
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "were valid") || !strings.Contains(b.String(), c.says) {
			t.Errorf("%s: a judgement asks for what the scenario does not have:\n%s", c.name, &b)
		}
		if drawn, err := table.draw(t.TempDir()); err != nil || !drawn {
			t.Errorf("%s: no figure: %v", c.name, err)
		}
	}
}

// The sentence on compared costs is true, false, or not shown, as the rounds are.
func TestJudgement(t *testing.T) {
	plain := claims[2]
	for _, c := range []struct {
		name, want   string
		first, other []float64 // CPU seconds of a message
		invalid      int
	}{
		{"dearer", "**True:**", []float64{1, 1.1, 1.05}, []float64{1.5, 1.6, 1.6}, 0},
		{"alike", "**False:**", []float64{1, 1.1, 1.05}, []float64{1, 1.09, 1.06}, 0},
		{"noisy", "**Not shown:**", []float64{1, 1.1, 1.05}, []float64{0.8, 2, 1.4}, 0},
		{"invalid", "**Not shown:** fewer than 3 trials", []float64{1, 1.1, 1.05}, []float64{1.5, 1.6, 1.6}, 1},
	} {
		run := &result.Run{}
		add := func(name string, cpu []float64, invalid int) {
			for i, s := range cpu {
				cell := result.Cell{Params: map[string]string{plain.axis: name}, Trial: i + 1, Verdict: result.Pass, Server: result.Server{CPUs: s}}
				cell.Messages.Sent = 1
				if i < invalid {
					cell.Verdict = result.Invalid
				}
				run.Cells = append(run.Cells, cell)
			}
		}
		add("plain-websocket", c.first, 0)
		add("websocket", c.other, c.invalid)
		table, err := tableOf(plain, run)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		table.markdown(&b, "")
		if !strings.Contains(b.String(), c.want) || table.invalid != c.invalid {
			t.Errorf("%s: want %s in\n%s", c.name, c.want, &b)
		}
	}
	if _, err := tableOf(plain, &result.Run{Cells: []result.Cell{{Params: map[string]string{"other": "1"}, Trial: 1}}}); err == nil {
		t.Error("a scenario without the axis is taken")
	}
	if err := command(t.Context(), []string{"--only", "nothing"}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), `there is no "nothing"; there are headers, `) {
		t.Errorf("an unknown claim: %v", err)
	}
}
