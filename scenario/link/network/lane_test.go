package network

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fatesOf sends packets of a client at a time each, and counts what becomes of them.
func fatesOf(l *lane, client, n int, every int64, w *Way) (counts [fates]int, dues []int64, overtook int) {
	for i := range n {
		due, overtakes, is := l.pass(client, 1000, int64(i)*every, w)
		counts[is]++
		if is == passed {
			dues = append(dues, due)
		}
		if overtakes {
			overtook++
		}
	}
	return counts, dues, overtook
}

// The share that is lost, and the share that overtakes, are within five standard deviations of a
// binomial distribution: with a fixed seed they are what they are.
func TestShares(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for _, p := range []float64{0, 0.001, 0.01, 0.03, 0.5, 1} {
		bound := 5 * math.Sqrt(n*p*(1-p))
		counts, _, _ := fatesOf(newLane(1, 7, 0), 0, n, 1, &Way{Loss: p})
		if off := math.Abs(float64(counts[lost]) - n*p); off > bound {
			t.Errorf("of %d packets %d were lost, want %g%% within %g", n, counts[lost], 100*p, bound)
		}
		_, _, overtook := fatesOf(newLane(1, 8, 0), 0, n, 1, &Way{Delay: time.Millisecond, Reorder: p})
		if off := math.Abs(float64(overtook) - n*p); off > bound {
			t.Errorf("of %d packets %d overtook, want %g%% within %g", n, overtook, 100*p, bound)
		}
	}
	if _, _, overtook := fatesOf(newLane(1, 8, 0), 0, 1000, 1, &Way{Reorder: 1}); overtook != 0 {
		t.Errorf("%d packets overtook where nothing waits", overtook)
	}
}

// The same seed loses the same packets, another one others; and so do directions and clients.
func TestSeed(t *testing.T) {
	t.Parallel()
	w := &Way{Loss: 0.1, Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
	run := func(seed, direction uint64, client int) []int64 {
		_, dues, _ := fatesOf(newLane(2, seed, direction), client, 1000, 1e6, w)
		return dues
	}
	first := run(1, 0, 0)
	if !slices.Equal(first, run(1, 0, 0)) {
		t.Error("the same seed gives another run")
	}
	for what, other := range map[string][]int64{"seed": run(2, 0, 0), "direction": run(1, 1, 0), "client": run(1, 0, 1)} {
		if slices.Equal(first, other) {
			t.Errorf("another %s gives the same run", what)
		}
	}
}

// Loss is drawn apart from the rest: a delay and a jitter change nothing of which packets are lost.
func TestDrawsAreApart(t *testing.T) {
	t.Parallel()
	one, two := newLane(1, 3, 0), newLane(1, 3, 0)
	for i := range 10_000 {
		_, _, a := one.pass(0, 100, int64(i), &Way{Loss: 0.05})
		_, _, b := two.pass(0, 100, int64(i), &Way{Loss: 0.05, Delay: time.Second, Jitter: time.Second, Reorder: 0.2})
		if a != b {
			t.Fatalf("packet %d is %d and %d", i, a, b)
		}
	}
}

// Packets come in the order in which they were sent, and each within its delay and jitter but for
// what came before it, unless it overtakes.
func TestDelay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &Way{
			Delay: time.Duration(rapid.IntRange(1, 100).Draw(t, "delay")) * time.Millisecond, Reorder: rapid.Float64Range(0, 1).Draw(t, "reorder"),
		}
		w.Jitter = time.Duration(rapid.Int64Range(0, int64(w.Delay)).Draw(t, "jitter"))
		l := newLane(1, rapid.Uint64().Draw(t, "seed"), 0)
		last, now := int64(0), int64(0)
		for range 200 {
			now += rapid.Int64Range(0, 1e7).Draw(t, "pause")
			due, overtakes, is := l.pass(0, 100, now, w)
			if is != passed {
				t.Fatalf("a packet is not passed: %d", is)
			}
			if overtakes {
				if due != now {
					t.Fatalf("what overtakes is sent at %d and due at %d", now, due)
				}
				continue
			}
			if due < last {
				t.Fatalf("a packet is due at %d, after one at %d", due, last)
			}
			if low, high := now+int64(w.Delay-w.Jitter), max(last, now+int64(w.Delay+w.Jitter)); due < low || due > high {
				t.Fatalf("a packet is due at %d, want %d to %d", due, low, high)
			}
			last = due
		}
	})
}

