package main

import (
	"fmt"
	"strings"
	"time"
)

// A workload is a load that meets faults: its clients, and the servers that they need.
type workload struct {
	name   string
	groups string // of the scenario
	resume string // how long the servers let clients come back as the sockets that they were; "": not at all
	nodes  int    // servers; several are connected by a broker
	agents int    // that run the clients; 0: they are in the process of the run
}

func (w *workload) key() string { return w.name }

// heartbeat is short, so that connections without a network are noticed within a phase, and long
// enough for a server that stands still for two seconds.
var heartbeat = []string{"--ping-interval", "1s", "--ping-timeout", "4s"}

const (
	rejoins = "reconnect: {min: 100ms, max: 1s, jitter: 50%}"
	resumes = "reconnect: {min: 100ms, max: 1s, jitter: 50%, recover: true}"
)

// people are clients that speak in rooms of five.
func people(reconnect string) string {
	return fmt.Sprintf(`
  people:
    count: 40
    transport: websocket
    connect: {rate: 40/s, timeout: 10s}
    rooms: {of: 8, join: 1}
    %s
    send: [{op: room, rate: 2/s, size: 300B, expect: others, late: 8s}]`, reconnect)
}

var workloads = []*workload{
	{name: "broadcast", nodes: 1, groups: `
  viewers: {count: 40, transport: websocket, connect: {rate: 40/s, timeout: 10s}, ` + rejoins + `}
  speaker:
    count: 1
    transport: websocket
    ` + rejoins + `
    send: [{op: all, event: news, rate: 10/s, size: 300B, expect: others, late: 8s}]`},
	{name: "rooms", nodes: 1, groups: people(rejoins)},
	{name: "echo", nodes: 1, groups: `
  people:
    count: 40
    transport: {websocket: 50%, polling: 25%, upgrade: 25%}
    connect: {rate: 40/s, timeout: 10s}
    ` + rejoins + `
    send: [{op: echo, rate: 8/s, size: 300B, late: 8s}]`},
	{name: "recovery", nodes: 1, groups: people(resumes), resume: "20s"},
	{name: "cluster", nodes: 3, groups: people(rejoins)},
	{name: "fleet", nodes: 1, groups: people(rejoins), agents: 2},
}

// lengths are those of a trial's phases, apart from that of the fault.
type lengths struct {
	before, after time.Duration
}

var (
	whole = lengths{before: 3 * time.Second, after: 5 * time.Second}
	quick = lengths{before: time.Second, after: 3 * time.Second}
)

// scenario is the text of a workload's file under a fault. at are the addresses of the
// servers; none means that the run starts them.
func (w *workload) scenario(f *fault, long lengths, at []string, act string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nname: %s-%s\n", w.name, f.name)
	switch {
	case len(at) == 0:
		fmt.Fprintf(&b, "server: {listen: \"127.0.0.1:0\", nodes: %d", w.nodes)
		if w.nodes > 1 {
			b.WriteString(", adapter: nats")
		}
		if w.resume != "" {
			b.WriteString(", recovery: " + w.resume)
		}
		b.WriteString("}\n")
	case len(at) == 1:
		fmt.Fprintf(&b, "target: {url: %q}\n", at[0])
	default:
		fmt.Fprintf(&b, "targets: [\"%s\"]\n", strings.Join(at, `", "`))
	}
	fmt.Fprintf(&b, "groups:%s\n", w.groups)
	b.WriteString("phases:\n  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}\n")
	fmt.Fprintf(&b, "  - {name: before, for: %s}\n", long.before)
	if act != "" {
		fmt.Fprintf(&b, "  - {name: fault, for: %s, fault: %s}\n", f.lasts, act)
	} else {
		fmt.Fprintf(&b, "  - {name: fault, for: %s}\n", f.lasts)
	}
	fmt.Fprintf(&b, "  - {name: after, for: %s}\n", long.after)
	// How exactly times are measured is no matter here: whether messages come is.
	b.WriteString("valid: [p99(lag) < 2s, p99(lag.receive) < 2s, achieved(rate) > 50%]\nreport: {formats: [json]}\n")
	return b.String()
}
