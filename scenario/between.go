package scenario

import (
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// periodic reports whether the stream's messages come to a receiver at a fixed period from each of
// its sources, often enough for a jitter to mean something.
func (s *stream) periodic() bool {
	const slowest = 0.5 // per second
	return s.spec.Arrival == "constant" && s.book.Expect != ledger.ExpectNone && s.spec.Rate >= slowest
}

// betweenSeries are the series of the times between messages of one source; -1: there is none.
type betweenSeries struct{ gap, jitter int }

// betweenSeries makes the series for receivers of a class. x has their labels.
func (s *stream) betweenSeries(x record.Series, c class) betweenSeries {
	if !s.reaches(c, 0) && !s.reaches(c, 1) {
		return betweenSeries{-1, -1}
	}
	of := func(name string) int {
		x.Metric, x.Decile = name, 0
		return s.t.addSeries(x)
	}
	return betweenSeries{gap: of(metric.Gap), jitter: of(metric.Jitter)}
}

// gaps remember when a receiver last got a message of each periodic source. The latest source's
// is kept apart, so that a single one costs no map.
type gaps struct {
	key int64
	arrival
	more map[int64]arrival
}

// An arrival is the last message of a source: when it came, when it was due, and how long after the
// one before it came; 0: none or not known.
type arrival struct{ at, due, gap int64 }

// since notes an arrival and returns the time since the one before it of the same source, and the
// gap before that; each is 0 when there is none. Messages that were overtaken are passed over.
func (g *gaps) since(key, due, at int64) (gap, before time.Duration) {
	if g.key != key {
		if g.more == nil {
			g.more = map[int64]arrival{}
		}
		g.more[g.key] = g.arrival
		g.key, g.arrival = key, g.more[key]
	}
	was := g.arrival
	if was.at != 0 && due <= was.due {
		return 0, 0
	}
	g.arrival = arrival{at: at, due: due}
	if was.at == 0 {
		return 0, 0
	}
	g.gap = max(1, at-was.at)
	return time.Duration(g.gap), time.Duration(was.gap)
}

// recordBetween records by how much the time between two arrivals differs from the period, and from
// the time between the two before. A message that never came makes both as long as the period.
func (a *actor) recordBetween(sh *record.Shard, str *stream, s *ledger.Slot, at int64) {
	source := int64(s.From.ID)
	switch str.spec.Per {
	case "group":
		source = 0
	case "room":
		source = int64(s.Audience.Room)
	}
	if a.gaps == nil {
		a.gaps = &gaps{}
	}
	gap, before := a.gaps.since(int64(str.index+1)<<32|source, s.Due, at)
	if period := str.plan.Period(s.Due, int(s.Phase)); gap > 0 && period > 0 {
		sh.Add(str.between[a.class].gap, int(s.Phase), (gap - period).Abs())
	}
	if before > 0 {
		sh.Add(str.between[a.class].jitter, int(s.Phase), (gap - before).Abs())
	}
}

// RTT records a round trip of the heartbeat, of client.Heart.
func (a *actor) RTT(d time.Duration) {
	if g := a.group; g.spec.Namespace != file.NoNamespace {
		a.shard.Add(g.rtt[a.class], a.t.tl.PhaseAt(a.t.now()), d)
	}
}