// The rate of a line is told by the packets that waited for the one before them, where both are on
// their way: the time between these is the line's alone.
func TestFollows(t *testing.T) {
	t.Parallel()
	const rate = 1_000_000
	follows := func(sent []int64, w Way) (all []bool) {
		l := newLane(1, 5, 0)
		for _, at := range sent {
			_, _, is := l.pass(0, 1000, at*int64(time.Millisecond), &w)
			all = append(all, is == passed && l.flows[0].follows)
		}
		return all
	}
	for name, c := range map[string]struct {
		sent []int64 // ms; each packet takes one
		way  Way
		want []bool
	}{
		"a burst":           {[]int64{0, 0, 0}, Way{Rate: rate}, []bool{false, true, true}},
		"an idle line":      {[]int64{0, 1, 2}, Way{Rate: rate}, []bool{false, false, false}},
		"a pause":           {[]int64{0, 0, 9, 9}, Way{Rate: rate}, []bool{false, true, false, true}},
		"a full queue":      {[]int64{0, 0, 0}, Way{Rate: rate, Queue: 2000}, []bool{false, true, false}},
		"no rate":           {[]int64{0, 0}, Way{}, []bool{false, false}},
		"all are lost":      {[]int64{0, 0}, Way{Rate: rate, Loss: 1}, []bool{false, false}},
		"all are overtaken": {[]int64{0, 0}, Way{Rate: rate, Delay: time.Second, Reorder: 1}, []bool{false, false}},
	} {
		if got := follows(c.sent, c.way); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	// After a lost packet the next one has nothing to be measured against.
	l, after := newLane(1, 5, 0), true // the first one waits for none
	for range 1000 {
		_, _, is := l.pass(0, 1000, 0, &Way{Rate: rate, Queue: 1 << 30, Loss: 0.2})
		if is == passed && l.flows[0].follows == after {
			t.Fatalf("follows is %t after a packet of which it is %t that it was lost", l.flows[0].follows, after)
		}
		after = is == lost
	}
}

// No more comes out of a line than its rate, no more waits for it than its queue holds, and a
// packet that comes when nothing waits is always taken.
func TestRateAndQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &Way{Rate: 1000 * rapid.IntRange(1, 1000).Draw(t, "rate"), Queue: rapid.IntRange(0, 20_000).Draw(t, "queue")}
		limit := w.Queue
		if limit == 0 {
			limit = DefaultQueue
		}
		l := newLane(1, 1, 0)
		type sent struct {
			size int
			due  int64
		}
		var on []sent
		now, last := int64(0), int64(0)
		for range 300 {
			now += rapid.Int64Range(0, 2e6).Draw(t, "pause")
			size := rapid.IntRange(20, mtu).Draw(t, "size")
			due, _, is := l.pass(0, size, now, w)
			waits := 0
			for _, p := range on {
				if p.due > now {
					waits += p.size
				}
			}
			switch is {
			case full:
				if waits == 0 || waits+size <= limit {
					t.Fatalf("%d bytes are dropped while %d wait, of %d", size, waits, limit)
				}
			case passed:
				// the packet that is being sent counts with what is left of it
				if waits > 0 && waits+size > limit+mtu {
					t.Fatalf("%d bytes are taken while %d wait, of %d", size, waits, limit)
				}
				if takes := int64(float64(size) * 1e9 / float64(w.Rate)); due-max(now, last) < takes-1 {
					t.Fatalf("%d bytes take %d ns at %d bytes a second", size, due-max(now, last), w.Rate)
				}
				on, last = append(on, sent{size, due}), due
			default:
				t.Fatalf("a packet is %d", is)
			}
		}
	})
}

