package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// patience is how long a run may take beyond its phases, and how long servers may take to let go.
const patience = 90 * time.Second

// standing is for how long a machine may let nothing run.
const standing = 2 * time.Second

// An outcome is what a trial of a cell shows.
type outcome struct {
	Workload string         `json:"workload"`
	Fault    string         `json:"fault"`
	Verdict  result.Verdict `json:"verdict"`
	Reason   string         `json:"reason,omitempty"`
	Code     int            `json:"exit_code"`
	// what is not as expected: whatever the machine did, and what a machine that is too busy
	// may have done
	Wrong []string `json:"wrong,omitempty"`
	Late  []string `json:"late,omitempty"`
	// Starved says how the generator was kept from its schedule; "": it was not.
	Starved string `json:"starved,omitempty"`
	Trials  int    `json:"trials"` // that the cell took

	Asked       int           `json:"clients"`
	Ended       int64         `json:"connections_ended"`
	Back        int64         `json:"connections_made_again"`
	Recovered   int64         `json:"sessions_recovered"`
	Ledger      result.Ledger `json:"ledger"`
	SlowestS    float64       `json:"slowest_s"`    // delivery, from the beginning of the fault on
	RecoveryS   float64       `json:"recovery_s"`   // from the end of the fault until everything is as before
	IsRecovered bool          `json:"is_recovered"` // within the trial
	Before      state         `json:"before"`
	After       state         `json:"after"`
	Took        float64       `json:"took_s"`
}

// The three ways in which a cell ends.
const (
	held      = "as expected"
	wrong     = "WRONG"
	undecided = "not decided"
)

// end says how the cell ended. What a busy machine may have done decides nothing on a busy
// machine.
func (o *outcome) end() string {
	switch {
	case len(o.Wrong) > 0 || len(o.Late) > 0 && o.Starved == "":
		return wrong
	case o.Starved != "" && len(o.Late) > 0:
		return undecided
	}
	return held
}

// run runs a cell once.
func (c *cell) run(ctx context.Context, s *stage, long lengths) (o *outcome, err error) {
	began := time.Now()
	o = &outcome{Workload: c.load.name, Fault: c.fault.name}
	if o.Before, err = s.look(); err != nil {
		return o, err
	}
	run, out, err := c.start(s, long)
	if err != nil {
		return o, err
	}
	defer context.AfterFunc(ctx, func() { _ = run.cmd.Process.Kill() })()
	happened := make(chan error, 1)
	go func() {
		if c.fault.outside != nil {
			happened <- c.fault.outside(s, run, 2*time.Second+long.before)
			return
		}
		happened <- s.again(c.fault, run.gone)
	}()
	var stood time.Duration
	o.Code, stood, err = run.code(time.Second + long.before + c.fault.lasts + long.after + patience)
	if c.fault.after != nil {
		err = errors.Join(err, c.fault.after(s))
	}
	if failed := <-happened; failed != nil {
		o.Wrong = append(o.Wrong, failed.Error())
	}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if err != nil {
		return o, fmt.Errorf("%w\n%s", err, result.Short(run.said.String(), 4000))
	}
	r, err := result.Read(out)
	if err != nil {
		return o, fmt.Errorf("%w\n%s", err, run.said)
	}
	if len(r.Cells) != 1 {
		return o, fmt.Errorf("%s has %d cells, want 1", out, len(r.Cells))
	}
	c.judge(o, &r.Cells[0])
	if stood > standing { // a trial in which nothing ran says nothing
		o.Late, o.Wrong = append(o.Late, o.Wrong...), nil
		o.Starved = fmt.Sprintf("this machine let nothing run for %s", stood.Round(time.Millisecond))
	}
	if err := s.free(); err != nil {
		o.Wrong = append(o.Wrong, err.Error())
	}
	var left []string
	if o.After, left, err = s.settled(o.Before, patience); err != nil {
		return o, err
	}
	o.Wrong = append(o.Wrong, left...)
	o.Took = time.Since(began).Seconds()
	return o, nil
}

// start writes the scenario and starts its run.
func (c *cell) start(s *stage, long lengths) (run *process, out string, err error) {
	var at []string
	if c.fault.outside == nil {
		for _, v := range s.servers {
			at = append(at, v.url)
		}
	}
	file := filepath.Join(s.dir, c.load.name+"-"+c.fault.name+".yaml")
	out = filepath.Join(s.dir, c.load.name+"-"+c.fault.name)
	if err := os.WriteFile(file, []byte(c.load.scenario(c.fault, long, at, s.act(c.fault))), 0o600); err != nil {
		return nil, "", err
	}
	args := []string{"run", file, "--out", out, "--force", "--quiet", "--allow-run"}
	if c.load.agents > 0 {
		args = append(args, "--nats", "nats://"+s.broker.Addr, "--agents", strconv.Itoa(c.load.agents))
	}
	run, err = start(s.program, []string{"NATS_URL="}, args...)
	return run, out, err
}
