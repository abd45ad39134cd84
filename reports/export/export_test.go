package export

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// format writes a sample in a format and returns the file.
func format(t *testing.T, name string, run *result.Run) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, name, run); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, Files()[slices.Index(Formats(), name)]))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWriteFormatErrors(t *testing.T) {
	if err := Write(t.TempDir(), "pdf", reporttest.Sample("pass")); err == nil || !strings.Contains(err.Error(), "pdf") {
		t.Errorf("an unknown format: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, "csv", reporttest.Sample("pass")); err == nil || !strings.Contains(err.Error(), "csv") {
		t.Errorf("a file instead of a directory: %v", err)
	}
}

func TestCSV(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(reporttest.Samples)) {
		run := reporttest.Sample(name)
		rows, err := csv.NewReader(bytes.NewReader(format(t, "csv", run))).ReadAll() // rejects rows of different lengths
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := 1
		for i := range run.Cells {
			want += len(run.Cells[i].Timeline)
		}
		if len(rows) != want {
			t.Errorf("%s: %d rows, want %d", name, len(rows), want)
		}
	}
	run := reporttest.Sample("matrix")
	rows, err := csv.NewReader(bytes.NewReader(format(t, "csv", run))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := func(row []string, column string) string {
		i := slices.Index(rows[0], column)
		if i < 0 {
			t.Fatalf("no column %s in %q", column, rows[0])
		}
		return row[i]
	}
	per := len(run.Cells[0].Timeline)
	row, second := rows[1+per*4+10], run.Cells[4].Timeline[10] // the eleventh second of the fifth cell
	for column, want := range map[string]string{
		"cell": "5", "trial": "2", "param.transport": run.Cells[4].Params["transport"], "phase": "hold", "recorded": "true", "t_s": "10",
		"received": fmt.Sprint(second.Received), "cpu": strconv.FormatFloat(second.CPU, 'g', -1, 64),
		"delivery.n": fmt.Sprint(second.Latency["delivery"].N), "delivery.p99_us": fmt.Sprint(second.Latency["delivery"].P99us),
	} {
		if got := at(row, column); got != want {
			t.Errorf("%s is %q, want %q", column, got, want)
		}
	}
	if first := rows[1]; at(first, "delivery.n") != "0" || at(first, "delivery.p99_us") != "" || at(first, "recorded") != "false" {
		t.Errorf("a second of the ramp: %q", first)
	}
}

// A run that is invalid while all its cells passed, or of which there is no cell, is red.
func TestJUnitOfWhatIsMissing(t *testing.T) {
	for _, name := range []string{"matrix", "none"} {
		run := reporttest.Sample(name)
		for i := range run.Cells {
			run.Cells[i].Verdict = result.Pass
		}
		run.Verdict, run.Interrupted = result.Invalid, len(run.Cells) > 0
		var got junitSuites
		if err := xml.Unmarshal(format(t, "junit", run), &got); err != nil {
			t.Fatal(err)
		}
		last := got.Suites[len(got.Suites)-1]
		if len(got.Suites) != len(run.Cells)+1 || got.Errors != 1 || last.Errors != 1 || last.Cases[0].Error.Message != reports.Sentence(run) {
			t.Errorf("%s: %d errors in %d suites, the last %+v", name, got.Errors, len(got.Suites), last)
		}
	}
}

func TestJUnit(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(reporttest.Samples)) {
		run := reporttest.Sample(name)
		var got junitSuites
		if err := xml.Unmarshal(format(t, "junit", run), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if run.Capacity != nil { // the search is the test, not each level that it breaks
			run.Cells = []result.Cell{{Verdict: run.Verdict}}
			if len(got.Suites) == 1 && !strings.Contains(got.Suites[0].Out, "One node of this size holds") {
				t.Errorf("%s: it says %q", name, got.Suites[0].Out)
			}
		}
		if len(got.Suites) != len(run.Cells) {
			t.Errorf("%s: %d suites for %d cells", name, len(got.Suites), len(run.Cells))
		}
		failures, errs, n := 0, 0, 0
		names := map[string]bool{}
		for i, s := range got.Suites {
			if len(s.Cases) != 1+len(run.Cells[i].Checks) || names[s.Name] {
				t.Errorf("%s: suite %q has %d cases for %d checks", name, s.Name, len(s.Cases), len(run.Cells[i].Checks))
			}
			names[s.Name] = true
			skipped, took := 0, 0.0
			for _, c := range s.Cases {
				seconds, err := strconv.ParseFloat(c.Time, 64)
				if took += seconds; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				failures, errs, skipped, n = failures+present(c.Failure), errs+present(c.Error), skipped+present(c.Skipped), n+1
			}
			if whole, err := strconv.ParseFloat(s.Time, 64); err != nil || took != whole {
				t.Errorf("%s: suite %q took %s s, and its cases %v", name, s.Name, s.Time, took)
			}
			if began := run.Cells[i].Started; !began.IsZero() && s.Timestamp != stamp(began) {
				t.Errorf("%s: suite %q is of %s, and began at %v", name, s.Name, s.Timestamp, began)
			}
			if s.Skipped != skipped {
				t.Errorf("%s: suite %q says %d skipped, counted %d", name, s.Name, s.Skipped, skipped)
			}
			// What CI sees is the verdict: red unless the cell passed.
			red := s.Failures+s.Errors > 0
			if pass := run.Cells[i].Verdict == result.Pass; red == pass {
				t.Errorf("%s: suite %q: %d failures, %d errors, and the verdict is %s", name, s.Name, s.Failures, s.Errors, run.Cells[i].Verdict)
			}
		}
		if got.Tests != n || got.Failures != failures || got.Errors != errs {
			t.Errorf("%s: totals %d/%d/%d, counted %d/%d/%d", name, got.Tests, got.Failures, got.Errors, n, failures, errs)
		}
	}
	run := reporttest.Sample("invalid")
	run.Cells[0].Checks = append(run.Cells[0].Checks, result.Check{Text: "p99(ack) < 1ms", Kind: "slo", Optional: true})
	var got junitSuites
	if err := xml.Unmarshal(format(t, "junit", run), &got); err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Suites[0].Cases {
		var state string
		switch {
		case c.Error != nil:
			state = "error"
		case c.Failure != nil:
			state = "failure"
		case c.Skipped != nil:
			state = "skipped"
		}
		want := map[string]string{"verdict": "error", "p99(lag) < 1ms": "error", "max(cpu) < 80%": ""}
		if w, ok := want[c.Name]; ok && state != w || !ok && state != "skipped" {
			t.Errorf("of an invalid cell, %q is %q", c.Name, state)
		}
	}
}

// junitSchema is the structure that Jenkins' schema for JUnit's XML allows (junit-10.xsd of its xUnit plugin): for each element its
// required and its optional attributes, and the elements that may stand in it.
var junitSchema = map[string]struct{ required, optional, within string }{
	"testsuites": {"", "name time tests failures errors", "testsuite"},
	"testsuite":  {"name tests failures errors", "group time skipped timestamp hostname id package file log url", "testsuite properties testcase system-out system-err"},
	"properties": {"", "", "property"},
	"property":   {"name value", "", ""},
	"testcase":   {"name", "time classname group", "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"},
	"failure":    {"", "type message", ""},
	"error":      {"", "type message", ""},
	"skipped":    {"", "type message", ""},
	"system-out": {"", "", ""},
	"system-err": {"", "", ""},
}

// surefireTime is what the schema's type SUREFIRE_TIME takes: no exponent, no sign.
var surefireTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

// checkJUnit returns where a document leaves the schema.
func checkJUnit(text []byte) (broken []string) {
	d, within := xml.NewDecoder(bytes.NewReader(text)), []string{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return broken
		}
		if err != nil {
			return append(broken, err.Error())
		}
		switch el := tok.(type) {
		case xml.EndElement:
			within = within[:len(within)-1]
		case xml.StartElement:
			name := el.Name.Local
			rule, known := junitSchema[name]
			switch {
			case len(within) == 0 && name != "testsuites", len(within) > 0 && !slices.Contains(strings.Fields(junitSchema[within[len(within)-1]].within), name), !known:
				broken = append(broken, fmt.Sprintf("<%s> in %v", name, within))
			}
			missing := strings.Fields(rule.required)
			for _, a := range el.Attr {
				if !slices.Contains(strings.Fields(rule.required+" "+rule.optional), a.Name.Local) {
					broken = append(broken, fmt.Sprintf("attribute %s of <%s>", a.Name.Local, name))
				}
				if a.Name.Local == "time" && name != "testcase" && !surefireTime.MatchString(a.Value) {
					broken = append(broken, fmt.Sprintf("time %q of <%s>", a.Value, name))
				}
				missing = slices.DeleteFunc(missing, func(m string) bool { return m == a.Name.Local })
			}
			for _, m := range missing {
				broken = append(broken, fmt.Sprintf("<%s> without %s", name, m))
			}
			within = append(within, name)
		}
	}
}

