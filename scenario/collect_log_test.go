package scenario

import (
	"maps"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

const logged = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 20, connect: {rate: 10k/s}}
  speaker: {count: 1, connect: {rate: 10k/s}, send: [{op: all, rate: 97/s, expect: others, late: 300ms}, {op: echo, rate: 20/s, ack: 1s}]}
phases:
  - {name: warm, for: 1500ms, record: false}
  - {name: hold, for: 2200ms}
  - {name: between, for: 700ms, record: false}
  - {name: again, for: 1300ms}
valid: [max(cpu) < 1000%, achieved(rate) > 1%]
`

// The intervals of a log without a tag add up to the histogram of the result, sample by sample,
// though no phase ends with a second and answers come after the phase of their question. All others
// have the name of their phase.
func TestLogsAddUpToTheResult(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
		return []fakePacket{{text: p, after: time.Duration(n%200) * time.Millisecond}}
	}}
	cell := playRun(t, s, logged, func(o *Options) { o.HistogramDir = dir }).Cells[0]
	want := maps.Clone(cell.Latency)
	want["lag"] = cell.Generator.Lag
	for _, name := range []string{"delivery", "ack", "ack.service", "connect", "fanout.last", "lag"} {
		if want[name] == nil {
			t.Errorf("the result has no %s", name)
		}
	}
	tags := map[string]int64{}
	for name, l := range want {
		intervals, err := result.ReadLog(dir, "", name, cell.Started)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sum := result.NewHistogram()
		for _, x := range intervals {
			if x.Tag == "" {
				sum.Merge(x.Histogram())
			} else if name == "delivery" {
				tags[x.Tag] += x.Histogram().TotalCount()
			}
		}
		h, err := l.Histogram()
		if err != nil {
			t.Fatal(err)
		}
		if !sum.Equals(h) || sum.Max() != l.Maxus {
			t.Errorf("%s: the log has %d samples up to %d µs, the result %d up to %d", name, sum.TotalCount(), sum.Max(), l.N, l.Maxus)
		}
	}
	if tags["warm"] == 0 || tags["between"] == 0 || len(tags) != 2 {
		t.Errorf("deliveries of phases that are not recorded, by tag: %v", tags)
	}
}
