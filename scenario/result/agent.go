package result

// Agent is a process of a fleet that runs a part of the clients: what it is, and how it did in a
// trial.
type Agent struct {
	Name    string            `json:"name"`              // unique in its fleet
	Host    string            `json:"host,omitempty"`    // of its machine, as the fleet reports it
	Labels  map[string]string `json:"labels,omitempty"`  // by which groups are placed
	Version string            `json:"version,omitempty"` // of its program
	// Weight is its share of the clients in proportion to the weights of the others; 0 counts as 1.
	Weight float64 `json:"weight,omitempty"`
	Cores  float64 `json:"cores,omitempty"` // processors that it may use
	Files  int64   `json:"files,omitempty"` // its limit of file descriptors
	// OffsetUs is what its clock shows minus what the controller's shows, in microseconds, and
	// BoundUs how far the true offset may be from it at most; both 0 where the two share one clock.
	OffsetUs int64 `json:"clock_offset_us"`
	BoundUs  int64 `json:"clock_bound_us"`

	Health *AgentHealth `json:"health,omitempty"` // nil: it was in no trial yet
}

// AgentHealth is how an agent did in one trial: whether its own machine was fit to measure.
type AgentHealth struct {
	Asked int `json:"asked"` // clients told to connect at most at once
	Held  int `json:"held"`  // clients at the end of the recorded phases
	// of its messages and its readings in the recorded phases; nil: it had none
	Lag        *Latency `json:"lag,omitempty"`
	LagReceive *Latency `json:"lag_receive,omitempty"`
	CPUMean    float64  `json:"cpu_mean"` // 0..1 of its cores, over the recorded seconds
	CPUMax     float64  `json:"cpu_max"`
	// resident memory at its peak in bytes, and the longest pause of its garbage collector
	RSSPeakBytes int64 `json:"rss_peak_bytes"`
	GCPauseMaxus int64 `json:"gc_pause_max_us"`
	// What it sent to the controller, and to the other agents.
	ReportBytes int64 `json:"report_bytes"`
	MeshBytes   int64 `json:"mesh_bytes"`
	// LostAtS is when it was lost, in seconds since the trial's start; nil: it stayed to the end.
	LostAtS *float64 `json:"lost_at_s,omitempty"`
	Lost    string   `json:"lost,omitempty"` // why
}

// ClockBoundUs is by how many microseconds the clocks of two of the cell's agents may differ at
// most: the error of each time from a client of one to a client of another. 0: the clients were in
// one process, or all agents have one clock.
func (c *Cell) ClockBoundUs() int64 {
	var first, second int64
	for i := range c.Agents {
		switch b := c.Agents[i].BoundUs; {
		case b > first:
			first, second = b, first
		case b > second:
			second = b
		}
	}
	return first + second
}
