package main

import (
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/result"
)

// An expectation is what must come out of a fault, for some workloads.
type expectation struct {
	fault     string
	workloads string // names, separated by blanks
	verdict   result.Verdict
	says      string // part of the reason for the verdict
	// ends is how many connections end: none, some or all.
	ends string
	// loses allows deliveries to be lost that were due around the fault.
	loses bool
	// recovered says that all clients that lost their connection come back as the sockets they
	// were.
	recovered bool
	// cut says that the run does not go on to its planned end with all of its clients; how many
	// connections end is not looked at then.
	cut bool
}

const (
	none = "none"
	some = "some"
	all  = "all"
)

// expected has a row for each cell. A slow network and a server that stands still delay
// messages and lose none. Where connections end, what was on its way is lost, unless clients
// recover. A fault that the file orders explains that, and the run passes; one that nobody
// ordered fails it. A run without one of its agents has another load than was asked for, and
// is invalid. The broker of a fleet carries no message of the load, and the agents outlast it.
var expected = []expectation{
	{fault: "latency", workloads: everywhere, verdict: result.Pass, ends: none},
	{fault: "jitter", workloads: everywhere, verdict: result.Pass, ends: none},
	{fault: "bandwidth", workloads: everywhere, verdict: result.Pass, ends: none},
	{fault: "reset", workloads: "broadcast rooms echo cluster fleet", verdict: result.Pass, ends: some, loses: true},
	{fault: "reset", workloads: "recovery", verdict: result.Pass, ends: some, recovered: true},
	{fault: "half-open", workloads: "broadcast rooms echo cluster fleet", verdict: result.Pass, ends: some, loses: true},
	{fault: "half-open", workloads: "recovery", verdict: result.Pass, ends: some, loses: true},
	{fault: "server-stopped", workloads: everywhere, verdict: result.Pass, ends: none},
	{fault: "server-killed", workloads: "broadcast rooms echo recovery fleet", verdict: result.Pass, ends: all, loses: true},
	{fault: "server-killed", workloads: "cluster", verdict: result.Pass, ends: some, loses: true},
	{fault: "server-crashed", workloads: everywhere, verdict: result.Fail, says: "the server exited by itself", loses: true, cut: true},
	{fault: "agent-stopped", workloads: "fleet", verdict: result.Invalid, says: "agent", cut: true},
	{fault: "agent-killed", workloads: "fleet", verdict: result.Invalid, says: "agent", cut: true},
	{fault: "broker-stopped", workloads: "cluster fleet", verdict: result.Pass, ends: none},
	{fault: "broker-killed", workloads: "cluster", verdict: result.Pass, ends: none, loses: true},
	{fault: "broker-killed", workloads: "fleet", verdict: result.Pass, ends: none},
}

// expectationOf finds the row of a cell; nil: there is none.
func expectationOf(w *workload, f *fault) *expectation {
	for i := range expected {
		if e := &expected[i]; e.fault == f.name && slices.Contains(strings.Fields(e.workloads), w.name) {
			return e
		}
	}
	return nil
}

// A cell is one workload under one fault.
type cell struct {
	load  *workload
	fault *fault
	want  *expectation
}

func (c *cell) name() string { return c.load.name + "/" + c.fault.name }

// plan lists the cells of some workloads and faults, the workloads one after the other, since the
// cells of one share their servers. briefly is one cell for each fault.
func plan(loads, of []string, briefly bool) (all []*cell) {
	for _, w := range workloads {
		for _, f := range faults {
			if slices.Contains(loads, w.name) && slices.Contains(of, f.name) && f.happensTo(w) && (!briefly || f.quick == w.name) {
				all = append(all, &cell{w, f, expectationOf(w, f)})
			}
		}
	}
	return all
}
