// Package telemetry tells what a run measures to systems that watch other things as well: to
// Prometheus, which pulls, and over OTLP, which pushes. Both get the same numbers from one
// table, so that one dashboard fits both.
//
//	throng_run_info{scenario,version}                     1
//	throng_run_elapsed_seconds, throng_run_left_seconds   of the trial so far, and of the whole run as planned
//	throng_run_phase{phase,recorded}                      1 for the phase under way
//	throng_run_clients{state}                             asked, held
//	throng_run_client_failures_total{outcome}             failed, dropped
//	throng_run_messages_total{state}                      offered by the schedule, sent, given_up
//	throng_run_messages_held_back                         that wait for their sender to be back
//	throng_run_deliveries_total                           received, late ones included
//	throng_run_settled_deliveries_total{outcome}          of messages whose late limit has passed: expected, received, lost, late, ...
//	throng_run_errors_total{class}                        connect.refused, ack.timeout, ...
//	throng_run_latency_seconds{metric}                    histogram: delivery, ack, fanout.last, connect, ...
//	throng_run_lag_seconds                                histogram: how late the generator sent
//	throng_run_cpu_ratio{process}                         generator, server: share of the cores that it may use in the last second
//	throng_run_memory_bytes{process}                      server
//	throng_run_gc_pause_seconds                           the generator's longest in the last second
//	throng_run_check_held{check,kind}                     1 while a rule holds, 0 while it is broken; absent before there are data
//	throng_run_trials_total{verdict}                      that have ended
//
// All but the first and the last carry cell and trial: the parameters of the matrix ("" without
// one) and the number of the trial. Counters and histograms begin with their trial and cover all of
// its phases. The buckets of histograms go from 100 µs to 30 s, six for each power of ten. Over
// OTLP the names have dots, and the units are fields of their own: throng.run.latency in s.
package telemetry

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Bounds are the upper bounds of the histograms' buckets in seconds.
var Bounds = bounds()

func bounds() (all []float64) {
	for _, decade := range []float64{1e-4, 1e-3, 1e-2, 0.1, 1} {
		for _, step := range []float64{1, 1.5, 2, 3, 5, 7} {
			all = append(all, decade*step)
		}
	}
	return append(all, 10, 15, 20, 30)
}

// Recorder keeps the metrics of a run. Its methods may be called from any goroutine; none waits for
// a reader for longer than it takes to copy some hundred numbers.
type Recorder struct {
	version string

	mu       sync.Mutex
	scenario string
	now      scenario.Progress
	began    time.Time // the trial
	latency  map[string]*buckets
	trials   map[result.Verdict]int
	start    time.Time
}

// buckets is a histogram with cumulative counts.
type buckets struct {
	counts []uint64 // by bound, not cumulative; one more for what is above
	n      uint64
	sum    float64 // seconds
}

// New returns a recorder without numbers.
func New(version string) *Recorder {
	return &Recorder{version: version, trials: map[result.Verdict]int{}, latency: map[string]*buckets{}, start: time.Now()}
}

// Begin turns to the run of a scenario.
func (r *Recorder) Begin(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scenario, r.now, r.latency, r.began = name, scenario.Progress{}, map[string]*buckets{}, time.Now()
}

// Update takes the runner's progress.
func (r *Recorder) Update(p scenario.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Cell != r.now.Cell || r.now.Done {
		r.begin()
	}
	ledger := r.now.Ledger
	r.now = p
	if p.Done {
		// the last one covers the recorded phases alone, and a counter must not fall
		r.now.Ledger = ledger
		r.trials[p.Verdict]++
	}
}

func (r *Recorder) begin() {
	r.began, r.latency, r.now = time.Now(), map[string]*buckets{}, scenario.Progress{}
}

// Second takes the samples of a second. The runner calls it before Update.
func (r *Recorder) Second(_ *result.Second, latency map[string]*hdrhistogram.Histogram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.Done {
		r.begin()
	}
	for metric, h := range latency {
		if h.TotalCount() == 0 {
			continue
		}
		b := r.latency[metric]
		if b == nil {
			b = &buckets{counts: make([]uint64, len(Bounds)+1)}
			r.latency[metric] = b
		}
		b.add(h)
	}
}

func (b *buckets) add(h *hdrhistogram.Histogram) {
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		seconds := float64(bar.From) / 1e6
		i, _ := slices.BinarySearch(Bounds, seconds)
		b.counts[i] += uint64(bar.Count)
	}
	b.n += uint64(h.TotalCount())
	b.sum += h.Mean() / 1e6 * float64(h.TotalCount())
}

// The kinds of metrics.
const (
	gauge = iota
	counter
	histogram
)

// A family is one metric with its samples. Units are as in OpenTelemetry: "s", "By", "1" for a
// share, "" for a count.
type family struct {
	name, help, unit string
	kind             int
	labels           []string
	samples          []sample
}

type sample struct {
	labels []string // values, in the order of the family's
	value  float64
	hist   *buckets
}

// promName is the name as Prometheus wants it, and as its translation of OTLP makes it.
func (f *family) promName() string {
	name := strings.ReplaceAll(f.name, ".", "_")
	switch f.unit {
	case "s":
		name += "_seconds"
	case "By":
		name += "_bytes"
	case "1":
		name += "_ratio"
	}
	if f.kind == counter {
		name += "_total"
	}
	return name
}

func (f *family) add(value float64, labels ...string) {
	f.samples = append(f.samples, sample{labels: labels, value: value})
}

