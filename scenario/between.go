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

// betweenSeries are the series of what is measured between two messages of one source; -1: there is none.
type betweenSeries struct{ gap int }

// betweenSeries makes the series for receivers of a class. x has their labels.
func (s *stream) betweenSeries(x record.Series, c class) betweenSeries {
	if !s.reaches(c, 0) && !s.reaches(c, 1) {
		return betweenSeries{-1}
	}
	of := func(name string) int {
		x.Metric, x.Decile = name, 0
		return s.t.addSeries(x)
	}
	return betweenSeries{gap: of(metric.Gap)}
}

// gaps remember when a receiver last got a message of each periodic source. The latest source's
// is kept apart, so that a single one costs no map.
type gaps struct {
	key, last int64
	due       int64
	more      map[int64][2]int64
}

// since notes an arrival and returns the time since the one before it of the same source; ok is
// false for the first and for what was overtaken.
func (g *gaps) since(key, due, at int64) (gap time.Duration, ok bool) {
	if g.key != key {
		if g.more == nil {
			g.more = map[int64][2]int64{}
		}
		g.more[g.key] = [2]int64{g.last, g.due}
		was := g.more[key]
		g.key, g.last, g.due = key, was[0], was[1]
	}
	if g.last != 0 && due <= g.due {
		return 0, false
	}
	gap, ok = time.Duration(at-g.last), g.last != 0
	g.last, g.due = at, due
	return gap, ok
}

// recordBetween records by how much the time between two arrivals differs from the period. A message that
// never came makes it as long as the period.
func (a *actor) recordBetween(str *stream, s *ledger.Slot, at int64) {
	source := int64(s.From.ID)
	switch str.spec.Per {
	case "group":
		source = 0
	case "room":
		source = int64(s.Audience.Room)
	}
	gap, ok := a.gaps.since(int64(str.index+1)<<32|source, s.Due, at)
	if period := str.plan.Period(s.Due, int(s.Phase)); ok && period > 0 {
		a.shard.Add(str.between[a.Class].gap, int(s.Phase), (gap - period).Abs())
	}
}

// RTT records a round trip of the heartbeat, of client.Heart.
func (a *actor) RTT(d time.Duration) {
	if g := a.group; g.spec.Namespace != file.NoNamespace {
		a.shard.Add(g.rtt[a.Class], a.t.tl.PhaseAt(a.t.now()), d)
	}
}
