package rounds

import (
	"fmt"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A Measure is a number of a trial.
type Measure struct {
	Name, Title string
	Less        bool // is better
	// Of tells the value; false: the trial has none.
	Of func(c *result.Cell) (float64, bool)
}

// What trials of servers are compared by.
var (
	Memory = Measure{Name: "memory_client_kib", Title: "memory a client, KiB", Less: true, Of: func(c *result.Cell) (float64, bool) {
		return float64(c.Server.RSSPerClientBytes) / 1024, c.Server.RSSPerClientBytes > 0
	}}
	CPUPerClient = Measure{Name: "cpu_client_us", Title: "CPU time a client, µs", Less: true, Of: func(c *result.Cell) (float64, bool) {
		return c.Server.CPUs * 1e6 / float64(c.Clients.Asked), c.Server.CPUs > 0 && c.Clients.Asked > 0
	}}
	Deliveries = Measure{Name: "deliveries_cpu_s", Title: "deliveries a CPU second", Of: func(c *result.Cell) (float64, bool) {
		return c.Server.DeliveriesPerCPUs, c.Server.DeliveriesPerCPUs > 0
	}}
	Acks = Measure{Name: "acks_cpu_s", Title: "acknowledgements a CPU second", Of: func(c *result.Cell) (float64, bool) {
		l := c.Latency[metric.Ack]
		if l == nil || c.Server.CPUs == 0 {
			return 0, false
		}
		return float64(l.N) / c.Server.CPUs, true
	}}
	Lost = Measure{Name: "lost", Title: "deliveries lost", Less: true, Of: func(c *result.Cell) (float64, bool) {
		return float64(c.Ledger.Lost), c.Ledger.Expected > 0
	}}
)

// Milliseconds is the median or the 99th percentile of a latency, of a trial that has the samples
// to say so.
func Milliseconds(title, of string, percent int) Measure {
	name := fmt.Sprintf("p%d_%s_ms", percent, of)
	return Measure{Name: name, Title: fmt.Sprintf("%s p%d, ms", title, percent), Less: true, Of: func(c *result.Cell) (float64, bool) {
		l := c.Latency[of]
		if l == nil || l.N+l.Never < max(1, metric.Takes(of, float64(percent))) {
			return 0, false
		}
		us := l.P50us
		if percent == 99 {
			us = l.P99us
		}
		return float64(us) / 1000, true
	}}
}
