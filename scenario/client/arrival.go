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

// arrival is when the message came whose bytes were consumed last. The kernel keeps one time for
// all bytes that it joins, the time of the last: it is exact for a message that ends a read. A
// message before others came after the socket was last seen empty, and not after the last byte.
func (rd *reader) arrival() arrival {
	a := arrival{at: rd.at}
	if rd.came == 0 || rd.pace != nil { // a slow reader is late on purpose
		return a
	}
	a.from, a.until = rd.empty, rd.came
	if rd.r == rd.w {
		a.from = rd.came
	}
	return a
}

// noteTime notes the time of a read that has just returned and, from the kernel's time stamp, the
// time of the arrival. A wall clock that was set meanwhile must not put the arrival before the
// moment at which the socket was empty, or into the future.
func (rd *reader) noteTime() {
	rd.empty = rd.drained
	if rd.stamp == 0 {
		rd.at, rd.came = Now(), 0
		return
	}
	now := time.Now()
	rd.at = now.Sub(start)
	rd.came = min(max(rd.at-time.Duration(now.UnixNano()-rd.stamp), rd.empty), rd.at)
	if rd.short {
		rd.drained = rd.at
	}
	rd.stamp = 0
}

// moment is the latest time at which the message reached the socket; where the system does not
// report it, the time it was read.
func (a arrival) moment() time.Duration { return cmp.Or(a.until, a.at) }
