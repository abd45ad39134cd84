package selection

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// The directions of a network, as results name them.
const (
	Up   = "up"
	Down = "down"
)

// RecordedRows are the rows of a cell's network in its recorded phases.
func RecordedRows(c *result.Cell) (rows []*result.NetworkRow) {
	if c.Network == nil {
		return nil
	}
	for i := range c.Network.Rows {
		r := &c.Network.Rows[i]
		if slices.ContainsFunc(c.Phases, func(p result.Phase) bool { return p.Record && p.Name == r.Phase }) {
			rows = append(rows, r)
		}
	}
	return rows
}

// Blocked is what one setting of the loss of packets cost the messages of one kind of traffic.
type Blocked struct {
	Asked    float64 // loss that was asked for, of the direction with more; 0..1
	Up, Down float64 // loss that was measured; 0..1
	Latency  *result.Latency
	// share of the messages with a lost packet of their own, where a message is a packet each way
	Own float64
	// share of the messages that took more than a tenth longer than 99 of 100 did at the least loss
	Delayed float64
}

// A BlockedSeries is one kind of traffic over several losses, the least first.
type BlockedSeries struct {
	Label  string
	Points []Blocked
}

// Blocking compares what a metric became as a network lost more: the cells differ in an axis that
// sets the loss, and each combination of the other axes is a series. There are none unless at least
// two losses were run with samples enough for a 99th percentile. It is for metrics of messages that
// go both ways, or from one client to another: acknowledgements and deliveries.
func Blocking(run *result.Run, gs []Group, metricName string) ([]BlockedSeries, error) {
	axis := lossAxis(run, gs)
	if axis == "" || metricName != metric.Ack && metricName != metric.Delivery {
		return nil, nil
	}
	others := slices.DeleteFunc(Varying(run), func(k string) bool { return k == axis })
	var all []BlockedSeries
	for _, g := range gs {
		b, err := blocked(g, metricName)
		if err != nil {
			return nil, fmt.Errorf("what loss did to %s of %s: %w", metricName, g.Label, err)
		}
		if b == nil {
			continue
		}
		label := cmp.Or(Label(g.Cells[0], others), metricName)
		i := slices.IndexFunc(all, func(s BlockedSeries) bool { return s.Label == label })
		if i < 0 {
			i = len(all)
			all = append(all, BlockedSeries{Label: label})
		}
		all[i].Points = append(all[i].Points, *b)
	}
	for i := range all {
		if err := all[i].compare(); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(s BlockedSeries) bool { return len(s.Points) < 2 }), nil
}

// lossAxis is the axis whose value alone says how many packets are lost; "" without one.
func lossAxis(run *result.Run, gs []Group) string {
	for _, axis := range Varying(run) {
		of, differ, fits := map[string]float64{}, map[float64]bool{}, true
		for _, g := range gs {
			asked, ok := askedLoss(g.Cells[0])
			was, seen := of[g.Cells[0].Params[axis]]
			if !ok || seen && was != asked {
				fits = false
				break
			}
			of[g.Cells[0].Params[axis]], differ[asked] = asked, true
		}
		if fits && len(differ) > 1 {
			return axis
		}
	}
	return ""
}

// askedLoss is the loss that all recorded phases of a cell have in common.
func askedLoss(c *result.Cell) (loss float64, ok bool) {
	of := map[string]float64{}
	for _, r := range RecordedRows(c) {
		if was, seen := of[r.Direction]; seen && was != r.AskedLoss {
			return 0, false
		}
		of[r.Direction] = r.AskedLoss
	}
	return max(of[Up], of[Down]), len(of) == 2
}

// blocked merges the valid trials of a group; nil: they have too few samples.
func blocked(g Group, metricName string) (*Blocked, error) {
	var ls []*result.Latency
	var packets, lost [2]int64
	for _, c := range g.Valid() {
		ls = append(ls, c.Latency[metricName])
		for _, r := range RecordedRows(c) {
			i := 0
			if r.Direction == Down {
				i = 1
			}
			packets[i], lost[i] = packets[i]+r.Packets, lost[i]+r.Lost
		}
	}
	l, err := result.Merge(ls...)
	if err != nil || l == nil || l.N < Percentiles[P99].N || min(packets[0], packets[1]) == 0 {
		return nil, err
	}
	b := &Blocked{Latency: l, Up: float64(lost[0]) / float64(packets[0]), Down: float64(lost[1]) / float64(packets[1])}
	b.Asked, _ = askedLoss(g.Cells[0])
	b.Own = 1 - (1-b.Up)*(1-b.Down)
	return b, nil
}

// compare sorts the points, and compares them with that of the least loss.
func (s *BlockedSeries) compare() error {
	slices.SortStableFunc(s.Points, func(a, b Blocked) int { return cmp.Compare(a.Asked, b.Asked) })
	limit := s.Points[0].Latency.P99us * 11 / 10
	for i := range s.Points {
		p := &s.Points[i]
		samples, err := p.Latency.Samples()
		if err != nil {
			return err
		}
		above := samples.Total() - samples.Count() // what never came is delayed
		for _, bar := range samples.Ended.Distribution() {
			if bar.From > limit {
				above += bar.Count
			}
		}
		p.Delayed = float64(above) / float64(samples.Total())
	}
	return nil
}
