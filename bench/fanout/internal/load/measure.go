//go:build linux

package load

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Result is what one measurement counted, between two moments with nothing in flight.
type Result struct {
	Deliveries uint64        // messages received, acknowledgements not counted
	Broadcasts uint64        // requests that caused them
	Acks       uint64        // acknowledgements received
	Wall       time.Duration // from the first request to the last delivery
	Server     time.Duration // processor time of the server, user and system
	Own        time.Duration // processor time of this process
	Softirqd   time.Duration // that of Config.Softirqd, -1 for none
	// sorted: paced, from when each broadcast was due to its last receiver; calls, to its answer;
	// push, between two messages
	Last []time.Duration
}

// A moment is what the counters and clocks say at one time.
type moment struct {
	at          time.Time
	server, own time.Duration
	softirqd    time.Duration
	total, sent uint64
	acks        uint64
}

func (g *Generator) now() (m moment, err error) {
	if m.server, err = processTimes(g.cfg.PIDs); err != nil {
		return m, err
	}
	if m.own, err = processTime(0); err != nil {
		return m, err
	}
	if g.cfg.Softirqd != 0 {
		if m.softirqd, err = processTime(g.cfg.Softirqd); err != nil {
			return m, err
		}
	}
	for _, c := range g.conns {
		m.acks += c.acks
	}
	m.at, m.total, m.sent = time.Now(), g.ledger.total, g.ledger.sent
	return m, nil
}

func (g *Generator) since(m moment) (*Result, error) {
	n, err := g.now()
	if err != nil {
		return nil, err
	}
	r := &Result{
		Deliveries: n.total - m.total, Broadcasts: n.sent - m.sent, Acks: n.acks - m.acks,
		Wall: n.at.Sub(m.at), Server: n.server - m.server, Own: n.own - m.own, Softirqd: -1,
	}
	if g.cfg.Softirqd != 0 {
		r.Softirqd = n.softirqd - m.softirqd
	}
	return r, nil
}

// measure runs a mode from rest to rest.
func (g *Generator) measure(m mode, limit time.Duration, done func() bool) (*Result, error) {
	start, err := g.now()
	if err != nil {
		return nil, err
	}
	g.mode = m
	defer func() { g.mode = quiet{}; g.ledger.onLast = nil }()
	if err := m.batch(g); err != nil {
		return nil, err
	}
	if err := g.loop(limit, done); err != nil {
		return nil, err
	}
	return g.since(start)
}

// Flood keeps inflight broadcasts under way for d.
func (g *Generator) Flood(inflight int, d time.Duration) (*Result, error) {
	f := &flood{inflight: uint64(inflight), end: time.Now().Add(d)}
	f.requests = slices.Repeat(text(g.toAll()), inflight)
	return g.checked(g.measure(f, d+g.cfg.Limit, func() bool { return f.over && g.ledger.complete(&g.cfg) >= g.ledger.sent }))
}

// Senders keeps a broadcast of each of the first n clients under way for d.
func (g *Generator) Senders(n int, d time.Duration) (*Result, error) {
	if n > len(g.conns) {
		return nil, fmt.Errorf("%d clients cannot be %d senders", len(g.conns), n)
	}
	f := &senders{flood: flood{inflight: uint64(n), requests: text(message(`["all",`)), end: time.Now().Add(d)}}
	return g.checked(g.measure(f, d+g.cfg.Limit, func() bool { return f.over && g.ledger.complete(&g.cfg) >= g.ledger.sent }))
}

// checked audits what was measured. What never ended is told by what is missing.
func (g *Generator) checked(r *Result, err error) (*Result, error) {
	if err == nil || errors.Is(err, errLate) {
		if missing := g.audit(g.ledger.sent); missing != nil {
			return nil, missing
		}
	}
	return r, err
}

// toAll is the request for a broadcast.
func (g *Generator) toAll() []byte {
	request := message(`["all",`)
	if g.cfg.Polling { // the sender is on websocket and not among those who are counted
		request = append(request[:len(request)-1], ",true]"...)
	}
	return request
}

