package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// tries is how often a trial is made until it is valid, before it is left out.
const tries = 2

// A trial is one line of trials.jsonl.
type trial struct {
	Contest  string             `json:"contest"`
	Peer     string             `json:"peer"`
	Round    int                `json:"round"`
	Verdict  result.Verdict     `json:"verdict"`
	Reason   string             `json:"reason,omitempty"`
	Clients  int                `json:"clients"`
	Measures map[string]float64 `json:"measures"`
	Ledger   result.Ledger      `json:"ledger"`
	Errors   map[string]int64   `json:"errors,omitempty"`
}

// valid reports whether the numbers of a trial say something about the server.
func (t *trial) valid() bool { return t.Verdict == result.Pass || t.Verdict == result.Fail }

// Facts are what the trials were made with: the last line of trials.jsonl.
type facts struct {
	At       time.Time         `json:"at"`
	Commit   string            `json:"commit"`
	Rounds   int               `json:"rounds"` // complete ones
	Versions map[string]string `json:"versions"`
	Env      map[string]string `json:"env"` // of the machine
}

// A league is a course of rounds, under way or made.
type league struct {
	facts
	peers    []*peer
	contests []*contest
	build    string // folder of what was built
	log      io.Writer
	lines    io.Writer // of trials.jsonl; may be io.Discard
	rng      *rand.Rand
	trials   []trial
}

// course runs so many rounds, or those until ctx or the budget ends: a round is not begun that
// would end after it. 0: no budget.
func (l *league) course(ctx context.Context, turns int, budget time.Duration) error {
	began := time.Now()
	for round := 1; round <= turns; round++ {
		for _, c := range l.contests {
			for _, i := range l.rng.Perm(len(l.peers)) {
				if err := l.attempt(ctx, c, l.peers[i], round); err != nil {
					return err
				}
			}
		}
		l.Rounds = round
		spent := time.Since(began)
		_, _ = fmt.Fprintf(l.log, "round %d of %d: %v so far\n", round, turns, spent.Round(time.Second))
		if budget > 0 && round < turns && spent+spent/time.Duration(round) > budget {
			_, _ = fmt.Fprintf(l.log, "another round would end after %v\n", budget)
			break
		}
	}
	return nil
}

// attempt makes a trial until it is valid, and keeps the last of them.
func (l *league) attempt(ctx context.Context, c *contest, p *peer, round int) error {
	if p.Cannot[c.scenario] != "" {
		return nil
	}
	for try := 1; ; try++ {
		t, err := l.trial(ctx, c, p)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", c.name(), p.Name, err)
		}
		t.Round = round
		_, _ = fmt.Fprintf(l.log, "%-22s %-16s %s\n", c.name(), p.Name, t.line(c))
		if !t.valid() && try < tries {
			continue
		}
		l.trials = append(l.trials, *t)
		return json.NewEncoder(l.lines).Encode(t)
	}
}

// trial runs a scenario once against a server of its own.
func (l *league) trial(ctx context.Context, c *contest, p *peer) (*trial, error) {
	port, err := program.FreePort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	f, err := c.file(p, port)
	if err != nil {
		return nil, err
	}
	t := &trial{Contest: c.name(), Peer: p.Name, Verdict: result.Invalid, Measures: map[string]float64{}}
	var failedStart error
	run, err := scenario.Run(ctx, f, scenario.Options{Serve: func(ctx context.Context) (endpoint *scenario.Endpoint, err error) {
		endpoint, failedStart = p.serve(ctx, l.build, port)
		return endpoint, failedStart
	}})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if failed := (*scenario.TargetError)(nil); errors.As(err, &failed) || failedStart != nil && p.served { // as a server may that is overloaded
		t.Reason = err.Error()
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	l.Env = run.Env
	cell := &run.Cells[0]
	t.Verdict, t.Reason, t.Clients, t.Ledger, t.Errors = cell.Verdict, cell.Reason, cell.Clients.Asked, cell.Ledger, cell.Errors
	for _, m := range c.measures {
		if v, ok := m.Of(cell); ok {
			t.Measures[m.Name] = v
		}
	}
	return t, nil
}

func (t *trial) line(c *contest) string {
	if !t.valid() {
		return "invalid: " + result.Line(t.Reason)
	}
	var parts []string
	for _, m := range c.measures {
		if v, ok := t.Measures[m.Name]; ok {
			parts = append(parts, rounds.Figure(v)+" "+m.Title)
		}
	}
	if t.Verdict == result.Fail {
		parts = append(parts, "("+result.Line(t.Reason)+")")
	}
	return strings.Join(parts, "; ")
}

// values are a measure of a contest by peer and round; NaN where there is none.
func (l *league) values(c *contest, m rounds.Measure) [][]float64 {
	all := make([][]float64, len(l.peers))
	for i, p := range l.peers {
		all[i] = make([]float64, l.Rounds)
		for r := range all[i] {
			all[i][r] = math.NaN()
		}
		for _, t := range l.trials {
			if v, ok := t.Measures[m.Name]; ok && t.Contest == c.name() && t.Peer == p.Name && t.valid() && t.Round <= l.Rounds {
				all[i][t.Round-1] = v
			}
		}
	}
	return all
}
