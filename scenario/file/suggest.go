package file

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
)

// Suggest returns the candidate nearest to a mistyped word, "" when none is
// near.
func Suggest(word string, candidates []string) string {
	best, bestAt := "", max(1, len(word)/3)+1
	sorted := slices.Sorted(slices.Values(candidates))
	for _, c := range sorted {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestAt {
			best, bestAt = c, d
		}
	}
	return best
}

// orOneOf says what to write instead of a wrong word: the near miss when
// there is one, else the whole list.
func orOneOf(word string, candidates []string) string {
	if s := Suggest(word, candidates); s != "" {
		return fmt.Sprintf("did you mean `%s`?", s)
	}
	if len(candidates) == 0 {
		return ""
	}
	return "write one of " + strings.Join(candidates, ", ")
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}

// What statistics and latencies are called elsewhere.
var (
	meantStat = map[string]string{
		"avg": "mean", "average": "mean", "median": "p50", "med": "p50", "p": "p95",
		"error": "errors", "error_rate": "errors", "errorRate": "errors", "fail_ratio": "errors", "failures": "errors", "http_req_failed": "errors",
	}
	meantFormat  = map[string]string{"prometheus": "openmetrics", "xml": "junit", "markdown": "md", "hdr": "hlog", "histogram": "hlog", "console": "md", "text": "md", "jsonl": "json"}
	meantLatency = []string{"latency", "response", "response_time", "duration", "time", "http_req_duration"}
)

// insteadOf lists what can be written instead of a statistic that a metric does not have: the
// metrics of the statistic where they are few, else the statistics of the metric.
func insteadOf(stat string, s metric.Stat, of string) (all []string) {
	if len(s.Of) <= 4 {
		for _, m := range s.Of {
			all = append(all, stat+"("+m+")")
		}
		return all
	}
	for _, name := range metric.StatNames() {
		if other, _ := metric.StatOf(name); slices.Contains(other.Of, of) {
			all = append(all, name+"("+of+")")
		}
	}
	return all
}