type flood struct {
	quiet
	inflight uint64
	requests []byte // as many as may be under way
	end      time.Time
	over     bool
}

// batch replaces what has been completed while the last events were handled, with one write.
func (f *flood) batch(g *Generator) error {
	n := f.due(g)
	if n == 0 {
		return nil
	}
	return g.sender.wrap(g.sender.write(f.requests[:n*uint64(len(f.requests))/f.inflight]))
}

// due counts the broadcasts that are to be sent now, as sent.
func (f *flood) due(g *Generator) uint64 {
	l := &g.ledger
	n := f.inflight - (l.sent - l.complete(&g.cfg))
	if n == 0 || f.over {
		return 0
	}
	if f.over = time.Now().After(f.end); f.over {
		return 0
	}
	l.sent += n
	return n
}

// senders is a flood whose broadcasts come from as many clients: they reach the server one by one.
type senders struct {
	flood
	next uint64
}

func (f *senders) batch(g *Generator) error {
	for range f.due(g) {
		c := g.conns[f.next%f.inflight]
		f.next++
		if err := c.write(f.requests); err != nil {
			return c.wrap(err)
		}
	}
	return nil
}

// Paced sends n broadcasts, the i-th at i/rate seconds, however the server keeps up.
func (g *Generator) Paced(rate float64, n int) (*Result, error) {
	if n > window {
		return nil, fmt.Errorf("%d broadcasts are more than a run may have (%d)", n, window)
	}
	p := &paced{request: text(g.toAll()), left: n}
	first, start, period := g.ledger.sent, time.Now().Add(soon), time.Duration(float64(time.Second)/rate)
	var last []time.Duration
	g.ledger.onLast = func(i uint64) {
		last = append(last, time.Since(start)-time.Duration(i-first)*period)
	}
	if err := g.arm(start, period); err != nil {
		return nil, err
	}
	limit := time.Duration(n)*period + g.cfg.Limit
	r, err := g.checked(g.measure(p, limit, func() bool { return p.left == 0 && g.ledger.complete(&g.cfg) >= g.ledger.sent }))
	if err != nil {
		return nil, err
	}
	slices.Sort(last)
	r.Last = last
	return r, nil
}

type paced struct {
	quiet
	request []byte
	left    int
}

func (p *paced) batch(g *Generator) error {
	for ; g.ticks > 0 && p.left > 0; g.ticks-- {
		g.ledger.sent++
		if err := g.sender.write(p.request); err != nil {
			return g.sender.wrap(err)
		}
		if p.left--; p.left == 0 {
			return g.disarm()
		}
	}
	return nil
}

// Echo lets every client emit an event that is acknowledged with its argument, and again when it
// has that, for d.
func (g *Generator) Echo(event string, d time.Duration) (*Result, error) {
	e := &echo{request: text([]byte(`421["` + event + `",` + payload() + "]")), answer: len("431[]") + len(payload()), end: time.Now().Add(d)}
	r, err := g.measure(e, d+g.cfg.Limit, func() bool { return e.asked > 0 && e.out == 0 })
	if errors.Is(err, errLate) {
		return nil, fmt.Errorf("%d of %d acknowledgements are missing", e.out, e.asked)
	}
	return r, err
}

type echo struct {
	request    []byte
	answer     int // bytes of what comes back
	end        time.Time
	asked, out uint64
	over       bool
}

func (e *echo) ack(_ *Generator, c *conn, answer []byte) error {
	if len(answer) != e.answer {
		return fmt.Errorf("an acknowledgement of %d bytes instead of %d: %.200q", len(answer), e.answer, answer)
	}
	e.out--
	if e.over {
		return nil
	}
	e.asked++
	e.out++
	return c.write(e.request)
}

func (e *echo) batch(g *Generator) error {
	if e.asked == 0 {
		for _, c := range g.conns {
			e.asked++
			e.out++
			if err := c.write(e.request); err != nil {
				return c.wrap(err)
			}
		}
	}
	e.over = e.over || time.Now().After(e.end)
	return nil
}

