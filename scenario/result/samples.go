package result

import "github.com/HdrHistogram/hdrhistogram-go"

// Samples holds the samples of one metric, in microseconds: completed operations, and operations
// that did not end before their timeout, such as a call without an answer. The duration of the
// latter is unknown. They count as slower than every completed operation, so a percentile among
// them is higher than the timeout. A nil histogram is an empty one.
type Samples struct {
	Ended *hdrhistogram.Histogram
	Never *hdrhistogram.Histogram // how long was waited
}

// Count is how many have ended.
func (s Samples) Count() int64 { return total(s.Ended) }

// Total is how many there are of both.
func (s Samples) Total() int64 { return total(s.Ended) + total(s.Never) }

func total(h *hdrhistogram.Histogram) int64 {
	if h == nil {
		return 0
	}
	return h.TotalCount()
}

// all is a histogram in which what never ended counts with the time that was waited.
func (s Samples) all() *hdrhistogram.Histogram {
	sum := NewHistogram()
	for _, h := range []*hdrhistogram.Histogram{s.Ended, s.Never} {
		if h != nil {
			sum.Merge(h)
		}
	}
	return sum
}

// Percentile is the value at a percentile (0 to 100) as Percentiles defines it. beyond says that it
// is among what never ended: then the percentile is more than the value.
func (s Samples) Percentile(p float64) (us int64, beyond bool) {
	n := s.Total()
	if n == 0 {
		return 0, false
	}
	ended := total(s.Ended)
	if total(s.Never) == 0 || p <= 0 && ended > 0 {
		return Percentile(s.Ended, p), false
	}
	if rank := Rank(p, n); rank <= ended {
		return Percentile(s.Ended, 100*float64(rank)/float64(ended)), false
	}
	return Percentile(s.all(), p), true
}

// Mean is the mean; beyond says that it is more than that, since something never ended.
func (s Samples) Mean() (us float64, beyond bool) { return s.all().Mean(), total(s.Never) > 0 }

// Latency summarises the samples and packs them. Without any it is one whose N is zero.
func (s Samples) Latency() *Latency {
	never := total(s.Never)
	if never == 0 {
		return FromHistogram(s.Ended)
	}
	l := &Latency{}
	if total(s.Ended) > 0 {
		l = FromHistogram(s.Ended)
	}
	l.Never, l.NeverHDR = never, packed(s.Never)
	for p, to := range map[float64]*int64{50: &l.P50us, 90: &l.P90us, 99: &l.P99us, 99.9: &l.P999us, 100: &l.Maxus} {
		*to, _ = s.Percentile(p)
	}
	return l
}

// Samples unpacks the samples. The caller owns them.
func (l *Latency) Samples() (Samples, error) {
	ended, err := l.Histogram()
	if err != nil || l == nil || l.Never == 0 {
		return Samples{Ended: ended}, err
	}
	never, err := unpacked(l.NeverHDR, l.Never)
	return Samples{Ended: ended, Never: never}, err
}

// Beyond reports whether the value at a percentile (0 to 100) is more than what the summary says,
// since so many samples never ended. The maximum is percentile 100.
func (l *Latency) Beyond(p float64) bool {
	return l != nil && l.Never > 0 && Rank(p, l.N+l.Never) > l.N
}

// Add adds other samples, which are not kept.
func (s *Samples) Add(o Samples) {
	add := func(to **hdrhistogram.Histogram, h *hdrhistogram.Histogram) {
		if h == nil {
			return
		}
		if *to == nil {
			*to = NewHistogram()
		}
		(*to).Merge(h)
	}
	add(&s.Ended, o.Ended)
	add(&s.Never, o.Never)
}
