package lateness

// An Arrival holds the known times of a message's arrival, in nanoseconds of one clock.
type Arrival struct {
	Wrote int64 // when it was written to the network
	// it reached the receiver's socket between the two; equal when that is known exactly
	From, Until int64
	Read        int64
}

// Transit is how long a message of a receiver was on its way when that was last known exactly.
type Transit int64

// Came finds when a message reached the socket. Messages that were read at once leave only the
// arrival of the last to be known. The others are taken to have been on their way as long as the
// latest one of which that is known, but not to have waited longer than anything in the process did
// at that time, which is held: a server that delivers late and all at once must not pass for a
// reader that slept.
func (t *Transit) Came(a Arrival, held int64) int64 {
	if a.From >= a.Until {
		*t = Transit(max(0, a.Until-a.Wrote))
		return a.Until
	}
	return min(max(a.Wrote+int64(*t), a.From, a.Read-held), a.Until)
}