func TestJUnitFitsTheSchemaOfJenkins(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(reporttest.Samples)) {
		run := reporttest.Sample(name)
		for i := range run.Cells {
			run.Cells[i].Seconds = 1e-7 // 'g' would write an exponent
		}
		for _, b := range checkJUnit(format(t, "junit", run)) {
			t.Errorf("%s: %s", name, b)
		}
	}
	for bad, want := range map[string]string{
		`<testsuites skipped="1"></testsuites>`:                                                         "attribute skipped of <testsuites>",
		`<testsuites><testcase name="a"/></testsuites>`:                                                 "<testcase> in [testsuites]",
		`<testsuites><testsuite name="a" tests="1" errors="0"/></testsuites>`:                           "<testsuite> without failures",
		`<testsuites><testsuite name="a" tests="1" errors="0" failures="0" time="1e-07"/></testsuites>`: `time "1e-07" of <testsuite>`,
	} {
		if got := checkJUnit([]byte(bad)); len(got) != 1 || got[0] != want {
			t.Errorf("of %s it says %q, want %q", bad, got, want)
		}
	}
}

var (
	omComment = regexp.MustCompile(`^# (TYPE|UNIT|HELP) ([a-z0-9_]+) (.+)$`)
	omSample  = regexp.MustCompile(`^([a-z0-9_]+)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*)\} (-?[0-9.e+-]+|\+Inf) ([0-9]+\.[0-9]{3})$`)
	omLabel   = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*"`)
	omSuffix  = map[string][]string{"counter": {"_total"}, "gauge": {""}, "info": {"_info"}, "stateset": {""}, "summary": {"", "_count", "_sum"}, "histogram": {"_bucket", "_count", "_sum"}}
)

