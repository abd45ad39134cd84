package result

import "strings"

// Check is one rule of the scenario with its finding. Value and Limit are in the metric's base
// unit: seconds, bytes, messages per second, a share 0..1, or a plain count.
type Check struct {
	Text  string  `json:"check"` // as in the scenario: p99(delivery) < 100ms
	Value float64 `json:"value"` // 0 when NoData
	Pass  bool    `json:"pass"`
	// "slo" decides between pass and fail, "valid" whether the run counts
	Kind string `json:"kind" words:"slo|valid"`
	// details of the value: the window that broke it, the missing evidence
	Note  string  `json:"note,omitempty"`
	Unit  string  `json:"unit,omitempty"` // of Value and Limit: "s", "bytes", "/s", "share" or "" for a count
	Limit float64 `json:"limit,omitempty"`

	Stat   string            `json:"stat,omitempty"`   // p99
	Metric string            `json:"metric,omitempty"` // delivery
	Labels map[string]string `json:"labels,omitempty"` // op=room
	Op     string            `json:"op,omitempty" words:"<|<=|==|>=|>"`
	OverS  float64           `json:"over_s,omitempty"` // length of the windows; 0: the whole run
	Phase  string            `json:"phase,omitempty"`  // "": all recorded phases
	NoData bool              `json:"no_data,omitempty"`
	// Beyond says that the true value is more than Value, which is how long was waited for what
	// never came: it meets no upper limit.
	Beyond bool `json:"beyond,omitempty"`
	// Undecided means that there were too few samples to decide the check: it is neither met nor
	// broken. Note says how many are needed.
	Undecided bool `json:"undecided,omitempty"`
	// Unsaved means that a saved result, which is judged again, lacks what the check is about.
	Unsaved bool `json:"unsaved,omitempty"`
	// AtMost is the loss if all undecided deliveries were lost; 0: none is undecided.
	AtMost float64 `json:"at_most,omitempty"`
	// Optional says that the check is reported and decides nothing.
	Optional bool `json:"optional,omitempty"`
	// Implied says that the rule is none of the scenario's: it always holds, and is here because it
	// was broken.
	Implied bool `json:"implied,omitempty"`
}

// Meets reports whether a value, in the unit of Limit, holds to the check. NaN, for nothing
// measured, never does. When the check is Beyond, it is for a value that is more than the one
// given.
func (c *Check) Meets(value float64) bool {
	if c.Beyond {
		return (c.Op == ">" || c.Op == ">=") && value >= c.Limit
	}
	switch c.Op {
	case "<":
		return value < c.Limit
	case "<=":
		return value <= c.Limit
	case ">":
		return value > c.Limit
	case ">=":
		return value >= c.Limit
	case "==":
		return value == c.Limit
	}
	return false
}

// Kinds of checks.
const (
	KindSLO   = "slo"
	KindValid = "valid"
)

// TooFewSamples reports whether a cell is invalid because a check has too few samples, while the
// generator was fit: another trial of the same length would have no more.
func (c *Cell) TooFewSamples() bool {
	few := false
	for i := range c.Checks {
		k := &c.Checks[i]
		switch {
		case k.Pass || k.Optional:
		case k.Undecided:
			few = few || strings.HasPrefix(c.Reason, k.Text)
		case k.Kind == KindValid:
			return false
		}
	}
	return few && !c.Interrupted && c.Verdict == Invalid
}
