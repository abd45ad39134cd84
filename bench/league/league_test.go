package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// The test's own program is a server of the league when this variable says so.
const serves = "LEAGUE_TEST_SERVES"

func TestMain(m *testing.M) {
	if os.Getenv(serves) != "" {
		serve(os.Args[len(os.Args)-1])
		return
	}
	os.Exit(m.Run())
}

func serve(port string) {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	app.Bench(srv)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	_ = srv.Serve(l)
}

// Every folder of a server can be read, and every contest is a scenario for each of them.
func TestPeers(t *testing.T) {
	peers, err := readPeers("../peers", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		for _, c := range contests {
			f, err := c.file(p, 3000)
			if err != nil {
				t.Errorf("%s, %s: %v", c.name(), p.Name, err)
			} else if f.Spec.Target == nil {
				t.Errorf("%s has no target", c.name())
			}
		}
		for contest := range p.Cannot {
			if some, err := chosen([]string{contest}, false); err != nil || len(some) == 0 {
				t.Errorf("%s: cannot: %v", p.Name, err)
			}
		}
	}
	if _, err := readPeers("../peers", []string{"nobody"}); err == nil || !strings.Contains(err.Error(), `no peer "nobody"; there are `) {
		t.Errorf("an unknown peer: %v", err)
	}
	if _, err := chosen([]string{"echo/pigeon"}, false); err == nil {
		t.Error("an unknown contest is taken")
	}
}

func TestPeerFilesAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		"- {name: a, title: A, start: [x], version: [[v]], colour: red}":                                       "colour",
		"- {name: a, title: A, version: [[v]]}":                                                                "a peer needs name, title, start and version",
		"- {name: a, title: A, start: [x], version: [[v]]}\n- {name: a, title: B, start: [x], version: [[v]]}": "the name a is taken",
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "p"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "p", peerFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPeers(dir, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A percentile that no trial has the samples for would be an empty column.
func TestMeasuresHaveTheirSamples(t *testing.T) {
	rePercentile := regexp.MustCompile(`^p(\d+)_(.+)_ms$`)
	for _, c := range contests {
		f, err := c.file(&peer{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.measures {
			parts := rePercentile.FindStringSubmatch(m.Name)
			if parts == nil {
				continue
			}
			percentile, err := strconv.ParseFloat(parts[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			takes := metric.Takes(parts[2], percentile)
			if n, known := f.Spec.Expected(&file.Check{Metric: parts[2], Quantile: percentile}); takes > 0 && (!known || n < float64(takes)) {
				t.Errorf("%s: %s takes %d samples, and a trial has %v", c.name(), m.Name, takes, n)
			}
		}
	}
}

// A course of one server over one contest ends with its numbers, in the report and the figure; a
// server that does not start names what it needs.
func TestCourse(t *testing.T) {
	t.Setenv(serves, "1")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	short := *contests[0]
	short.set = map[string]string{"vars.clients": "20", "phases.ramp.for": "300ms", "phases.warmup.for": "200ms", "phases.hold.for": "1500ms"}
	good := &peer{Name: "throng-self", Title: "Itself", Start: []string{exe, "${PORT}"}, dir: "."}
	barred := &peer{Name: "barred", Title: "Barred", Cannot: map[string]string{short.scenario: "it has no echo"}}
	var lines, log bytes.Buffer
	l := &league{
		facts: facts{At: time.Unix(0, 0), Commit: "abc", Versions: map[string]string{good.Name: "1"}},
		peers: []*peer{good, barred}, contests: []*contest{&short}, build: t.TempDir(), log: &log, lines: &lines, rng: rand.New(rand.NewPCG(1, 0)),
	}
	if err := l.course(t.Context(), 1, 0); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	var got trial
	if err := json.Unmarshal(lines.Bytes(), &got); err != nil || got.Peer != "throng-self" || got.Contest != "echo/websocket" || got.Round != 1 {
		t.Fatalf("%v: %s", err, &lines)
	}
	if got.Clients != 20 || got.Measures["acks_cpu_s"] <= 0 {
		t.Errorf("%+v", got)
	}
	l.trials[0].Verdict = result.Pass // which a busy machine may not have given it
	text := l.report()
	for _, want := range []string{"| 1 | Itself | ", "Barred does not take part: it has no echo.", "Clients: 20.", "Nothing was lost", "| Itself | 1 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	file := filepath.Join(t.TempDir(), "league.svg")
	if err := l.draw(file, l.contests); err != nil {
		t.Fatal(err)
	}
	if svg, err := os.ReadFile(file); err != nil || !strings.Contains(string(svg), "Itself") {
		t.Errorf("%v: the figure lacks the server", err)
	}
	lame := &peer{Name: "lame", Needs: "apt-get install legs", Start: []string{"/nonexistent"}, dir: "."}
	if _, err := lame.serve(t.Context(), "", 1); err == nil || !strings.Contains(err.Error(), "it needs: apt-get install legs") {
		t.Errorf("a server that is not there: %v", err)
	}
	// One that has started before, and does not once, costs its trial and not the league.
	lame.served = true
	if err := l.attempt(t.Context(), &short, lame, 1); err != nil || l.trials[len(l.trials)-1].valid() || l.trials[len(l.trials)-1].Reason == "" {
		t.Errorf("a server that fails to start: %v, %+v", err, l.trials[len(l.trials)-1])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.course(ctx, 1, 0); err == nil {
		t.Error("a league goes on when it is interrupted")
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, args := range [][]string{{"--rounds", "0"}, {"more"}, {"--peers", "nobody"}, {"--contests", "nothing"}, {"--dir", "nowhere"}} {
		if err := command(t.Context(), append([]string{"--dir", "../peers", "--out", ""}, args...), io.Discard, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// A league is written again from its trials as it was, and refuses what is not a league's.
func TestRedraw(t *testing.T) {
	dir := t.TempDir()
	peers, contests := []*peer{{Name: "a", Title: "One"}, {Name: "b", Title: "Other"}}, contests[:1]
	l := &league{facts: facts{At: time.Unix(0, 0), Commit: "abc", Rounds: 3, Versions: map[string]string{"a": "1", "b": "2"}}, peers: peers, contests: contests}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for i := range 6 {
		l.trials = append(l.trials, trial{
			Contest: contests[0].name(), Peer: peers[i%2].Name, Round: 1 + i/2, Verdict: result.Pass, Clients: 10,
			Measures: map[string]float64{contests[0].measures[0].Name: float64(100 * (1 + i%2))},
		})
		if i%2 == 0 { // of the third measure no trial has a value
			l.trials[i].Measures[contests[0].measures[1].Name] = 1
		}
		if err := lines.Encode(l.trials[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Encode(l.facts); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, trialsFile)
	put := func(b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(text.Bytes())
	again, err := read(file, peers, contests)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.report(), l.report(); got != want {
		t.Errorf("written again it is\n%s\nand was\n%s", got, want)
	} else if head := "| behind | answer p50, ms |\n|---|---|---|---|---|\n"; !strings.Contains(got, head) {
		t.Errorf("no %q in\n%s", head, got)
	}
	if err := again.write(dir); err != nil {
		t.Fatal(err)
	}
	if svg, err := os.ReadFile(filepath.Join(dir, "summary.svg")); err != nil || !strings.Contains(string(svg), "Other") {
		t.Errorf("%v: the figure lacks a server", err)
	}
	first, _, _ := bytes.Cut(text.Bytes(), []byte("\n"))
	for bad, want := range map[string]string{
		string(first):                      ":1: not what the league was made with",
		"{\"colour\":1}\n" + text.String(): ":1: not a trial",
		`{"at":"2026-01-01T00:00:00Z"}`:    "no round is complete",
		"":                                 ":1: not what the league was made with",
	} {
		put([]byte(bad))
		if _, err := read(file, peers, contests); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}

// What differs in each round is told apart, what does not shares a rank, and what drifts for all
// alike does not matter.
func TestRank(t *testing.T) {
	names := []*peer{{Name: "slow"}, {Name: "fast"}, {Name: "alike"}, {Name: "none"}}
	drift := []float64{1, 3, 0.5, 2, 1.5, 0.8}
	values := make([][]float64, len(names))
	rng := rand.New(rand.NewPCG(3, 3))
	for _, d := range drift {
		noise := func() float64 { return 1 + 0.04*(rng.Float64()-0.5) }
		values[0] = append(values[0], 50*d*noise())
		values[1] = append(values[1], 100*d*noise())
		values[2] = append(values[2], 99.9*d*noise())
		values[3] = append(values[3], math.NaN())
	}
	got := rank(names, values, false)
	if len(got) != 3 || got[2].peer != names[0] || got[0].rank != 1 || got[1].rank != 1 || got[2].rank != 3 {
		t.Fatalf("%+v", got)
	}
	if s := got[2]; s.Low < 1.9 || s.High > 2.1 || s.Times < s.Low || s.Times > s.High || s.Rounds != 6 {
		t.Errorf("twice as slow is %+v", s)
	}
	if less := rank(names, values, true); less[0].peer != names[0] || less[0].rank != 1 || less[1].rank != 2 || less[2].rank != 2 {
		t.Errorf("where less is better: %+v", less)
	}
	for i := range values {
		values[i] = values[i][:2]
	}
	for _, s := range rank(names, values, false) {
		if s.rank != 1 || !math.IsNaN(s.Low) {
			t.Errorf("two rounds show %+v", s)
		}
	}
}

// A win, a loss and a tie are said in words, with the numbers; and whose trials failed or are
// missing.
func TestReportSays(t *testing.T) {
	ours, other := &peer{Name: "throng-x", Title: "Ours"}, &peer{Name: "other", Title: "Other"}
	c := contests[0]
	play := func(a, b []float64) string {
		l := &league{facts: facts{Rounds: len(a)}, peers: []*peer{ours, other}, contests: []*contest{c}}
		for i := range a {
			for p, v := range map[*peer]float64{ours: a[i], other: b[i]} {
				one := trial{Contest: c.name(), Peer: p.Name, Round: i + 1, Verdict: result.Pass, Measures: map[string]float64{c.measures[0].Name: v}}
				switch v {
				case 0:
					one.Verdict, one.Reason = result.Invalid, "too slow"
				case 1:
					one.Verdict, one.Reason = result.Fail, "p99 broke"
				}
				l.trials = append(l.trials, one)
			}
		}
		return l.report()
	}
	for name, x := range map[string]struct {
		a, b []float64
		want []string
	}{
		"ahead":  {[]float64{200, 202, 201}, []float64{100, 102, 100}, []string{"**ahead**, 2.00x [1.96, 2.03] better", "| 1 | Ours |", "| 2 | Other |", "Ranked by: acknowledgements a CPU second, more is better."}},
		"behind": {[]float64{100, 102, 100}, []float64{200, 202, 201}, []string{"**behind**, the other is 2.00x [1.96, 2.03] better", "| 1 | Other |"}},
		"level":  {[]float64{100, 120, 91}, []float64{110, 100, 99}, []string{"level: no difference is shown, ", "| =1 | Ours |", "| =1 | Other |"}},
		"few":    {[]float64{200, 0, 201}, []float64{1, 1, 1}, []string{"Ours has 2 valid rounds of 3: too slow.", "Other did not keep to the scenario's own checks in 3 of 3 rounds, which count all the same: p99 broke."}},
		"none":   {[]float64{0, 0, 0}, []float64{2, 2, 2}, []string{"Ours has no valid trial: too slow."}},
		"two":    {[]float64{200, 202}, []float64{100, 102}, []string{"not judged: fewer than 3 rounds"}},
	} {
		text := play(x.a, x.b)
		for _, want := range x.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}

// Equal servers are ranked apart no more often than the level says.
func TestRankOfEquals(t *testing.T) {
	const leagues = 400
	names := []*peer{{}, {}, {}, {}}
	rng := rand.New(rand.NewPCG(7, 7))
	apart := 0
	for range leagues {
		values := make([][]float64, len(names))
		for range 6 {
			for i := range values {
				values[i] = append(values[i], math.Exp(rng.NormFloat64()/10))
			}
		}
		s := rank(names, values, false)
		if s[len(s)-1].rank != 1 {
			apart++
		}
	}
	// The best by chance is compared, so that the level does not hold exactly.
	if share := float64(apart) / leagues; share > 0.12 {
		t.Errorf("equal servers are ranked apart in %.0f %% of leagues", 100*share)
	}
}
