package result

// Network is what a network of packets between clients and target did, and what it took. Packets
// are those of IP, acknowledgements of TCP and packets sent again among them.
type Network struct {
	Rows []NetworkRow `json:"rows"`  // first those of the way up, each way in order of the phases
	CPUS float64      `json:"cpu_s"` // seconds of CPU that passing them on took
	// packets that the kernel dropped since they were not passed on soon enough, which makes the
	// cell invalid
	Missed int64 `json:"missed"`
	// datagrams that the relay to the target dropped, which came faster than it read; likewise
	RelayDropped int64 `json:"relay_dropped,omitempty"`
}

// NetworkRow is one phase and direction of a network.
type NetworkRow struct {
	Phase     string `json:"phase"`
	Direction string `json:"direction" words:"up|down"` // up: from the clients
	Packets   int64  `json:"packets"`                   // that were sent into it
	Bytes     int64  `json:"bytes"`                     // of them, with their headers
	Lost      int64  `json:"lost"`                      // by the loss that was asked for
	Full      int64  `json:"full"`                      // dropped by the queue before a client's rate
	Outage    int64  `json:"outage"`                    // dropped while their client had no network
	Stale     int64  `json:"stale"`                     // to addresses that their clients no longer have
	Overtook  int64  `json:"overtook"`
	Overflow  int64  `json:"overflow"`          // dropped for want of memory, which makes the cell invalid
	Outages   int64  `json:"outages,omitempty"` // of clients, that began
	Moves     int64  `json:"moves,omitempty"`   // of clients to another address
	// what was asked of the way to the first target; a rate is of each client's own line in bytes
	// per second, with the headers of IP, and 0 where there is none
	AskedUs      int64   `json:"asked_us"` // the delay, without jitter
	JitterUs     int64   `json:"asked_jitter_us,omitempty"`
	AskedLoss    float64 `json:"asked_loss"`              // 0..1
	AskedReorder float64 `json:"asked_reorder,omitempty"` // 0..1
	AskedRate    int64   `json:"asked_rate,omitempty"`
	AskedOutageS float64 `json:"asked_outage_s,omitempty"` // the length of each
	// the rate of the lines while packets waited for it; 0: no packet waited for another
	Rate float64 `json:"rate,omitempty"`
	// of packets of its own that the network sends through its delays all the time: from before
	// they were sent until the kernel of the other side had them, and what of it nobody had asked
	// for
	Probes     int64 `json:"probes"`
	DelayP50us int64 `json:"delay_p50_us"`
	DelayP99us int64 `json:"delay_p99_us"`
	AddedP50us int64 `json:"added_p50_us"`
	AddedP99us int64 `json:"added_p99_us"`
}
