package result

// TargetMetric is one family of the metrics that the target offers by itself
// (target.sample.prometheus in the scenario), its labels summed up.
type TargetMetric struct {
	Kind   string    `json:"kind"`   // counter, which only grows, or gauge
	Values []float64 `json:"values"` // as read, one for each second of the timeline
}
