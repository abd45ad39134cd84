//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/throng-io/throng/bench/internal/rounds"
)

// header is what figures were measured on.
type header struct {
	Machine    string `json:"machine"`
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	Node       string `json:"node"`
	Commit     string `json:"commit"`
	Time       string `json:"time"`
	Load       string `json:"load"` // of the machine, before anything was measured
}

func (h header) String() string {
	return fmt.Sprintf("machine   %d x %s\nkernel    %s\ngo        %s\nnode      %s\ncommit    %s\nmeasured  %s\nload      %s before the run, of other work\n",
		h.Processors, h.Machine, h.Kernel, h.Go, h.Node, h.Commit, h.Time, h.Load)
}

// A report is one case with what was measured: per entry, one value of each metric for each repeat.
type report struct {
	benchCase
	entries []entry
	samples map[string][]metrics
}

// runCase measures every entry of a case in turn, as often as asked.
func (b *bench) runCase(ctx context.Context, c benchCase) (*report, error) {
	r := &report{benchCase: c, entries: b.field(c), samples: map[string][]metrics{}}
	if b.opts.window > 0 {
		c.window = b.opts.window
	}
	_, _ = fmt.Fprintf(b.log, "%s: %s\n", c.name, c.about)
	subjects := make([]*subject, len(r.entries))
	defer func() {
		for _, s := range subjects {
			if s != nil {
				s.close()
			}
		}
	}()
	for i := range b.opts.repeats {
		for at, e := range r.entries {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("before %s, repeat %d: %w", e.label(), i+1, err)
			}
			if subjects[at] == nil {
				s, err := b.open(ctx, e)
				if err != nil {
					return nil, err
				}
				subjects[at] = s
			}
			m, err := c.measure(ctx, subjects[at], c.window)
			if err != nil {
				return nil, fmt.Errorf("%s, repeat %d: %w", e.label(), i+1, err)
			}
			r.samples[e.label()] = append(r.samples[e.label()], m)
			_, _ = fmt.Fprintf(b.log, "  %d %-18s %s\n", i+1, e.label(), m.line(c.columns))
			if c.fresh {
				subjects[at].close()
				subjects[at] = nil
			}
		}
	}
	return r, nil
}

func (m metrics) line(columns []string) string {
	var parts []string
	for _, name := range columns {
		parts = append(parts, rounds.Figure(m[name])+" "+name)
	}
	return strings.Join(parts, ", ")
}

// column returns the repeats of one metric, sorted; nil if it was not measured.
func (r *report) column(label, metric string) []float64 {
	var all []float64
	for _, m := range r.samples[label] {
		if v, ok := m[metric]; ok {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return all
}

// A finding is a target with what was measured.
type finding struct {
	target
	value float64
	met   bool
}

// judge compares medians with the targets; those with an entry that did not run are left out.
func (r *report) judge() []finding {
	var all []finding
	for _, t := range r.targets {
		of, to := r.column(t.of, t.metric), r.column(t.to, t.metric)
		if len(of) == 0 || t.to != "" && len(to) == 0 {
			continue
		}
		f := finding{target: t, value: rounds.Median(of)}
		if t.to != "" {
			f.value /= rounds.Median(to)
		}
		f.met = f.value <= t.limit
		if t.atLeast {
			f.met = f.value >= t.limit
		}
		all = append(all, f)
	}
	return all
}

func (r *report) missed() int {
	n := 0
	for _, f := range r.judge() {
		if !f.met && !f.stretch {
			n++
		}
	}
	return n
}

func (f finding) String() string {
	what, bound, verdict, kind := f.metric+" of "+f.of, "at most", "not met", "target"
	if f.to != "" {
		what += " / " + f.to
	}
	if f.atLeast {
		bound = "at least"
	}
	if f.met {
		verdict = "met"
	}
	if f.stretch {
		kind = "stretch"
	}
	return fmt.Sprintf("%s\t%s\t%s %s %s\t%s", what, rounds.Figure(f.value), kind, bound, rounds.Figure(f.limit), verdict)
}

// table is the case as text: medians with the range of the repeats, then the targets.
func (r *report) table() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s: %s\n\n", r.name, r.about)
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(w, "server\t%s\n", strings.Join(r.columns, "\t"))
	for _, e := range r.entries {
		_, _ = io.WriteString(w, e.label())
		for _, name := range r.columns {
			if v := r.column(e.label(), name); len(v) > 0 {
				_, _ = fmt.Fprintf(w, "\t%s [%s..%s]", rounds.Figure(rounds.Median(v)), rounds.Figure(v[0]), rounds.Figure(v[len(v)-1]))
			}
		}
		_, _ = io.WriteString(w, "\n")
	}
	_, _ = io.WriteString(w, "\n")
	for _, f := range r.judge() {
		_, _ = fmt.Fprintln(w, f)
	}
	_ = w.Flush() // into memory
	return b.String()
}

func (r *report) text(h header) string {
	n := 0
	for _, s := range r.samples {
		n = max(n, len(s))
	}
	return fmt.Sprintf("%srepeats   %d, interleaved; medians with the lowest and the highest\n\n%s", h, n, r.table())
}

// lines is every single measurement as JSON, the header first.
func (r *report) lines(h header) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	_ = enc.Encode(h) // plain data, into memory
	for _, e := range r.entries {
		for i, m := range r.samples[e.label()] {
			_ = enc.Encode(struct {
				Case    string  `json:"case"`
				Server  string  `json:"server"`
				Clients int     `json:"clients"`
				Repeat  int     `json:"repeat"`
				Metrics metrics `json:"metrics"`
			}{r.name, e.label(), e.clients, i + 1, m})
		}
	}
	for _, f := range r.judge() {
		_ = enc.Encode(struct {
			Case    string  `json:"case"`
			Metric  string  `json:"metric"`
			Of      string  `json:"of"`
			To      string  `json:"to,omitempty"`
			Value   float64 `json:"value"`
			Limit   float64 `json:"limit"`
			Stretch bool    `json:"stretch"`
			Met     bool    `json:"met"`
		}{r.name, f.metric, f.of, f.to, f.value, f.limit, f.stretch, f.met})
	}
	return []byte(b.String())
}

// quick runs a case within what is left of its time, and prints the three costs.
func (b *bench) quick(ctx context.Context, c benchCase, began time.Time, stdout io.Writer) error {
	const (
		window  = 700 * time.Millisecond
		most    = 9
		enough  = 3
		allowed = 26 * time.Second
	)
	r := &report{benchCase: c, entries: b.field(c), samples: map[string][]metrics{}}
	var subjects []*subject
	defer func() {
		for _, s := range subjects {
			s.close()
		}
	}()
	for _, e := range r.entries {
		s, err := b.open(ctx, e)
		if err != nil {
			return err
		}
		subjects = append(subjects, s)
	}
	for i := 0; i < most && (i < enough || time.Since(began) < allowed); i++ {
		for _, s := range subjects {
			m, err := c.measure(ctx, s, window)
			if err != nil {
				return fmt.Errorf("%s: %w", s.label(), err)
			}
			r.samples[s.label()] = append(r.samples[s.label()], m)
		}
	}
	_, _ = fmt.Fprint(b.log, r.text(b.header))
	round := func(server string) float64 { return math.Round(rounds.Median(r.column(server, costMetric))*1e4) / 1e4 }
	return json.NewEncoder(stdout).Encode(struct {
		Throng float64 `json:"throng_us"`
		Node   float64 `json:"node_us"`
		Floor  float64 `json:"floor_us"`
	}{round("throng"), round("node"), round("floor")})
}
