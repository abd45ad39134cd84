package scenario

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
)

// flowing makes clients of an idle trial, which their hold lets begin a flow.
func flowing(t *testing.T, n int, flow string, conn func(a *actor) conn) (tr *trial, all []*actor) {
	t.Helper()
	tr = newIdleTrial(t, `
version: 1
name: flowing
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 1000, flow: `+flow+`}}
phases: [{name: hold, for: 10s}]
`)
	ctx, cancel := context.WithCancel(t.Context())
	tr.life.ctx = ctx
	t.Cleanup(func() {
		for _, a := range all {
			if a.flow != nil {
				a.flow.end()
			}
		}
		cancel()
		tr.life.wg.Wait() // for each flow: it hangs where one is not over
	})
	for i := range n {
		a := newActor(tr, tr.groups[0], i, i)
		a.conn = conn(a)
		a.state.Store(int32(joining))
		all = append(all, a)
	}
	return tr, all
}

// A saying conn notes what is sent.
type saying struct {
	conn
	sent atomic.Int64
	on   func() // at each; nil: nothing
}

func (c *saying) Send([]byte) error {
	c.sent.Add(1)
	if c.on != nil {
		c.on()
	}
	return nil
}

// Clients that wait in their flow have no goroutine, however deep the step stands.
func TestFlowsThatWaitHaveNoGoroutine(t *testing.T) {
	for name, step := range map[string]string{
		"answer": "{emit: [ask], ack: 30s}", "event": "{wait: {event: never, within: 30s}}", "time": "{think: 30s}",
	} {
		before := runtime.NumGoroutine()
		_, all := flowing(t, 500, "[{repeat: {times: 2, steps: [{repeat: {times: 2, steps: ["+step+"]}}]}}]", func(*actor) conn { return &saying{} })
		for _, a := range all {
			a.hold()
		}
		if n := runtime.NumGoroutine() - before; n > 50 {
			t.Errorf("%s: %d goroutines more for %d clients", name, n, len(all))
		}
	}
}

// The goroutine that reads an answer sends what follows on it, before it reads on.
func TestAnAnswerBringsTheNextStep(t *testing.T) {
	c := &saying{}
	tr, all := flowing(t, 1, "{repeat: forever, steps: [{emit: [ask], ack: 30s}, {repeat: {times: 2, steps: [{emit: [more], ack: 30s}]}}]}", func(*actor) conn { return c })
	a := all[0]
	a.hold()
	for id := range uint64(100) {
		if got := c.sent.Load(); got != int64(id)+1 {
			t.Fatalf("%d sent after %d answers", got, id)
		}
		m := client.Message{ID: id, HasID: true, At: client.Now()}
		if a.Ack(&m); m.Woke {
			t.Fatalf("answer %d woke a goroutine", id)
		}
	}
	a.flow.end()
	tr.life.wg.Wait()
	a.Ack(&client.Message{ID: 100, HasID: true, At: client.Now()})
	if got := c.sent.Load(); got != 101 {
		t.Errorf("%d sent: the flow went on after its end", got)
	}
}

// A flow that never waits moves to a goroutine of its own: the one that began it goes on.
func TestAFlowThatNeverWaitsIsAlone(t *testing.T) {
	c, much := &saying{}, make(chan struct{})
	c.on = func() {
		if c.sent.Load() == 10*stepsAtOnce {
			close(much)
		}
	}
	tr, all := flowing(t, 1, "{repeat: 1000000, steps: [{emit: [say]}]}", func(*actor) conn { return c })
	all[0].hold() // it would not return
	<-much
	all[0].flow.end()
	tr.life.wg.Wait()
}

// Answers, events and losses may come from many goroutines and while the flow is being played: none
// is missed, and the steps are done one after another.
func TestAFlowIsPlayedByOneAtATime(t *testing.T) {
	const rounds = 3000
	ids := make(chan uint64, 1)
	var inside atomic.Int64
	var c *saying
	c = &saying{on: func() {
		if inside.Add(1) != 1 {
			t.Error("two goroutines are in the flow")
		}
		ids <- uint64(c.sent.Load() - 1)
		inside.Add(-1)
	}}
	tr, all := flowing(t, 1, "{repeat: 3000, steps: [{emit: [ask], ack: 30s}, {wait: {event: on, within: 30s}}]}", func(*actor) conn { return c })
	a := all[0]
	over := make(chan struct{})
	for range 3 {
		go func() {
			for id := range ids {
				a.flow.hear(a, &client.Message{Name: []byte("on"), Args: []byte("1")}, 0)
				a.Ack(&client.Message{ID: id, HasID: true, At: client.Now()})
			}
			over <- struct{}{}
		}()
	}
	a.hold()
	tr.life.wg.Wait() // until all rounds are done
	close(ids)
	for range 3 {
		<-over
	}
	if got := c.sent.Load(); got != rounds || tr.errors.Count() != 0 {
		t.Errorf("%d sent, errors %v", got, tr.errors.Classes())
	}
}

// A flow that waits for its client goes on when it is back, and a client that has gone ends it in
// the middle of a wait.
func TestAFlowOutlivesItsConnection(t *testing.T) {
	c := &saying{}
	tr, all := flowing(t, 1, "{repeat: forever, steps: [{emit: [ask], ack: 30s}]}", func(*actor) conn { return c })
	a := all[0]
	a.hold()
	a.flow.lost(a, false)
	if n := tr.errors.Count(); n != 1 {
		t.Fatalf("%d errors for an answer that cannot come", n)
	}
	next := newActor(tr, tr.groups[0], 0, 0)
	next.conn, next.flow = c, a.flow
	next.flowing()
	deadline := time.Now().Add(30 * time.Second)
	for c.sent.Load() < 2 && time.Now().Before(deadline) { // after the pause of a round that failed
		time.Sleep(10 * time.Millisecond)
	}
	if c.sent.Load() != 2 {
		t.Error("the flow does not go on")
	}
	a.flow.end()
	tr.life.wg.Wait()
	if n := tr.errors.Count(); n != 1 {
		t.Errorf("%d errors: the end of the client is no failure of its step", n)
	}
}

// Rounds that wait for their time keep it, however late the generator lets each begin. The interval
// counts from the beginning of a round that comes late by itself.
func TestRoundsKeepTheirTime(t *testing.T) {
	const every, late = 100 * time.Millisecond, 7 * time.Millisecond
	l := lap{next: time.Second, waits: true}
	for range 1000 {
		l.next = l.after(l.next+late, every)
	}
	if want := time.Second + 1000*every; l.next != want {
		t.Errorf("the round after 1000 is due at %v, want %v", l.next, want)
	}
	for _, c := range []struct {
		what  string
		waits bool
		now   time.Duration
		want  time.Duration
	}{
		{"a round took longer than its interval", false, 1070 * time.Millisecond, 1170 * time.Millisecond},
		{"the generator stood still for longer", true, 1500 * time.Millisecond, 1600 * time.Millisecond},
		{"just in time", true, time.Second, 1100 * time.Millisecond},
	} {
		l = lap{next: time.Second, waits: c.waits}
		if got := l.after(c.now, every); got != c.want {
			t.Errorf("%s: the next round is due at %v, want %v", c.what, got, c.want)
		}
	}
}
