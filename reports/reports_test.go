package reports

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

var render = flag.String("render", "", "keep the reports of the samples in this directory")

// wantFigures are the figures that each sample has data for.
var wantFigures = map[string][]string{
	"pass":    {"spectrum", "latency-delivery", "heat-delivery", "latency-ack", "heat-ack", "receivers", "ledger", "rules", "connects", "generator", "server"},
	"fail":    {"spectrum", "latency-delivery", "heat-delivery", "latency-ack", "heat-ack", "receivers", "ledger", "rules", "connects", "generator", "server"},
	"invalid": {"spectrum", "latency-delivery", "heat-delivery", "latency-ack", "heat-ack", "receivers", "ledger", "rules", "connects", "generator", "server"},
	"aborted": {"connects"},
	"none":    nil,
	"bare":    nil,
	"second":  {"spectrum", "ledger", "connects", "generator", "server"},
	"rooms": {
		"spectrum", "latency-delivery", "heat-delivery", "latency-ack", "heat-ack", "receivers", "completion", "room-size", "ledger", "rules", "recovery",
		"connects", "generator", "server",
	},
	"search": {"latency-load", "search-journal", "achieved", "resources-load", "memory-clients", "scalability"},
}

func TestPageOfEverySample(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(reporttest.Samples)) {
		run := reporttest.Sample(name)
		if *render != "" {
			if err := Write(filepath.Join(*render, name), run, Drawing{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		p, err := build(run)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		html, err := p.HTML()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkPage(t, name, string(html), run)
		want, ok := wantFigures[name]
		if !ok {
			continue
		}
		var got []string
		for _, f := range p.Figures() {
			got = append(got, f.Name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: figures (-want +got):\n%s", name, d)
		}
	}
}

var (
	outside = regexp.MustCompile(`(?i)(src|href|url)\s*[=(]\s*["']?(https?:)?//|@import|<script |<link`)
	missing = regexp.MustCompile(`NaN|\+Inf|%!|<no value>|&lt;nil&gt;`)
)

func checkPage(t *testing.T, name, page string, run *result.Run) {
	t.Helper()
	if m := outside.FindString(page); m != "" {
		t.Errorf("%s: the page reaches outside: %q", name, m)
	}
	if m := missing.FindString(page); m != "" {
		t.Errorf("%s: the page shows %q", name, m)
	}
	verdict := strings.Index(page, `<div class="verdict `+string(result.Worst(run.Verdict, run.Verdict)))
	table := strings.Index(page, "<table")
	if verdict < 0 || table >= 0 && table < verdict {
		t.Errorf("%s: the verdict (at %d) does not come before the first table (at %d)", name, verdict, table)
	}
	for _, tag := range []string{"table", "div", "section", "svg", "figure", "details", "g", "tr"} {
		open := len(regexp.MustCompile(`<`+tag+`[\s>]`).FindAllString(page, -1))
		if end := strings.Count(page, "</"+tag+">"); open != end {
			t.Errorf("%s: %d <%s> but %d </%s>", name, open, tag, end, tag)
		}
	}
	ids := regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1)
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id[1]] {
			t.Errorf("%s: id %q twice", name, id[1])
		}
		seen[id[1]] = true
	}
}

func TestEscaping(t *testing.T) {
	run := reporttest.Sample("fail")
	nasty := `<script>alert("x")</script> & ]]> 'q'`
	run.Scenario, run.About, run.Env["kernel"] = nasty, nasty, nasty
	run.Command = []string{"throng", "run", nasty}
	run.Cells[0].Settings[nasty], run.Cells[0].Errors[nasty], run.Cells[0].Phases[2].Name = nasty, 3, nasty
	p, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	page, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.Index(page, []byte("<script>alert")); i >= 0 {
		t.Errorf("not escaped: %s", page[max(0, i-80):i+40])
	}
}

func TestSameRunSameBytes(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := Write(dir, reporttest.Sample("second"), Drawing{}); err != nil {
			t.Fatal(err)
		}
	}
	files := 0
	err := filepath.WalkDir(first, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		rel, err := filepath.Rel(first, path)
		if err != nil {
			return err
		}
		a, aerr := os.ReadFile(path)
		b, berr := os.ReadFile(filepath.Join(second, rel))
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", rel)
		}
		return errors.Join(aerr, berr)
	})
	if err != nil || files != 11 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestWriteRemovesOldFiguresOnly(t *testing.T) {
	dir := t.TempDir()
	figures := filepath.Join(dir, htmlpage.FiguresName)
	if err := os.MkdirAll(figures, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old.svg", "old.png", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(figures, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(dir, reporttest.Sample("aborted"), Drawing{}); err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(filepath.Join(figures, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = filepath.Base(got[i])
	}
	if d := cmp.Diff([]string{"connects.png", "connects.svg", "notes.txt"}, got); d != "" {
		t.Error(d)
	}
}

func TestWriteTellsWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, reporttest.Sample("none"), Drawing{}); err == nil || !strings.HasPrefix(err.Error(), "write report: ") {
		t.Errorf("got %v", err)
	}
	run := reporttest.Sample("pass")
	run.Cells[0].Latency["delivery"].HDR = "damaged"
	if err := Write(t.TempDir(), run, Drawing{}); err == nil || !strings.Contains(err.Error(), "draw report: spectrum of delivery: unpack histogram") {
		t.Errorf("got %v", err)
	}
}

// The text for the terminal, whole, for every sample.
func TestSummaryGolden(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(reporttest.Samples)) {
		var b bytes.Buffer
		if err := Summary(&b, reporttest.Sample(name)); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, "summary-"+name+".txt", b.String())
	}
}

// stopped is a run whose only trial was interrupted.
func stopped() *result.Run {
	run := reporttest.Sample("pass")
	c := &run.Cells[0]
	c.Interrupted, c.Verdict, c.Reason = true, result.Invalid, "interrupted after 30.0 of 65.0 s"
	run.Interrupted, run.Verdict = true, result.Invalid
	return run
}

// What was stopped has no verdict of its own: no badge says PASS, its figures say so, and it is no trial of its combination.
func TestInterruptedIsNoTrial(t *testing.T) {
	p, err := build(stopped())
	if err != nil || p.Word != "interrupted" || !strings.HasPrefix(p.Lead.Alert, "Interrupted after 30.0 of 65.0 s") {
		t.Errorf("%v; word %q", err, p.Word)
	}
	if !slices.ContainsFunc(p.Facts.Rows, func(r []string) bool { return r[0] == "delivery" }) {
		t.Errorf("what was measured is not told: %q", p.Facts.Rows)
	}
	var text strings.Builder
	if err := Summary(&text, stopped()); err != nil || !strings.HasPrefix(text.String(), "verdict: invalid (interrupted)\n") {
		t.Errorf("%v; %s", err, text.String())
	}
	run := reporttest.Sample("matrix")
	c := &run.Cells[5]
	c.Interrupted, c.Verdict, c.Reason = true, result.Invalid, "interrupted after 3.0 of 21.0 s"
	run.Interrupted = true
	gs := selection.Groups(run)
	if got := gs[2].Verdicts(); got != "1 interrupted, 1 pass" || len(gs[2].Valid()) != 1 {
		t.Errorf("%s, %d valid", got, len(gs[2].Valid()))
	}
	if got := Sentence(run); !strings.HasSuffix(got, "5 of 6 trials pass, 1 was interrupted.") {
		t.Error(got)
	}
	page, err := build(run)
	if err != nil {
		t.Fatal(err)
	}
	html, err := page.HTML()
	if err != nil || !bytes.Contains(html, []byte(`<span class="badge invalid">interrupted</span>`)) {
		t.Errorf("%v, or the badge of the trial is not there", err)
	}
}

// Notes stand apart from warnings, on the page and in the summary.
func TestNotes(t *testing.T) {
	run := reporttest.Sample("pass")
	run.Cells[0].Notes = []string{"a fault of the scenario broke 6 connections"}
	if p, err := build(run); err != nil || p.Lead.Alert != "" {
		t.Errorf("%v; a note is on a figure: %q", err, p.Lead.Alert)
	}
	var text strings.Builder
	if err := Summary(&text, run); err != nil || !strings.HasSuffix(text.String(), "\nnote: a fault of the scenario broke 6 connections\n") {
		t.Errorf("%v; %s", err, text.String())
	}
}

