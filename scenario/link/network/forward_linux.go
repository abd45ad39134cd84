package network

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A forwarder takes the packets of one direction from one device, and writes those that arrive to
// the other one when they are due.
type forwarder struct {
	n       *Network
	up      bool
	in, out int // devices
	wake    int // an event that ends it
	lane    *lane
	waiting waiting
	spare   [][]byte

	given  []int64    // by client: when the last packet arrived
	mu     sync.Mutex // of counts
	counts []Counts   // by phase
	cpu    atomic.Int64
}

// batch is how many packets are taken before those that are due are written.
const batch = 64

// run passes packets on until the network closes. Its thread is its own: no other goroutine has to
// be waited for, and its CPU time can be told.
func (f *forwarder) run() {
	urgent()
	fds := []unix.PollFd{{Fd: int32(f.in), Events: unix.POLLIN}, {Fd: int32(f.wake), Events: unix.POLLIN}}
	noted := int64(0)
	for {
		var timeout *unix.Timespec
		if left := f.waiting.next(f.n.now()); left >= 0 {
			t := unix.NsecToTimespec(int64(left))
			timeout = &t
		}
		_, _ = unix.Ppoll(fds, timeout, nil) // interrupted: there may be something to do
		if fds[1].Revents != 0 {
			f.noteCPU()
			return
		}
		f.mu.Lock()
		if fds[0].Revents != 0 {
			f.take()
		}
		f.give()
		f.mu.Unlock()
		if now := f.n.now(); now-noted > int64(100*time.Millisecond) {
			f.noteCPU()
			noted = now
		}
	}
}

// urgent gives the calling goroutine a thread for ever, with which it ends, that runs before
// others. A network does not get slower since its ends are busy, and the link competes for the
// processors with what it measures. And a timer of the kernel may be late by 50 us to save
// wake-ups, which these must not. Without the right to the first, the prober shows what that costs.
func urgent() {
	runtime.LockOSThread()
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

func (f *forwarder) noteCPU() {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) == nil {
		f.cpu.Store(t.Nano())
	}
}

// take reads what the device has.
func (f *forwarder) take() {
	for range batch {
		b := f.buffer()
		n, err := unix.Read(f.in, b)
		if err != nil {
			f.spare = append(f.spare, b)
			return
		}
		if !f.enter(b[:n], f.n.now()) {
			f.spare = append(f.spare, b)
		}
	}
}

func (f *forwarder) buffer() []byte {
	if end := len(f.spare) - 1; end >= 0 {
		b := f.spare[end]
		f.spare = f.spare[:end]
		return b
	}
	return make([]byte, mtu)
}

// enter decides what becomes of a packet, and keeps it if it is going to arrive.
func (f *forwarder) enter(p []byte, now int64) (kept bool) {
	header := headerLength(p)
	if header == 0 {
		return false // of IPv6: the kernel looks for routers
	}
	client, target := ipSource, ipDest
	if !f.up {
		client, target = ipDest, ipSource
	}
	moved, who := numberOf(p[client:])
	side, which := numberOf(p[target:])
	set := f.n.set.Load()
	if side != service || which < 0 || which >= len(set.of) || who < 0 || who >= len(f.lane.flows) {
		return false // of nobody on these networks
	}
	way := &set.of[which].Down
	if f.up {
		way = &set.of[which].Up
	}
	if who == prober {
		return f.probe(p, header, set.phase, now, way)
	}
	c := f.of(set.phase)
	c.Packets++
	c.Bytes += uint64(len(p))
	address := byte(f.n.moves[who].Load())
	switch {
	case f.n.outages[who].Load() > now:
		c.add(outage)
		return false
	case !f.up && moved != address:
		c.add(stale)
		return false
	case len(f.waiting.list) >= maxWaiting:
		c.add(overflow)
		return false
	}
	if who >= f.n.shared {
		free := *way
		free.Rate = 0
		way = &free
	}
	due, overtakes, is := f.lane.pass(who, len(p), now, way)
	if is != passed {
		c.add(is)
		return false
	}
	if overtakes {
		c.Overtook++
	}
	if f.up && address != 0 {
		readdress(p, header, ipSource, address)
	} else if !f.up && moved != 0 {
		readdress(p, header, ipDest, 0)
	}
	f.waiting.push(packet{due: due, phase: set.phase, client: who, follows: f.lane.flows[who].follows, bytes: p})
	return true
}

// of are the counts of a phase.
func (f *forwarder) of(phase int) *Counts {
	for phase >= len(f.counts) {
		f.counts = append(f.counts, newCounts())
	}
	return &f.counts[phase]
}

// give writes the packets that are due.
func (f *forwarder) give() {
	now := f.n.now()
	for len(f.waiting.list) > 0 && f.waiting.list[0].due <= now {
		p := f.waiting.pop()
		if _, err := unix.Write(f.out, p.bytes); err != nil {
			f.of(p.phase).add(overflow) // the kernel has no memory for it
		}
		if p.follows {
			c := f.of(p.phase)
			c.QueuedBytes += uint64(len(p.bytes))
			c.QueuedTime += time.Duration(now - f.given[p.client])
		}
		f.given[p.client] = now
		f.spare = append(f.spare, p.bytes[:mtu])
	}
}

// probe passes a packet of the prober's on, with the delay alone, and writes into it how much that
// is.
func (f *forwarder) probe(p []byte, header int, phase int, now int64, way *Way) bool {
	if p[ipProtocol] != protoUDP || len(p) != header+udpHeader+probeSize || len(f.waiting.list) >= maxWaiting {
		return false
	}
	due, _, _ := f.lane.pass(prober, len(p), now, &Way{Delay: way.Delay, Jitter: way.Jitter})
	binary.BigEndian.PutUint64(p[header+udpHeader+probeAsked:], uint64(due-now))
	binary.BigEndian.PutUint64(p[header+udpHeader+probePhase:], uint64(phase))
	f.waiting.push(packet{due: due, phase: phase, bytes: p})
	return true
}

// arrived notes a packet of the prober's.
func (f *forwarder) arrived(phase int, delay, asked time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.of(phase)
	_ = c.Delay.RecordValue(micros(delay))
	_ = c.Added.RecordValue(micros(delay - asked))
}

func micros(d time.Duration) int64 {
	return min(max(0, int64(d/time.Microsecond)), int64(2*time.Minute/time.Microsecond))
}
