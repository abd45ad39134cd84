package result

// Nodes are the targets of a scenario with several, and what came from each to each in the recorded
// phases.
type Nodes struct {
	List   []Node     `json:"list"`   // in file order
	Pairs  []NodePair `json:"pairs"`  // by sender, then by receiver; all of them
	Same   Way        `json:"same"`   // deliveries from a sender on the receiver's own target
	Across Way        `json:"across"` // and from one on another
}

// Node is one target.
type Node struct {
	URL  string `json:"url"`
	Held int64  `json:"held"` // clients at the end of the recorded phases
	// connections made in the whole trial, reconnects included
	Connected int64    `json:"connected"`
	Delivery  *Latency `json:"delivery,omitempty"` // to its clients; nil: nothing came
}

// NodePair is what clients of one target got of messages that clients of another sent, or of the
// same one.
type NodePair struct {
	From      int   `json:"from"`               // the sender's target, by its place in the list
	To        int   `json:"to"`                 // the receiver's
	Expected  int64 `json:"expected"`           // deliveries
	Received  int64 `json:"received"`           // of those, in time or late
	Lost      int64 `json:"lost"`               // of those
	Undecided int64 `json:"undecided,omitzero"` // of those: neither
}

// Decided is how many of the expected deliveries were received or lost.
func (p *NodePair) Decided() int64 { return p.Expected - p.Undecided }

// Reach is the share of the decided deliveries that were received; ok is false when there is none.
func (p *NodePair) Reach() (share float64, ok bool) {
	if p.Decided() <= 0 {
		return 0, false
	}
	return float64(p.Received) / float64(p.Decided()), true
}

// Pair is the pair of two targets by their places; an empty one when there is none.
func (n *Nodes) Pair(from, to int) *NodePair {
	for i := range n.Pairs {
		if p := &n.Pairs[i]; p.From == from && p.To == to {
			return p
		}
	}
	return &NodePair{From: from, To: to}
}

// Way is the deliveries on one way.
type Way struct {
	Ledger   Ledger   `json:"ledger"`
	Delivery *Latency `json:"delivery,omitempty"` // nil: nothing came
}
