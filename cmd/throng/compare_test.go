package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// savedRun writes a result of n trials whose deliveries take about median, and returns its
// directory.
func savedRun(t *testing.T, parent, name string, n int, median time.Duration) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(median), 1))
	run := &result.Run{Scenario: "rooms", Verdict: result.Pass, Started: time.Unix(int64(median), 0).UTC(), Throng: "v0.1.0"}
	for i := range n {
		h := result.NewHistogram()
		for range 2000 {
			result.Record(h, time.Duration(float64(median)*(1+rnd.Float64())))
		}
		run.Cells = append(run.Cells, result.Cell{
			Trial: i + 1, Started: time.Unix(int64(median)+int64(6*i), 0).UTC(), Verdict: result.Pass, Seconds: 5, Params: map[string]string{},
			Clients: result.Clients{Asked: 10, Held: 10}, Ledger: result.Ledger{Expected: 2000, Received: 2000},
			Latency: map[string]*result.Latency{"delivery": result.FromHistogram(h)},
		})
	}
	dir := filepath.Join(parent, name)
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// savedPairs writes a result of n pairs of trials, interleaved, of two builds whose deliveries take
// about these times, and returns its directory.
func savedPairs(t *testing.T, parent, name string, n int, base, head time.Duration) string {
	t.Helper()
	dirs := [2]string{savedRun(t, t.TempDir(), "base", n, base), savedRun(t, t.TempDir(), "head", n, head)}
	var sides [2]*result.Run
	for i, dir := range dirs {
		var err error
		if sides[i], err = result.Read(dir); err != nil {
			t.Fatal(err)
		}
	}
	run := *sides[0]
	run.Cells = nil
	for trial := range n {
		for i, build := range []string{"base", "head"} {
			c := sides[i].Cells[trial]
			c.Params = map[string]string{"build": build}
			run.Cells = append(run.Cells, c)
		}
	}
	dir := filepath.Join(parent, name)
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// throng runs the program and returns what it printed and its exit code.
func throng(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

func TestCompareCommand(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	before, after := savedRun(t, parent, "before", 5, 2*time.Millisecond), savedRun(t, parent, "after", 5, 3*time.Millisecond)
	single := savedRun(t, parent, "single", 1, 4*time.Millisecond)
	pairs := savedPairs(t, parent, "pairs", 8, 2*time.Millisecond, 3*time.Millisecond)
	void, page := savedRun(t, parent, "void", 2, 5*time.Millisecond), filepath.Join(parent, "compared")
	if run, err := result.Read(void); err != nil {
		t.Fatal(err)
	} else {
		for i := range run.Cells {
			run.Cells[i].Verdict = result.Invalid
		}
		if err := run.Write(void); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		code int
		says string // on stdout, or on stderr for a failure
	}{
		{"no gate", []string{before, after}, exitPass, "p99 delivery is 50 % higher"},
		{"interleaved", []string{pairs, "--by", "build"}, exitPass, "8 pairs of trials"},
		{"gate holds", []string{pairs, "--by", "build", "--fail-if", "p99(delivery) > +80%"}, exitPass, "held: +50 %"},
		{"gate fails", []string{pairs, "--by", "build", "--fail-if", "p99(delivery) > +10%"}, exitFail, "FAILED: +50 %"},
		{"not interleaved", []string{before, after, "--fail-if", "p99(delivery) > +10%"}, exitInvalid, "NOT DECIDED: +50 %, but the trials were not interleaved"},
		{"too few trials", []string{before, single, "--fail-if", "p99(delivery) > +10%"}, exitInvalid, "NOT DECIDED"},
		{"one fails, one cannot be judged", []string{pairs, "--by", "build", "--fail-if", "p99(ack) > 1%", "--fail-if", "p50(delivery) > 1%"}, exitFail, "NOT DECIDED"},
		{"markdown", []string{before, after, "--markdown"}, exitPass, "### Load test: after against before"},
		{"json", []string{before, after, "--json"}, exitPass, `"outcome": "worse"`},
		{"nothing valid, as JSON", []string{before, void, "--json"}, exitInvalid, `"changes": []`},
		{"nothing valid in a history", []string{"--history", t.TempDir(), void, "--json"}, exitPass, `"metrics": []`},
		{"page", []string{before, after, "--out", page}, exitPass, "compare.html"},
		{"one result", []string{before}, exitUsage, "give two"},
		{"no result", []string{before, parent}, exitUsage, "no result there"},
		{"bad gate", []string{before, after, "--fail-if", "p99 > 3"}, exitUsage, "--fail-if"},
		{"both forms", []string{before, after, "--json", "--markdown"}, exitUsage, "markdown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, code := throng(t, append([]string{"compare"}, tt.args...)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.code, out, errs)
			}
			if code == exitUsage {
				out = errs
			}
			if !strings.Contains(out, tt.says) {
				t.Errorf("%q is not in:\n%s", tt.says, out)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(page, "compare.html")); err != nil {
		t.Error(err)
	}
}

func TestReportFormats(t *testing.T) {
	dir := savedRun(t, t.TempDir(), "run", 2, time.Millisecond)
	if _, errs, code := throng(t, "report", dir, "--format", "csv,md", "--format", "junit,openmetrics"); code != exitPass {
		t.Fatal(errs)
	}
	for _, name := range []string{"report.html", "timeline.csv", "summary.md", "junit.xml", "metrics.txt"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, errs, code := throng(t, "report", dir, "--format", "xls"); code != exitUsage || !strings.Contains(errs, "pdf, csv, md, junit, openmetrics") {
		t.Errorf("format xls: exit code %d, %s", code, errs)
	}
}

// TestFiguresForPapers: pdf comes in addition, at the width that was asked for, and goes with the
// next report without it.
func TestFiguresForPapers(t *testing.T) {
	t.Parallel()
	dir := savedRun(t, t.TempDir(), "run", 2, time.Millisecond)
	read := func(format string) (texts []string) {
		names, err := filepath.Glob(filepath.Join(dir, "figures", "*."+format))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		return texts
	}
	if _, errs, code := throng(t, "report", dir, "--format", "pdf", "--figure-width", "84mm"); code != exitPass {
		t.Fatal(errs)
	}
	for format, want := range map[string]string{"pdf": "/MediaBox [0 0 238.11 ", "svg": `<svg width="238.11pt"`, "png": "PNG"} {
		texts := read(format)
		if len(texts) == 0 {
			t.Errorf("no %s", format)
		}
		for _, text := range texts {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in a %s", want, format)
			}
		}
	}
	if _, errs, code := throng(t, "report", dir); code != exitPass || len(read("pdf")) > 0 || !strings.Contains(read("svg")[0], `<svg width="600pt"`) {
		t.Errorf("the figures for a paper are left: %s", errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
		t.Error(err)
	}
	for width, want := range map[string]string{"84": "is not a width", "84 furlongs": "write it like 84mm", "1mm": "write 40mm to 1000mm", "3in": "", "21 cm": "", "300px": ""} {
		_, errs, code := throng(t, "report", dir, "--figure-width", width)
		if (code == exitPass) != (want == "") || !strings.Contains(errs, want) {
			t.Errorf("--figure-width %s: exit code %d, %s", width, code, errs)
		}
	}
	out := filepath.Join(t.TempDir(), "c")
	if _, errs, code := throng(t, "compare", dir, dir, "--out", out, "--format", "pdf", "--figure-width", "84mm"); code != exitPass {
		t.Error(errs)
	}
	if pdfs, err := filepath.Glob(filepath.Join(out, "figures", "*.pdf")); err != nil || len(pdfs) == 0 {
		t.Errorf("%v: no figures of the comparison as PDF", err)
	}
	for _, args := range [][]string{{"--format", "pdf"}, {"--out", out, "--format", "csv"}} {
		if _, errs, code := throng(t, append([]string{"compare", dir, dir}, args...)...); code != exitUsage {
			t.Errorf("compare %v: exit code %d, %s", args, code, errs)
		}
	}
}
