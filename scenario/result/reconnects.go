package result

import "math"

// Reconnects summarizes how clients reconnected, in the recorded phases, after losing a connection
// that they did not close. A time is 0 when so large a share never reconnected.
type Reconnects struct {
	Lost      int64 `json:"lost"`      // connections
	Back      int64 `json:"back"`      // of those, made again
	Recover   bool  `json:"recover"`   // clients asked to be the sockets they had been
	Recovered int64 `json:"recovered"` // of those that came back, and were
	// until half of the clients were back, from when each lost its connection
	P50us  int64 `json:"p50_us,omitempty"`
	P95us  int64 `json:"p95_us,omitempty"`  // until 95 % were
	P999us int64 `json:"p999_us,omitempty"` // until 99.9 % were

	Faults []FaultReturns `json:"faults,omitempty"` // by fault, in order of time
}

// FaultReturns summarizes the reconnections of the clients that lost their connection in one phase
// with a fault. Times count from each client's loss; in a restart, from the beginning of the
// restart.
type FaultReturns struct {
	Phase string `json:"phase"`
	Lost  int64  `json:"lost"` // connections
	Back  int64  `json:"back"` // of those, made again
	// of those that came back as the sockets they had been
	Recovered int64 `json:"recovered"`
	// how long each was away; those that never came back until the end
	Away *Latency `json:"away,omitempty"`
}

// After is the time, in microseconds, until a share (0..1) of the connections lost was made again;
// ok is false when so many never were, or the histogram is missing.
func (f *FaultReturns) After(share float64) (us int64, ok bool) {
	if f.Away == nil || f.Away.N+f.Away.Never == 0 || float64(f.Back) < math.Ceil(share*float64(f.Lost)-1e-9) {
		return 0, false
	}
	all, err := f.Away.Samples()
	if err != nil {
		return 0, false
	}
	us, beyond := all.Percentile(share * 100)
	return us, !beyond
}
