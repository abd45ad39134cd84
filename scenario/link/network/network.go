package network

import (
	"fmt"
	"time"
)

// A Config says how large a network is, and what it does at first.
type Config struct {
	Clients int         // at most MaxClients
	Shared  int         // the last so many of the clients share their line with others: it has no rate
	Seed    uint64      // of all draws
	First   []Condition // by target; one at least. The first phase begins with them
}

func (c *Config) check() error {
	if c.Clients < 0 || c.Clients > MaxClients {
		return fmt.Errorf("a network of packets has room for %d clients, not for %d; lower the count of the groups", MaxClients, c.Clients)
	}
	if len(c.First) == 0 || len(c.First) > maxMoves {
		return fmt.Errorf("a network of packets has 1 to %d targets, not %d", maxMoves, len(c.First))
	}
	return nil
}

// A setting is what the network does, in one phase.
type setting struct {
	phase int
	of    []Condition // by target
}

// probeEvery is how often a packet of the prober's goes each way: a thousand in ten seconds are
// enough for a 99th percentile.
const probeEvery = 10 * time.Millisecond

// maxWaiting is how many packets of one direction may be on their way at once. It bounds the memory
// that long delays take, to some 100 MB.
const maxWaiting = 1 << 16

// mtu is that of Ethernet.
const mtu = 1500
