package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/link"
	"github.com/throng-io/throng/scenario/link/network"
	"github.com/throng-io/throng/scenario/result"
)

// networked is a trial that does not run, with what a scenario says of the network.
func networked(t *testing.T, text string) *trial {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte("version: 1\nname: t\ntargets: [\"http://h:1\", \"http://h:2\"]\ngroups: {a: {count: 1, reconnect: {}}}\n"+text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &trial{spec: f.Spec, tl: plan.NewTimeline(f.Spec.Phases), server: server{urls: []string{"http://h:1", "http://h:2"}}}
}

// Each phase has its own network, or that of the run; a fault has what it says besides, for the
// target that it names, until it is over.
func TestConditions(t *testing.T) {
	t.Parallel()
	tr := networked(t, `
network: {delay: 50ms, loss: 1%, up: {rate: 8kB/s}}
phases:
  - {name: a, for: 1s}
  - {name: b, for: 1s, network: {loss: 5%, down: {delay: 10ms}}, fault: {network: {loss: 50%, node: 1}}}
  - {name: c, for: 1s, fault: {network: {outage: 1s}}}
`)
	for _, want := range []struct {
		phase    int
		fault    bool
		loss     [2]float64 // by target
		downWait time.Duration
	}{
		{0, true, [2]float64{0.01, 0.01}, 50 * time.Millisecond},
		{1, true, [2]float64{0.05, 0.5}, 10 * time.Millisecond},
		{1, false, [2]float64{0.05, 0.05}, 10 * time.Millisecond},
		{2, true, [2]float64{0.01, 0.01}, 50 * time.Millisecond},
	} {
		for i, c := range tr.conditionsOf(want.phase, want.fault) {
			if c.Up.Loss != want.loss[i] || c.Down.Loss != want.loss[i] || c.Up.Delay != 50*time.Millisecond || c.Down.Delay != want.downWait || c.Up.Rate != 8000 || c.Down.Rate != 0 {
				t.Errorf("phase %d, fault %t, target %d: %+v", want.phase, want.fault, i, c)
			}
		}
	}
	if !tr.healed(2, tr.tl.Spans[2].Start+1) || tr.healed(1, tr.tl.Spans[1].Start+1) {
		t.Error("only the phase after a fault heals")
	}
}

// A fault of the network explains the end of a connection while it lasts, and for as long after as
// clients may take to notice; one that stopped a client from reading likewise.
func TestWhatExplainsTheEndOfAConnection(t *testing.T) {
	t.Parallel()
	tr := networked(t, `
phases:
  - {name: a, for: 20s}
  - {name: b, for: 40s, fault: {network: {reset: 50%}, within: 5s}}
  - {name: c, for: 20s, fault: {network: {loss: 5%}}}
  - {name: d, for: 20s}
  - {name: e, for: 20s, fault: {run: [kill, it]}}
  - {name: f, for: 200s}
`)
	for _, c := range []struct {
		at, stalled time.Duration
		want        bool
	}{
		{at: 10 * time.Second},
		{at: 21 * time.Second, want: true},
		{at: 34 * time.Second, want: true},
		{at: 36 * time.Second}, // the last was reset at 25 s
		{at: 61 * time.Second, want: true},
		{at: 79 * time.Second, want: true},
		{at: 89 * time.Second, want: true},
		{at: 91 * time.Second},
		{at: 119 * time.Second, want: true},
		{at: 121 * time.Second},
		{at: 200 * time.Second, stalled: 201 * time.Second, want: true},
		{at: 202 * time.Second, stalled: 201 * time.Second},
		{at: 321 * time.Second},
	} {
		a := &actor{t: tr}
		a.stalled.Store(int64(c.stalled))
		if _, is := a.faulty(int64(c.at)); is != c.want {
			t.Errorf("at %v, stalled until %v: explained %v, want %v", c.at, c.stalled, is, c.want)
		}
	}
}

// After the last phase its fault explains what it does in it: messages are still on their way.
func TestWhatExplainsTheEndOfAConnectionAfterAll(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]bool{
		"{run: [kill, it]}":                   true,
		"{network: {cut: true}}":              true,
		"{network: {reset: 50%}, within: 5s}": false, // the last was reset 15 s before the end
		"{drop: 50%}":                         false, // it has chosen others
	} {
		tr := networked(t, "phases: [{name: a, for: 20s}, {name: b, for: 20s, fault: "+fault+"}]\n")
		if _, is := (&actor{t: tr}).faulty(int64(41 * time.Second)); is != want {
			t.Errorf("%s: explained %v, want %v", fault, is, want)
		}
	}
}

