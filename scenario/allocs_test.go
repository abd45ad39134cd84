//go:build !race

package scenario

import (
	"testing"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// What a stream sends is put together and passed on without allocating, in either parser, with a
// payload of bytes, and with data of the user's own.
func TestSendingCostsNoAllocation(t *testing.T) {
	for _, keys := range []string{"parser: json", "parser: msgpack"} {
		for _, send := range []string{
			"op: echo, ack: 1s", "op: echo, binary: true", `op: emit, event: say, data: {text: "${payload}", n: "${seq}"}`,
		} {
			tr := newIdleTrial(t, `
version: 1
name: sending
target: {url: "http://127.0.0.1:1"}
groups:
  speakers: {count: 1, `+keys+`, send: [{`+send+`, rate: 100/s, size: 256B}]}
phases: [{name: hold, for: 10s}]
`)
			a, s := newActor(tr, tr.groups[0], 0, 0), tr.streams[0]
			a.conn = discarding{}
			o := plan.Op{Due: 1}
			if n := testing.AllocsPerRun(200, func() {
				o.N++
				if err := s.send(a, s.build(a, &o, o.N, 0, uint32(o.N)), &o, uint32(o.N)); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s, %s: %v allocations for a message", keys, send, n)
			}
		}
	}
}

// A step that emits and waits for the acknowledgement does not allocate either.
func TestStepCostsNoAllocation(t *testing.T) {
	tr := newIdleTrial(t, `
version: 1
name: stepping
target: {url: "http://127.0.0.1:1"}
groups:
  clients: {count: 1, flow: [{emit: [echo, {n: 1}], ack: 30s}]}
phases: [{name: hold, for: 10s}]
`)
	a := newActor(tr, tr.groups[0], 0, 0)
	tr.life.ctx = t.Context()
	f := newFlow(a)
	a.flow, a.conn = f, &answering{a: a}
	f.playing = true // by this goroutine
	if n := testing.AllocsPerRun(200, func() {
		f.stage = stageNew
		if err := f.step(f.plan.all.steps[0]); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a step", n)
	}
}

// An answering conn has each call acknowledged before Send returns.
type answering struct {
	conn
	a *actor
	m client.Message
}

func (c *answering) Send([]byte) error {
	c.a.Ack(&c.m)
	c.m.ID++
	return nil
}

// A discarding conn takes every message.
type discarding struct{ conn }

func (discarding) Send([]byte) error { return nil }

func (discarding) SendBinary([]byte, ...[]byte) error { return nil }
