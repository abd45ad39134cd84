package ledger

// Horizon is the moment up to which everything that happened has been replayed, in a fleet.
func (l *Ledger) Horizon() int64 { return l.fleet.horizon.Load() - l.fleet.Bound() }
