package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Words for the outcome of a check; the page colours them, and they stand for themselves without colour.
const (
	met     = "met"
	notMet  = "broken"
	noValue = "no data"
)

func checksTable(c *result.Cell) table {
	t := table{Title: "Checks", Head: []string{"check", "outcome", "decides", "found"}, Left: 3}
	for i := range c.Checks {
		k := &c.Checks[i]
		outcome, value := met, checkFound(k)
		switch {
		case k.NoData:
			outcome, value = noValue, none
		case !k.Pass:
			outcome = notMet
		}
		kind := "pass or fail"
		if k.Kind == result.KindValid {
			kind = "valid or not"
		}
		if k.Note != "" {
			value += " (" + k.Note + ")"
		}
		t.Rows = append(t.Rows, []string{k.Text, outcome, kind, value})
	}
	return t
}

func ledgerTable(c *result.Cell) table {
	l := c.Ledger
	t := table{Title: "Ledger of deliveries", Left: 1, Head: []string{"", "count", "of expected"}}
	row := func(name string, n int64, part bool) {
		s := ""
		if part && l.Expected > 0 {
			s = share(float64(n) / float64(l.Expected))
		}
		t.Rows = append(t.Rows, []string{name, count(n), s})
	}
	row("sent", l.Sent, false)
	row("expected", l.Expected, false)
	row("received", l.Received, true)
	row("lost", l.Lost, true)
	row("duplicate", l.Duplicate, true)
	row("out of order", l.Disorder, true)
	row("late", l.Late, true)
	row("undecided", l.Undecided, true)
	if loss := l.Loss(); loss != nil && l.Undecided > 0 {
		t.Rows = append(t.Rows, []string{"lost or late, at least", count(loss.Least), share(loss.LeastShare)},
			[]string{"lost or late, at most", count(loss.Most), share(loss.MostShare)})
	}
	return t
}

// latencyTable has a row per metric. A percentile without samples enough is left blank.
func latencyTable(of map[string]*result.Latency, names []string) table {
	t := table{Title: "Latency", Left: 1, Head: []string{"metric"}}
	for _, p := range percentiles {
		t.Head = append(t.Head, p.name)
	}
	t.Head = append(t.Head, "max", "n")
	thin, never, clamped := false, false, int64(0)
	for _, name := range names {
		l := of[name]
		row := []string{name}
		for _, p := range percentiles {
			v := showPercentile(p, l)
			thin = thin || v == none
			row = append(row, v)
		}
		clamped += l.Clamped
		never = never || l.Never > 0
		t.Rows = append(t.Rows, append(row, atLeast(l, 100, l.Maxus), samplesOf(l)))
	}
	if thin {
		t.Note = "“-”: fewer than ten samples lie beyond that percentile, too few to say."
	}
	if slices.ContainsFunc(names, func(name string) bool {
		return name == metric.Step || name == metric.Flow || strings.HasPrefix(name, metric.OfStep(""))
	}) {
		t.Note = strings.TrimSpace(t.Note + " step and flow are closed loops: each counts from when it began, so a server that slows down is also asked less; the others count from a schedule.")
	}
	if never {
		t.Note = strings.TrimSpace(t.Note + " “>”: so much was waited for something that never came; it counts as slower than all that did.")
	}
	if clamped > 0 {
		t.Note = strings.TrimSpace(t.Note + " " + plural(clamped, "sample") + " lay below 0 or above an hour and count at that limit.")
	}
	return t
}

func loadTable(c *result.Cell) table {
	t := table{Title: "Load and clients", Left: 1}
	add := func(name, value string) { t.Rows = append(t.Rows, []string{name, value}) }
	r := c.Rates
	add("offered", significant(r.OfferedPerS)+" messages/s")
	achieved := significant(r.AchievedPerS) + " messages/s"
	if r.OfferedPerS > 0 {
		achieved += " (" + share(r.AchievedPerS/r.OfferedPerS) + ")"
	}
	add("achieved", achieved)
	add("deliveries", significant(r.DeliveriesPerS)+"/s")
	add("recorded for", seconds(c.Seconds))
	add("clients asked", count(c.Clients.Asked))
	add("held at the end", count(c.Clients.Held))
	add("failed to connect", count(c.Clients.Failed))
	add("dropped later", count(c.Clients.Dropped))
	return t
}

