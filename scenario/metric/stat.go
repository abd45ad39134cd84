package metric

import (
	"regexp"
	"slices"
	"strconv"
)

// The statistics that code asks for by name.
const (
	StatMax      = "max"
	StatMin      = "min"
	StatMean     = "mean"
	StatCount    = "count"
	StatRate     = "rate"
	StatLoss     = "loss"
	StatDup      = "dup"
	StatDisorder = "disorder"
	StatLate     = "late"

	StatUndecided = "undecided"

	StatErrors   = "errors"
	StatGrowth   = "growth"
	StatDrift    = "drift"
	StatRatio    = "ratio"
	StatAchieved = "achieved"
)

// A Stat is a statistic that a check takes of a metric.
type Stat struct {
	Name     string
	Quantile float64  // in percent, of a percentile; else 0
	Of       []string // metrics; of errors, the kinds and classes with a name of ours
	// in which its values are compared; of two, a share or a number, the check's text decides. nil:
	// the metric's
	Units []string
	Bare  string // the metric that is meant when a check names none
	// Demands says that a check must name the metric. Without it and Bare, a bare check is of
	// everything.
	Demands bool
	Ledger  bool // it counts in the ledger, message by message
	Whole   bool // it is of whole phases, never of windows
}

var shareOrCount = []string{Share, Count}

// Drifting are the metrics whose slope over a run is looked at, in the order in which tables have
// them: of latencies it is the slope of the 99th percentiles of the seconds. Do not change it.
var Drifting = []string{ServerRSS, ServerGoroutines, ServerFiles, RSS, Goroutines, Files, Delivery, Ack, Lag}

// Stats is every statistic but the percentiles, in order. Do not change it.
var Stats = []Stat{
	{Name: StatMax, Of: Names(Latency, Sampled), Demands: true},
	{Name: StatMin, Of: Names(Latency, Sampled), Demands: true},
	{Name: StatMean, Of: Names(Latency, Sampled), Demands: true},
	{Name: StatCount, Of: Names(Latency), Units: []string{Count}, Demands: true},
	{Name: StatRate, Of: Names(Latency), Units: []string{PerSecond}, Demands: true},
	{Name: StatLoss, Of: []string{Delivery}, Units: shareOrCount, Bare: Delivery, Ledger: true},
	{Name: StatDup, Of: []string{Delivery}, Units: shareOrCount, Bare: Delivery, Ledger: true},
	{Name: StatDisorder, Of: []string{Delivery}, Units: shareOrCount, Bare: Delivery, Ledger: true},
	{Name: StatLate, Of: []string{Delivery}, Units: shareOrCount, Bare: Delivery, Ledger: true},
	{Name: StatUndecided, Of: []string{Delivery}, Units: shareOrCount, Bare: Delivery, Ledger: true},
	{Name: StatErrors, Of: ErrorNames(), Units: shareOrCount},
	{Name: StatGrowth, Of: []string{RSS, ServerRSS}, Units: []string{Share}, Demands: true, Whole: true},
	{Name: StatDrift, Of: Drifting, Units: []string{Share}, Demands: true, Whole: true},
	{Name: StatRatio, Of: []string{Recovered}, Units: []string{Share}, Bare: Recovered, Whole: true},
	{Name: StatAchieved, Of: []string{Rate}, Units: []string{Share}, Bare: Rate},
}

var percentile = regexp.MustCompile(`^p(\d{1,2}(?:\.\d{1,4})?)$`)

// StatOf returns the statistic of a name: one of Stats, or a percentile between p0 and p100 with at
// most four decimals.
func StatOf(name string) (s Stat, known bool) {
	if m := percentile.FindStringSubmatch(name); m != nil {
		q, err := strconv.ParseFloat(m[1], 64)
		if err != nil || q <= 0 {
			return Stat{}, false
		}
		return Stat{Name: name, Quantile: q, Of: Names(Latency, Sampled), Demands: true}, true
	}
	i := slices.IndexFunc(Stats, func(s Stat) bool { return s.Name == name })
	if i < 0 {
		return Stat{}, false
	}
	return Stats[i], true
}

// StatNames lists the statistics, in order, with some percentiles before them.
func StatNames() []string {
	out := []string{"p50", "p90", "p99", "p99.9", "p99.99"}
	for _, s := range Stats {
		out = append(out, s.Name)
	}
	return out
}

// LabelsOf lists the labels that a check of a statistic and a metric may have, in order. The metric
// is "" where the statistic is of every kind.
func LabelsOf(stat, metric string) []string {
	own := []string(nil)
	if stat == StatErrors {
		if i := kindAt(ParseErrorClass(metric).Kind); i >= 0 {
			own = ErrorKinds[i].Labels
		}
	} else if m, known := Of(metric); known {
		own = m.Labels
	}
	return append(slices.Clone(own), LabelPhase)
}

// OfLedger reports whether a statistic counts in the ledger.
func OfLedger(stat string) bool {
	s, _ := StatOf(stat)
	return s.Ledger
}
