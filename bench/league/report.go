package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/throng-io/throng/bench/internal/rounds"
	"github.com/throng-io/throng/scenario/result"
)

// report is the league as Markdown.
func (l *league) report() string {
	var b strings.Builder
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	p("# Servers beside each other\n\n")
	p("Made by `make league` at %s, commit %s: %d rounds, all servers in turn on one machine together with the generator. A rank is shared\n"+
		"where the rounds do not show a difference (95 %% over all comparisons of a table). \"Behind\" is how many times better the first is, with that interval.\n"+
		"Servers are ranked by the first measure, of which the geometric mean of the rounds is given; of the others it is the median. CPU time is the\n"+
		"server's. `trials.jsonl` has every trial.\n\n",
		l.At.UTC().Format("2006-01-02 15:04"), l.Commit, l.Rounds)
	p("![](league.svg)\n")
	for _, c := range l.contests {
		l.table(p, c)
	}
	l.losses(p)
	p("\n## Who took part\n\n| name | versions |\n|---|---|\n")
	for _, peer := range l.peers {
		p("| %s | %s |\n", peer.Title, l.Versions[peer.Name])
	}
	p("\nThe machine: ")
	var facts []string
	for _, k := range slices.Sorted(maps.Keys(l.Env)) {
		facts = append(facts, k+" "+l.Env[k])
	}
	p("%s.\n", strings.Join(facts, "; "))
	return b.String()
}

func (l *league) table(p func(string, ...any), c *contest) {
	f, err := c.file(l.peers[0], 1)
	if err != nil {
		return // it has run
	}
	p("\n## %s over %s\n\n%s Clients: %d.\n\n| rank | server | %s | behind |", c.scenario, c.transport, f.Spec.About, l.clients(c), c.measures[0].Title)
	for _, m := range c.measures[1:] {
		p(" %s |", m.Title)
	}
	p("\n|---|---|---|---|%s\n", strings.Repeat("---|", len(c.measures)-1))
	ranked := rank(l.peers, l.values(c, c.measures[0]), c.measures[0].Less)
	for i, s := range ranked {
		behind := ""
		if i > 0 {
			behind = s.String()
		}
		p("| %d | %s | %s | %s |", s.rank, s.peer.Title, rounds.Figure(s.mean), behind)
		at := slices.Index(l.peers, s.peer)
		for _, m := range c.measures[1:] {
			v := rounds.Median(l.values(c, m)[at])
			if math.IsNaN(v) {
				p("  |")
			} else {
				p(" %s |", rounds.Figure(v))
			}
		}
		p("\n")
	}
	for _, peer := range l.peers {
		switch missing := !slices.ContainsFunc(ranked, func(s standing) bool { return s.peer == peer }); {
		case peer.Cannot[c.scenario] != "":
			p("\n%s does not take part: %s.\n", peer.Title, peer.Cannot[c.scenario])
		case missing:
			p("\n%s has no valid trial: %s.\n", peer.Title, l.why(c, peer))
		}
	}
}

// clients is how many a contest has.
func (l *league) clients(c *contest) (n int) {
	for _, t := range l.trials {
		if t.Contest == c.name() {
			n = max(n, t.Clients)
		}
	}
	return n
}

// why is the reason of a peer's last trial.
func (l *league) why(c *contest, p *peer) string {
	reason := ""
	for _, t := range l.trials {
		if t.Contest == c.name() && t.Peer == p.Name {
			reason = result.Line(t.Reason)
		}
	}
	return reason
}

// losses lists what was lost, came twice or out of order in valid trials.
func (l *league) losses(p func(string, ...any)) {
	p("\n## What was lost\n\n")
	none := true
	for _, c := range l.contests {
		for _, peer := range l.peers {
			var sum result.Ledger
			for _, t := range l.trials {
				if t.Contest == c.name() && t.Peer == peer.Name && t.valid() {
					sum.Add(t.Ledger)
				}
			}
			if sum.Lost+sum.Duplicate+sum.Disorder > 0 {
				none = false
				p("- %s, %s: of %d deliveries %d lost, %d twice, %d out of order.\n", c.name(), peer.Title, sum.Expected, sum.Lost, sum.Duplicate, sum.Disorder)
			}
		}
	}
	if none {
		p("Nothing was lost, came twice or out of order.\n")
	}
}
