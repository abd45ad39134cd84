package screen

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/scenario/result"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// busy is a run in the middle of its third trial, with something wrong.
func busy() (*board.State, []board.Point) {
	var points []board.Point
	for i := range 50 {
		p := board.Point{
			T: float64(i), Sent: 10, Deliveries: 10000 * math.Min(1, float64(i)/10), Asked: 100000, Held: 99997,
			P50us: 2100, P99us: 8900 + 100*int64(i%7), Maxus: 12000, Lagus: 190, GCus: 300, CPU: 0.41, ServerCPU: 0.6, ServerRSS: 230 << 20,
		}
		if i == 40 {
			p.P99us = 90_000
		}
		points = append(points, p)
	}
	s := &board.State{
		Name: "chat-rooms", Cell: 3, Cells: 12, Trial: 2, Params: map[string]string{"transport": "websocket", "fanout": "batched"},
		Stage: board.Recording, Phase: "hold", Index: 2, Elapsed: 43.2, Total: 80, Left: 2520,
		Plan:  []result.Phase{{Name: "ramp", EndS: 10}, {Name: "warm", StartS: 10, EndS: 20}, {Name: "hold", StartS: 20, EndS: 60, Record: true}, {Name: "deploy", StartS: 60, EndS: 80, Record: true}},
		Asked: 100000, Held: 99997, Failed: 1, Dropped: 2, Offered: 442, Sent: 430, HeldBack: 7, GivenUp: 5, Received: 123456789, Missing: 3,
		Ledger: result.Ledger{Sent: 380, Expected: 380000, Received: 379996, Lost: 3, Late: 1, Duplicate: 4},
		Metric: "delivery", Latency: board.Latency{P50us: 2100, P99us: 9100}, Errors: 17, Last: points[49],
		Classes: []board.Class{{Class: "connect.refused", N: 12, Text: "dial tcp 127.0.0.1:3000: connection refused"}, {Class: "ack.timeout", N: 5}},
		Checks: []board.Check{
			{Text: "p99(lag) < 5ms", Kind: result.KindValid, State: board.Holds, Value: "190 µs"},
			{Text: "max(cpu) < 80%", Kind: result.KindValid, State: board.Holds, Value: "41 %"},
			{Text: "achieved(rate) > 99%", Kind: result.KindValid, State: board.Waiting},
			{Text: "p99(delivery) < 100ms", Kind: result.KindSLO, State: board.Holds, Value: "9.10 ms"},
			{Text: "p99(delivery) < 250ms over 5s", Kind: result.KindSLO, State: board.Holds, Value: "90.0 ms"},
			{Text: "loss(delivery) == 0", Kind: result.KindSLO, State: board.Broken, Value: "3"},
			{Text: "p99(reconnect) < 10s in deploy", Kind: result.KindSLO, State: board.Waiting},
			{Text: "errors(connect) == 0", Kind: result.KindSLO, State: board.Broken, Value: "12", Optional: true},
		},
		Trials: []board.Trial{
			{Cell: 1, Trial: 1, Params: map[string]string{"transport": "polling", "fanout": "batched"}, Verdict: result.Pass, Metric: "delivery", Latency: board.Latency{P50us: 3000, P99us: 20000}},
			{Cell: 2, Trial: 1, Params: map[string]string{"transport": "websocket", "fanout": "batched"}, Verdict: result.Fail, Reason: "loss(delivery) == 0: 4", Metric: "delivery", Latency: board.Latency{P50us: 2000, P99us: 9000}},
		},
	}
	return s, points
}

func states() map[string]func() (*board.State, []board.Point) {
	return map[string]func() (*board.State, []board.Point){
		"busy": busy,
		"start": func() (*board.State, []board.Point) {
			return &board.State{Name: "quickstart", Stage: board.Starting}, nil
		},
		"warm": func() (*board.State, []board.Point) {
			s, points := busy()
			s.Cells, s.Cell, s.Trial, s.Params, s.Trials = 1, 1, 1, nil, nil
			s.Address = "http://127.0.0.1:7071/"
			s.Stage, s.Phase, s.Index, s.Elapsed = board.WarmUp, "ramp", 0, 4
			s.Failed, s.Dropped, s.Errors, s.Classes, s.Missing, s.Metric, s.Ledger, s.Held = 0, 0, 0, nil, 0, "", result.Ledger{}, 40000
			for i := range s.Checks {
				s.Checks[i].State, s.Checks[i].Value = board.Waiting, ""
			}
			return s, points[:4]
		},
		"ended": func() (*board.State, []board.Point) {
			s, points := busy()
			s.Stage, s.Stopping = board.Ended, true
			return s, points
		},
	}
}

