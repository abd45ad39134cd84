package result

// Server is the resource use of the server under test, as the operating system reports it. A zero
// CPU or memory means that it could not be read.
type Server struct {
	Target string `json:"target,omitempty"` // URL
	// our own server, started for this run
	BuiltIn     bool `json:"built_in,omitempty"`
	SameMachine bool `json:"same_machine,omitempty"` // shared the generator's cores
	// CPU seconds, user and system, of the recorded phases
	CPUs float64 `json:"cpu_s"` // of all nodes of the built-in server
	// of the broker between them, if it was started for the run
	BrokerCPUs   float64 `json:"broker_cpu_s,omitempty"`
	RSSPeakBytes int64   `json:"rss_peak_bytes"`
	// growth from no clients to all of them, per client
	RSSPerClientBytes int64   `json:"rss_per_client_bytes"`
	DeliveriesPerCPUs float64 `json:"deliveries_per_cpu_s"` // deliveries per CPU second
	BytesOut          int64   `json:"bytes_out"`            // 0 when the server was not asked
	BytesIn           int64   `json:"bytes_in"`
}

// Generator is the load generator's report on itself: whether its measurements can be trusted.
type Generator struct {
	CPUs float64 `json:"cpu_s"` // CPU seconds of the recorded phases
	// highest second, as a share 0..1 of the cores that it may use
	CPUMax float64 `json:"cpu_max,omitempty"`
	// as a share 0..1 of the cores that it may use
	CPUMean      float64  `json:"cpu_mean,omitempty"`
	RSSPeakBytes int64    `json:"rss_peak_bytes"`
	LagP99us     int64    `json:"lag_p99_us"`    // actual minus scheduled send
	Lag          *Latency `json:"lag,omitempty"` // the whole distribution of it
	// how long messages waited in the sockets until they were read
	LagReceive   *Latency `json:"lag_receive,omitempty"`
	GCPauseMaxus int64    `json:"gc_pause_max_us"`
	BytesIn      int64    `json:"bytes_in"`
	BytesOut     int64    `json:"bytes_out"`
	// CPU time that a fixed piece of work took meanwhile on this machine, mean over the recorded
	// phases; 0: it was not timed. See scenario.Options.Yardstick
	WorkUS float64 `json:"work_us,omitempty"`
	// latency samples below zero or above an hour, recorded at the limit
	Clamped int64 `json:"clamped,omitempty"`
}
