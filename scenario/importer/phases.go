package importer

import (
	"fmt"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// A plan is what the phases of a script say.
type plan struct {
	rate   float64 // arrivals per second at clients: 100%, of all scenarios together
	total  time.Duration
	names  map[string]bool
	linger time.Duration // what the longest flow takes
}

// phases writes the phases: arrivals are shares of the highest rate.
func (c *converter) phases(p *page) *plan {
	pl := &plan{names: map[string]bool{}}
	type phase struct {
		line     int
		name     string
		length   time.Duration
		from, to float64
	}
	var list []phase
	all := c.config.Get("phases")
	for _, t := range items(all) {
		ph := phase{line: t.Line, length: time.Minute, name: "phase"}
		if n := t.Get("name"); n != nil {
			ph.name = n.Text
		}
		if pause, ok := seconds(t.Get("pause")); ok {
			ph.length = pause
			if t.Get("name") == nil {
				ph.name = "pause"
			}
		} else {
			c.arrivals(t, &ph.length, &ph.from, &ph.to)
		}
		if t.Get("maxVusers") != nil {
			c.notes.add(t.Get("maxVusers").Line, "maxVusers: arrivals are open; nothing holds them back while clients are there")
		}
		ph.length = max(ph.length, time.Millisecond)
		list = append(list, ph)
		pl.rate = max(pl.rate, ph.from, ph.to)
		pl.total += ph.length
	}
	if len(list) == 0 {
		c.notes.add(lineOf(all, c.config), "the script has no phases: one client arrives each second for ten seconds")
		list = []phase{{name: "hold", length: 10 * time.Second, from: 1, to: 1}}
		pl.rate, pl.total = 1, 10*time.Second
	}
	if pl.rate == 0 {
		c.notes.add(lineOf(all), "no client would arrive: one each second is written instead")
		pl.rate = 1
	}
	p.line("")
	c.aboveKey(p, "", c.config, "phases")
	p.line("phases:")
	for _, ph := range list {
		name := unique(nameOf(strings.ToLower(ph.name), "-", "phase", 40), pl.names)
		c.above(p, "  ", ph.line)
		share := percent(ph.from / pl.rate)
		if ph.from != ph.to {
			share += ".." + percent(ph.to/pl.rate)
		}
		p.line("  - {name: %s, for: %s, clients: %s}", name, duration(ph.length), share)
	}
	return pl
}

// arrivals reads how many clients arrive in a phase.
func (c *converter) arrivals(t *file.Tree, length *time.Duration, from, to *float64) {
	if d, ok := seconds(t.Get("duration")); ok && d > 0 {
		*length = d
	} else {
		c.notes.add(t.Line, "the phase has no duration that can be read: one minute is written")
	}
	if n, ok := number(t.Get("arrivalCount")); ok {
		*from = n / length.Seconds()
		*to = *from
		return
	}
	rate, is := number(t.Get("arrivalRate"))
	ramp, ramps := number(t.Get("rampTo"))
	if !is && !ramps {
		c.notes.add(t.Line, "the phase has no arrivalRate or arrivalCount that can be read: nobody arrives")
	}
	*from, *to = rate, rate
	if ramps {
		*to = ramp
	}
}

// finish adds the time in which the last clients finish, as Artillery waits for them.
func (c *converter) finish(p *page, pl *plan) {
	p.line("  # Nobody arrives any more, and the last clients finish.")
	p.line("  - {name: %s, for: %s, clients: 0%%}", unique("finish", pl.names), duration(min(max(pl.linger, time.Second), time.Hour)))
}

// percent writes a share.
func percent(v float64) string { return decimal(float64(int64(v*1e4+0.5))/100) + "%" }

// items are the entries of a list; a single value stands for a list of it.
func items(t *file.Tree) []*file.Tree {
	switch {
	case t == nil || t.Null:
		return nil
	case t.List:
		return t.Items
	}
	return []*file.Tree{t}
}

// arrive is the rate of a group with a share of the arrivals.
func (pl *plan) arrive(share float64) string {
	return fmt.Sprintf("%s/s", decimal(max(pl.rate*share, 0.000001)))
}
