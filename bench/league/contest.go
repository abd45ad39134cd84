package main

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
)

//go:embed scenarios/*.yaml
var scenarios embed.FS

// A contest is a scenario over a transport. Its first measure ranks.
type contest struct {
	scenario, transport string
	set                 map[string]string
	measures            []rounds.Measure
	quick               bool // also of --quick
	summary             bool // in the figure that sums up
}

func (c *contest) name() string { return c.scenario + "/" + c.transport }

var contests = func() []*contest {
	echo := []rounds.Measure{rounds.Acks, rounds.Milliseconds("answer", metric.Ack, 50), rounds.Milliseconds("answer", metric.Ack, 99)}
	broadcast := []rounds.Measure{rounds.Deliveries, rounds.Milliseconds("to the last", metric.FanoutLast, 50), rounds.Milliseconds("delivery", metric.Delivery, 99), rounds.Lost}
	rooms := []rounds.Measure{rounds.Deliveries, rounds.Milliseconds("delivery", metric.Delivery, 50), rounds.Milliseconds("delivery", metric.Delivery, 99), rounds.Lost}
	herd := []rounds.Measure{rounds.Milliseconds("back", metric.Reconnect, 99), rounds.CPUPerClient}
	idle := []rounds.Measure{rounds.Memory, rounds.CPUPerClient}
	few := func(clients int, rate string) map[string]string {
		return map[string]string{"vars.clients": strconv.Itoa(clients), "vars.rate": rate}
	}
	return []*contest{
		{scenario: "echo", transport: "websocket", measures: echo, quick: true, summary: true},
		{scenario: "echo", transport: "polling", measures: echo[:2], set: few(50, "2/s")},
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