// Packets on their way come out by time, and in their order where that is the same.
func TestWaiting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q waiting
		n := 0
		for _, due := range rapid.SliceOf(rapid.Int64Range(0, 20)).Draw(t, "dues") {
			q.push(packet{due: due})
			n++
		}
		last := packet{due: -1}
		for ; len(q.list) > 0; n-- {
			if next := q.next(10); next != time.Duration(max(0, q.list[0].due-10)) {
				t.Fatalf("next in %d", next)
			}
			p := q.pop()
			if p.due < last.due || p.due == last.due && p.number < last.number {
				t.Fatalf("%+v after %+v", p, last)
			}
			last = p
		}
		if n != 0 || q.next(0) >= 0 {
			t.Fatalf("%d packets are missing", n)
		}
	})
}

// sum is the checksum of the internet over some bytes, from the definition (RFC 1071).
func sum(parts ...[]byte) uint16 {
	total := uint32(0)
	for _, b := range parts {
		for i := 0; i < len(b); i += 2 {
			word := uint32(b[i]) << 8
			if i+1 < len(b) {
				word |= uint32(b[i+1])
			}
			total += word
		}
	}
	for total>>16 != 0 {
		total = total&0xffff + total>>16
	}
	return ^uint16(total)
}

// made is a packet with right checksums.
func made(protocol byte, at int, rest []byte) []byte {
	p := make([]byte, ipHeader, ipHeader+len(rest))
	p[0], p[ipProtocol] = 0x45, protocol
	binary.BigEndian.PutUint16(p[ipLength:], uint16(ipHeader+len(rest)))
	copy(p[ipSource:], []byte{net10, 0, 3, 7})
	copy(p[ipDest:], []byte{net10, service, 0, 1})
	binary.BigEndian.PutUint16(p[ipSum:], sum(p))
	p = append(p, rest...)
	binary.BigEndian.PutUint16(p[ipHeader+at:], sum(pseudo(p), p[ipHeader:]))
	return p
}

// pseudo is the header that checksums of UDP and TCP cover besides their own.
func pseudo(p []byte) []byte {
	b := append([]byte{}, p[ipSource:ipDest+4]...)
	b = append(b, 0, p[ipProtocol])
	return binary.BigEndian.AppendUint16(b, uint16(len(p)-ipHeader))
}

// A packet with another address has right checksums, as computed anew.
func TestReaddress(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		protocol, at := byte(protoUDP), udpSum
		if rapid.Bool().Draw(t, "tcp") {
			protocol, at = protoTCP, tcpSum
		}
		rest := rapid.SliceOfN(rapid.Byte(), 20, 60).Draw(t, "rest")
		rest[at], rest[at+1] = 0, 0
		p := made(protocol, at, rest)
		side := []int{ipSource, ipDest}[rapid.IntRange(0, 1).Draw(t, "side")]
		readdress(p, headerLength(p), side, rapid.Byte().Draw(t, "second"))
		if s := sum(p[:ipHeader]); s != 0 {
			t.Fatalf("the checksum of the header is off by %x", s)
		}
		if s := sum(pseudo(p), p[ipHeader:]); s != 0 {
			t.Fatalf("the checksum of the rest is off by %x", s)
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 254, 255, 256, MaxClients} {
		a := addressOf(3, n).As4()
		if second, got := numberOf(a[:]); second != 3 || got != n {
			t.Errorf("%v is client %d after %d changes, want %d after 3", a, got, second, n)
		}
	}
	if _, n := numberOf([]byte{11, 0, 0, 1}); n != -1 {
		t.Error("11.0.0.1 is a client's")
	}
	for name, bad := range map[string][]byte{
		"short": {0x45}, "six": append([]byte{0x65}, make([]byte, 30)...), "longer than it is": made(protoUDP, udpSum, make([]byte, 20))[:30], "header": append([]byte{0x4f, 0, 0, 20}, make([]byte, 16)...),
	} {
		if n := headerLength(bad); n != 0 {
			t.Errorf("%s: a header of %d bytes", name, n)
		}
	}
}
