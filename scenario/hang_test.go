package scenario

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"
)

// A hangingLink passes nothing on between two moments, as that of a process that stands still, and
// then everything in order.
type hangingLink struct {
	*memLink
	mu      sync.Mutex
	hangs   bool
	waiting []func()
}

func (l *hangingLink) pass(send func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hangs {
		l.waiting = append(l.waiting, send)
		return
	}
	send()
}

func (l *hangingLink) hang(hangs bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hangs = hangs; !hangs {
		for _, send := range l.waiting {
			send()
		}
		l.waiting = nil
	}
}

func (l *hangingLink) Report(b []byte) error {
	l.pass(func() { _ = l.memLink.Report(b) })
	return nil
}

func (l *hangingLink) Mesh(to int, b []byte) error {
	l.pass(func() { _ = l.memLink.Mesh(to, b) })
	return nil
}

// An agent that hangs does not stop what is shown of the others, and when it goes on again nothing
// of the account is missing.
func TestFleetGoesOnWhileAnAgentHangs(t *testing.T) {
	t.Parallel()
	text := fleetHead + `
groups:
  people: {count: 12, connect: {rate: 10k/s}, rooms: {of: 3, join: 1}, send: [{op: room, rate: 5/s, expect: all, late: 20s}, {op: echo, rate: 2/s, ack: 20s}]}
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 15s}]
valid: [achieved(rate) > 99%]
`
	var longest, last time.Duration
	seconds, before, sent := 0, int64(0), int64(0)
	fleet := play(t, &fakeServer{}, text, onFleet(3, func(f *memFleet) {
		f.part = func(ctx context.Context, job []byte, l *memLink) error {
			if l.self != 1 {
				return RunPart(ctx, job, l, f.opt)
			}
			h := &hangingLink{memLink: l}
			time.AfterFunc(4*time.Second, func() { h.hang(true) })
			time.AfterFunc(11*time.Second, func() { h.hang(false) })
			return RunPart(ctx, job, h, f.opt)
		}
	}), func(opt *Options) {
		opt.Progress = func(p Progress) {
			if p.Seconds > seconds {
				seconds = p.Seconds
				longest, last = max(longest, p.Elapsed-last), p.Elapsed
			}
			switch {
			case p.Elapsed < 4*time.Second:
				before = p.Sent
			case p.Elapsed < 10*time.Second:
				sent = p.Sent
			}
		}
	})
	if longest > 4*time.Second || sent <= before {
		t.Errorf("nothing new was shown for %v; %d messages sent before, %d while it hung", longest, before, sent)
	}
	one := play(t, &fakeServer{}, text)
	want, got := counts(one), counts(fleet)
	for _, what := range []string{"ledger", "clients", "messages", "errors", "rates", "samples of delivery", "samples of ack"} {
		if w, g := want[what], got[what]; !reflect.DeepEqual(w, g) {
			t.Errorf("%s: %+v with an agent that hung, %+v in one process", what, g, w)
		}
	}
}
