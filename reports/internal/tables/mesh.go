package tables

import (
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// MeshStages are the stages of opening a data channel, in order.
var MeshStages = []string{metric.ChannelSignalling, metric.ChannelICE, metric.ChannelDTLS, metric.ChannelOpen}

// SetUp is the time that a stage of the channels took, over the trials both ways.
func SetUp(m *selection.Mesh, stage string) *result.Latency {
	var ls []*result.Latency
	for _, c := range m.Valid() {
		ls = append(ls, c.Latency[stage])
	}
	l, err := result.Merge(ls...)
	if err != nil {
		return nil
	}
	return l
}

// MeshTable has a row per size of rooms whose members have data channels to each other: how many
// there are, and how long they took to open.
func MeshTable(ms []selection.Mesh) layout.Table {
	t := layout.Table{Title: "How a mesh grows with its room", Left: 1, Head: []string{
		"", "channels/room", "set-up p50", "max", "signalling p50", "ICE p50", "DTLS p50", "open p50", "channels opened", "fell back", "memory of the clients",
	}}
	p50 := selection.Percentiles[selection.P50]
	for i := range ms {
		m := &ms[i]
		all := SetUp(m, metric.Channel)
		if all == nil || all.N == 0 {
			continue
		}
		row := []string{m.Label, layout.Significant(m.Members * (m.Members - 1) / 2), ShowPercentile(p50, all), layout.Micros(float64(all.Maxus))}
		for _, stage := range MeshStages {
			row = append(row, ShowPercentile(p50, SetUp(m, stage)))
		}
		opened, fell := int64(0), int64(0)
		for _, c := range m.Valid() {
			opened, fell = opened+c.Peers.Open, fell+c.Peers.Fallback
		}
		memory := selection.Over(m.Direct.Valid(), func(c *result.Cell) (float64, bool) {
			return float64(c.Generator.RSSPeakBytes), c.Generator.RSSPeakBytes > 0
		})
		t.Rows = append(t.Rows, append(row, layout.Count(opened), layout.Count(fell), ShowSpread(memory, layout.Bytesize)))
	}
	if len(t.Rows) > 0 {
		t.Note = "Set-up is from when a client heard of a peer until the channel to it was open, the sum of the four stages; trials by the server open the same channels and count too. Opened and fallen back channels are counted at both ends. Memory is the peak of the whole process."
	}
	return t
}

// SavedTable has a row per size of rooms: what a delivery by data channels takes beside the same
// message by the server, of the server and of the clients.
func SavedTable(ms []selection.Mesh) layout.Table {
	t := layout.Table{Title: "What the server saves: by data channels / by the server", Left: 1, Head: []string{
		"", "server CPU/delivery", "saved", "bytes through the server/delivery", "saved", "clients' CPU/delivery", "delivery p50", "delivery p90",
	}}
	for i := range ms {
		m := &ms[i]
		if len(m.Relayed.Valid()) == 0 || len(m.Direct.Valid()) == 0 {
			continue
		}
		both := func(value func(*result.Cell) (float64, bool), show func(float64) string) (text, saved string) {
			d, r := selection.Over(m.Direct.Valid(), value), selection.Over(m.Relayed.Valid(), value)
			text, saved = layout.None, layout.None
			if d.N > 0 && r.N > 0 {
				text = show(d.Mid) + " / " + show(r.Mid)
				if r.Mid > 0 {
					saved = layout.Share(1 - d.Mid/r.Mid)
				}
			}
			return text, saved
		}
		cpu, cpuSaved := both(selection.ServerCPUPerDelivery, layout.Micros)
		bytes, bytesSaved := both(selection.BytesPerDelivery, layout.Significant)
		clients, _ := both(selection.ClientCPUPerDelivery, layout.Micros)
		p50, _ := both(selection.LatencyOf(metric.Delivery, selection.P50), layout.Micros)
		p90, _ := both(selection.LatencyOf(metric.Delivery, selection.P90), layout.Micros)
		t.Rows = append(t.Rows, []string{m.Label, cpu, cpuSaved, bytes, bytesSaved, clients, p50, p90})
	}
	if len(t.Rows) > 0 {
		t.Note = "Medians of the valid trials, in the recorded phases: the set-up of the channels goes by the server too, before them."
	}
	return t
}
