package result

// Phase is a stretch of the cell's timeline.
type Phase struct {
	Name   string  `json:"name"`
	StartS float64 `json:"start_s"` // since the cell's start
	EndS   float64 `json:"end_s"`
	Record bool    `json:"record"` // false: on the timeline, not in any summary
	// Fault is the fault injected at the beginning of the phase: "drop", "restart", "run", "http",
	// "rolling", "network" or another; "" for none.
	Fault string `json:"fault,omitempty"`
}

// Second is one second of a cell's timeline. Counts are of this second, client numbers are the
// state at its end.
type Second struct {
	T      float64 `json:"t"`      // start of the second, in seconds since the cell's start
	Asked  int     `json:"asked"`  // clients that the schedule had told to connect by now
	Open   int     `json:"open"`   // transports open by now
	Held   int     `json:"held"`   // clients connected to their namespace by now
	Failed int     `json:"failed"` // connects that failed in this second

	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
	Lost     int64 `json:"lost"`
	Errors   int64 `json:"errors"`

	// by metric; absent when nothing was recorded
	Latency map[string]Quantiles `json:"latency,omitempty"`

	LagP99us int64 `json:"lag_p99_us"`
	// of the generator, share 0..1 of the cores that it may use
	CPU float64 `json:"cpu"`
	// of the server, share 0..1 of the cores that it may use
	ServerCPU      float64 `json:"server_cpu"`
	RSSBytes       int64   `json:"rss_bytes"` // of the generator
	ServerRSSBytes int64   `json:"server_rss_bytes"`
	GCPauseMaxus   int64   `json:"gc_pause_max_us"` // of the generator
	// goroutines, and open files with connections among them; 0: unknown
	Goroutines       int64 `json:"goroutines,omitempty"`
	Files            int64 `json:"files,omitempty"`
	ServerGoroutines int64 `json:"server_goroutines,omitempty"`
	ServerFiles      int64 `json:"server_files,omitempty"`
}

// Quantiles summarise one metric in one second.
type Quantiles struct {
	N     int64 `json:"n"`
	P50us int64 `json:"p50_us"`
	P99us int64 `json:"p99_us"`
	Maxus int64 `json:"max_us"`
	// Heat is the distribution in steps of a fifth, of delivery and ack only: see HeatOf.
	Heat string `json:"heat,omitempty"`
}

// CurvePoint says when a share of the receivers had a broadcast, measured from the moment it was
// due.
type CurvePoint struct {
	Rank  float64 `json:"rank"`   // share 0..1 of the receivers reached
	P50us int64   `json:"p50_us"` // in the median broadcast
	P99us int64   `json:"p99_us"` // in the 99th percentile of broadcasts
	N     int64   `json:"n"`      // broadcasts
}
