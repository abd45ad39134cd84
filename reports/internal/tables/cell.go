package tables

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Words for the outcome of a check; the page colours them, and they stand for themselves without
// colour.
const (
	Met        = "met"
	NotMet     = "broken"
	NoValue    = "no data"
	NotDecided = "not decided"
)

// ChecksTable has a row per check: its outcome, what it decides, and what was found.
func ChecksTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Checks", Head: []string{"check", "outcome", "decides", "found"}, Left: 4}
	for i := range c.Checks {
		k := &c.Checks[i]
		outcome, value := Met, layout.CheckFound(k)
		switch {
		case k.NoData:
			outcome, value = NoValue, layout.None
		case k.Undecided:
			outcome = NotDecided
		case !k.Pass:
			outcome = NotMet
		}
		kind := strings.ReplaceAll("pass or fail", " ", layout.Nbsp)
		if k.Kind == result.KindValid {
			kind = strings.ReplaceAll("valid or not", " ", layout.Nbsp)
		}
		if k.Note != "" {
			value += " (" + k.Note + ")"
		}
		t.Rows = append(t.Rows, []string{k.Text, outcome, kind, value})
	}
	return t
}

// LedgerTable counts the deliveries of a cell by outcome.
func LedgerTable(c *result.Cell) layout.Table {
	l := c.Ledger
	t := layout.Table{Title: "Ledger of deliveries", Left: 1, Head: []string{"", "count", "of expected"}}
	row := func(name string, n int64, part bool) {
		s := ""
		if part && l.Expected > 0 {
			s = layout.Share(float64(n) / float64(l.Expected))
		}
		t.Rows = append(t.Rows, []string{name, layout.Count(n), s})
	}
	if l.Held+l.Dropped > 0 {
		row("due", l.Due, false)
		row("held to the end", l.Held, false)
		row("dropped", l.Dropped, false)
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
		t.Rows = append(t.Rows, []string{"lost or late, at least", layout.Count(loss.Least), layout.Share(loss.LeastShare)},
			[]string{"lost or late, at most", layout.Count(loss.Most), layout.Share(loss.MostShare)})
	}
	return t
}

// OperationTable has the ledger of each operation; none when there is one, whose ledger is the
// whole. Echoes are left out: they are acknowledgements, and nothing of them is delivered.
func OperationTable(c *result.Cell) layout.Table {
	t := layout.Table{
		Title: "Ledger by operation", Left: 1,
		Head: []string{"operation", "sent", "expected", "received", "lost", "duplicate", "out of order", "late", "undecided", "wrong receiver"},
	}
	for i := range c.ByOperation {
		o := &c.ByOperation[i]
		if o.Op == "echo" && o.Ledger == (result.Ledger{}) && o.Unexpected == 0 {
			continue
		}
		row := []string{operationName(c.ByOperation, i)}
		for _, n := range []int64{
			o.Ledger.Sent, o.Ledger.Expected, o.Ledger.Received, o.Ledger.Lost, o.Ledger.Duplicate,
			o.Ledger.Disorder, o.Ledger.Late, o.Ledger.Undecided, o.Unexpected,
		} {
			row = append(row, layout.Count(n))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) < 2 && len(c.ByOperation) > 1 {
		t.Rows = nil
	}
	return t
}

// operationName names an operation among others: with its event where several have its name.
func operationName(of []result.ByOperation, i int) string {
	name := of[i].Op
	for j := range of {
		if j != i && of[j].Op == name && of[j].Event != of[i].Event {
			name += " " + of[i].Event
			break
		}
	}
	if of[i].Volatile {
		name += " (volatile)"
	}
	return name
}

// LatencyTable has a row per metric. A percentile without samples enough is left blank. bound is
// the error of the clocks between two clients in microseconds; 0: they have one clock.
func LatencyTable(of map[string]*result.Latency, names []string, bound int64) layout.Table {
	t := layout.Table{Title: "Latency", Left: 1, Head: []string{"metric"}}
	for _, p := range selection.Percentiles {
		t.Head = append(t.Head, p.Name)
	}
	t.Head = append(t.Head, "max", "n")
	thin, never, clamped := false, false, int64(0)
	for _, name := range names {
		l := of[name]
		row, wrong := []string{name}, int64(0)
		if metric.OneWay(name) {
			wrong = bound
		}
		for _, p := range selection.Percentiles {
			v := ShowPercentile(p, l)
			thin = thin || v == layout.None
			row = append(row, layout.Bounded(v, p.Of(l), wrong))
		}
		clamped += l.Clamped
		never = never || l.Never > 0
		t.Rows = append(t.Rows, append(row, layout.Bounded(AtLeast(l, 100, l.Maxus), l.Maxus, wrong), SamplesOf(l)))
	}
	if thin {
		t.Note = "“-”: fewer than ten samples lie above that percentile, too few to state it."
	}
	if slices.ContainsFunc(names, func(name string) bool {
		return name == metric.Step || name == metric.Flow || strings.HasPrefix(name, metric.OfStep(""))
	}) {
		t.Note = strings.TrimSpace(t.Note + " step and flow are closed loops: each is timed from its own start, so a slow server also receives less load. The other metrics are timed from a schedule.")
	}
	if never {
		t.Note = strings.TrimSpace(t.Note + " " + MoreNote)
	}
	if clamped > 0 {
		t.Note = strings.TrimSpace(t.Note + " " + layout.Plural(clamped, "sample") + " lay below 0 or above an hour and count at that limit.")
	}
	return t
}

// LoadTable shows the offered and achieved load, and the clients.
func LoadTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Load and clients", Left: 1}
	add := func(name, value string) { t.Rows = append(t.Rows, []string{name, value}) }
	r := c.Rates
	add("offered", layout.Significant(r.OfferedPerS)+" messages/s")
	achieved := layout.Significant(r.AchievedPerS) + " messages/s"
	if r.OfferedPerS > 0 {
		achieved += " (" + layout.Share(r.AchievedPerS/r.OfferedPerS) + ")"
	}
	add("achieved", achieved)
	if m := c.Messages; m.Held+m.Dropped > 0 {
		add("due", layout.Count(m.Due))
		add("sent", layout.Count(m.Sent))
		add("held to the end", layout.Count(m.Held))
		add("dropped", layout.Count(m.Dropped))
	}
	add("deliveries", layout.Significant(r.DeliveriesPerS)+"/s")
	add("recorded for", layout.Seconds(c.Seconds))
	add("clients asked", layout.Count(c.Clients.Asked))
	add("held at the end", layout.Count(c.Clients.Held))
	add("failed to connect", layout.Count(c.Clients.Failed))
	add("dropped later", layout.Count(c.Clients.Dropped))
	return t
}