func resourceTable(c *result.Cell) table {
	s, g := c.Server, c.Generator
	t := table{Title: "Resources", Left: 1, Head: []string{"", "server", "generator"}}
	add := func(name, server, generator string) {
		if server != none || generator != none {
			t.Rows = append(t.Rows, []string{name, server, generator})
		}
	}
	cores := func(cpu float64) string {
		if cpu == 0 || c.Seconds == 0 {
			return none
		}
		return significant(cpu/c.Seconds) + nbsp + "cores"
	}
	add("CPU time", known(s.CPUs, seconds), known(g.CPUs, seconds))
	add("CPU, mean", cores(s.CPUs), cores(g.CPUs))
	add("CPU, highest second, of all cores", none, known(g.CPUMax, share))
	add("memory, peak", known(s.RSSPeakBytes, bytesize), known(g.RSSPeakBytes, bytesize))
	add("memory per client", known(s.RSSPerClientBytes, bytesize), none)
	add("deliveries per CPU second", known(s.DeliveriesPerCPUs, significant), none)
	add("bytes out", known(s.BytesOut, bytesize), known(g.BytesOut, bytesize))
	add("bytes in", known(s.BytesIn, bytesize), known(g.BytesIn, bytesize))
	lag, us := lagOf(c)
	add("send lag, "+lag, none, known(us, micros))
	add("longest GC pause, at most", none, known(g.GCPauseMaxus, micros))
	switch {
	case s.SameMachine:
		t.Note = "Client and server shared one machine: they took CPU from each other, and no network lay between them."
	case s.Target != "":
		t.Note = "Client and server ran on different machines."
	}
	return t
}

func errorTable(c *result.Cell) table {
	t := table{Title: "Errors", Left: 1, Head: []string{"class", "count"}}
	for _, k := range slices.Sorted(maps.Keys(c.Errors)) {
		if c.Errors[k] != 0 {
			t.Rows = append(t.Rows, []string{k, count(c.Errors[k])})
		}
	}
	return t
}

func settingsTable(c *result.Cell) table {
	t := table{Title: "Configuration", Left: 2}
	all := maps.Clone(c.Settings)
	if all == nil {
		all = map[string]string{}
	}
	for axis := range c.Params {
		all[axis] = value(c, axis)
	}
	if c.Server.Target != "" {
		all["target"] = c.Server.Target
		all["server"] = "foreign"
		if c.Server.BuiltIn {
			all["server"] = "built in, a process of its own"
		}
	}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		t.Rows = append(t.Rows, []string{k, all[k]})
	}
	return t
}

func environmentTable(run *result.Run) table {
	t := table{Title: "Environment", Left: 2}
	env := maps.Clone(run.Env)
	if env == nil {
		env = map[string]string{}
	}
	delete(env, "throng")
	if n, err := strconv.ParseFloat(env["memory_bytes"], 64); err == nil {
		delete(env, "memory_bytes")
		env["memory"] = bytesize(n)
	}
	t.Rows = append(t.Rows,
		[]string{"throng", cmp.Or(run.Throng, "unknown")},
		[]string{"started", run.Started.UTC().Format("2006-01-02 15:04:05 UTC")},
		[]string{"seed", strconv.FormatUint(run.Seed, 10)})
	for _, k := range slices.Sorted(maps.Keys(env)) {
		t.Rows = append(t.Rows, []string{strings.ReplaceAll(k, "_", " "), env[k]})
	}
	return t
}

// lastReceiver is the metric that tells when a broadcast has reached everybody.
const lastReceiver = metric.FanoutLast

func serverMemory(c *result.Cell) (float64, bool) {
	return float64(c.Server.RSSPeakBytes), c.Server.RSSPeakBytes > 0
}

// onlyMedian is the heading of a metric's medians where the table has no higher percentile of it.
func onlyMedian(t *table, metricName string) string {
	if slices.Contains(t.Head, metricName+" p99") || slices.Contains(t.Head, metricName+" p90") {
		return ""
	}
	return metricName + " p50"
}

// markBest ranks the rows of the overview, those of each work by themselves when there are several.
func markBest(t *table, ws []work, gs []group, metricName string) {
	several := len(ws) > 1
	if !several {
		all := work{Of: gs}
		for i := range gs {
			all.at = append(all.at, i)
		}
		ws = []work{all}
	}
	columns := []struct {
		head   string
		value  func(*result.Cell) (float64, bool)
		higher bool
	}{
		{metricName + " p99", latencyOf(metricName, p99), false},
		{metricName + " p90", latencyOf(metricName, p90), false},
		{onlyMedian(t, metricName), latencyOf(metricName, p50), false},
		{"last receiver p99", latencyOf(lastReceiver, p99), false},
		{"last receiver p90", latencyOf(lastReceiver, p90), false},
		{"deliveries per CPU s", efficiency, true},
	}
	for _, w := range ws {
		for _, c := range columns {
			if at := slices.Index(t.Head, c.head); at >= 0 {
				r := rank(w.Of, c.value, c.higher)
				markRanks(r, t, at, w.at)
				t.Note = cmp.Or(t.Note, ranksNote(r))
			}
		}
	}
	if several && t.Note != "" {
		t.Note = strings.Replace(t.Note, "the first in its column", "the first in its column among the strategies for the same work", 1)
	}
}

