package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/throng-io/throng/scenario/machine"
)

// report is what a run has found.
type report struct {
	options
	Attacks             []tally
	Good                ledger
	Before, Peak, After state
	unseen              error // why the server could not be looked at
}

// state is the server at a moment, or the most of each at any.
type state struct {
	Memory     float64 // resident, in bytes
	Sessions   float64
	Goroutines float64
	Panics     float64
}

// scrape reads the metrics of the server.
func scrape(ctx context.Context, url string) (s state, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, fmt.Errorf("metrics of the server: %w", err)
	}
	defer resp.Body.Close()
	found := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		into := map[string]*float64{
			"process_resident_memory_bytes": &s.Memory, "throng_sessions": &s.Sessions,
			"go_goroutines": &s.Goroutines, "throng_handler_panics_total": &s.Panics,
		}[name]
		if into == nil {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return s, fmt.Errorf("metrics of the server: %s: %w", name, err)
		}
		*into += v
		found++
	}
	if found < 4 {
		return s, fmt.Errorf("%s does not offer the metrics of throng serve", url)
	}
	return s, nil
}

// watch notes the most of everything each half second until ctx ends, and tells
// now and then.
func (r *report) watch(ctx context.Context, stderr io.Writer) {
	began, told := time.Now(), time.Now()
	for machine.Pause(ctx, 500*time.Millisecond) {
		now, err := scrape(context.WithoutCancel(ctx), r.scraped)
		if err != nil {
			r.unseen = err
			return
		}
		r.Peak.Memory = max(r.Peak.Memory, now.Memory)
		r.Peak.Sessions = max(r.Peak.Sessions, now.Sessions)
		r.Peak.Goroutines = max(r.Peak.Goroutines, now.Goroutines)
		if time.Since(told) >= 30*time.Second {
			told = time.Now()
			_, _ = fmt.Fprintf(stderr, "after %s: %.0f MiB, %.0f sessions, %.0f goroutines\n",
				told.Sub(began).Round(time.Second), now.Memory/(1<<20), now.Sessions, now.Goroutines)
		}
	}
}

// calm waits until the server has got rid of the attackers: the longest of its
// times is that of a connection without a request.
func (r *report) calm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		now, err := scrape(ctx, r.scraped)
		if err != nil {
			return err
		}
		r.After = now
		if r.settled() || !machine.Pause(ctx, time.Second) {
			return nil
		}
	}
}

// spare is how many goroutines more than before may be left: workers of the
// server, which are there for all clients.
const spare = 100

func (r *report) settled() bool {
	return r.After.Sessions <= float64(r.good) && r.After.Goroutines <= r.Before.Goroutines+spare && (watched || r.After.Memory <= r.afterwards())
}

// keeps is how much more memory than half of what the attack took the server may keep: a heap is
// given back to the system in its own time.
const keeps = 64 << 20

// afterwards is how much memory the server may have in the end.
func (r *report) afterwards() float64 {
	return r.Before.Memory + max(0, r.Peak.Memory-r.Before.Memory)/2 + keeps
}

func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "attack\tbegun\tended by the server\t")
	for _, a := range r.Attacks {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t\n", a.name, a.begun, a.ended)
	}
	_, _ = fmt.Fprintln(t, "\t\t\t")
	_, _ = fmt.Fprintln(t, "server\tbefore\tmost\tafter\t")
	_, _ = fmt.Fprintf(t, "resident memory, MiB\t%.0f\t%.0f\t%.0f\t\n", r.Before.Memory/(1<<20), r.Peak.Memory/(1<<20), r.After.Memory/(1<<20))
	_, _ = fmt.Fprintf(t, "sessions\t%.0f\t%.0f\t%.0f\t\n", r.Before.Sessions, r.Peak.Sessions, r.After.Sessions)
	_, _ = fmt.Fprintf(t, "goroutines\t%.0f\t%.0f\t%.0f\t\n", r.Before.Goroutines, r.Peak.Goroutines, r.After.Goroutines)
	_ = t.Flush()
	g := r.Good
	_, _ = fmt.Fprintf(w, "\n%d good clients: %d messages due, %d received, %d lost, %d out of order or twice, %d clients dropped; echoes took %s (median), %s (99 %%), %s at most\n",
		r.good, g.Sent, g.Received, g.Lost, g.Disorder, g.Dropped,
		g.Median.Round(10*time.Microsecond), g.Tail.Round(10*time.Microsecond), g.Longest.Round(10*time.Microsecond))
	for _, reason := range g.Reasons {
		_, _ = fmt.Fprintf(w, "dropped: %s\n", reason)
	}
}

// verdict says what is wrong.
func (r *report) verdict() error {
	var wrong []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	g := r.Good
	add(r.unseen != nil, "the server could not be looked at: %w", r.unseen)
	add(g.Lost > 0, "good clients lost %d messages", g.Lost)
	add(g.Disorder > 0, "good clients got %d messages out of order or twice", g.Disorder)
	add(g.Dropped > 0, "%d good clients were dropped", g.Dropped)
	add(r.Peak.Memory > float64(r.memory)*(1<<20), "the server took %.0f MiB; the limit is %d", r.Peak.Memory/(1<<20), r.memory)
	add(r.After.Panics > r.Before.Panics, "%.0f handlers panicked", r.After.Panics-r.Before.Panics)
	add(!r.settled(), "the server still has %.0f sessions and %.0f goroutines, and takes %.0f MiB", r.After.Sessions, r.After.Goroutines, r.After.Memory/(1<<20))
	for _, a := range r.Attacks {
		add(a.begun == 0, "the attack %q was never made: --for is too short, or --attackers too few", a.name)
	}
	return errors.Join(wrong...)
}
