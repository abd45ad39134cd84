package network

import "time"

// A Way is what happens to the packets of one direction. Rate and Queue are of each client alone,
// as if each had a line of its own. The zero value passes everything on.
type Way struct {
	Delay time.Duration
	// the delay varies evenly by as much either way, and keeps the order, so that it is more on
	// average where packets follow closely
	Jitter time.Duration
	Loss   float64 // share of the packets that are lost, each by itself
	// share of the packets that are not delayed, and so overtake those before them; nothing without
	// a delay
	Reorder float64
	Rate    int // bytes a second, with the headers of IP; 0: no limit
	Queue   int // bytes that may wait for the rate; packets beyond are dropped; 0: DefaultQueue
}

// DefaultQueue is how many bytes may wait for the rate of a client's line: of the size of buffers
// in modems and base stations, large enough to be felt as delay.
const DefaultQueue = 64 << 10

// A Condition is the state of a network between clients and one target.
type Condition struct{ Up, Down Way } // from the clients, and to them

// Longest is the most that the condition asks of a packet without a rate, in one direction.
func (c *Condition) Longest() time.Duration {
	return max(c.Up.Delay+c.Up.Jitter, c.Down.Delay+c.Down.Jitter)
}
