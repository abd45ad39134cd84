package capacity

import (
	"fmt"
	"path"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// Facts is the first screen's table of a search.
func Facts(c *Capacity) layout.Table {
	t := layout.Table{Left: 2}
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
			at += " p99 " + c.metric + " " + latency(c.At.P99us, c.At.P99Beyond)
		}
		if c.At.ServerCores > 0 {
			at += ", server " + layout.Significant(c.At.ServerCores) + " cores"
		}
		linked("measured at", at, c.link(c.At))
	}
	if c.BytesPerClient != nil {
		add("memory", fmt.Sprintf("%s a client (%s to %s)", layout.Bytesize(c.BytesPerClient.Value), layout.Bytesize(c.BytesPerClient.Low), layout.Bytesize(c.BytesPerClient.High)))
	}
	if c.Nodes > 0 {
		add("nodes", fmt.Sprintf("%s for %s%s", layout.Count(c.Nodes), c.noun(c.PlanFor), spareNote(c.Spare)))
	}
	tried, invalid := map[float64]bool{}, 0
	for _, p := range c.Probes {
		tried[p.Level] = true
		if p.Verdict == "invalid" {
			invalid++
		}
	}
	add("measured", fmt.Sprintf("%s at %s in %s, %s invalid", layout.Plural(len(c.Probes), "trial"), layout.Plural(len(tried), "level"), layout.Seconds(c.TookS), layout.Count(invalid)))
	tables.MachineFacts(&t, c.run)
	return t
}

func sure(confirmed bool) string {
	if confirmed {
		return ", confirmed"
	}
	return ", not confirmed"
}

// Headings name the trials by cell, as the journal does: by number and level.
func (c *Capacity) Headings() []string {
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

// SearchNote says where the result of a cell's trial is.
func SearchNote(run *result.Run, cell int) string {
	for i, p := range run.Capacity.Probes {
		if p.Cell == cell+1 {
			dir := path.Clean(p.Dir)
			return fmt.Sprintf("Trial %d of the search (%s). Its own result is in %s beside this page; throng report draws its figures.", i+1, p.Kind, dir)
		}
	}
	return ""
}
