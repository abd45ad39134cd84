package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/result"
)

// A way is how messages are carried.
type way struct {
	name, transport, parser string
	binary                  bool
}

var ways = []way{
	{name: "websocket", transport: "websocket"},
	{name: "polling", transport: "polling"},
	{name: "upgrade", transport: "upgrade"},
	{name: "MessagePack", transport: "websocket", parser: "msgpack"},
	{name: "binary", transport: "websocket", binary: true},
}

// A life is what the clients do besides sending and receiving.
type life struct {
	name     string
	group    string // keys of the group
	cuts     bool   // the server breaks connections
	recovers bool
	changes  bool // memberships change, so that some deliveries are undecided
}

var lives = []life{
	{name: "steady"},
	{name: "churn", group: "life: 'exp(2s)'", changes: true},
	{name: "moves", changes: true}, // in rooms:
	{name: "reconnects", group: "reconnect: {min: 50ms, max: 100ms}", cuts: true, changes: true},
	{name: "recovery", group: "reconnect: {min: 50ms, max: 100ms, recover: true}", cuts: true, recovers: true, changes: true},
}

// A cell is one run against one server.
type cell struct {
	what    string
	way     way
	life    life
	faults  []planted.Fault
	people  string        // keys of the receiving group, beside the keys of the way and of the life
	sends   string        // the stream of the group
	speaker string        // the stream of a client that only speaks; "": there is none
	late    time.Duration // limit of a delivery; default lateAfter
	quick   bool
	verdict result.Verdict
	compare func(o *outcome) []line
}

func (c *cell) name() string { return c.what + ", " + c.way.name + ", " + c.life.name }

// clients is how many are in the group.
const clients = 8

// Limits of the scenario: what a delivery and a call may take, and what connecting may.
const (
	lateAfter    = 300 * time.Millisecond
	answerWithin = 500 * time.Millisecond
	connectIn    = 400 * time.Millisecond
)

func (c *cell) scenario(url string) string {
	group := func(keys ...string) string {
		var b strings.Builder
		for _, k := range append(keys, "transport: "+c.way.transport, "parser: "+c.way.parser) {
			if !strings.HasSuffix(k, ": ") && k != "" {
				fmt.Fprintf(&b, "    %s\n", k)
			}
		}
		return b.String()
	}
	stream := func(s string) string {
		if s == "" {
			return ""
		}
		if strings.Contains(s, "expect:") {
			s += fmt.Sprintf(", late: %v", c.late)
		}
		if c.way.binary {
			s += ", binary: true"
		}
		return fmt.Sprintf("send: [{%s}]", s)
	}
	speaker := ""
	if c.speaker != "" {
		speaker = "  speaker:\n" + group("count: 1", fmt.Sprintf("connect: {timeout: %v}", connectIn), c.life.group, stream(c.speaker))
	}
	return fmt.Sprintf(`version: 1
name: truth
target: {url: %q}
groups:
  people:
%s%sphases:
  - {name: ramp, for: 500ms, clients: 0%%..100%%, load: 0%%, record: false}
  - {name: hold, for: 2s}
  - {name: rest, for: 700ms, load: 0%%}
valid: [p99(lag) < 10s, p99(lag.receive) < 10s]
`, url, group(fmt.Sprintf("count: %d", clients), fmt.Sprintf("connect: {rate: 100/s, timeout: %v}", connectIn), c.people, c.life.group, stream(c.sends)), speaker)
}

const toRoom = "op: room, rate: 20/s, size: 128B, expect: all"

func (c *cell) options() planted.Options {
	opt := planted.Options{Faults: c.faults, Recovery: c.life.recovers, Spare: 1}
	if c.way.parser != "" {
		opt.Parser = socketio.MessagePack
	}
	return opt
}

// mistakes are those of deliveries, each in messages of its own.
var mistakes = []planted.Fault{
	{Kind: planted.Loss, Every: 30, From: 3},
	{Kind: planted.Duplicate, Every: 30, From: 8},
	{Kind: planted.Shorten, Every: 30, From: 10},
	{Kind: planted.Swap, Every: 30, From: 13},
	{Kind: planted.Misname, Every: 30, From: 15},
	{Kind: planted.Stranger, Every: 30, From: 18},
	{Kind: planted.Garble, Every: 30, From: 23},
	{Kind: planted.Corrupt, Every: 30, From: 28},
}

