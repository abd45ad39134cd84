package export

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// family is a metric family of OpenMetrics: its samples stand together below its type.
type family struct {
	name, kind, unit, help string
	samples                []string
}

// omLabels are the labels of a sample in the order they are written, and the moment that it stands
// for.
type omLabels struct {
	pairs [][2]string
	at    time.Time
}

// with adds labels. A name that is taken already gets a number: two names of a scenario may become
// one of Prometheus.
func (l omLabels) with(pairs ...string) omLabels {
	l.pairs = slices.Clip(l.pairs)
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i]
		for n := 2; slices.ContainsFunc(l.pairs, func(p [2]string) bool { return p[0] == name }); n++ {
			name = fmt.Sprintf("%s_%d", pairs[i], n)
		}
		l.pairs = append(l.pairs, [2]string{name, pairs[i+1]})
	}
	return l
}

var omEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (f *family) add(suffix string, l omLabels, v float64) {
	var parts []string
	for _, p := range l.pairs {
		parts = append(parts, p[0]+`="`+omEscape.Replace(p[1])+`"`)
	}
	f.samples = append(f.samples, fmt.Sprintf("%s%s{%s} %s %.3f", f.name, suffix, strings.Join(parts, ","), float(v), float64(l.at.UnixMilli())/1e3))
}

// cellEnd is when a cell ended: the moment that its totals stand for. Results without the start of
// each cell have them one after another from the start of the run.
func cellEnd(run *result.Run, i int) time.Time {
	began, length := run.Started, time.Duration(0)
	for j := range i + 1 {
		c := &run.Cells[j]
		began = began.Add(length)
		if !c.Started.IsZero() {
			began = c.Started
		}
		length = 0
		if n := len(c.Phases); n > 0 {
			length = time.Duration(min(max(0, c.Phases[n-1].EndS), math.MaxInt32) * float64(time.Second))
		}
	}
	return began.Add(length)
}

// sentMessages is how many messages the clients of a cell sent, whether a delivery was expected of
// them or not: the ledger counts those alone of which it was.
func sentMessages(c *result.Cell) float64 {
	return max(math.Round(c.Rates.AchievedPerS*c.Seconds), float64(c.Ledger.Sent))
}

