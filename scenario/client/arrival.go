package client

import (
	"cmp"
	"time"
)

// An arrival says when a message came, on the clock of Now.
type arrival struct {
	at time.Duration // when the read that brought its last byte returned
	// The last byte reached the socket between these two moments. Both are 0 where the system does
	// not report it.
	from, until time.Duration
}

// times are when the bytes of the last read came, on the clock of Now. The kernel keeps one time
// for all bytes that it joins, the time of the last.
type times struct {
	// of the last of the bytes read, in nanoseconds of the wall clock; 0: none
	stamp int64
	at    time.Duration // when the read returned
	// when the last of the bytes reached the socket; 0: the system does not report it
	came    time.Duration
	short   bool          // the read took all there was
	several bool          // what was read last may have come before the last byte; see beneath
	drained time.Duration // when the socket was last seen empty
	empty   time.Duration // likewise, before the read
}

// note notes the time of a read that has just returned and, from the kernel's time stamp, the time
// of the arrival. A wall clock that was set meanwhile must not put the arrival before the moment at
// which the socket was empty, or into the future.
func (t *times) note() {
	t.empty = t.drained
	if t.stamp == 0 {
		t.at, t.came = Now(), 0
		return
	}
	now := time.Now()
	t.at = now.Sub(start)
	t.came = min(max(t.at-time.Duration(now.UnixNano()-t.stamp), t.empty), t.at)
	if t.short {
		t.drained = t.at
	}
	t.stamp = 0
}

// arrival is when the message came whose bytes were consumed last. Its time is exact when it ends a
// read. A message before others came after the socket was last seen empty, and not after the last
// byte.
func (rd *reader) arrival() arrival {
	a := arrival{at: rd.at}
	if rd.came == 0 || rd.pace != nil { // a slow reader is late on purpose
		return a
	}
	a.from, a.until = rd.empty, rd.came
	if rd.r == rd.w && !rd.several {
		a.from = rd.came
	}
	return a
}

// moment is the latest time at which the message reached the socket; where the system does not
// report it, the time it was read.
func (a arrival) moment() time.Duration { return cmp.Or(a.until, a.at) }
