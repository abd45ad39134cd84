package tables

import (
	"fmt"
	"slices"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

const networkNote = "“Asked” is what the scenario says, for the first target; all else was measured. The delay is that of packets of the network's own, which it sends all the time, and “added” is what of it nobody asked for. What was lost is a share of the clients' packets. A rate is of each client's own line, with the headers of IP, and was measured while packets waited for it."

// networkHead are the columns behind those that name a row. Columns without a number are left out.
var networkHead = []string{
	"delay asked", "delay p50", "delay p99", "added p99", "loss asked", "lost", "rate asked", "rate", "outages", "address changes",
	"packets", "full queue", "in outages", "to old addresses", "overtook asked", "overtook",
}

// NetworkTable has a row for each recorded phase and direction of a network of packets: what was
// asked of it, and what it did.
func NetworkTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Network", Left: 2, Head: append([]string{"phase", "direction"}, networkHead...)}
	for _, r := range selection.RecordedRows(c) {
		t.Rows = append(t.Rows, append([]string{r.Phase, r.Direction}, networkCells([]*result.NetworkRow{r})...))
	}
	return told(t)
}

// NetworkOverview has a row for each combination, recorded phase and direction; the packets of its
// valid trials are added up, and of their delays it has the median.
func NetworkOverview(gs []selection.Group) layout.Table {
	t := layout.Table{Title: "Network", Left: 3, Head: append([]string{"", "phase", "direction"}, networkHead...)}
	several := false
	for _, g := range gs {
		var keys [][2]string
		rows := map[[2]string][]*result.NetworkRow{}
		for _, c := range g.Valid() {
			for _, r := range selection.RecordedRows(c) {
				key := [2]string{r.Phase, r.Direction}
				if rows[key] == nil {
					keys = append(keys, key)
				}
				rows[key] = append(rows[key], r)
			}
		}
		several = several || len(keys) > 2
		for _, key := range keys {
			t.Rows = append(t.Rows, append([]string{g.Label, key[0], key[1]}, networkCells(rows[key])...))
		}
	}
	if !several { // the only phase is the same everywhere
		for i := range t.Rows {
			t.Rows[i] = slices.Delete(t.Rows[i], 1, 2)
		}
		t.Left, t.Head = 2, slices.Delete(t.Head, 1, 2)
	}
	return told(t)
}

// told leaves out the columns without a number, and adds the note.
func told(t layout.Table) layout.Table {
	if len(t.Rows) == 0 {
		return t
	}
	for i := len(t.Head) - 1; i >= t.Left; i-- {
		if slices.ContainsFunc(t.Rows, func(row []string) bool { return row[i] != layout.None }) {
			continue
		}
		t.Head = slices.Delete(t.Head, i, i+1)
		for j := range t.Rows {
			t.Rows[j] = slices.Delete(t.Rows[j], i, i+1)
		}
	}
	t.Note = networkNote
	return t
}

// networkCells are the columns of networkHead for the trials of one phase and direction.
func networkCells(rows []*result.NetworkRow) []string {
	var sum result.NetworkRow
	for _, r := range rows {
		sum.Packets, sum.Lost, sum.Full, sum.Outage = sum.Packets+r.Packets, sum.Lost+r.Lost, sum.Full+r.Full, sum.Outage+r.Outage
		sum.Stale, sum.Overtook, sum.Outages, sum.Moves = sum.Stale+r.Stale, sum.Overtook+r.Overtook, sum.Outages+r.Outages, sum.Moves+r.Moves
	}
	of := func(v func(r *result.NetworkRow) float64) float64 {
		vs := make([]float64, len(rows))
		for i, r := range rows {
			vs[i] = v(r)
		}
		slices.Sort(vs)
		return vs[len(vs)/2]
	}
	probed := func(v func(r *result.NetworkRow) int64) string {
		return layout.Known(of(func(r *result.NetworkRow) float64 { return float64(v(r)) }), layout.Micros)
	}
	asked := rows[0]
	delay := layout.Micros(float64(asked.AskedUs))
	if asked.JitterUs > 0 {
		delay += " ±" + layout.Micros(float64(asked.JitterUs))
	}
	outages := counted(sum.Outages)
	if sum.Outages > 0 && asked.AskedOutageS > 0 {
		outages = fmt.Sprintf("%s of %s", outages, layout.Seconds(asked.AskedOutageS))
	}
	share := func(n int64) string { return layout.Share(float64(n) / float64(max(sum.Packets, 1))) }
	return []string{
		delay,
		probed(func(r *result.NetworkRow) int64 { return r.DelayP50us }),
		probed(func(r *result.NetworkRow) int64 { return r.DelayP99us }),
		probed(func(r *result.NetworkRow) int64 { return r.AddedP99us }),
		layout.Share(asked.AskedLoss), share(sum.Lost),
		layout.Known(asked.AskedRate, perSecond), layout.Known(of(func(r *result.NetworkRow) float64 { return r.Rate }), perSecond),
		outages, counted(sum.Moves), layout.Count(sum.Packets), counted(sum.Full), counted(sum.Outage), counted(sum.Stale),
		layout.Known(asked.AskedReorder, layout.Share), counted(sum.Overtook),
	}
}

// perSecond writes a rate in the units of scenarios, where a kB is 1000 bytes.
func perSecond(v float64) string {
	if v >= 1e6 {
		return layout.Significant(v/1e6) + layout.Nbsp + "MB/s"
	}
	return layout.Significant(v/1e3) + layout.Nbsp + "kB/s"
}

// counted is a number of events that most networks do not have.
func counted(n int64) string {
	if n == 0 {
		return layout.None
	}
	return layout.Count(n)
}
