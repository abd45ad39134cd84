package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// trialsFile has a line for each trial and, last, the facts of the league.
const trialsFile = "trials.jsonl"

// publish runs the course and writes its results. One that is cut short leaves its trials, and the
// report of its complete rounds.
func (l *league) publish(ctx context.Context, dir string, turns int, budget time.Duration) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lines, err := os.Create(filepath.Join(dir, trialsFile))
	if err != nil {
		return err
	}
	l.lines = lines
	cut := l.course(ctx, turns, budget)
	if err := errors.Join(cut, json.NewEncoder(lines).Encode(l.facts), lines.Close()); l.Rounds == 0 {
		return err
	}
	return errors.Join(cut, l.write(dir))
}

// write writes the report and the figures.
func (l *league) write(dir string) error {
	sums := slices.DeleteFunc(slices.Clone(l.contests), func(c *contest) bool { return !c.summary })
	return errors.Join(
		l.draw(filepath.Join(dir, "league.svg"), l.contests),
		l.draw(filepath.Join(dir, "summary.svg"), sums),
		os.WriteFile(filepath.Join(dir, "README.md"), []byte(l.report()), 0o644))
}

// read is a league that has been made, of those peers and contests.
func read(file string, peers []*peer, contests []*contest) (*league, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	l := &league{peers: peers, contests: contests}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for i, line := range lines {
		into, what := any(&l.facts), "what the league was made with"
		if i < len(lines)-1 {
			l.trials = append(l.trials, trial{})
			into, what = &l.trials[i], "a trial"
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return nil, fmt.Errorf("%s:%d: not %s: %w", file, i+1, what, err)
		}
	}
	if l.Rounds == 0 {
		return nil, fmt.Errorf("%s: no round is complete", file)
	}
	return l, nil
}
