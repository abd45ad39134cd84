package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/throng-io/throng/bench/internal/delayed"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A load is what competes with the generator in one run.
type load struct {
	Kind  string        `json:"kind"` // none, busy, bursts or stops
	Loops int           `json:"loops,omitempty"`
	Nice  int           `json:"nice,omitempty"`
	On    time.Duration `json:"on_ns,omitempty"` // of a burst, or how long the runner is stopped
	Off   time.Duration `json:"off_ns,omitempty"`
}

func (l *load) String() string {
	switch l.Kind {
	case none:
		return l.Kind
	case stops:
		return fmt.Sprintf("stopped for %v each %v", l.On, l.Off)
	case bursts:
		return fmt.Sprintf("%d loops, nice %d, %v of each %v", l.Loops, l.Nice, l.On, l.On+l.Off)
	}
	return fmt.Sprintf("%d loops, nice %d", l.Loops, l.Nice)
}

// The kinds of load.
const (
	none   = "none"
	busy   = "busy"
	bursts = "bursts"
	stops  = "stops"
)

var kinds = []string{none, busy, bursts, stops}

// An outcome is what one run said, beside the truth.
type outcome struct {
	Load     load              `json:"load"`
	Verdict  result.Verdict    `json:"verdict"`
	Reason   string            `json:"reason,omitempty"`
	Reported delayed.Quantiles `json:"reported"`
	Truth    delayed.Quantiles `json:"truth"`
	Send     int64             `json:"lag_p99_us"`
	Receive  int64             `json:"lag_receive_p99_us"`
}

// floor is what is not held against a run.
const floor = time.Millisecond

// off reports whether the p99 that was reported is off by more than a fifth and more than the
// floor.
func (o *outcome) off() bool {
	diff := max(o.Reported.P99-o.Truth.P99, o.Truth.P99-o.Reported.P99)
	return diff > o.Truth.P99/5 && diff > floor.Microseconds()
}

func (o *outcome) line() string {
	s := fmt.Sprintf("%s: %s, p99 %s, truth %s", &o.Load, o.Verdict, us(o.Reported.P99), us(o.Truth.P99))
	if o.Reason != "" {
		s += " (" + o.Reason + ")"
	}
	return s
}

func us(n int64) string { return metric.FormatSeconds(float64(n) / 1e6) }

// write prints the table.
func write(out io.Writer, h heading, all []outcome) error {
	_, _ = fmt.Fprintf(out, "machine   %s\nkernel    %s\ngo        %s\ncommit    %s\nmeasured  %s\nload      %s, at the end\ncommand   %s\n\n",
		h.Machine, h.Kernel, h.Go, h.Commit, h.Time.Format(time.RFC3339), h.Load, h.Command)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "load\truns\tpass\tfail\tinvalid\tp99 off\tpass and off\tworst p99 of those that pass, beside the truth\t")
	for _, kind := range kinds {
		n, by, off, wrong := 0, map[result.Verdict]int{}, 0, 0
		worst := ""
		most := int64(-1)
		for i := range all {
			o := &all[i]
			if o.Load.Kind != kind {
				continue
			}
			n++
			by[o.Verdict]++
			if o.off() {
				off++
				if o.Verdict == result.Pass {
					wrong++
				}
			}
			if d := max(o.Reported.P99-o.Truth.P99, o.Truth.P99-o.Reported.P99); o.Verdict == result.Pass && d > most {
				most, worst = d, us(o.Reported.P99)+", "+us(o.Truth.P99)
			}
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n", kind, n, by[result.Pass], by[result.Fail], by[result.Invalid], off, wrong, worst)
	}
	return w.Flush()
}

// verdict fails a study in which a run passed with a wrong p99.
func verdict(all []outcome) error {
	for i := range all {
		if o := &all[i]; o.Verdict == result.Pass && o.off() {
			return fmt.Errorf("a run passed with a wrong p99: %s", o.line())
		}
	}
	return nil
}