// ResourceTable shows CPU, memory and traffic of server and generator.
func ResourceTable(c *result.Cell) layout.Table {
	s, g := c.Server, c.Generator
	t := layout.Table{Title: "Resources", Left: 1, Head: []string{"", "server", "generator"}}
	add := func(name, server, generator string) {
		if server != layout.None || generator != layout.None {
			t.Rows = append(t.Rows, []string{name, server, generator})
		}
	}
	cores := func(cpu float64) string {
		if cpu == 0 || c.Seconds == 0 {
			return layout.None
		}
		return layout.Significant(cpu/c.Seconds) + layout.Nbsp + "cores"
	}
	add("CPU time", layout.Known(s.CPUs, layout.Seconds), layout.Known(g.CPUs, layout.Seconds))
	add("CPU time of the broker", layout.Known(s.BrokerCPUs, layout.Seconds), layout.None)
	add("CPU, mean", cores(s.CPUs), cores(g.CPUs))
	add("CPU, highest second, of usable cores", layout.None, layout.Known(g.CPUMax, layout.Share))
	add("memory, peak", layout.Known(s.RSSPeakBytes, layout.Bytesize), layout.Known(g.RSSPeakBytes, layout.Bytesize))
	add("memory per client", layout.Known(s.RSSPerClientBytes, layout.Bytesize), layout.None)
	add("deliveries per CPU second", layout.Known(s.DeliveriesPerCPUs, layout.Significant), layout.None)
	add("bytes out", layout.Known(s.BytesOut, layout.Bytesize), layout.Known(g.BytesOut, layout.Bytesize))
	add("bytes in", layout.Known(s.BytesIn, layout.Bytesize), layout.Known(g.BytesIn, layout.Bytesize))
	lag, us := selection.LagOf(c)
	add("send lag, "+lag, layout.None, layout.Known(us, layout.Micros))
	if l := g.LagReceive; l != nil && l.N > 0 {
		q, us := selection.Best(l)
		add("unread in the sockets, "+q, layout.None, layout.Known(us, layout.Micros))
	}
	add("longest GC pause, at most", layout.None, layout.Known(g.GCPauseMaxus, layout.Micros))
	switch {
	case s.SameMachine:
		t.Note = "Client and server shared one machine: they competed for CPU, and " + between(c) + "."
	case s.Target != "":
		t.Note = "Client and server ran on different machines."
	}
	return t
}

// ErrorTable counts the errors of a cell by class.
func ErrorTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Errors", Left: 1, Head: []string{"class", "count"}}
	for _, k := range slices.Sorted(maps.Keys(c.Errors)) {
		if c.Errors[k] != 0 {
			t.Rows = append(t.Rows, []string{k, layout.Count(c.Errors[k])})
		}
	}
	return t
}

// SettingsTable lists the settings of a cell.
func SettingsTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Configuration", Left: 2}
	all := maps.Clone(c.Settings)
	if all == nil {
		all = map[string]string{}
	}
	for axis := range c.Params {
		all[axis] = selection.Value(c, axis)
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

// EnvironmentTable lists the machine and the versions of a run.
func EnvironmentTable(run *result.Run) layout.Table {
	t := layout.Table{Title: "Environment", Left: 2}
	env := maps.Clone(run.Env)
	if env == nil {
		env = map[string]string{}
	}
	delete(env, "throng")
	if n, err := strconv.ParseFloat(env["memory_bytes"], 64); err == nil {
		delete(env, "memory_bytes")
		env["memory"] = layout.Bytesize(n)
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
