package network

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Counts are what a network did to the packets of one direction in one phase. The prober's packets
// are not among them.
type Counts struct {
	Packets, Bytes uint64 // that were sent into it
	Lost           uint64 // by Way.Loss
	Full           uint64 // dropped by the queue of a client's line
	Outage         uint64 // dropped since their client had no network
	Stale          uint64 // to, or from, addresses that their clients no longer have
	Overtook       uint64
	// dropped by the network itself, unasked: too many were on their way. Nothing was asked of it.
	Overflow uint64
	Outages  uint64 // that began
	Moves    uint64 // of clients to another address

	// While packets waited for the rate of their line, QueuedBytes arrived in QueuedTime, both
	// summed over all lines. Their quotient is the rate that was kept.
	QueuedBytes uint64
	QueuedTime  time.Duration

	// Of packets of the prober's, on a line of its own without a rate: Delay from before they were
	// sent until the other kernel had them, and Added, what of it was not asked for. Microseconds.
	Delay, Added *hdrhistogram.Histogram
}

// newCounts makes empty ones. The times are up to 2 minutes, in steps of 1 %.
func newCounts() Counts {
	of := func() *hdrhistogram.Histogram {
		return hdrhistogram.New(1, int64(2*time.Minute/time.Microsecond), 2)
	}
	return Counts{Delay: of(), Added: of()}
}

func (c *Counts) add(is fate) {
	switch is {
	case lost:
		c.Lost++
	case full:
		c.Full++
	case outage:
		c.Outage++
	case stale:
		c.Stale++
	case overflow:
		c.Overflow++
	}
}

// Totals are what a network did, by phase in order of their beginning, and what it took.
type Totals struct {
	Up, Down []Counts
	CPU      time.Duration // of the two threads that pass packets on
	// packets that the kernel dropped since the threads were too late to take them: losses that
	// nobody asked for
	Missed uint64
}