func TestGolden(t *testing.T) {
	for name, state := range states() {
		for _, size := range []Size{{Width: 120, Height: 40}, {Width: 80, Height: 24}, {Width: 60, Height: 16}, {Width: 40, Height: 10, ASCII: true, NoKeys: true}, {Width: 20, Height: 4}} {
			file := filepath.Join("testdata", fmt.Sprintf("%s-%dx%d.txt", name, size.Width, size.Height))
			t.Run(filepath.Base(file), func(t *testing.T) {
				s, points := state()
				got := ansi.Strip(Render(s, points, size)) + "\n"
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("go test -update writes the files anew (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Whatever the state and the size, the view stays inside the terminal, and what is broken stays in
// view as long as there is room for it.
func TestFitsEverySize(t *testing.T) {
	all := states()
	rapid.Check(t, func(t *rapid.T) {
		s, points := all[rapid.SampledFrom([]string{"busy", "start", "warm", "ended"}).Draw(t, "state")]()
		s.Name = rapid.StringMatching(`[a-z0-9-]{1,63}`).Draw(t, "name")
		for range rapid.IntRange(0, 30).Draw(t, "more checks") {
			s.Checks = append(s.Checks, board.Check{Text: strings.Repeat("x", 70), Kind: result.KindSLO, State: board.Holds, Value: "1"})
		}
		if s.Received == 0 && rapid.Bool().Draw(t, "doubt") {
			s.Doubt = strings.Repeat("nothing came back ", 20)
		}
		size := Size{Width: rapid.IntRange(20, 250).Draw(t, "width"), Height: rapid.IntRange(1, 70).Draw(t, "height"), ASCII: rapid.Bool().Draw(t, "ascii")}
		view := Render(s, points, size)
		lines := strings.Split(view, "\n")
		if len(lines) > size.Height {
			t.Fatalf("%d lines in %d", len(lines), size.Height)
		}
		for _, line := range lines {
			if n := lipgloss.Width(line); n > size.Width {
				t.Fatalf("a line is %d wide in %d: %q", n, size.Width, line)
			}
			if size.ASCII && strings.ContainsAny(line, "█░▁▂▃▄▅▆▇…µ") {
				t.Fatalf("%q is not ASCII", line)
			}
		}
		if s.Doubt != "" && size.Height >= 24 && !strings.Contains(ansi.Strip(view), "\n so far") { // the last line may end so
			t.Fatalf("the doubt is missing in\n%s", ansi.Strip(view))
		}
		if s.Cell == 3 && size.Width >= 80 && size.Height >= 24 {
			wants := []string{"hold", "99 997 of 100 000", "1 failed", "2 dropped", "3 missing", "4 duplicate", "connect.refused", "FAIL loss(delivery) == 0"}
			if s.Stage == board.Ended {
				wants[4] = "3 lost"
			}
			if size.Height >= 40 {
				wants = append(wants, "430 of 442 sent  7 held back  5 given up")
			}
			for _, want := range wants {
				if !strings.Contains(ansi.Strip(view), want) {
					t.Fatalf("%q is missing in\n%s", want, ansi.Strip(view))
				}
			}
		}
	})
}

// What to do stands at the end of a doubt: all of it is in view where there is room.
func TestDoubtIsWhole(t *testing.T) {
	s, points := states()["warm"]()
	s.Doubt = "no sent message came back: the target must offer the events join, leave, echo, room and all, or contract: in the scenario must name its own events for them"
	for _, size := range []Size{{Width: 120, Height: 40}, {Width: 80, Height: 24}} {
		view := strings.Join(strings.Fields(ansi.Strip(Render(s, points, size))), " ")
		if !strings.Contains(view, "so far "+s.Doubt) {
			t.Errorf("%dx%d:\n%s", size.Width, size.Height, view)
		}
	}
}

// A percentile that is missing for want of samples says so; one of a second without any does not.
func TestFewSamples(t *testing.T) {
	s, points := busy()
	s.P99us, s.Last.P99us = 0, 0
	s.Checks[len(s.Checks)-1] = board.Check{Text: "p99.9(ack) < 1s", Kind: result.KindSLO, State: board.Waiting, Value: "too few samples"}
	for maxus, want := range map[int64]string{12000: "▁ few samples all -", 0: "▁ - all -"} {
		s.Last.Maxus = maxus
		view := strings.Join(strings.Fields(ansi.Strip(Render(s, points, Size{Width: 120, Height: 40}))), " ")
		for _, want := range []string{want, "p99.9(ack) < 1s too few samples"} {
			if !strings.Contains(view, want) {
				t.Errorf("%q is missing in\n%s", want, view)
			}
		}
	}
}

func TestSpark(t *testing.T) {
	for _, tt := range []struct {
		vs         []float64
		log, ascii bool
		want       string
	}{
		{vs: []float64{0, 1, 2, 4, 8}, want: " ▂▃▅█"},
		{vs: []float64{8, 8, 8}, want: "███"},
		{vs: []float64{100, 1000, 10000}, log: true, want: "▁▅█"},
		{vs: []float64{100, 101, 99}, log: true, want: "███"}, // noise is no mountain
		{vs: []float64{0, math.NaN(), -1}, want: "   "},
		{vs: []float64{0, 4, 8}, ascii: true, want: " =#"},
	} {
		if got := Spark(tt.vs, tt.log, tt.ascii); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.vs, got, tt.want)
		}
	}
}
