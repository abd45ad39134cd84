package file

import "time"

// The kinds of a check.
const (
	SLO   = "slo"   // a broken one fails the run
	Valid = "valid" // a broken one makes the run invalid
)

// The units of a check's value.
const (
	UnitSeconds   = "s"
	UnitShare     = "share" // 1 is 100 %
	UnitBytes     = "B"
	UnitPerSecond = "/s"
	UnitCount     = "" // a plain number
)

// Check is a condition on what a run measured:
//
//	stat(metric{label=value,...}) op value [over 5s] [in phase]
//
// The runner looks the value up and asks Eval.
type Check struct {
	Text     string            // as written
	Name     string            // "": none was given
	Kind     string            // SLO or Valid
	Optional bool              // reported, but never decides the verdict
	Stat     string            // p50 ... p99.99, max, min, mean, count, rate, loss, dup, disorder, late, errors, achieved
	Quantile float64           // 0..100 for a percentile, else 0
	Metric   string            // "": errors of every kind
	Labels   map[string]string // of group, op, event, transport; nil: all
	Op       string            // < <= > >= ==
	Value    float64           // in Unit
	Unit     string            // one of the units above
	Over     time.Duration     // must hold in each window of that length, whole seconds; 0: over the whole
	Phase    string            // "": all recorded phases
}

// Eval reports whether a measured value, in the unit of the check, meets it.
// NaN, for nothing measured, never does.
func (c Check) Eval(value float64) bool {
	switch c.Op {
	case "<":
		return value < c.Value
	case "<=":
		return value <= c.Value
	case ">":
		return value > c.Value
	case ">=":
		return value >= c.Value
	case "==":
		return value == c.Value
	}
	return false
}
