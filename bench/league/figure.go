package main

import (
	"fmt"
	"math"
	"os"

	"github.com/throng-io/throng/reports/dots"
)

// figureWidth is in points.
const figureWidth = 640

// draw writes a figure of contests: how many times better the best server of each is than the
// others, by its first measure.
func (l *league) draw(file string, contests []*contest) error {
	f := &dots.Figure{
		Title: "How many times better the best server is",
		Sub:   fmt.Sprintf("means of %d rounds with their intervals (95 %% for all of a contest together); where one reaches 1, no difference is shown", l.Rounds),
		Axis:  "times: 1 is the best server of the contest, further left is better",
		Kinds: []string{"Throng", "others"},
	}
	for _, c := range contests {
		m := c.measures[0]
		p := dots.Panel{Name: fmt.Sprintf("%s over %s: %s", c.scenario, c.transport, m.Title)}
		ranked := rank(l.peers, l.values(c, m), m.Less)
		for i := range ranked {
			s, best := &ranked[i], ranked[0].peer
			if math.IsNaN(s.Times) {
				continue // no round in common with the best
			}
			row := dots.Row{Name: s.peer.Title, Value: s.Times, Low: s.Low, High: s.High, Kind: 1}
			switch {
			case s.peer == best:
				row.Low, row.High = 1, 1 // beside itself
			case math.IsNaN(s.Low): // too few rounds for an interval
				row.Low, row.High = s.Least, s.Most
			}
			if s.peer.ours() {
				row.Kind = 0
			}
			p.Rows = append(p.Rows, row)
		}
		if len(p.Rows) > 0 {
			f.Panels = append(f.Panels, p)
		}
	}
	if len(f.Panels) == 0 {
		return nil // no trial was valid, as the report says
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := dots.Write(out, f, figureWidth); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
