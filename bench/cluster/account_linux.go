package main

import (
	"fmt"
	"time"

	"github.com/throng-io/throng/bench/brokers"
)

// account compares what was sent with what was received, and both with the counters.
func (t *trial) account() (o outcome, err error) {
	o = outcome{Fault: t.fault.name, Form: t.form}
	wrong := func(format string, args ...any) { o.Wrong = append(o.Wrong, fmt.Sprintf(format, args...)) }
	living := t.living()
	reports := map[int]answer{}
	states := map[int]*state{}
	for _, m := range living {
		a, err := m.ask(order{Do: "report"})
		if err != nil {
			return o, err
		}
		reports[m.spec.Number] = a
		if states[m.spec.Number], err = m.state(); err != nil {
			return o, err
		}
	}
	for _, from := range living {
		for _, to := range living {
			p := pair{from.spec.Number, to.spec.Number, reports[from.spec.Number].Sent, reports[to.spec.Number].Got[from.spec.Number]}
			missing, ordered := p.missing()
			if !ordered {
				wrong("server %d got a message of server %d twice or out of order", p.to, p.from)
			}
			if p.from == p.to {
				if len(missing) > 0 {
					wrong("server %d's own client missed %d of %d messages", p.to, len(missing), len(p.sent))
				}
				o.Slowest = max(o.Slowest, p.slowest(t.begun, t.over))
				continue
			}
			o.Owed += len(p.sent)
			o.Lost += len(missing)
			o.Recovery = max(o.Recovery, p.recovery(missing, t.ended))
			t.allowed(p, missing, states, wrong)
		}
	}
	for _, m := range living {
		t.counters(m, states[m.spec.Number], len(reports[m.spec.Number].Sent), wrong)
	}
	if t.fault.check != nil {
		return o, t.fault.check(t, &o, states, wrong)
	}
	return o, nil
}

// allowed compares what a server missed of another one with the promise: what is published while
// the receiver has no subscription is lost, except from a stream; what was not published is counted
// by the sender.
func (t *trial) allowed(p pair, missing []int, states map[int]*state, wrong func(string, ...any)) {
	if len(missing) == 0 {
		return
	}
	sender, receiver := states[p.from].Stats, states[p.to].Stats
	uncounted := len(missing) - int(sender.Dropped+sender.Failed)
	switch {
	case !t.fault.loses:
		wrong("server %d missed %d messages of server %d: %v", p.to, len(missing), p.from, missing)
	case uncounted > 0 && t.form == "redis+streams":
		wrong("server %d missed %d messages of server %d, which counts %d as dropped or failed", p.to, len(missing), p.from, sender.Dropped+sender.Failed)
	case uncounted > 0 && receiver.Reconnects == 0:
		wrong("server %d missed %d messages of server %d, which has %d dropped and %d failed: %v", p.to, len(missing), p.from, sender.Dropped, sender.Failed, missing)
	}
}

// counters compares the counters of a server with what its client sent, and reads its log.
func (t *trial) counters(m *member, s *state, sent int, wrong func(string, ...any)) {
	number := m.spec.Number
	if own := s.Stats.Published + s.Stats.Dropped + s.Stats.Failed; own < uint64(sent) {
		wrong("server %d sent %d messages, and counts %d as published, dropped or failed", number, sent, own)
	}
	if s.Foreign > 0 {
		wrong("server %d got %d messages of another cluster", number, s.Foreign)
	}
	noticed := t.fault.noticed(t.form, number)
	switch lines := m.log.Lines(); {
	case noticed && lines != 2:
		wrong("the log of server %d should say that the broker fails and works again, and says\n%s", number, m.log)
	case !noticed && !t.fault.talks && lines > 0:
		wrong("server %d has nothing to tell, and its log says\n%s", number, m.log)
	}
}

// pair is what one server sent and another one got.
type pair struct {
	from, to int
	sent     []int64
	got      []delivery
}

// missing lists the messages that did not come, and reports whether the others came once each and
// in order.
func (p pair) missing() (all []int, ordered bool) {
	ordered = true
	next := 0
	for _, d := range p.got {
		if d.N < next {
			ordered = false
			continue
		}
		for ; next < d.N; next++ {
			all = append(all, next)
		}
		next++
	}
	for ; next < len(p.sent); next++ {
		all = append(all, next)
	}
	return all, ordered
}

// recovery is the time from the end of the fault until the first message came that was sent after
// it and after the last one that was lost.
func (p pair) recovery(missing []int, end time.Time) time.Duration {
	last := -1
	if len(missing) > 0 {
		last = missing[len(missing)-1]
	}
	for _, d := range p.got {
		if d.N > last && p.sent[d.N] >= end.UnixNano() {
			return time.Duration(d.At - end.UnixNano())
		}
	}
	return brokers.Patience
}

// slowest is the longest way of a message that was sent between two moments.
func (p pair) slowest(begin, end time.Time) (longest time.Duration) {
	for _, d := range p.got {
		if at := p.sent[d.N]; at >= begin.UnixNano() && at <= end.UnixNano() {
			longest = max(longest, time.Duration(d.At-at))
		}
	}
	return longest
}
