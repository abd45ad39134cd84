package export

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// timelineColumns are those that every second has, with their units in their names as in
// result.json.
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

// writeCSV writes a row per second of each cell: the cell, its parameters, the phase, and
// everything that the timeline holds. A second without samples of a metric leaves its percentiles
// empty.
func writeCSV(b *bytes.Buffer, run *result.Run) error {
	axes := selection.AllParams(run)
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

// csvText is a name or a value of a scenario as a field of a CSV file. A spreadsheet would compute
// one that begins like a formula, so that gets an apostrophe in front; numbers stay numbers.
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
	if p := selection.PhaseAt(c, s.T); p != nil {
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
