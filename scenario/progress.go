package scenario

import (
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// Progress is the state of a run at one moment, for showing it. Numbers are since the
// trial's start unless said otherwise.
type Progress struct {
	Cell, Cells int               // place of this trial, from 1, and how many there are
	Params      map[string]string // of the matrix; do not change
	Trial       int               // from 1
	Phase       string            // "drain" after the last one; "" before the first and between trials
	PhaseIndex  int               // place of Phase, from 0
	Phases      int
	PhaseShare  float64       // how much of the phase has passed, 0..1
	Elapsed     time.Duration // since the trial's start
	Total       time.Duration // of the phases
	Recording   bool
	Plan        []result.Phase // every phase as planned; do not change
	Left        time.Duration  // of the whole run as planned, cooldowns included

	Asked, Held, Failed, Dropped int // clients
	// operations; a volatile one that was skipped counts as sent
	Offered, Sent int64
	// of the others: those that wait for their sender to be back, and those that were dropped
	HeldBack, GivenUp int64
	Received          int64   // deliveries, late ones included
	DeliveriesPerS    float64 // in the last full second
	// deliveries that had not come by their late limit: those that come later are late, and what has
	// not come when the trial ends is lost
	Missing   int64
	Duplicate int64
	Errors    int64
	// of the messages whose late limit has passed, in all phases, as it stood then; Lost are those
	// that were missing
	Ledger result.Ledger

	Seconds int           // full seconds so far
	Second  result.Second // the last one; do not change its map

	// of Metric so far: recorded phases, or before the first of them everything
	P50, P99 time.Duration
	Metric   string        // "delivery", or "ack" when nothing expects deliveries; "" = no samples yet
	LagP99   time.Duration // of the last second
	// of the generator in the last second, share of the cores that it may use
	CPU        float64
	ServerCPU  float64 // likewise
	Done       bool    // the trial has ended; Verdict and Reason are set
	Verdict    result.Verdict
	Reason     string
	LastErrors []string // the last kinds of errors seen, at most three

	// Checks are the file's rules as they stood at the end of the last full second; NoData
	// means that there is nothing to judge by yet. The last Progress of a trial has the
	// final ones. Do not change.
	Checks []result.Check
	// Classes are the errors by class, the most frequent first; refreshed once a second. Do not
	// change.
	Classes []ErrorClass
}

// ErrorClass counts the errors of one kind.
type ErrorClass struct {
	Class string // connect.refused, ack.timeout, ...
	N     int64
	Text  string // message of the first; may be empty
}