// checkOpenMetrics holds a text to the rules of the OpenMetrics 1.0 text format: families not interleaved, TYPE before samples, units
// as suffixes, sample names that fit the type, no series twice, EOF at the end.
func checkOpenMetrics(text string) (samples int, broken []string) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[len(lines)-1] != "# EOF" || !strings.HasSuffix(text, "\n") {
		broken = append(broken, "no EOF")
	}
	seenFamily, seenSeries := map[string]bool{}, map[string]bool{}
	family, kind := "", ""
	var sums []string // that histograms with a _count must have
	for _, line := range lines[:len(lines)-1] {
		if m := omComment.FindStringSubmatch(line); m != nil {
			switch {
			case m[1] == "TYPE":
				if seenFamily[m[2]] {
					broken = append(broken, "family twice: "+m[2])
				}
				family, kind = m[2], m[3]
				seenFamily[family] = true
			case m[2] != family:
				broken = append(broken, "outside its family: "+line)
			case m[1] == "UNIT" && !strings.HasSuffix(family, "_"+m[3]):
				broken = append(broken, "unit is no suffix: "+line)
			}
			continue
		}
		m := omSample.FindStringSubmatch(line)
		if m == nil {
			broken = append(broken, "no sample: "+line)
			continue
		}
		samples++
		suffix, ours := strings.CutPrefix(m[1], family)
		if !ours || !slices.Contains(omSuffix[kind], suffix) {
			broken = append(broken, "does not fit "+kind+" "+family+": "+line)
		}
		names := map[string]bool{}
		for _, l := range omLabel.FindAllStringSubmatch(m[2], -1) {
			if names[l[1]] {
				broken = append(broken, "label twice: "+line)
			}
			names[l[1]] = true
		}
		if seenSeries[m[1]+m[2]] {
			broken = append(broken, "series twice: "+line)
		}
		seenSeries[m[1]+m[2]] = true
		if kind == "histogram" && suffix == "_count" {
			sums = append(sums, family+"_sum"+m[2])
		}
	}
	for _, sum := range sums {
		if !seenSeries[sum] {
			broken = append(broken, "a histogram has _count without _sum: "+sum)
		}
	}
	return samples, broken
}

