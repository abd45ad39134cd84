package main

import (
	"fmt"
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
	p("Made by `make league` at %s, commit %s: %d rounds, all servers in turn on one machine together with the generator. Servers are ranked\n"+
		"by the first measure, of which the geometric mean of the rounds is given; of the others it is the median. \"Behind\" is how many times better the\n"+
		"first server is, with an interval that holds with 95 %% for all rows of a table together. Where no difference is shown, a rank is shared (=).\n"+
		"CPU time is the server's. Ratios within a table can be compared; absolute figures are this machine's. `trials.jsonl` has every trial.\n",
		l.At.UTC().Format("2006-01-02 15:04"), l.Commit, l.Rounds)
	l.summary(p)
	p("\n![](league.svg)\n")
	for _, c := range l.contests {
		l.table(p, c)
	}
	l.losses(p)
	p("\n## Who took part\n\n| name | versions |\n|---|---|\n")
	for _, peer := range l.peers {
		p("| %s | %s |\n", peer.Title, l.Versions[peer.Name])
	}
	p("\nThe machine: %s.\n", rounds.Facts(l.Env))
	return b.String()
}

// summary says of each contest how the best of our servers does beside the best of the others.
func (l *league) summary(p func(string, ...any)) {
	head := "\n## Throng beside the others\n\nThe best of Throng's fan-out strategies beside the best of the other servers, by the first measure of each contest.\n\n" +
		"| contest | Throng | value | others | value | Throng is |\n|---|---|---|---|---|---|\n"
	for _, c := range l.contests {
		m := c.measures[0]
		values := l.values(c, m)
		ranked := rank(l.peers, values, m.Less)
		best := func(ours bool) int {
			return slices.IndexFunc(ranked, func(s standing) bool { return s.peer.ours() == ours })
		}
		a, b := best(true), best(false)
		if a < 0 || b < 0 {
			continue
		}
		of := func(i int) []float64 { return values[slices.Index(l.peers, ranked[i].peer)] }
		noise := rounds.NewNoise(values)
		compare := func(a, b []float64) rounds.Comparison { return noise.Compare(a, b, m.Less, len(ranked)-1) }
		stands := ""
		switch own, other := compare(of(a), of(b)), compare(of(b), of(a)); {
		case math.IsNaN(own.Low):
			stands = fmt.Sprintf("not judged: fewer than %d rounds", rounds.Least)
		case own.Low > 1:
			stands = "**ahead**, " + own.String() + " better"
		case other.Low > 1:
			stands = "**behind**, the other is " + other.String() + " better"
		default:
			stands = "level: no difference is shown, " + own.String()
		}
		p("%s| %s over %s: %s | %s | %s | %s | %s | %s |\n", head, c.scenario, c.transport, m.Title, ranked[a].peer.Title, rounds.Figure(ranked[a].mean),
			ranked[b].peer.Title, rounds.Figure(ranked[b].mean), stands)
		head = ""
	}
}

func (l *league) table(p func(string, ...any), c *contest) {
	f, err := c.file(l.peers[0], 1)
	if err != nil {
		return // it has run
	}
	better := "more"
	if c.measures[0].Less {
		better = "less"
	}
	p("\n## %s over %s\n\n%s Clients: %d. Ranked by: %s, %s is better.\n\n| rank | server | %s | behind |", c.scenario, c.transport, f.Spec.About, l.clients(c), c.measures[0].Title, better, c.measures[0].Title)
	measures := l.others(c)
	for _, m := range measures {
		p(" %s |", m.Title)
	}
	p("\n|---|---|---|---|%s\n", strings.Repeat("---|", len(measures)))
	ranked := rank(l.peers, l.values(c, c.measures[0]), c.measures[0].Less)
	for i, s := range ranked {
		behind, shared := "", ""
		if i > 0 {
			behind = s.String()
		}
		if i > 0 && ranked[i-1].rank == s.rank || i+1 < len(ranked) && ranked[i+1].rank == s.rank {
			shared = "="
		}
		p("| %s%d | %s | %s | %s |", shared, s.rank, s.peer.Title, rounds.Figure(s.mean), behind)
		at := slices.Index(l.peers, s.peer)
		for _, m := range measures {
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
		l.remarks(p, c, peer)
	}
}

// others are the measures of a contest besides the first, of which any trial has a value: a league
// that is redrawn was measured by the contests of its time.
func (l *league) others(c *contest) []rounds.Measure {
	return slices.DeleteFunc(slices.Clone(c.measures[1:]), func(m rounds.Measure) bool {
		return !slices.ContainsFunc(l.values(c, m), func(v []float64) bool { return !math.IsNaN(rounds.Median(v)) })
	})
}

// remarks says what a reader must know of a peer's rounds in a contest: that it has none, or fewer
// than the others, or that the scenario's own checks failed.
func (l *league) remarks(p func(string, ...any), c *contest, peer *peer) {
	if why := peer.Cannot[c.scenario]; why != "" {
		p("\n%s does not take part: %s.\n", peer.Title, why)
		return
	}
	valid, failed, invalid, broke := 0, 0, "", ""
	for _, t := range l.trials {
		if t.Contest != c.name() || t.Peer != peer.Name || t.Round > l.Rounds {
			continue
		}
		if t.Verdict == result.Fail {
			failed++
			broke = result.Line(t.Reason)
		}
		if t.valid() {
			valid++
		} else {
			invalid = result.Line(t.Reason)
		}
	}
	switch {
	case valid == 0:
		p("\n%s has no valid trial: %s.\n", peer.Title, invalid)
	case valid < l.Rounds:
		p("\n%s has %d valid rounds of %d: %s.\n", peer.Title, valid, l.Rounds, invalid)
	}
	if failed > 0 {
		p("\n%s did not keep to the scenario's own checks in %d of %d rounds, which count all the same: %s.\n", peer.Title, failed, l.Rounds, broke)
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

// losses lists what was lost, came twice or out of order in valid trials.
func (l *league) losses(p func(string, ...any)) {
	p("\n## What was lost\n\nOf the deliveries of all valid rounds; a rank takes no notice of it.\n\n")
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