// writeOpenMetrics writes the totals of each cell as OpenMetrics 1.0 text, in base units: seconds,
// bytes, shares of one. Each sample carries the scenario, the number of the cell, its trial and its
// parameters (as param_NAME), and the time at which the cell ended, so that 'promtool tsdb
// create-blocks-from openmetrics' takes the file.
func writeOpenMetrics(b *bytes.Buffer, run *result.Run) {
	gauge := func(name, unit, help string) *family {
		return &family{name: "throng_" + name, kind: "gauge", unit: unit, help: help}
	}
	counter := func(name, unit, help string) *family {
		return &family{name: "throng_" + name, kind: "counter", unit: unit, help: help}
	}
	build := &family{name: "throng_build", kind: "info", help: "The program and the machine that took the measurements."}
	verdict := &family{name: "throng_verdict", kind: "stateset", help: "The verdict of the trial: pass, fail or invalid."}
	latency := &family{name: "throng_latency_seconds", kind: "summary", unit: "seconds", help: "Latency since a message was due; a percentile needs ten samples above it, and is +Inf among calls that never ended."}
	spread := &family{name: "throng_latency_distribution_seconds", kind: "histogram", unit: "seconds", help: "Latency since a message was due, in buckets; calls that never ended are in the last alone."}
	longest := gauge("latency_max_seconds", "seconds", "The longest latency; +Inf where a call never ended.")
	length := gauge("recorded_seconds", "seconds", "Length of the recorded phases.")
	clients := gauge("clients", "", "Simulated clients by state.")
	deliveries := counter("deliveries", "", "Deliveries by outcome.")
	sent := counter("sent_messages", "messages", "Messages that the clients sent.")
	due := counter("due_messages", "messages", "Messages that the schedule called for, by what became of them.")
	offered := gauge("offered_messages_per_second", "", "Messages that the schedule called for.")
	achieved := gauge("achieved_messages_per_second", "", "Messages sent.")
	delivered := gauge("deliveries_per_second", "", "Deliveries received.")
	cpu := counter("cpu_seconds", "seconds", "CPU time in the recorded phases.")
	memory := gauge("memory_peak_bytes", "bytes", "Highest resident memory.")
	perClient := gauge("memory_per_client_bytes", "bytes", "Growth of the server's memory for each client.")
	efficient := gauge("deliveries_per_cpu_second", "", "Deliveries for each second of the server's CPU.")
	lag := gauge("generator_lag_p99_seconds", "seconds", "How late the generator sent, 99th percentile.")
	failures := counter("errors", "", "Errors by class.")
	checks := gauge("check_pass", "", "1 for a check that held, 0 for a broken one.")

	env := omLabels{at: run.Started}
	for _, k := range slices.Sorted(maps.Keys(run.Env)) {
		env = env.with(labelName(k), run.Env[k])
	}
	build.add("_info", env.with("scenario", run.Scenario, "seed", strconv.FormatUint(run.Seed, 10)), 1)
	for i := range run.Cells {
		c := &run.Cells[i]
		l := omLabels{at: cellEnd(run, i)}.with("scenario", run.Scenario, "cell", strconv.Itoa(i+1), "trial", strconv.Itoa(max(1, c.Trial)))
		for _, k := range selection.AllParams(run) {
			l = l.with("param_"+labelName(k), c.Params[k])
		}
		for _, v := range []result.Verdict{result.Pass, result.Fail, result.Invalid} {
			is := 0.0
			if result.Worst(c.Verdict, c.Verdict) == v {
				is = 1
			}
			verdict.add("", l.with("throng_verdict", string(v)), is)
		}
		for _, m := range selection.Metrics(c) {
			addLatency(latency, longest, l.with("metric", m), c.Latency[m])
			addBuckets(spread, l.with("metric", m), c.Latency[m])
		}
		length.add("", l, c.Seconds)
		each(clients, "", l, "state", "asked", c.Clients.Asked, "held", c.Clients.Held, "failed", c.Clients.Failed, "dropped", c.Clients.Dropped)
		g := c.Ledger
		each(deliveries, "_total", l, "outcome", "expected", int(g.Expected), "received", int(g.Received), "lost", int(g.Lost),
			"duplicate", int(g.Duplicate), "out_of_order", int(g.Disorder), "late", int(g.Late), "undecided", int(g.Undecided))
		sent.add("_total", l, sentMessages(c))
		if m := c.Messages; m.Due > 0 {
			each(due, "_total", l, "outcome", "sent", int(m.Sent), "held", int(m.Held), "dropped", int(m.Dropped))
		}
		offered.add("", l, c.Rates.OfferedPerS)
		achieved.add("", l, c.Rates.AchievedPerS)
		delivered.add("", l, c.Rates.DeliveriesPerS)
		addResources(l, c, cpu, memory, perClient, efficient)
		lag.add("", l, float64(c.Generator.LagP99us)/1e6)
		for _, k := range slices.Sorted(maps.Keys(c.Errors)) {
			failures.add("_total", l.with("class", k), float64(c.Errors[k]))
		}
		addChecks(checks, l, c)
	}
	for _, f := range []*family{build, verdict, latency, spread, longest, length, clients, deliveries, sent, due, offered, achieved, delivered, cpu, memory, perClient, efficient, lag, failures, checks} {
		f.write(b)
	}
	b.WriteString("# EOF\n")
}

func (f *family) write(b *bytes.Buffer) {
	if len(f.samples) == 0 {
		return
	}
	fmt.Fprintf(b, "# TYPE %s %s\n", f.name, f.kind)
	if f.unit != "" {
		fmt.Fprintf(b, "# UNIT %s %s\n", f.name, f.unit)
	}
	fmt.Fprintf(b, "# HELP %s %s\n", f.name, f.help)
	for _, s := range f.samples {
		b.WriteString(s + "\n")
	}
}

// each adds a sample for each name and number that follow the label.
func each(f *family, suffix string, l omLabels, key string, pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		f.add(suffix, l.with(key, pairs[i].(string)), float64(pairs[i+1].(int)))
	}
}

