package scenario

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// aSecond is one of a trial with twenty metrics.
func aSecond(i int) result.Second {
	s := result.Second{T: float64(i) + 0.1, Held: 1000 + i%7, Sent: int64(i), CPU: 1 / float64(i+3), Latency: map[string]result.Quantiles{}}
	for j := range 20 {
		s.Latency[fmt.Sprint("metric.", j)] = result.Quantiles{N: int64(i * j), P50us: int64(100 + i*j%13), P99us: int64(1000 + i*j%997), Maxus: int64(i)}
	}
	return s
}

// A history gives back exactly what was added, and takes little memory for it.
func TestHistory(t *testing.T) {
	for _, n := range []int{0, 1, packAt - 1, packAt, packAt + 1, 5*packAt + 3} {
		var h history
		var want []result.Second
		for i := range n {
			s := aSecond(i)
			want = append(want, s)
			h.add(&s)
		}
		got, err := h.all()
		if err != nil || len(got) != n || n > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%d seconds come back as %d, %v", n, len(got), err)
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var h history
	before := heap()
	const many = 100 * packAt
	for i := range many {
		s := aSecond(i)
		h.add(&s)
	}
	if h.err != nil {
		t.Error(h.err)
	}
	if each := (int64(heap()) - int64(before)) / many; each > 1000 {
		t.Errorf("%d bytes a second", each)
	}
	runtime.KeepAlive(&h)
}

// The seconds of a run have their place from the start, those of a week one of a day.
func TestPlaceOfTheSeconds(t *testing.T) {
	for length, want := range map[string]int{"10s": 12, "168h": reserved} {
		f, err := file.Parse("t.yaml", []byte(replaceAll(talkers, "name: hold, for: 2s", "name: hold, for: "+length, "{name: ramp, for: 1s, load: 0%, record: false}, ", "")), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := newCollector(trialOf(t, f))
		c.tick = time.Second
		if c.reserve(); cap(c.seconds) < want || cap(c.seconds) > want+want/8+8 {
			t.Errorf("%s: a place for %d seconds, want %d", length, cap(c.seconds), want)
		}
	}
}