// Calls sends n requests for an acknowledgement, the i-th at i/rate seconds, by one client after
// the other.
func (g *Generator) Calls(rate float64, n int) (*Result, error) {
	period := time.Duration(float64(time.Second) / rate)
	c := &calls{echo: echo{request: text([]byte(`421["echo",` + payload() + "]")), answer: len("431[]") + len(payload()), over: true}, left: n, period: period}
	c.start, c.due = time.Now().Add(soon), make([]time.Duration, len(g.conns))
	if err := g.arm(c.start, period); err != nil {
		return nil, err
	}
	r, err := g.measure(c, time.Duration(n)*period+g.cfg.Limit, func() bool { return c.left == 0 && c.out == 0 })
	if errors.Is(err, errLate) {
		return nil, fmt.Errorf("%d of %d acknowledgements are missing", c.out, n)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(c.took)
	r.Last = c.took
	return r, nil
}

type calls struct {
	echo
	start  time.Time
	period time.Duration
	next   int
	left   int
	due    []time.Duration // of the last request of each client, since start
	took   []time.Duration
}

func (m *calls) ack(g *Generator, c *conn, answer []byte) error {
	m.took = append(m.took, time.Since(m.start)-m.due[c.index])
	return m.echo.ack(g, c, answer)
}

func (m *calls) batch(g *Generator) error {
	for ; g.ticks > 0 && m.left > 0; g.ticks-- {
		c := g.conns[m.next%len(g.conns)]
		m.due[c.index] = time.Duration(m.next) * m.period
		m.next++
		m.out++
		if err := c.write(m.request); err != nil {
			return c.wrap(err)
		}
		if m.left--; m.left == 0 {
			return g.disarm()
		}
	}
	return nil
}

// Push has the server send n messages to the first client, one each period.
func (g *Generator) Push(period time.Duration, n int) (*Result, error) {
	if n > window {
		return nil, fmt.Errorf("%d messages are more than a run may have (%d)", n, window)
	}
	var gaps []time.Duration
	var first, last time.Time
	g.ledger.onLast = func(uint64) {
		now := time.Now()
		if last.IsZero() {
			first = now
		} else {
			gaps = append(gaps, now.Sub(last))
		}
		last = now
	}
	p := &push{request: text(fmt.Appendf(nil, `42["tick","msg",%s,%g,%d]`, payload(), float64(period)/float64(time.Millisecond), n)), n: n}
	limit := time.Duration(n)*period*3 + g.cfg.Limit
	r, err := g.checked(g.measure(p, limit, func() bool { return g.ledger.complete(&g.cfg) >= g.ledger.sent }))
	if err != nil {
		return nil, err
	}
	slices.Sort(gaps)
	r.Last, r.Wall = gaps, last.Sub(first)
	return r, nil
}

type push struct {
	quiet
	request []byte
	n       int
	asked   bool
}

func (p *push) batch(g *Generator) error {
	if p.asked {
		return nil
	}
	p.asked = true
	g.ledger.sent += uint64(p.n)
	return g.sender.wrap(g.sender.write(p.request))
}

// soon is how long before its first tick a schedule is set up.
const soon = 10 * time.Millisecond

// arm makes the timer count an absolute schedule: ticks that come due while nobody looks are not
// lost.
func (g *Generator) arm(start time.Time, period time.Duration) error {
	spec := unix.ItimerSpec{
		Interval: unix.NsecToTimespec(int64(period)),
		Value:    unix.NsecToTimespec(int64(max(time.Until(start), 1))),
	}
	g.ticks = 0
	if err := unix.TimerfdSettime(g.timer, 0, &spec, nil); err != nil {
		return fmt.Errorf("setting the timer: %w", err)
	}
	return nil
}

func (g *Generator) disarm() error {
	g.ticks = 0
	if err := unix.TimerfdSettime(g.timer, 0, &unix.ItimerSpec{}, nil); err != nil {
		return fmt.Errorf("stopping the timer: %w", err)
	}
	return nil
}
