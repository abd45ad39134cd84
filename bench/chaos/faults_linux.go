package main

import (
	"fmt"
	"strings"
	"time"
)

// A fault is something that happens to a workload.
type fault struct {
	name  string
	title string        // in the manual
	lasts time.Duration // its phase
	// act is the `fault:` of the scenario, in which {server}, {agent} and {broker} are the
	// numbers of processes; "": it comes from outside.
	act string
	// ends is when the fault is over, after its phase began; 0: with the phase.
	ends  time.Duration
	meets string // names of workloads, separated by blanks
	quick string // the workload that it happens to in a quick run
	// outside does it while the run is going on, and returns when it is done. nil: the
	// scenario does it.
	outside func(s *stage, run *process, afterwards time.Duration) error
	after   func(s *stage) error // when the run has ended; nil: nothing is left to do
	kills   string               // server, agent or broker: the process that is started again
}

// everywhere are the workloads that have what the fault happens to: all of them.
const everywhere = "broadcast rooms echo recovery cluster fleet"

const (
	stands = 2 * time.Second // that a process stands still
	gone   = time.Second     // from the end of a killed process until it is started again
)

func stop(what string) string {
	return fmt.Sprintf(`{run: [sh, -c, "kill -STOP {%s} && sleep %g && kill -CONT {%[1]s}"]}`, what, stands.Seconds())
}

func kill(what string) string { return fmt.Sprintf(`{run: [kill, -KILL, "{%s}"]}`, what) }

var faults = []*fault{
	{
		name: "latency", title: "network with 200 ms of delay each way", lasts: 3 * time.Second,
		act: `{network: {delay: 200ms}}`, meets: everywhere, quick: "rooms",
	},
	{
		name: "jitter", title: "network with 20 to 180 ms of delay each way", lasts: 3 * time.Second,
		act: `{network: {delay: 100ms, jitter: 80ms}}`, meets: everywhere, quick: "broadcast",
	},
	{
		name: "bandwidth", title: "network with 2 kB/s for each connection", lasts: 3 * time.Second,
		act: `{network: {rate: 2kB/s}}`, meets: everywhere, quick: "recovery",
	},
	{
		name: "reset", title: "half of the connections reset within a second", lasts: 3 * time.Second, ends: time.Second,
		act: `{network: {reset: 50%}, within: 1s}`, meets: everywhere, quick: "recovery",
	},
	{
		name: "half-open", title: "half of the connections half open for 7 s", lasts: 7 * time.Second,
		act: `{network: {half_open: 50%}, within: 500ms}`, meets: everywhere, quick: "rooms",
	},
	{
		name: "server-stopped", title: "server stands still for 2 s (SIGSTOP)", lasts: 3 * time.Second, ends: stands,
		act: stop("server"), meets: everywhere, quick: "echo",
	},
	{
		name: "server-killed", title: "server killed (SIGKILL), started again after 1 s", lasts: 4 * time.Second, ends: gone,
		act: kill("server"), meets: everywhere, quick: "cluster", kills: "server",
	},
	{
		name: "server-crashed", title: "server of the run killed, and no fault in the file", lasts: 3 * time.Second,
		meets: everywhere, quick: "broadcast", outside: (*stage).crash,
	},
	{
		name: "agent-stopped", title: "agent stands still (SIGSTOP) until the run is over", lasts: 3 * time.Second,
		act: `{run: [kill, -STOP, "{agent}"]}`, meets: "fleet", quick: "fleet", after: (*stage).wake,
	},
	{
		name: "agent-killed", title: "agent killed (SIGKILL), started again after 1 s", lasts: 3 * time.Second, ends: gone,
		act: kill("agent"), meets: "fleet", quick: "fleet", kills: "agent",
	},
	{
		name: "broker-stopped", title: "broker stands still for 2 s (SIGSTOP)", lasts: 3 * time.Second, ends: stands,
		act: stop("broker"), meets: "cluster fleet", quick: "fleet",
	},
	{
		name: "broker-killed", title: "broker killed (SIGKILL), started again after 1 s", lasts: 4 * time.Second, ends: gone,
		act: kill("broker"), meets: "cluster fleet", quick: "cluster", kills: "broker",
	},
}

func (f *fault) key() string { return f.name }

// happensTo reports whether a workload has what the fault happens to.
func (f *fault) happensTo(w *workload) bool {
	for name := range strings.FieldsSeq(f.meets) {
		if name == w.name {
			return true
		}
	}
	return false
}