func TestSentences(t *testing.T) {
	broken := reporttest.Sample("fail")
	broken.Cells[0].Checks[0].Note = "worst in second 33"
	gone := reporttest.Sample("fail")
	gone.Cells[0].Reason = "the server exited by itself after 5.9 s: signal: killed"
	gone.Cells[0].Evidence = &result.Evidence{Ending: result.EndServerGone}
	acks := reporttest.Sample("pass")
	delete(acks.Cells[0].Latency, "delivery")
	for _, c := range []struct {
		name string
		run  *result.Run
		want string
	}{
		{"pass", reporttest.Sample("pass"), "p99 delivery 25.6 ms at 100 000 deliveries/s (10 001 websocket clients, batched fan-out, one machine). Checks met. Run valid: generator lag p99 180 µs, CPU 41 %."},
		{"fail", broken, "Check broken: p99(delivery) < 100ms, it was 229 ms (worst in second 33). p99 delivery 229 ms at 100 000 deliveries/s (9 997 websocket clients, batched fan-out, one machine). Run valid: generator lag p99 180 µs, CPU 40.9 %."},
		{"gone", gone, "The server exited by itself after 5.9 s: signal: killed. p99 delivery 229 ms at 100 000 deliveries/s (9 997 websocket clients, batched fan-out, one machine). Run valid: generator lag p99 180 µs, CPU 40.9 %."},
		{"invalid", reporttest.Sample("invalid"), "The generator was not fit to judge: p99(lag) < 1ms, it was 12.4 ms. No number of this run says anything about the server. End other programs, lower the load, or give the generator a machine of its own: 'throng help verdict'."},
		{"aborted", reporttest.Sample("aborted"), "The run was interrupted; the results cover the time before that. Interrupted before the first recorded phase. No number of this run says anything about the server."},
		{"interrupted", stopped(), "Interrupted after 30.0 of 65.0 s, so the trial is incomplete. p99 delivery 25.6 ms at 100 000 deliveries/s (10 001 websocket clients, batched fan-out, one machine)."},
		{"no cells", reporttest.Sample("none"), "Nothing was measured: the run ended before its first trial."},
		{"nothing in a cell", reporttest.Sample("bare"), "Nothing was delivered or acknowledged (0 clients). No checks to meet. Run valid."},
		{"acks only", acks, "p99 ack 6.33 ms at 10 messages/s (10 001 websocket clients, batched fan-out, one machine). Checks met. Run valid: generator lag p99 180 µs, CPU 41 %."},
		{"matrix", reporttest.Sample("matrix"), "p99 delivery: 18.7 ms with websocket, 45 ms with upgrade, 71.6 ms with polling (medians of 2 trials each). Deliveries per CPU second of the server: from 1 776 with polling to 6 748 with websocket. All 6 trials pass."},
		{"with invalid trials", reporttest.Sample("large"), "5 strategies were compared at 2 kinds of work, with 2 to 3 valid trials: too few to recommend one. Run with --set matrix.repeat=5. 28 of 30 trials pass, 2 are invalid and say nothing about the server. End other programs, lower the load, or give the generator a machine of its own: 'throng help verdict'."},
	} {
		if got := Sentence(c.run); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{layout.Micros(0), "0 µs"},
		{layout.Micros(0.42), "0.42 µs"},
		{layout.Micros(640), "640 µs"},
		{layout.Micros(999.6), "1 ms"},
		{layout.Micros(38000), "38 ms"},
		{layout.Micros(38249), "38.2 ms"},
		{layout.Micros(999.7e3), "1 s"},
		{layout.Micros(1.2345e6), "1.23 s"},
		{layout.Micros(3.6e9), "3 600 s"},
		{layout.Count(0), "0"},
		{layout.Count(999), "999"},
		{layout.Count(-1000), "-1 000"},
		{layout.Count(1234567), "1 234 567"},
		{layout.Significant(999.99), "1 000"},
		{layout.Significant(0.000123), "0.000123"},
		{layout.Significant(math.NaN()), "-"},
		{layout.Bytesize(0), "0 B"},
		{layout.Bytesize(14000), "13.7 KiB"},
		{layout.Bytesize(3 << 40), "3 TiB"},
		{layout.Share(0.4099), "41 %"},
		{layout.Plural(1, "client"), "1 client"},
		{layout.Plural(2000, "client"), "2 000 clients"},
		{htmlpage.Command([]string{"throng", "run", "a b", "it's", ""}), `throng run 'a b' 'it'\''s' ''`},
	} {
		if got := strings.ReplaceAll(c.got, layout.Nbsp, " "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// The first table says of the clients of several cells what holds for all of them.
func TestFactsOfAllCells(t *testing.T) {
	run := reporttest.Sample("pass")
	run.Cells = append(run.Cells, run.Cells[0])
	run.Cells[0].Params, run.Cells[1].Params = map[string]string{"fan": "batched"}, map[string]string{"fan": "serial"}
	run.Cells[1].Settings = map[string]string{"transport": "websocket", "fanout": "serial"}
	if got := manyClients(run); !strings.HasSuffix(got, " held, websocket") {
		t.Errorf("%q", got)
	}
	run.Cells[1].Settings["fanout"] = "batched"
	if got := manyClients(run); !strings.HasSuffix(got, " held, websocket, batched fan-out") {
		t.Errorf("%q", got)
	}
}

// A run with too few samples says nothing against its generator.
func TestFactsOfTooFewSamples(t *testing.T) {
	c := &reporttest.Sample("pass").Cells[0]
	c.Verdict, c.Reason = result.Invalid, c.Checks[0].Text+": not enough samples"
	c.Checks[0].Kind, c.Checks[0].Pass, c.Checks[0].Undecided = result.KindValid, false, true
	if got := generatorFact(c); !strings.HasSuffix(got, ": fit to judge") {
		t.Errorf("%q", got)
	}
	c.Checks[0].Undecided = false
	if got := generatorFact(c); !strings.HasSuffix(got, ": not fit to judge") {
		t.Errorf("%q", got)
	}
	c.Verdict = result.Fail // by the target, which an earlier version said with a rule of valid
	if got := generatorFact(c); !strings.HasSuffix(got, ": fit to judge") {
		t.Errorf("%q", got)
	}
}