// addLatency adds percentiles and the maximum. What falls among samples that never ended is +Inf:
// how long was waited for them is only a lower bound, and a threshold has to see them above it.
func addLatency(f, longest *family, l omLabels, of *result.Latency) {
	value := func(percentile float64, us int64) float64 {
		if of.Beyond(percentile) {
			return math.Inf(1)
		}
		return float64(us) / 1e6
	}
	for _, p := range selection.Percentiles {
		if of.N+of.Never >= p.N {
			f.add("", l.with("quantile", canonical(p.P)), value(100*p.P, p.Of(of)))
		}
	}
	addTotals(f, l, of)
	longest.add("", l, value(100, of.Maxus))
}

// addTotals adds how many samples there are and their sum, which is known only when all ended.
func addTotals(f *family, l omLabels, of *result.Latency) {
	f.add("_count", l, float64(of.N+of.Never))
	if of.Never == 0 {
		f.add("_sum", l, of.Meanus*float64(of.N)/1e6)
	}
}

// omBounds are the upper bounds of the buckets in seconds, the same as in the metrics that a run
// serves while it runs.
var omBounds = func() (all []float64) {
	for _, decade := range []float64{1e-4, 1e-3, 1e-2, 0.1, 1, 10} {
		for _, step := range []float64{1, 1.5, 2, 3, 5, 7} {
			if v := decade * step; v <= 30 {
				all = append(all, v)
			}
		}
	}
	return all
}()

// addBuckets adds a histogram, unless the result holds the percentiles alone. Samples that never
// ended are in the last bucket only.
func addBuckets(f *family, l omLabels, of *result.Latency) {
	h, err := of.Histogram()
	if err != nil || of.N+of.Never == 0 {
		return
	}
	bars, i, sum := h.Distribution(), 0, int64(0)
	for _, bound := range omBounds {
		for ; i < len(bars) && float64(bars[i].From)/1e6 <= bound; i++ {
			sum += bars[i].Count
		}
		f.add("_bucket", l.with("le", canonical(bound)), float64(sum))
	}
	f.add("_bucket", l.with("le", "+Inf"), float64(of.N+of.Never))
	if of.Never == 0 { // a histogram of OpenMetrics has _count with _sum or not at all
		addTotals(f, l, of)
	}
}

// canonical writes a bound as OpenMetrics asks for: with a decimal point, rounded as it was meant.
func canonical(v float64) string {
	s := strconv.FormatFloat(v, 'g', 6, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// addResources leaves out what could not be read.
func addResources(l omLabels, c *result.Cell, cpu, memory, perClient, efficient *family) {
	add := func(f *family, suffix string, l omLabels, v float64) {
		if v > 0 {
			f.add(suffix, l, v)
		}
	}
	add(cpu, "_total", l.with("process", "server"), c.Server.CPUs)
	add(cpu, "_total", l.with("process", "generator"), c.Generator.CPUs)
	add(memory, "", l.with("process", "server"), float64(c.Server.RSSPeakBytes))
	add(memory, "", l.with("process", "generator"), float64(c.Generator.RSSPeakBytes))
	add(perClient, "", l, float64(c.Server.RSSPerClientBytes))
	add(efficient, "", l, c.Server.DeliveriesPerCPUs)
}

// addChecks writes a check once, were it to stand twice in the scenario: two samples with the same
// labels are no OpenMetrics.
func addChecks(f *family, l omLabels, c *result.Cell) {
	seen := map[string]bool{}
	for _, k := range c.Checks {
		if k.Undecided || seen[k.Kind+k.Text] {
			continue
		}
		seen[k.Kind+k.Text] = true
		v := 0.0
		if k.Pass {
			v = 1
		}
		f.add("", l.with("check", k.Text, "kind", k.Kind), v)
	}
}

// labelName makes a name fit for a label: letters, digits and _, not a digit first.
func labelName(s string) string {
	out := []byte(cmp.Or(s, "_"))
	for i, r := range out {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', i > 0 && r >= '0' && r <= '9':
		default:
			out[i] = '_'
		}
	}
	return string(out)
}
