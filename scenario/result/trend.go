package result

// A Trend is the straight line through the recorded seconds of a metric: whether something leaks,
// or slows down.
type Trend struct {
	Metric string  `json:"metric"`          // as checks name it; of a metric of the target, its family
	Agent  string  `json:"agent,omitempty"` // of a fleet; "": of the server, or of all that generates the load
	Unit   string  `json:"unit,omitempty"`  // of Begin: "s", "bytes" or "" for a count
	Begin  float64 `json:"begin"`           // where the line begins
	// its slope in units an hour, and the ends of the interval that holds it with a chance of 95 %
	PerHour float64 `json:"per_hour"`
	Low     float64 `json:"low_per_hour"`
	High    float64 `json:"high_per_hour"`
	N       int     `json:"n"` // seconds
}

// SteadyShare is how much of where it began a metric may change in an hour and still be steady.
const SteadyShare = 0.05

// The conclusions of a trend.
const (
	Steady  = "steady" // the whole interval is within SteadyShare
	Grows   = "grows"  // the whole interval is above it
	Falls   = "falls"  // the whole interval is below it
	Unknown = "open"   // neither: the run is too short to tell
)

// Word is the conclusion of the trend.
func (t *Trend) Word() string {
	limit := SteadyShare * t.Begin
	switch {
	case t.Low > limit:
		return Grows
	case t.High < -limit:
		return Falls
	case t.Low >= -limit && t.High <= limit:
		return Steady
	}
	return Unknown
}

// Drift is the lower end of the interval as a share of where the line began, or 0 where that is not
// above zero: the growth in an hour of which the run leaves no doubt.
func (t *Trend) Drift() float64 {
	if t.Low <= 0 || t.Begin <= 0 {
		return 0
	}
	return t.Low / t.Begin
}
