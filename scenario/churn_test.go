package scenario

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// play out the plan of a group: every call in order, by its time.
func playOut(p *population) (all []call) {
	for {
		if a := p.arrival; a != nil {
			if _, visited, _ := p.peek(); !visited && len(a.free) > 0 {
				a.next.client = a.free[len(a.free)-1]
			}
		}
		_, visited, ok := p.peek()
		if !ok {
			return all
		}
		c, void := p.take()
		if void {
			continue
		}
		all = append(all, c)
		if c.come {
			number := int(c.client)
			if p.arrival != nil {
				number = int(p.arrival.n - 2)
			}
			p.came(c, number)
		} else {
			p.gone(c, visited)
		}
	}
}

func groupOf(t *testing.T, text string) (*timeline, *file.Spec) {
	t.Helper()
	f, err := file.Parse("test.yaml", []byte("version: 1\nname: t\n"+text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return newTimeline(f.Spec.Phases), f.Spec
}

func TestLeaversAreReplaced(t *testing.T) {
	t.Parallel()
	tl, s := groupOf(t, "groups: {a: {count: 500, life: exp(10s)}}\nphases: [{name: up, for: 1s, clients: 0%..100%, record: false}, {name: hold, for: 100s}, {name: down, for: 1s, clients: 100%..0%}]")
	p := newPopulation(tl, &s.Groups[0], 1, 0)
	all := playOut(&p)
	present := map[uint32]bool{}
	sum, last, went := 0.0, int64(0), 0
	for _, c := range all {
		if c.due < last {
			t.Fatalf("%v after %d", c, last)
		}
		sum += float64(len(present)) * float64(c.due-last)
		last = c.due
		if present[c.client] == c.come {
			t.Fatalf("%v, but present is %v", c, present[c.client])
		}
		if c.come {
			present[c.client] = true
		} else {
			delete(present, c.client)
			went++
		}
	}
	if len(present) > 1 { // the last one goes when the trial ends
		t.Errorf("%d stay after the ramp went down to nothing", len(present))
	}
	// The replacement comes at the same moment, but for the connect rate.
	if mean := sum / float64(last); mean < 485 || mean > 500 {
		t.Errorf("%.1f clients on average, want nearly 500", mean)
	}
	if went < 4500 || went > 6500 { // 500 at the end, 500/10s over 101 s before
		t.Errorf("%d went, want some 5 500", went)
	}
	again := newPopulation(tl, &s.Groups[0], 1, 0)
	if !slices.Equal(all, playOut(&again)) {
		t.Error("one seed gives two plans")
	}
	other := newPopulation(tl, &s.Groups[0], 2, 0)
	if slices.Equal(all, playOut(&other)) {
		t.Error("two seeds give one plan")
	}
}

func TestArrivals(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"linear", "poisson"} {
		tl, s := groupOf(t, "groups: {a: {arrive: 20/s, life: 5s, connect: {shape: "+shape+"}}}\nphases: [{name: half, for: 20s, clients: 50%}, {name: full, for: 20s}]")
		p := newPopulation(tl, &s.Groups[0], 1, 0)
		present, most, came := 0, 0, [2]int{}
		for _, c := range playOut(&p) {
			if c.client == noPlace {
				t.Fatalf("%s: no place left of %d", shape, s.Groups[0].Count)
			}
			if c.come {
				came[tl.phaseAt(c.due)]++
				present++
			} else {
				present--
			}
			most = max(most, present)
		}
		slack := map[string]int{"linear": 1, "poisson": 60}[shape]
		if d := came[0] - 200; d < -slack || d > slack {
			t.Errorf("%s: %d came at half rate, want 200", shape, came[0])
		}
		if d := came[1] - 400; d < -slack || d > slack {
			t.Errorf("%s: %d came, want 400", shape, came[1])
		}
		if most < 100 || most > 150 {
			t.Errorf("%s: %d at once, want some 100", shape, most)
		}
	}
}

// Distributions have the mean that they say, and the quantiles of their kind.
func TestDistributionsDraw(t *testing.T) {
	t.Parallel()
	for text, tail := range map[string]float64{ // the share above twice the mean
		"const(100)": 0, "uniform(50,150)": 0, "exp(100)": math.Exp(-2), "normal(100,20)": 0,
		"lognormal(100,0.5)": 0.0509, "pareto(100,3)": 1.0 / 27,
	} {
		_, s := groupOf(t, "groups: {a: {count: 1, send: [{op: echo, rate: 1/s, size: \""+text+"\"}]}}")
		d := s.Groups[0].Send[0].Sizes
		const n = 200_000
		sum, above := 0.0, 0.0
		for i := range n {
			v := d.At(unit(draw(1, drawSize, 0, uint64(i), 0)))
			sum += v
			if v > 2*d.Mean() {
				above++
			}
		}
		if mean := sum / n; math.Abs(mean/d.Mean()-1) > 0.02 {
			t.Errorf("%s: mean %.2f, want %.2f", text, mean, d.Mean())
		}
		if math.Abs(above/n-tail) > 0.003 {
			t.Errorf("%s: %.4f above twice the mean, want %.4f", text, above/n, tail)
		}
	}
}

// Everybody comes and goes all the time; not one delivery is lost or comes twice, and the
// ledger must say so: what leavers may have been owed is undecided, nothing else is.
func TestChurnLosesNothing(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	s.mangle = func(n int, _ *fakeConn, p []byte) []fakePacket {
		return []fakePacket{{text: p, after: time.Duration(n%5) * time.Millisecond}}
	}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 20
    life: exp(200ms)
    connect: {rate: 10k/s}
    rooms: {of: 4, join: 2}
    send: [{op: room, rate: 4/s, expect: all, late: 10s, size: "lognormal(200,0.8)"}]
  guests: {arrive: 50/s, life: exp(100ms), rooms: {of: 4, join: 1}, send: [{op: room, rate: 5/s, expect: others, late: 10s}]}
  speaker: {count: 1, send: [{op: all, rate: 20/s, expect: others, late: 10s}]}
phases: [{name: ramp, for: 200ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 2s}]
slo: [loss(delivery) == 0, dup(delivery) == 0, errors(connect) == 0]
valid: [achieved(rate) > 99%]
`)
	if c.Verdict != result.Pass {
		t.Errorf("verdict %s: %s; errors %v", c.Verdict, c.Reason, c.Errors)
	}
	l := c.Ledger
	if l.Lost != 0 || l.Late != 0 || l.Duplicate != 0 {
		t.Errorf("ledger %+v: nothing was lost, late or twice", l)
	}
	if l.Undecided == 0 || l.Undecided > l.Expected/2 {
		t.Errorf("%d of %d undecided: leavers were owed some, and not much", l.Undecided, l.Expected)
	}
	if n := c.Errors["delivery.unexpected"] + c.Errors["delivery.unknown"] + c.Errors["delivery.stale"]; n != 0 {
		t.Errorf("errors %v", c.Errors)
	}
	if n := c.Latency["connect"].N; n < 150 {
		t.Errorf("%d connects, want hundreds: everybody is replaced", n)
	}
}

// A broadcast that the server loses for one receiver that stays is lost, however many others
// come and go.
func TestChurnHidesNoLoss(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	lost := 0
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if to.rooms[`"v0"`] && n%10 == 3 { // the one that stays
			lost++
			return nil
		}
		return []fakePacket{{text: p}}
	}
	c := play(t, s, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  stays: {count: 1, rooms: {of: 1, prefix: v}}
  people: {count: 40, life: exp(200ms), connect: {rate: 10k/s}}
  speaker: {count: 1, send: [{op: all, rate: 100/s, expect: others, late: 3s}]}
phases: [{name: ramp, for: 200ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 1s}]
slo: [dup(delivery) == 0]
`)
	if lost == 0 || c.Ledger.Lost != int64(lost) {
		t.Errorf("ledger %+v, want %d lost", c.Ledger, lost)
	}
}