// A phase that has passed changes the links no more, whatever the order of goroutines.
func TestChangeover(t *testing.T) {
	t.Parallel()
	tr := networked(t, `
phases:
  - {name: a, for: 1s, network: {delay: 5ms}}
  - {name: b, for: 1s, fault: {network: {cut: true}}}
`)
	one, err := link.Start("127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	tr.links.list = []*link.Link{one}
	var at []int64
	c := &changeover{t: tr}
	for due, more := c.next(); more; due, more = c.next() {
		at = append(at, due)
		c.fire(due)
		tr.life.wg.Wait()
	}
	if len(at) != 3 || at[2] != tr.tl.End {
		t.Errorf("changes at %v", at)
	}
	tr.links.become(tr, 0, true)
	if tr.links.phase != 1 {
		t.Errorf("the links are in phase %d", tr.links.phase)
	}
}

// A machine that was too busy for the network makes the run invalid, and a little is allowed.
func TestNetworkUnfit(t *testing.T) {
	t.Parallel()
	tr := networked(t, "phases: [{name: a, for: 1s, network: {loss: 1%}}, {name: b, for: 1s, record: false}]")
	for _, c := range []struct {
		row   result.NetworkRow
		phase int
		says  string
	}{
		{result.NetworkRow{Probes: 1000, AddedP99us: 9_000}, 0, ""},
		{result.NetworkRow{Probes: 1000, AddedP99us: 11_000}, 0, "added 11 ms"},
		{result.NetworkRow{Probes: 1000, AddedP99us: 11_000}, 1, ""},
		{result.NetworkRow{Probes: 1000, AddedP99us: 40_000, AskedUs: 500_000}, 0, ""},
		{result.NetworkRow{Probes: 1000, AddedP99us: 60_000, AskedUs: 500_000}, 0, "added 60 ms"},
		{result.NetworkRow{Probes: 10, AddedP99us: 60_000}, 0, ""},
		{result.NetworkRow{Overflow: 1}, 0, "dropped 1 packets"},
	} {
		if got := tr.networkUnfit(&c.row, c.phase); c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q, want %q", c.row, got, c.says)
		}
	}
}

// A row has what was asked beside what was done; a rate was measured only where packets waited for
// it.
func TestNetworkRow(t *testing.T) {
	t.Parallel()
	empty := result.NewHistogram()
	line := &file.Line{Delay: 50 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.01, Reorder: 0.02, Rate: 8000}
	got := networkRow(&network.Counts{Delay: empty, Added: empty, Packets: 100, Lost: 2, Outages: 3, Moves: 1, QueuedBytes: 12_000, QueuedTime: 1500 * time.Millisecond}, line)
	want := result.NetworkRow{
		AskedUs: 50_000, JitterUs: 5_000, AskedLoss: 0.01, AskedReorder: 0.02, AskedRate: 8000,
		Packets: 100, Lost: 2, Outages: 3, Moves: 1, Rate: 8000,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := networkRow(&network.Counts{Delay: empty, Added: empty, Packets: 1}, line); got.Rate != 0 {
		t.Errorf("a rate of %g without packets that waited", got.Rate)
	}
}

// Agents have no network in common.
func TestNoPacketsOnFleets(t *testing.T) {
	t.Parallel()
	tr := networked(t, "network: {loss: 1%}")
	if err := networkPossible([]file.Cell{{Spec: tr.spec}}, true); err == nil || !strings.Contains(err.Error(), "single process") {
		t.Errorf("error %v", err)
	}
	if err := networkPossible([]file.Cell{{Spec: networked(t, "network: {delay: 1ms}").spec}}, true); err != nil {
		t.Error(err)
	}
}
