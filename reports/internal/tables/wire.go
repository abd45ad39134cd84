package tables

import (
	"maps"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

const wireNote = "Both directions, counted by the clients above TCP, of WebTransport above UDP. HTTP headers and bodies, websocket frames, TLS, QUIC, heartbeats and empty polls are included; TCP, UDP and IP headers are not. A message is a delivery or an acknowledgement that arrived."

// WireTable says what each transport of a cell carried for one message.
func WireTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Bytes on the wire", Left: 1, Head: []string{"transport", "messages", "bytes/message", "down", "up"}}
	for _, name := range slices.Sorted(maps.Keys(c.Wire)) {
		w := c.Wire[name]
		if w.Messages == 0 {
			continue
		}
		t.Rows = append(t.Rows, []string{name, layout.Count(w.Messages), layout.Significant(w.PerMessage), layout.Significant(w.InPerMessage), layout.Significant(w.OutPerMessage)})
	}
	if len(t.Rows) > 0 {
		t.Note = wireNote
	}
	return t
}

// WireOverview is wireTable over all cells, the cheapest first, with how much more the others take.
// Valid trials of one combination are added up.
func WireOverview(run *result.Run) layout.Table {
	type line struct {
		name string
		sum  result.Wire
		cpu  float64
	}
	var lines []*line
	axes := selection.Varying(run)
	for i := range run.Cells {
		c := &run.Cells[i]
		if result.Worst(c.Verdict, c.Verdict) == result.Invalid {
			continue
		}
		for _, transport := range slices.Sorted(maps.Keys(c.Wire)) {
			w := c.Wire[transport]
			name := wireName(c, transport, axes)
			at := slices.IndexFunc(lines, func(l *line) bool { return l.name == name })
			if at < 0 {
				at = len(lines)
				lines = append(lines, &line{name: name})
			}
			l := lines[at]
			l.sum.Messages += w.Messages
			l.sum.BytesIn += w.BytesIn
			l.sum.BytesOut += w.BytesOut
			l.cpu += c.Server.CPUs
		}
	}
	lines = slices.DeleteFunc(lines, func(l *line) bool { return l.sum.Messages == 0 })
	each := func(l *line, bytes int64) float64 { return float64(bytes) / float64(l.sum.Messages) }
	total := func(l *line) float64 { return each(l, l.sum.BytesIn+l.sum.BytesOut) }
	slices.SortStableFunc(lines, func(a, b *line) int {
		switch x, y := total(a), total(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	t := layout.Table{Title: "Bytes on the wire", Left: 1, Head: []string{"", "messages", "bytes/message", "down", "up", "of the least", "server CPU/message"}}
	for _, l := range lines {
		cpu := layout.None
		if l.cpu > 0 {
			cpu = layout.Micros(l.cpu / float64(l.sum.Messages) * 1e6)
		}
		t.Rows = append(t.Rows, []string{
			l.name, layout.Count(l.sum.Messages), layout.Significant(total(l)), layout.Significant(each(l, l.sum.BytesIn)), layout.Significant(each(l, l.sum.BytesOut)),
			layout.Significant(total(l)/total(lines[0])) + "x", cpu,
		})
	}
	if len(t.Rows) > 0 {
		t.Note = wireNote
	}
	return t
}

// wireName names a cell, by what varies, and a transport that it used.
func wireName(c *result.Cell, transport string, axes []string) string {
	var words []string
	for _, key := range axes {
		switch {
		case c.ParamNames[key] != "":
			words = append(words, c.ParamNames[key])
		case c.Params[key] != transport:
			words = append(words, key+"="+c.Params[key])
		}
	}
	return strings.Join(append([]string{transport}, words...), " ")
}

// TargetTable says what the target says of itself: what each counter grew by and each gauge held,
// in the recorded phases.
func TargetTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "The target's own metrics", Left: 1, Head: []string{"metric", "mean", "highest", "last"}}
	for _, name := range slices.Sorted(maps.Keys(c.Target)) {
		m := c.Target[name]
		values := recordedValues(c, m)
		if len(values) == 0 {
			continue
		}
		sum, highest := 0.0, values[0]
		for _, v := range values {
			sum, highest = sum+v, max(highest, v)
		}
		unit := ""
		if m.Kind == "counter" {
			unit = "/s"
		}
		t.Rows = append(t.Rows, []string{name, layout.Significant(sum/float64(len(values))) + unit, layout.Significant(highest) + unit, layout.Significant(m.Values[len(m.Values)-1])})
	}
	if len(t.Rows) > 0 {
		t.Note = "Read from the target during the trial and summed over labels. For counters, mean and highest are the increase per second."
	}
	return t
}

// recordedValues are the values in the recorded seconds; for a counter, its increase in each.
func recordedValues(c *result.Cell, m *result.TargetMetric) (out []float64) {
	for i, v := range m.Values {
		if i >= len(c.Timeline) || !slices.ContainsFunc(c.Phases, func(p result.Phase) bool {
			return p.Record && c.Timeline[i].T >= p.StartS && c.Timeline[i].T < p.EndS
		}) {
			continue
		}
		switch {
		case m.Kind != "counter":
			out = append(out, v)
		case i > 0:
			out = append(out, max(0, v-m.Values[i-1]))
		}
	}
	return out
}