func TestOpenMetrics(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(reporttest.Samples)) {
		run := reporttest.Sample(name)
		run.Env["odd key \"1\""] = "a \"b\"\\\nc"
		n, broken := checkOpenMetrics(string(format(t, "openmetrics", run)))
		for _, b := range broken {
			t.Errorf("%s: %s", name, b)
		}
		if n < 1+len(run.Cells)*10 {
			t.Errorf("%s: only %d samples", name, n)
		}
	}
	run := reporttest.Sample("fail")
	text := string(format(t, "openmetrics", run))
	d := run.Cells[0].Latency["delivery"]
	end := fmt.Sprintf(" %d.000\n", run.Started.Unix()+65) // of the cell: 10 s ramp, 5 s warm-up, 50 s hold
	for _, want := range []string{
		`throng_verdict{scenario="broadcast",cell="1",trial="1",throng_verdict="fail"} 1`,
		`throng_latency_seconds{scenario="broadcast",cell="1",trial="1",metric="delivery",quantile="0.99"} ` + float(float64(d.P99us)/1e6),
		`throng_deliveries_total{scenario="broadcast",cell="1",trial="1",outcome="lost"} 12`,
		`throng_errors_total{scenario="broadcast",cell="1",trial="1",class="connect.timeout"} 9`,
		`throng_check_pass{scenario="broadcast",cell="1",trial="1",check="p99(delivery) < 100ms",kind="slo"} 0`,
	} {
		if !strings.Contains(text, want+end) {
			t.Errorf("missing: %s", want)
		}
	}
	for _, want := range []string{
		`metric="delivery",le="1.0"} ` + float(float64(d.N)), `metric="delivery",le="0.0001"} 0`, `metric="delivery",le="+Inf"} ` + float(float64(d.N)),
		`throng_sent_messages_total{scenario="broadcast",cell="1",trial="1"} ` + float(sentMessages(&run.Cells[0])),
	} {
		if !strings.Contains(text, want+end) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(text, `metric="fanout.last",quantile="0.999"`) {
		t.Error("p99.9 of few samples is exported")
	}
	// The checker sees what is wrong.
	for _, bad := range []string{
		"# TYPE a counter\na{} 1 1.000\n# EOF\n", "# TYPE a gauge\na{} 1 1.000\na{} 2 1.000\n# EOF\n", "# TYPE a gauge\na{} 1 1.000\n", "# TYPE a gauge\n# UNIT a seconds\na{} 1 1.000\n# EOF\n",
		"# TYPE a gauge\nb{} 1 1.000\n# EOF\n", "# TYPE a gauge\na{x=\"\"y\"\"} 1 1.000\n# EOF\n", "# TYPE a gauge\na{} 1\n# EOF\n",
	} {
		if _, broken := checkOpenMetrics(bad); len(broken) == 0 {
			t.Errorf("nothing wrong is seen in %q", bad)
		}
	}
}