// overviewTable has a row per combination of the matrix; with repeats each number is the median of the valid trials and their range.
func overviewTable(run *result.Run, gs []group, ws []work) table {
	metricName := primary(run)
	axes := varying(run)
	var t table
	doing := map[int]string{} // the work of each group
	if len(ws) > 0 {
		t.Title = "Every strategy at every work"
		axes = []string{"work", strategies}
		for _, w := range ws {
			for _, i := range w.at {
				doing[i] = w.Label
			}
		}
	}
	t.Left, t.Head = len(axes)+1, append(slices.Clone(axes), "verdict")
	repeated := slices.ContainsFunc(gs, func(g group) bool { return len(g.Cells) > 1 })
	t.Head = append(t.Head, "lost")
	type column struct {
		metric string
		q      int
	}
	var columns []column
	for _, m := range []struct{ metric, name string }{{metricName, metricName}, {lastReceiver, "last receiver"}} {
		if m.metric == "" || !measured(gs, m.metric) {
			continue
		}
		columns, t.Head = append(columns, column{m.metric, p50}), append(t.Head, m.name+" p50")
		if q := highest(gs, m.metric); q != p50 {
			columns, t.Head = append(columns, column{m.metric, q}), append(t.Head, m.name+" "+percentiles[q].name)
		}
	}
	t.Head = append(t.Head, "deliveries/s", "deliveries per CPU s", "server memory")
	for i, g := range gs {
		var row []string
		for _, k := range axes {
			row = append(row, value(g.Cells[0], k))
		}
		if len(ws) > 0 {
			row[0] = doing[i]
		}
		row = append(row, g.verdicts())
		ok := g.valid()
		row = append(row, lostIn(ok))
		for _, c := range columns {
			row = append(row, showSpread(over(ok, latencyOf(c.metric, c.q)), micros))
		}
		t.Rows = append(t.Rows, append(row, showSpread(over(ok, deliveries), significant), showSpread(over(ok, efficiency), significant), showSpread(over(ok, serverMemory), bytesize)))
	}
	if run.Capacity == nil {
		markBest(&t, ws, gs, metricName)
	}
	if repeated {
		t.Note += " Median of the valid trials, with the lowest and the highest in brackets; lost is their sum."
	}
	if slices.ContainsFunc(gs, func(g group) bool { return len(g.valid()) < len(g.Cells) }) {
		t.Note += " Invalid trials are not in the numbers."
	}
	t.Note = strings.TrimSpace(t.Note)
	return t
}

// highest is the highest of p99, p90 and p50 of a metric that every combination with valid trials of it has the samples for.
func highest(gs []group, metricName string) int {
	for _, q := range []int{p99, p90} {
		if !slices.ContainsFunc(gs, func(g group) bool {
			return slices.ContainsFunc(g.valid(), func(c *result.Cell) bool {
				l := c.Latency[metricName]
				return l != nil && l.N > 0 && l.N < percentiles[q].n
			})
		}) {
			return q
		}
	}
	return p50
}

// measured tells whether any combination has a median of a metric.
func measured(gs []group, metricName string) bool {
	return slices.ContainsFunc(gs, func(g group) bool { return over(g.valid(), latencyOf(metricName, p50)).n > 0 })
}

func lostIn(cells []*result.Cell) string {
	if len(cells) == 0 {
		return none
	}
	lost := int64(0)
	for _, c := range cells {
		lost += c.Ledger.Lost
	}
	return count(lost)
}

// trialsTable has a row per cell, in the order they ran.
func trialsTable(run *result.Run) table {
	metricName := primary(run)
	axes := varying(run)
	t := table{Title: "Each trial, in the order they ran", Left: len(axes) + 2}
	t.Head = append(append([]string{"cell"}, axes...), "verdict", "trial")
	if metricName != "" {
		t.Head = append(t.Head, "p50", "p99", "max")
	}
	t.Head = append(t.Head, "deliveries/s", "lost", "lag p99", "CPU max")
	for i := range run.Cells {
		c := &run.Cells[i]
		row := []string{fmt.Sprintf("%02d", i+1)}
		for _, k := range axes {
			row = append(row, value(c, k))
		}
		row = append(row, outcomeOf(c), strconv.Itoa(c.Trial))
		if metricName != "" {
			l := c.Latency[metricName]
			top := none
			if l != nil && l.N > 0 {
				top = micros(float64(l.Maxus))
			}
			row = append(row, showPercentile(percentiles[p50], l), showPercentile(percentiles[p99], l), top)
		}
		t.Rows = append(t.Rows, append(row, significant(c.Rates.DeliveriesPerS), count(c.Ledger.Lost),
			known(c.Generator.LagP99us, micros), known(c.Generator.CPUMax, share)))
	}
	return t
}
