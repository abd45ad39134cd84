package main

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

//go:embed scenarios/*.yaml
var scenarios embed.FS

// A measure is a number of a trial.
type measure struct {
	name, title string
	less        bool // is better
	// of tells the value; false: the trial has none
	of func(c *result.Cell) (float64, bool)
}

// A contest is a scenario over a transport. Its first measure ranks.
type contest struct {
	scenario, transport string
	set                 map[string]string
	measures            []measure
	quick               bool // also of --quick
	summary             bool // in the figure that sums up
}

func (c *contest) name() string { return c.scenario + "/" + c.transport }

var (
	memory = measure{name: "memory_client_kib", title: "memory a client, KiB", less: true, of: func(c *result.Cell) (float64, bool) {
		return float64(c.Server.RSSPerClientBytes) / 1024, c.Server.RSSPerClientBytes > 0
	}}
	each = measure{name: "cpu_client_us", title: "CPU time a client, µs", less: true, of: func(c *result.Cell) (float64, bool) {
		return c.Server.CPUs * 1e6 / float64(c.Clients.Asked), c.Server.CPUs > 0 && c.Clients.Asked > 0
	}}
	deliveries = measure{name: "deliveries_cpu_s", title: "deliveries a CPU second", of: func(c *result.Cell) (float64, bool) {
		return c.Server.DeliveriesPerCPUs, c.Server.DeliveriesPerCPUs > 0
	}}
	acks = measure{name: "acks_cpu_s", title: "acknowledgements a CPU second", of: func(c *result.Cell) (float64, bool) {
		l := c.Latency[metric.Ack]
		if l == nil || c.Server.CPUs == 0 {
			return 0, false
		}
		return float64(l.N) / c.Server.CPUs, true
	}}
	lost = measure{name: "lost", title: "lost", less: true, of: func(c *result.Cell) (float64, bool) {
		return float64(c.Ledger.Lost), c.Ledger.Expected > 0
	}}
)

// milliseconds is a percentile of a latency.
func milliseconds(title, of string, percent float64) measure {
	name := fmt.Sprintf("p%v_%s_ms", percent, of)
	return measure{name: name, title: fmt.Sprintf("%s p%v, ms", title, percent), less: true, of: func(c *result.Cell) (float64, bool) {
		l := c.Latency[of]
		if l == nil || l.N == 0 {
			return 0, false
		}
		us := l.P50us
		if percent == 99 {
			us = l.P99us
		}
		return float64(us) / 1000, true
	}}
}

var contests = func() []*contest {
	echo := []measure{acks, milliseconds("answer", metric.Ack, 50), milliseconds("answer", metric.Ack, 99)}
	broadcast := []measure{deliveries, milliseconds("to the last", metric.FanoutLast, 50), milliseconds("to the last", metric.FanoutLast, 99), lost}
	rooms := []measure{deliveries, milliseconds("delivery", metric.Delivery, 50), milliseconds("delivery", metric.Delivery, 99), lost}
	herd := []measure{milliseconds("back", metric.Reconnect, 99), each}
	idle := []measure{memory, each}
	few := func(clients int, rate string) map[string]string {
		return map[string]string{"vars.clients": strconv.Itoa(clients), "vars.rate": rate}
	}
	return []*contest{
		{scenario: "echo", transport: "websocket", measures: echo, quick: true, summary: true},
		{scenario: "echo", transport: "polling", measures: echo, set: few(50, "2/s")},
		{scenario: "broadcast", transport: "websocket", measures: broadcast, quick: true, summary: true},
		{scenario: "broadcast", transport: "polling", measures: broadcast, set: few(60, "4/s")},
		{scenario: "rooms-zipf", transport: "websocket", measures: rooms},
		{scenario: "rooms-zipf", transport: "polling", measures: rooms, set: few(80, "0.3/s")},
		{scenario: "herd", transport: "websocket", measures: herd},
		{scenario: "idle", transport: "websocket", measures: idle, summary: true},
		{scenario: "idle", transport: "polling", measures: idle, set: map[string]string{"vars.clients": "300"}},
	}
}()

// chosen returns the contests with one of the names: of a scenario, or of a scenario and a
// transport.
func chosen(names []string, quick bool) ([]*contest, error) {
	var some []*contest
	for _, c := range contests {
		if len(names) == 0 && (!quick || c.quick) || slices.Contains(names, c.scenario) || slices.Contains(names, c.name()) {
			some = append(some, c)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(some, func(c *contest) bool { return name == c.scenario || name == c.name() }) {
			var all []string
			for _, c := range contests {
				all = append(all, c.name())
			}
			return nil, fmt.Errorf("no contest %q; there are %s", name, strings.Join(all, ", "))
		}
	}
	return some, nil
}

// file is the scenario for a peer that listens on a port.
func (c *contest) file(p *peer, port int) (*file.File, error) {
	name := "scenarios/" + c.scenario + ".yaml"
	text, err := scenarios.ReadFile(name)
	if err != nil {
		return nil, err
	}
	set := map[string]string{"target.url": "http://127.0.0.1:" + strconv.Itoa(port), "vars.transport": c.transport}
	if p.Engine != 0 {
		set["target.engine"] = strconv.Itoa(p.Engine)
	}
	maps.Copy(set, c.set)
	return file.Parse(name, text, set)
}