// TestOpenMetricsOfWhatNeverCame: a percentile among calls without an answer is more than what was waited for them, which no
// program may take for its value.
func TestOpenMetricsOfWhatNeverCame(t *testing.T) {
	run := reporttest.Sample("pass")
	s := result.Samples{Ended: result.NewHistogram(), Never: result.NewHistogram()}
	if err := errors.Join(s.Ended.RecordValues(3_000, 900), s.Never.RecordValues(5_000_000, 100)); err != nil {
		t.Fatal(err)
	}
	run.Cells[0].Latency["ack"] = s.Latency()
	text := string(format(t, "openmetrics", run))
	_, broken := checkOpenMetrics(text)
	if len(broken) > 0 {
		t.Errorf("%q", broken)
	}
	for _, want := range []string{
		`latency_seconds{LABELS,quantile="0.5"} 0.00`, `latency_seconds{LABELS,quantile="0.9"} 0.00`, `latency_seconds{LABELS,quantile="0.99"} +Inf `, `latency_seconds_count{LABELS} 1000 `,
		`latency_max_seconds{LABELS} +Inf `, `latency_distribution_seconds_bucket{LABELS,le="30.0"} 900 `, `latency_distribution_seconds_bucket{LABELS,le="+Inf"} 1000 `,
	} {
		if want = "throng_" + strings.Replace(want, "LABELS", `scenario="broadcast",cell="1",trial="1",metric="ack"`, 1); !strings.Contains(text, want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(text, `seconds_sum{scenario="broadcast",cell="1",trial="1",metric="ack"}`) {
		t.Error("a sum of unknown times is exported")
	}
}

// TestOpenMetricsCountsWhatWasSent: a message of which no delivery is expected, as an echo with an acknowledgement, stands in no
// ledger and was sent all the same.
func TestOpenMetricsCountsWhatWasSent(t *testing.T) {
	run := reporttest.Sample("pass")
	c := &run.Cells[0]
	c.Seconds, c.Rates.AchievedPerS, c.Ledger.Sent = 3, 1000.0/3, 0
	c.Params = map[string]string{"a-b": "x", "a.b": "y", "": "z"}
	text := string(format(t, "openmetrics", run))
	if want := `throng_sent_messages_total{scenario="broadcast",cell="1",trial="1",param__="z",param_a_b="x",param_a_b_2="y"} 1000 `; !strings.Contains(text, want) {
		t.Errorf("missing %s in:\n%s", want, text)
	}
}

// TestCellEnd: each cell's totals stand at the time of its end.
func TestCellEnd(t *testing.T) {
	at := time.Unix(1000, 0)
	cell := func(started time.Time, end float64) result.Cell {
		return result.Cell{Started: started, Phases: []result.Phase{{Name: "a", EndS: 1}, {Name: "b", EndS: end}}}
	}
	run := &result.Run{Started: at, Cells: []result.Cell{cell(time.Time{}, 10), cell(time.Time{}, 5), cell(at.Add(time.Minute), 2.5), cell(time.Time{}, math.Inf(1))}}
	for i, want := range []time.Time{at.Add(10 * time.Second), at.Add(15 * time.Second), at.Add(62500 * time.Millisecond), at.Add(62500*time.Millisecond + math.MaxInt32*time.Second)} {
		if got := cellEnd(run, i); !got.Equal(want) {
			t.Errorf("cell %d ends at %v, want %v", i, got, want)
		}
	}
}

func TestMarkdownGolden(t *testing.T) {
	for _, name := range []string{"fail", "matrix", "aborted"} {
		reporttest.Golden(t, "summary-"+name+".md", string(format(t, "md", reporttest.Sample(name))))
	}
}

// A rule with too few samples is an error for CI, no failure, and no sample of a monitoring system.
func TestUndecidedRules(t *testing.T) {
	run := reporttest.Undecided()
	var got junitSuites
	if err := xml.Unmarshal(format(t, "junit", run), &got); err != nil {
		t.Fatal(err)
	}
	if got.Failures != 0 || got.Errors != 2 {
		t.Errorf("junit has %d failures and %d errors, want the verdict and the rule as errors", got.Failures, got.Errors)
	}
	if text := string(format(t, "openmetrics", run)); strings.Contains(text, `p99.9(ack) < 1s`) {
		t.Error("openmetrics says of the rule that it is broken or met")
	}
}