// cells lists all that is compared.
func cells() (out []*cell) {
	for _, w := range ways {
		for _, l := range lives {
			if l.recovers && w.parser != "" {
				continue // the official server recovers with JSON alone
			}
			rooms := "rooms: {of: 2, join: 1}"
			if l.name == "moves" {
				rooms = "rooms: {of: 2, join: 1, move: 'exp(2s)'}"
			}
			var cuts []planted.Fault
			if l.cuts {
				cuts = []planted.Fault{{Kind: planted.Cut, Every: 45, From: 20}}
			}
			out = append(out,
				&cell{what: "no mistakes", way: w, life: l, people: rooms, sends: toRoom, faults: cuts, verdict: verdictOf(l.cuts), compare: deliveries},
				&cell{
					what: "mistakes in deliveries", way: w, life: l, people: rooms, sends: toRoom, faults: append(cuts, mistakes...),
					verdict: result.Fail, compare: deliveries, quick: l.name == "steady" || w.name == "websocket" && (l.name == "churn" || l.recovers),
				})
		}
		out = append(out, special(w)...)
	}
	for _, c := range out {
		c.late = cmp.Or(c.late, lateAfter)
	}
	return out
}

// verdictOf is that of a run in which nothing or something went wrong.
func verdictOf(wrong bool) result.Verdict {
	if wrong {
		return result.Fail
	}
	return result.Pass
}

// special are the cells of one kind of mistake.
func special(w way) []*cell {
	steady, back, recovery := lives[0], lives[3], lives[4]
	const all = "op: all, rate: 50/s, size: 128B, expect: others"
	const call = "op: echo, rate: 10/s, size: 128B, ack: 500ms"
	// The stall is no multiple of the stream's period, so that no delivery is late by as much as
	// the clock is inexact.
	out := []*cell{
		{what: "delay", way: w, life: steady, speaker: all, faults: []planted.Fault{{Kind: planted.Delay, For: 40 * time.Millisecond}}, verdict: result.Pass, compare: delays},
		{what: "stall", way: w, life: steady, speaker: all, faults: []planted.Fault{{Kind: planted.Stall, Every: 1000, From: 20, For: 790 * time.Millisecond}}, verdict: result.Fail, compare: deliveries},
		{what: "late", way: w, life: steady, speaker: all, faults: []planted.Fault{{Kind: planted.Late, Every: 9, For: 450 * time.Millisecond}}, verdict: result.Fail, compare: deliveries},
		{
			what: "every other message lost", way: w, life: lives[1], people: "rooms: {of: 2, join: 1}", sends: toRoom, late: 5 * time.Second,
			faults: []planted.Fault{{Kind: planted.Loss, Every: 2, All: true}}, verdict: result.Fail, compare: deliveries,
		},
		{
			what: "cut payloads of drawn sizes", way: w, life: steady, sends: strings.Replace(toRoom, "128B", "'uniform(100B,200B)'", 1), people: "rooms: {of: 2, join: 1}",
			quick: w.name == "websocket", faults: []planted.Fault{{Kind: planted.Shorten, Every: 7}}, verdict: result.Fail, compare: deliveries,
		},
		{
			what: "volatile messages, some lost", way: w, life: steady, speaker: all + ", volatile: true",
			faults: []planted.Fault{{Kind: planted.Loss, Every: 3}}, verdict: result.Pass, compare: skipped,
		},
		{
			what: "volatile messages, all lost", way: w, life: steady, speaker: all + ", volatile: true", quick: w.name == "websocket",
			faults: []planted.Fault{{Kind: planted.Loss, All: true}}, verdict: result.Fail, compare: skipped,
		},
		{
			what: "answers", way: w, life: steady, sends: call, quick: w.name == "websocket",
			faults: []planted.Fault{{Kind: planted.Unanswered, Every: 20}, {Kind: planted.AnsweredTwice, Every: 20, From: 9}}, verdict: result.Fail, compare: answers,
		},
		{what: "connections", way: w, life: back, speaker: all, faults: []planted.Fault{{Kind: planted.Refused, Every: 4, From: 2}, {Kind: planted.Silent, Every: 5, From: 3}}, verdict: result.Fail, compare: connections},
	}
	if w.parser != "" {
		return out
	}
	for _, kind := range []planted.Kind{planted.ReplayNothing, planted.ReplayAll, planted.ReplayReverse} {
		out = append(out, &cell{
			what: string(kind), way: w, life: recovery, speaker: all, verdict: result.Fail, compare: replays, quick: w.name == "websocket" && kind != planted.ReplayNothing,
			faults: []planted.Fault{{Kind: planted.Cut, Every: 19}, {Kind: kind}},
		})
	}
	return out
}
