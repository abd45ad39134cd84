// Command accuracy shows how far the reported latency is from the truth.
//
// A server of its own process delays every broadcast by a known time and notes, for each of them,
// how long it really took from the request to the emission: the truth, the lateness of its own
// timers included. The scenario runner measures the same broadcasts from outside. What it reports
// must be the truth and the way there and back, which is what it reports with no delay at all: the
// floor. Nothing below the floor means anything, on this machine.
//
//	go run ./bench/accuracy
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/throng-io/throng/bench/internal/delayed"
	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

func main() {
	program.Main("accuracy", run, server)
}

// server is the process that is measured.
var server = program.Role{Name: "server", Play: serve}

// options is the command line.
type options struct {
	receivers, rate int
	window          time.Duration
	delays          []time.Duration
	busy            bool // take what a run says even if the machine was too busy for it
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{delays: []time.Duration{0, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}}
	f := flag.NewFlagSet("accuracy", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.receivers, "receivers", 20, "clients that receive each broadcast")
	f.IntVar(&o.rate, "rate", 50, "broadcasts a second")
	f.DurationVar(&o.window, "window", 10*time.Second, "length of each measurement")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	rows, err := measure(ctx, self, &o)
	if err != nil {
		return err
	}
	return report(stdout, rows)
}

// A row is one delay: what the server did, and what was reported.
type row struct {
	delay           time.Duration
	truth, reported delayed.Quantiles
}

func measure(ctx context.Context, self string, o *options) ([]row, error) {
	rows := make([]row, len(o.delays))
	for i, delay := range o.delays {
		reported, truth, err := compare(ctx, self, delay, o)
		if err != nil {
			return nil, fmt.Errorf("delay %v: %w", delay, err)
		}
		rows[i] = row{delay, truth, reported}
	}
	return rows, nil
}

// compare has the runner measure a server with one delay.
func compare(ctx context.Context, self string, delay time.Duration, o *options) (reported, truth delayed.Quantiles, err error) {
	cmd := exec.CommandContext(ctx, self, server.Name, delay.String())
	cmd.Stderr, cmd.WaitDelay = os.Stderr, time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return reported, truth, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return reported, truth, err
	}
	if err := cmd.Start(); err != nil {
		return reported, truth, fmt.Errorf("starting the server: %w", err)
	}
	lines := json.NewDecoder(stdout)
	var url string
	err = lines.Decode(&url)
	if err == nil {
		reported, err = fromOutside(ctx, url, o)
	}
	_ = stdin.Close()
	err = errors.Join(err, lines.Decode(&truth), cmd.Wait())
	return reported, truth, err
}

// fromOutside runs the scenario and returns the delivery latency that it reports.
func fromOutside(ctx context.Context, url string, o *options) (q delayed.Quantiles, err error) {
	text := fmt.Sprintf(`version: 1
name: accuracy
target: {url: %q}
groups:
  receivers: {count: %d, transport: websocket, connect: {rate: 500/s}}
  speaker:
    count: 1
    transport: websocket
    send:
      - {op: all, rate: %d/s, size: 128B, expect: others, late: 5s}
phases:
  - {name: ramp, for: 1s, clients: 0%%..100%%, load: 0%%, record: false}
  - {name: hold, for: %v}
`, url, o.receivers, o.rate, o.window)
	f, err := file.Parse("accuracy.yaml", []byte(text), nil)
	if err != nil {
		return q, err
	}
	run, err := scenario.Run(ctx, f, scenario.Options{})
	if err != nil {
		return q, err
	}
	l, ledger := run.Cells[0].Latency["delivery"], run.Cells[0].Ledger
	if l == nil || l.N == 0 {
		return q, errors.New("nothing was delivered")
	}
	if ledger.Received+ledger.Undecided != ledger.Expected || l.N != ledger.Received {
		return q, fmt.Errorf("%d deliveries were timed of the %+v", l.N, ledger)
	}
	if lag := run.Cells[0].Generator.LagP99us; run.Verdict == result.Invalid && !o.busy {
		return q, fmt.Errorf("the run is invalid: %s (lag p99 %d us); repeat it when the machine is quiet", run.Cells[0].Reason, lag)
	}
	return delayed.Quantiles{N: l.N, P50: l.P50us, P99: l.P99us}, nil
}

// report prints the table, and fails when a report is off by more than the floor.
func report(out io.Writer, rows []row) error {
	floor := rows[0].reported.P50 - rows[0].truth.P50
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "delay\ttruth p50\treported p50\tdifference\ttruth p99\treported p99\tdeliveries\t")
	var off []string
	for _, r := range rows {
		diff := r.reported.P50 - r.truth.P50
		_, _ = fmt.Fprintf(w, "%v\t%d us\t%d us\t%+d us\t%d us\t%d us\t%d\t\n", r.delay, r.truth.P50, r.reported.P50, diff, r.truth.P99, r.reported.P99, r.reported.N)
		// Histograms have three digits: half a thousandth of the value is rounding.
		if slack := r.reported.P50 / 500; diff < -slack || diff > 2*floor+slack {
			off = append(off, r.delay.String())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "the floor of this machine, there and back and through both processes: %d us\n", floor); err != nil {
		return err
	}
	if len(off) > 0 {
		return fmt.Errorf("off by more than the floor with a delay of %s", strings.Join(off, ", "))
	}
	return nil
}
