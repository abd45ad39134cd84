package reports

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/result"
)

// Names of the files that WriteFormat leaves, by format.
var formatFiles = map[string]string{"csv": "timeline.csv", "md": "summary.md", "junit": "junit.xml", "openmetrics": "metrics.txt"}

// WriteFormat writes run into dir, which is made when missing, for another program to read:
//
//	csv          timeline.csv, a row per second of each cell
//	md           summary.md, what a comment on a pull request should say
//	junit        junit.xml, each check of each cell as a test case
//	openmetrics  metrics.txt, the totals of each cell as OpenMetrics text
//
// Other formats are an error.
func WriteFormat(dir, format string, run *result.Run) error {
	var b bytes.Buffer
	var err error
	switch format {
	case "csv":
		err = writeCSV(&b, run)
	case "md":
		writeMarkdown(&b, run)
	case "junit":
		err = writeJUnit(&b, run)
	case "openmetrics":
		writeOpenMetrics(&b, run)
	default:
		return fmt.Errorf("no format %q of results; there are pdf, csv, md, junit and openmetrics", format)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, formatFiles[format]), b.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the result as %s: %w", format, err)
	}
	return nil
}

// timelineColumns are those that every second has, with their units in their names as in result.json.
var timelineColumns = []struct {
	name string
	of   func(*result.Second) string
}{
	{"t_s", func(s *result.Second) string { return float(s.T) }},
	{"asked", func(s *result.Second) string { return strconv.Itoa(s.Asked) }},
	{"open", func(s *result.Second) string { return strconv.Itoa(s.Open) }},
	{"held", func(s *result.Second) string { return strconv.Itoa(s.Held) }},
	{"failed", func(s *result.Second) string { return strconv.Itoa(s.Failed) }},
	{"sent", func(s *result.Second) string { return strconv.FormatInt(s.Sent, 10) }},
	{"received", func(s *result.Second) string { return strconv.FormatInt(s.Received, 10) }},
	{"lost", func(s *result.Second) string { return strconv.FormatInt(s.Lost, 10) }},
	{"errors", func(s *result.Second) string { return strconv.FormatInt(s.Errors, 10) }},
	{"lag_p99_us", func(s *result.Second) string { return strconv.FormatInt(s.LagP99us, 10) }},
	{"cpu", func(s *result.Second) string { return float(s.CPU) }},
	{"server_cpu", func(s *result.Second) string { return float(s.ServerCPU) }},
	{"rss_bytes", func(s *result.Second) string { return strconv.FormatInt(s.RSSBytes, 10) }},
	{"server_rss_bytes", func(s *result.Second) string { return strconv.FormatInt(s.ServerRSSBytes, 10) }},
	{"gc_pause_max_us", func(s *result.Second) string { return strconv.FormatInt(s.GCPauseMaxus, 10) }},
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// writeCSV writes a row per second of each cell: the cell, its parameters, the phase, and everything that the timeline holds. A
// second without samples of a metric leaves its percentiles empty.
func writeCSV(b *bytes.Buffer, run *result.Run) error {
	axes := allParams(run)
	var ms []string
	for i := range run.Cells {
		for _, s := range run.Cells[i].Timeline {
			for m := range s.Latency {
				if !slices.Contains(ms, m) {
					ms = append(ms, m)
				}
			}
		}
	}
	slices.Sort(ms)
	head := []string{"cell", "trial"}
	for _, a := range axes {
		head = append(head, "param."+a)
	}
	head = append(head, "phase", "recorded")
	for _, c := range timelineColumns {
		head = append(head, c.name)
	}
	for _, m := range ms {
		m := csvText(m)
		head = append(head, m+".n", m+".p50_us", m+".p99_us", m+".max_us")
	}
	w := csv.NewWriter(b)
	_ = w.Write(head) // into memory; w.Error tells
	for i := range run.Cells {
		c := &run.Cells[i]
		row := []string{strconv.Itoa(i + 1), strconv.Itoa(max(1, c.Trial))}
		for _, a := range axes {
			row = append(row, csvText(c.Params[a]))
		}
		for j := range c.Timeline {
			_ = w.Write(append(slices.Clip(row), secondRow(c, &c.Timeline[j], ms)...))
		}
	}
	w.Flush()
	return w.Error()
}

// csvText is a name or a value of a scenario as a field of a CSV file. A spreadsheet would compute one that begins like a formula, so
// that gets an apostrophe in front; numbers stay numbers.
func csvText(s string) string {
	s = result.Line(s)
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

// secondRow is a second from its phase on.
func secondRow(c *result.Cell, s *result.Second, metrics []string) []string {
	row := []string{"", "false"}
	if p := phaseAt(c, s.T); p != nil {
		row = []string{csvText(p.Name), strconv.FormatBool(p.Record)}
	}
	for _, column := range timelineColumns {
		row = append(row, column.of(s))
	}
	for _, m := range metrics {
		q := s.Latency[m]
		if q.N == 0 {
			row = append(row, "0", "", "", "")
			continue
		}
		for _, v := range []int64{q.N, q.P50us, q.P99us, q.Maxus} {
			row = append(row, strconv.FormatInt(v, 10))
		}
	}
	return row
}

func allParams(run *result.Run) []string {
	names := map[string]bool{}
	for i := range run.Cells {
		for k := range run.Cells[i].Params {
			names[k] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// writeMarkdown writes what a reader of a pull request wants: the verdict and the sentence, the broken checks, the numbers, and what
// they rest on.
func writeMarkdown(b *bytes.Buffer, run *result.Run) {
	var s strings.Builder
	fmt.Fprintf(&s, "### Load test %s: %s\n\n%s\n", markdownText(run.Scenario), strings.ToUpper(wordOf(run)), markdownText(Sentence(run)))
	if len(run.Cells) == 1 {
		c := &run.Cells[0]
		for _, t := range filled(checksTable(c), latencyTable(c.Latency, metrics(c)), errorTable(c)) {
			fmt.Fprintf(&s, "\n**%s**\n", markdownText(t.Title))
			markdownTable(&s, t)
		}
	} else if len(run.Cells) > 1 {
		gs := groups(run)
		markdownTable(&s, overviewTable(run, gs, works(run, gs)))
		for i := range run.Cells {
			if c := &run.Cells[i]; c.Verdict != result.Pass {
				fmt.Fprintf(&s, "\n- %s: %s", result.CellName(i, len(run.Cells)), markdownText(cellSentence(c)))
			}
		}
		s.WriteByte('\n')
	}
	fmt.Fprintf(&s, "\n%s\n", markdownText(ledgerLine(run)))
	if ws := warnings(run); len(ws) > 0 {
		fmt.Fprintf(&s, "\n<details><summary>%s</summary>\n", plural(len(ws), "warning"))
		for _, w := range ws {
			fmt.Fprintf(&s, "\n- %s", markdownText(w))
		}
		s.WriteString("\n\n</details>\n")
	}
	var parts []string
	for _, k := range []string{"cpu", "cores", "kernel", "go", "commit"} {
		switch v := run.Env[k]; {
		case v == "":
		case k == "cpu" || k == "go": // they name themselves
			parts = append(parts, v)
		default:
			parts = append(parts, k+" "+v)
		}
	}
	fmt.Fprintf(&s, "\n<sub>throng %s, seed %d, %s</sub>\n", markdownText(cmp.Or(run.Throng, "unknown")), run.Seed, markdownText(strings.Join(parts, ", ")))
	b.WriteString(strings.ReplaceAll(s.String(), nbsp, " "))
}
