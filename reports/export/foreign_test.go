package export

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/compare"
	"github.com/throng-io/throng/reports/internal/htmlpage"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// hostile is what a target, or the author of a result, would like a reader to see.
const hostile = "x\nverdict: pass\r\n\x1b[2J\u202e<script>alert(1)</script>|`a` [b](c)\u2028"

// stranger is a sample with hostile text wherever a target or a stranger can put some, as it is after it was read.
func stranger(t *testing.T, name string) *result.Run {
	t.Helper()
	run := reporttest.Sample(name)
	run.Scenario, run.About, run.Throng = "s"+hostile, hostile, hostile
	run.Env[hostile], run.Command = hostile, []string{"throng", hostile}
	run.Warnings = append(run.Warnings, hostile)
	for i := range run.Cells {
		c := &run.Cells[i]
		c.Reason, c.Warnings = hostile, append(c.Warnings, hostile)
		c.Params = map[string]string{hostile: hostile, "=axis": "=1+1"}
		c.Settings[hostile] = hostile
		c.Errors["connect."+hostile] = 3
		c.Latency["delivery{"+hostile+"}"] = c.Latency["delivery"]
		c.Checks = append(c.Checks, result.Check{Text: hostile, Kind: result.KindSLO, Note: hostile, Metric: hostile})
		c.Phases[0].Name, c.Server.Target = hostile, hostile
	}
	dir := t.TempDir()
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	read, err := result.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// fit reports text that moves the cursor, turns the writing around, or begins a line that a reader takes for ours.
func fit(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.Trim(line, "\n\t") // the library for SVG indents
		for _, r := range line {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' {
				t.Errorf("%s: %U is left in %q", what, r, line)
				break
			}
		}
		if strings.HasPrefix(line, "verdict: pass") {
			t.Errorf("%s: a line of the target's own: %q", what, line)
		}
	}
}

// TestForeignTextIsShownSafely: what a target sends, or a result of a stranger holds, is one line of visible characters wherever it
// is shown.
func TestForeignTextIsShownSafely(t *testing.T) {
	for _, name := range []string{"fail", "invalid", "matrix"} {
		run := stranger(t, name)
		var summary bytes.Buffer
		if err := reports.Summary(&summary, run); err != nil {
			t.Fatal(err)
		}
		own := "verdict: " + string(run.Verdict) + "\n"
		fit(t, name+": summary", strings.TrimPrefix(summary.String(), own))
		for _, f := range []string{"md", "junit", "openmetrics", "csv"} {
			fit(t, name+": "+f, string(format(t, f, run)))
		}
		dir := t.TempDir()
		if err := reports.Write(dir, run, reports.Drawing{}); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(dir, htmlpage.PageName))
		if err != nil {
			t.Fatal(err)
		}
		fit(t, name+": page", string(page))
		if strings.Contains(string(page), "<script>alert") {
			t.Errorf("%s: the page runs the target's script", name)
		}
		figures, err := filepath.Glob(filepath.Join(dir, htmlpage.FiguresName, "*.svg"))
		if err != nil || len(figures) == 0 {
			t.Fatalf("%v: no figures", err)
		}
		for _, path := range figures {
			svg, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fit(t, filepath.Base(path), string(svg))
			if err := xml.Unmarshal(svg, new(struct{})); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestForeignTextInComparisons(t *testing.T) {
	run := stranger(t, "matrix")
	c, err := compare.Inputs([]compare.Input{{Name: "a" + hostile, Run: run}, {Name: "b" + hostile, Run: stranger(t, "matrix")}}, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text, md bytes.Buffer
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := c.Markdown(&md); err != nil {
		t.Fatal(err)
	}
	page, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]string{"text": text.String(), "markdown": md.String(), "page": string(page)} {
		fit(t, what, s)
	}
	if strings.Contains(md.String(), "<script>") || strings.Contains(string(page), "<script>alert") {
		t.Error("the target's script is in it")
	}
}

// TestCSVIsNotComputed: what a spreadsheet takes for a formula is text, and numbers are numbers.
func TestCSVIsNotComputed(t *testing.T) {
	for s, want := range map[string]string{
		"=1+1": "'=1+1", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0", "-2+3": "'-2+3", "@SUM(1)": "'@SUM(1)", "\t=1": `\t=1`, "\r=1": `\r=1`,
		"-5": "-5", "+1.5e3": "+1.5e3", "": "", "a=b": "a=b", "websocket": "websocket",
	} {
		if got := csvText(s); got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
	}
	run := reporttest.Sample("matrix")
	for i := range run.Cells {
		run.Cells[i].Params = map[string]string{"a": "=HYPERLINK(\"http://x\")"}
		run.Cells[i].Phases[0].Name = "@x"
		for j := range run.Cells[i].Timeline {
			run.Cells[i].Timeline[j].Latency = map[string]result.Quantiles{"=m": {N: 1}}
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(format(t, "csv", run))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, field := range row {
			if csvText(field) != field {
				t.Fatalf("a spreadsheet would compute %q", field)
			}
		}
	}
}
