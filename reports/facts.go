package reports

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// factsTable is the first screen's table: what was measured, on what, and what came out. Numbers of an invalid cell are in its tables
// further down, never here.
func factsTable(run *result.Run) table {
	t := table{Left: 2}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	if len(run.Cells) == 1 {
		c := &run.Cells[0]
		add("load", loadFact(c))
		add("clients", clientsFact(c))
		if c.Interrupted || result.Worst(c.Verdict, c.Verdict) != result.Invalid {
			add("deliveries", ledgerFact(c.Ledger))
			for _, metricName := range metrics(c) {
				if slices.Contains(leadMetrics, metricName) {
					add(metricName, latencyFact(c.Latency[metricName]))
				}
			}
			add("server", serverFact(c))
		}
		add("generator", generatorFact(c))
	} else if len(run.Cells) > 1 {
		gs := groups(run)
		add("measured", fmt.Sprintf("%s in %s", plural(len(run.Cells), "trial"), plural(len(gs), "combination")))
		if axes := varying(run); len(axes) > 0 {
			add("compared by", strings.Join(axes, ", "))
		}
		add("each for", seconds(run.Cells[0].Seconds))
		add("clients", manyClients(run))
	}
	machineFacts(&t, run)
	return t
}

// manyClients is how many clients the cells held, and what all of them have in common.
func manyClients(run *result.Run) string {
	held := over(groups(run)[0].Cells, func(c *result.Cell) (float64, bool) { return float64(c.Clients.Held), true })
	for i := range run.Cells {
		n := float64(run.Cells[i].Clients.Held)
		held.low, held.top = min(held.low, n), max(held.top, n)
	}
	s := count(int64(held.low))
	if held.top > held.low {
		s += " to " + count(int64(held.top))
	}
	parts := []string{s + " held"}
	axes := varying(run)
	for _, name := range []string{"transport", "fanout"} {
		if v := setting(&run.Cells[0], name); v != "" && !slices.Contains(axes, name) {
			if name == "fanout" {
				v += " fan-out"
			}
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, ", ")
}

// leadMetrics are those that the first screen has room for.
var leadMetrics = []string{metric.Delivery, metric.FanoutLast, metric.Ack, metric.Connect, metric.Reconnect}

func loadFact(c *result.Cell) string {
	r := c.Rates
	if c.Seconds == 0 {
		return "no recorded phase"
	}
	s := significant(r.OfferedPerS) + " messages/s offered"
	if r.OfferedPerS > 0 {
		s += ", " + share(r.AchievedPerS/r.OfferedPerS) + " achieved"
	}
	if r.DeliveriesPerS > 0 {
		s += "; " + significant(r.DeliveriesPerS) + " deliveries/s"
	}
	return s + " for " + seconds(c.Seconds)
}

func clientsFact(c *result.Cell) string {
	s := fmt.Sprintf("%s of %s held", count(c.Clients.Held), count(c.Clients.Asked))
	if t := setting(c, "transport"); t != "" {
		s += ", " + t
	}
	if c.Clients.Failed > 0 {
		s += ", " + count(c.Clients.Failed) + " failed"
	}
	if c.Clients.Waiting > 0 {
		s += ", " + count(c.Clients.Waiting) + " still connecting"
	}
	if c.Clients.Dropped > 0 {
		s += ", " + count(c.Clients.Dropped) + " dropped"
	}
	return s
}

func ledgerFact(l result.Ledger) string {
	if l.Expected == 0 {
		return ""
	}
	parts := []string{count(l.Expected) + " expected", count(l.Received) + " received"}
	for _, part := range []struct {
		n    int64
		name string
	}{{l.Lost, "lost"}, {l.Late, "late"}, {l.Duplicate, "duplicate"}, {l.Disorder, "out of order"}, {l.Undecided, "undecided"}} {
		if part.n > 0 || part.name == "lost" {
			parts = append(parts, count(part.n)+nbsp+part.name)
		}
	}
	return strings.Join(parts, ", ")
}

// latencyFact is "p50 5.1 ms, p99 9.6 ms, max 11 ms (n = 120 000)", as far as there are samples.
func latencyFact(l *result.Latency) string {
	var parts []string
	for _, i := range []int{p50, p99, p999} {
		if v := showPercentile(percentiles[i], l); v != none {
			parts = append(parts, percentiles[i].name+nbsp+v)
		}
	}
	parts = append(parts, "max"+nbsp+atLeast(l, 100, l.Maxus))
	return strings.Join(parts, ", ") + fmt.Sprintf(" (n%s=%s%s)", nbsp, nbsp, samplesOf(l))
}

func serverFact(c *result.Cell) string {
	var parts []string
	if v, ok := serverCores(c); ok {
		parts = append(parts, significant(v)+" cores")
	}
	if c.Server.RSSPeakBytes > 0 {
		parts = append(parts, bytesize(float64(c.Server.RSSPeakBytes)))
	}
	if c.Server.RSSPerClientBytes > 0 {
		parts = append(parts, bytesize(float64(c.Server.RSSPerClientBytes))+" a client")
	}
	return strings.Join(parts, ", ")
}

func generatorFact(c *result.Cell) string {
	s := strings.TrimPrefix(fitness(c), ": generator ")
	if s == "" {
		return ""
	}
	if c.Interrupted {
		return s
	}
	if result.Worst(c.Verdict, c.Verdict) == result.Invalid {
		return s + ": not fit to judge"
	}
	return s + ": fit to judge"
}

// machineFacts are where and with what it was measured.
func machineFacts(t *table, run *result.Run) {
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	if len(run.Cells) > 0 {
		where := "not known whether on this machine"
		if s := run.Cells[0].Server; s.SameMachine {
			where = "client and server on one machine: they took CPU from each other, and no network lay between them"
		} else if s.Target != "" {
			where = "client and server on different machines; server at " + s.Target
		}
		add("where", where)
	}
	var parts []string
	env := func(key, before, after string) {
		if v := run.Env[key]; v != "" {
			parts = append(parts, before+v+after)
		}
	}
	env("cpu", "", "")
	env("cores", "", " cores")
	env("kernel", cmp.Or(run.Env["os"], "kernel")+" ", "")
	env("clock", "clock ", "")
	add("machine", strings.Join(parts, ", "))
	version := "throng " + cmp.Or(run.Throng, "of unknown version")
	add("with", fmt.Sprintf("%s, seed %d, %s", version, run.Seed, run.Started.UTC().Format("2006-01-02 15:04 UTC")))
}

// capacityFacts is the first screen's table of a search.
func capacityFacts(c *Capacity) table {
	t := table{Left: 2}
	linked := func(name, value, link string) {
		if value != "" {
			t.Rows, t.Links = append(t.Rows, []string{name, value}), append(t.Links, link)
		}
	}
	add := func(name, value string) { linked(name, value, "") }
	if c.Low > 0 {
		linked("holds", c.noun(c.Low)+sure(c.LowConfirmed), c.link(c.load(c.Low)))
	}
	if c.High > 0 && c.End != endGenerator {
		linked("breaks", c.noun(c.High)+sure(c.HighConfirmed), c.link(c.load(c.High)))
		add("by", c.Reason)
	}
	if c.High > 0 && c.End == endGenerator {
		add("not judged", c.noun(c.High)+": "+c.invalidReason())
	}
	if c.Operating > 0 {
		add("run it at", c.noun(c.Operating)+", "+c.OperatingNote)
	}
	if c.At != nil {
		at := c.show(c.At.Level) + ":"
		if c.At.P99us > 0 {
			at += " p99 " + c.metric + " " + micros(c.At.P99us)
		}
		if c.At.ServerCores > 0 {
			at += ", server " + significant(c.At.ServerCores) + " cores"
		}
		linked("measured at", at, c.link(c.At))
	}
	if c.BytesPerClient != nil {
		add("memory", fmt.Sprintf("%s a client (%s to %s)", bytesize(c.BytesPerClient.Value), bytesize(c.BytesPerClient.Low), bytesize(c.BytesPerClient.High)))
	}
	if c.Nodes > 0 {
		add("nodes", fmt.Sprintf("%s for %s%s", count(c.Nodes), c.noun(c.PlanFor), spareNote(c.Spare)))
	}
	valid := 0
	for _, l := range c.levels {
		valid += l.Trials
	}
	add("measured", fmt.Sprintf("%s at %s in %s, %s invalid", plural(len(c.Probes), "trial"), plural(len(c.levels), "level"), seconds(c.TookS), count(len(c.Probes)-valid)))
	machineFacts(&t, c.run)
	return t
}

func sure(confirmed bool) string {
	if confirmed {
		return ", confirmed"
	}
	return ", not confirmed"
}

// headings name the trials by cell, as the journal does: by number and level.
func (c *Capacity) headings() []string {
	names := make([]string, len(c.run.Cells))
	for i := range names {
		names[i] = fmt.Sprintf("Cell %02d", i+1)
	}
	for i, p := range c.Probes {
		if p.Cell > 0 {
			names[p.Cell-1] = fmt.Sprintf("Trial %d: %s, %s", i+1, c.noun(p.Level), p.Kind)
		}
	}
	return names
}

// searchNote says where the trial of a cell stands by itself.
func searchNote(run *result.Run, cell int) string {
	for i, p := range run.Capacity.Probes {
		if p.Cell == cell+1 {
			dir := path.Clean(p.Dir)
			return fmt.Sprintf("Trial %d of the search (%s). Its own result is in %s beside this page; throng report draws its figures.", i+1, p.Kind, dir)
		}
	}
	return ""
}
