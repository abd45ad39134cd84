package importer

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/file"
)

// checks writes the thresholds and conditions of ensure.
func (c *converter) checks(p *page) {
	var lines []string
	add := func(check string) {
		if check != "" && !slices.Contains(lines, check) {
			lines = append(lines, check)
		}
	}
	for _, ensure := range []*file.Tree{c.config.Get("ensure"), c.config.Get("plugins").Get("ensure")} {
		for _, e := range ensure.Entries() {
			c.ensured(e, add)
		}
	}
	if len(lines) == 0 {
		lines = []string{"errors(step) == 0"}
	}
	p.line("")
	p.line("slo:")
	for _, l := range lines {
		p.line("  - %s", l)
	}
}

// ensured writes the checks of a key of ensure.
func (c *converter) ensured(e file.TreeKey, add func(check string)) {
	switch e.Key {
	case "thresholds":
		for _, one := range items(e.Val) {
			for _, th := range one.Entries() {
				add(c.check(th.Key, "<", th.Val.Text, th.Line))
			}
		}
	case "conditions":
		for _, one := range items(e.Val) {
			c.condition(one, add)
		}
	case "maxErrorRate":
		if v, ok := number(e.Val); ok && v <= 100 {
			add("errors(step) <= " + decimal(v) + "%")
		}
	default:
		add(c.check("step."+e.Key, "<", e.Val.Text, e.Line))
	}
}

var (
	reComparison = regexp.MustCompile(`^\s*([A-Za-z_][\w.-]*)\s*(<=|>=|==|<|>)\s*([\d.]+)\s*$`)
	reAnd        = regexp.MustCompile(`(?i)\s+and\s+|\s*&&\s*`)
	rePercentile = regexp.MustCompile(`^p(\d{2,3})$`)
)

// condition writes the comparisons of an expression.
func (c *converter) condition(t *file.Tree, add func(check string)) {
	e := t.Get("expression")
	if e == nil {
		return
	}
	for _, part := range reAnd.Split(e.Text, 100) {
		m := reComparison.FindStringSubmatch(part)
		if m == nil {
			c.notes.add(e.Line, "the condition %q is no comparison of a metric with a number", part)
			continue
		}
		add(c.check(m[1], m[2], m[3], e.Line))
	}
}

// check writes a comparison of a metric; "" where there is no such metric.
func (c *converter) check(name, op, value string, line int) string {
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	dot := strings.LastIndexByte(name, '.')
	if err != nil || v < 0 || v > 1e9 || dot < 0 {
		c.notes.add(line, "the check of %s has no number that can be read", name)
		return ""
	}
	base, stat := name[:dot], name[dot+1:]
	if m := rePercentile.FindStringSubmatch(stat); m != nil && len(m[1]) == 3 {
		stat = "p" + m[1][:2] + "." + m[1][2:]
	}
	if stat == "median" {
		stat = "p50"
	}
	latency := slices.Contains([]string{"min", "max", "mean", "p50", "p75", "p90", "p95", "p99", "p99.9"}, stat) && op != "=="
	switch {
	case latency && (strings.HasSuffix(base, "http.response_time") && c.requests()):
		return stat + "(step{op=http}) " + op + " " + decimal(v) + "ms"
	case latency && (base == "step" || strings.HasSuffix(base, "response_time")):
		return stat + "(step) " + op + " " + decimal(v) + "ms"
	case latency && strings.HasSuffix(base, "vusers.session_length"):
		return stat + "(flow) " + op + " " + decimal(v) + "ms"
	case v == float64(int64(v)) && (strings.HasSuffix(name, "vusers.failed") || strings.HasSuffix(base, "vusers.failed")):
		return "errors(step) " + op + " " + decimal(v)
	}
	c.notes.add(line, "the metric %s has no counterpart", name)
	return ""
}