// collect makes the table of all metrics. Those without samples are in it too: it is what there is
// to know of.
func (r *Recorder) collect() (all []family, start, trial time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := func(kind int, name, unit, help string, labels ...string) *family {
		return &family{name: "throng.run." + name, help: help, unit: unit, kind: kind, labels: labels}
	}
	p := &r.now
	at := []string{board.Label(p.Params, 0), strconv.Itoa(max(1, p.Trial))}
	of := func(labels ...string) []string { return append(slices.Clone(at), labels...) }
	each := func(kind int, name, unit, help string, labels ...string) *family {
		return one(kind, name, unit, help, append([]string{"cell", "trial"}, labels...)...)
	}
	info := one(gauge, "info", "", "The run: 1.", "scenario", "version")
	elapsed := each(gauge, "elapsed", "s", "Time since the trial's start.")
	left := each(gauge, "left", "s", "Planned time left in the run.")
	phase := each(gauge, "phase", "", "1 for the current phase.", "phase", "recorded")
	clients := each(gauge, "clients", "", "Simulated clients.", "state")
	failures := each(counter, "client_failures", "", "Clients that could not connect, or lost their connection.", "outcome")
	messages := each(counter, "messages", "", "Messages in the schedule, by outcome.", "state")
	heldBack := each(gauge, "messages_held_back", "", "Messages that wait for their sender to be back.")
	deliveries := each(counter, "deliveries", "", "Deliveries received.")
	settled := each(counter, "settled_deliveries", "", "Deliveries of messages whose late limit has passed.", "outcome")
	errors := each(counter, "errors", "", "Errors by class.", "class")
	latency := each(histogram, "latency", "s", "Latency since a message was due, or of connecting.", "metric")
	lag := each(histogram, "lag", "s", "How late the generator sent.")
	cpu := each(gauge, "cpu", "1", "CPU in the last second, as a share of the cores that the process may use.", "process")
	memory := each(gauge, "memory", "By", "Resident memory.", "process")
	gc := each(gauge, "gc_pause", "s", "The generator's longest pause for garbage collection in the last second.")
	checks := each(gauge, "check_held", "", "1 while a rule holds, 0 while it is broken.", "check", "kind")
	trials := one(counter, "trials", "", "Trials that have ended.", "verdict")

	for _, v := range []result.Verdict{result.Pass, result.Fail, result.Invalid} {
		trials.add(float64(r.trials[v]), string(v))
	}
	info.add(1, r.scenario, r.version)
	if p.Cell > 0 {
		elapsed.add(p.Elapsed.Seconds(), of()...)
		left.add(p.Left.Seconds(), of()...)
		phase.add(1, of(p.Phase, strconv.FormatBool(p.Recording))...)
		clients.add(float64(p.Asked), of("asked")...)
		clients.add(float64(p.Held), of("held")...)
		failures.add(float64(p.Failed), of("failed")...)
		failures.add(float64(p.Dropped), of("dropped")...)
		messages.add(float64(p.Offered), of("offered")...)
		messages.add(float64(p.Sent), of("sent")...)
		messages.add(float64(p.GivenUp), of("given_up")...)
		heldBack.add(float64(p.HeldBack), of()...)
		deliveries.add(float64(p.Received), of()...)
		ledger(settled, p.Ledger, of)
		for _, c := range p.Classes {
			errors.add(float64(c.N), of(c.Class)...)
		}
	}
	if p.Seconds > 0 {
		cpu.add(p.CPU, of("generator")...)
		gc.add(float64(p.Second.GCPauseMaxus)/1e6, of()...)
		if p.Second.ServerRSSBytes > 0 {
			cpu.add(p.ServerCPU, of("server")...)
			memory.add(float64(p.Second.ServerRSSBytes), of("server")...)
		}
	}
	r.samples(latency, lag, of)
	held(checks, p.Checks, of)
	for _, f := range []*family{info, elapsed, left, phase, clients, failures, messages, heldBack, deliveries, settled, errors, latency, lag, cpu, memory, gc, checks, trials} {
		all = append(all, *f)
	}
	return all, r.start, r.began
}

func ledger(f *family, l result.Ledger, of func(...string) []string) {
	for _, o := range []struct {
		outcome string
		n       int64
	}{
		{"expected", l.Expected},
		{"received", l.Received},
		{"lost", l.Lost},
		{"late", l.Late},
		{"duplicate", l.Duplicate},
		{"out_of_order", l.Disorder},
		{"undecided", l.Undecided},
	} {
		f.add(float64(o.n), of(o.outcome)...)
	}
}

// samples copies the histograms, in the order of their names.
func (r *Recorder) samples(latency, lag *family, of func(...string) []string) {
	for name, b := range r.latency {
		c := &buckets{counts: slices.Clone(b.counts), n: b.n, sum: b.sum}
		if name == metric.Lag {
			lag.samples = append(lag.samples, sample{labels: of(), hist: c})
			continue
		}
		latency.samples = append(latency.samples, sample{labels: of(name), hist: c})
	}
	slices.SortFunc(latency.samples, func(a, b sample) int { return cmp.Compare(a.labels[2], b.labels[2]) })
}

// held takes a rule once, were it to stand twice in the file.
func held(f *family, checks []result.Check, of func(...string) []string) {
	seen := map[string]bool{}
	for _, k := range checks {
		if k.NoData || k.Undecided || seen[k.Kind+k.Text] {
			continue
		}
		seen[k.Kind+k.Text] = true
		v := 0.0
		if k.Pass {
			v = 1
		}
		f.add(v, of(k.Text, k.Kind)...)
	}
}
