package result

import (
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// MaxLatency is the largest latency a histogram holds. Longer ones are recorded at this value.
const MaxLatency = time.Hour

const significantDigits = 3

// Latency is the summary of one metric together with the histogram it was taken from, in
// microseconds.
type Latency struct {
	N      int64   `json:"n"`
	Minus  int64   `json:"min_us"`
	Meanus float64 `json:"mean_us"`
	P50us  int64   `json:"p50_us"`
	P90us  int64   `json:"p90_us"`
	P99us  int64   `json:"p99_us"`
	P999us int64   `json:"p999_us"`
	Maxus  int64   `json:"max_us"`
	HDR    string  `json:"hdr,omitempty"` // HdrHistogram V2, compressed, base64
	// Never counts further samples, outside N, that did not end before their timeout: calls without
	// an answer, clients that did not connect. Percentiles and the maximum count them as slower
	// than all others. A percentile that falls among them, as Beyond reports, has the timeout as
	// its value, and the true value is higher. Minimum, mean, HDR and N exclude them.
	Never    int64  `json:"never,omitempty"`
	NeverHDR string `json:"never_hdr,omitempty"` // the times that were waited
	// Clamped counts samples that lay outside 0..MaxLatency and were recorded at the nearer limit.
	Clamped int64 `json:"clamped,omitempty"`
}

// NewHistogram returns an empty histogram of microseconds, up to MaxLatency with three significant
// digits. All histograms of a result have this shape, so any two of the same metric can be merged
// without loss.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, MaxLatency.Microseconds(), significantDigits)
}

// Record adds d to h, a histogram of NewHistogram. A value outside 0..MaxLatency is recorded at the
// limit, never dropped, and reported as clamped so that the caller can count it. It does not
// allocate.
func Record(h *hdrhistogram.Histogram, d time.Duration) (clamped bool) {
	switch {
	case d < 0:
		d, clamped = 0, true
	case d > MaxLatency:
		d, clamped = MaxLatency, true
	}
	// Within 0..MaxLatency the only error left is a total beyond MaxInt64.
	_ = h.RecordValue(d.Microseconds())
	return clamped
}

// FromHistogram summarises h and packs it. A nil or empty histogram gives a Latency whose N is
// zero. h is not kept.
func FromHistogram(h *hdrhistogram.Histogram) *Latency {
	if total(h) == 0 {
		return &Latency{}
	}
	q := Percentiles(h, 50, 90, 99, 99.9)
	l := &Latency{
		N: h.TotalCount(), Minus: h.Min(), Meanus: math.Round(h.Mean()*10) / 10,
		P50us: q[0], P90us: q[1], P99us: q[2], P999us: q[3], Maxus: h.Max(),
	}
	l.HDR = packed(h)
	return l
}

var encoders = sync.Pool{New: func() any { return &encoder{level: zlib.BestCompression} }}

// packed is a histogram as results have it.
func packed(h *hdrhistogram.Histogram) string {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	b, err := e.append(nil, h)
	if err != nil {
		return "" // encoding writes to memory; were it to fail, the summary would still be true
	}
	return string(b)
}

// ErrNoHistogram says that a Latency with samples carries no histogram: its summary is all there
// is.
var ErrNoHistogram = errors.New("no histogram in the result")

// Histogram unpacks the histogram. Without samples it is an empty one; the caller owns it.
func (l *Latency) Histogram() (*hdrhistogram.Histogram, error) {
	if l == nil || l.N == 0 {
		return NewHistogram(), nil
	}
	return unpacked(l.HDR, l.N)
}

// unpacked is the histogram of n samples that packed has made a text of.
func unpacked(text string, n int64) (*hdrhistogram.Histogram, error) {
	if text == "" {
		return nil, ErrNoHistogram
	}
	if err := ourShape(text); err != nil {
		return nil, damaged(err)
	}
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, damaged(err)
	}
	if h.TotalCount() != n {
		return nil, damaged(fmt.Errorf("it holds %d samples, the summary says %d", h.TotalCount(), n))
	}
	return h, nil
}

func damaged(err error) error {
	return fmt.Errorf("unpack histogram: %w; the result is damaged: restore its file, or run the scenario again", err)
}

// ourShape returns an error for a packed histogram that is not of the shape of NewHistogram, before
// it is unpacked: a few bytes can stand for one of 50 MB.
func ourShape(packed string) error {
	z := base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed))
	var outer struct{ Cookie, Length int32 }
	var inner struct {
		Cookie, Length, Offset, Digits int32
		Lowest, Highest                int64
	}
	err := binary.Read(z, binary.BigEndian, &outer)
	if err == nil {
		var text io.ReadCloser
		if text, err = zlib.NewReader(z); err == nil {
			err = errors.Join(binary.Read(text, binary.BigEndian, &inner), text.Close())
		}
	}
	if err != nil {
		return err
	}
	if inner.Digits != significantDigits || inner.Lowest != 1 || inner.Highest != MaxLatency.Microseconds() {
		return fmt.Errorf("it holds %d to %d at %d digits instead of 1 to %d at %d", inner.Lowest, inner.Highest, inner.Digits, MaxLatency.Microseconds(), significantDigits)
	}
	return nil
}

// Merge adds up the histograms of several latencies of one metric, which is the only right way to
// percentiles over several trials. Those without a histogram make it fail rather than be left out.
func Merge(ls ...*Latency) (*Latency, error) {
	sum, clamped := Samples{Ended: NewHistogram()}, int64(0)
	for _, l := range ls {
		own, err := l.Samples()
		if err != nil {
			return nil, err
		}
		sum.Add(own)
		if l != nil {
			clamped += l.Clamped
		}
	}
	m := sum.Latency()
	m.Clamped = clamped
	return m, nil
}

// QuantilesOf summarises one second of a metric.
func QuantilesOf(h *hdrhistogram.Histogram) Quantiles {
	if h == nil || h.TotalCount() == 0 {
		return Quantiles{}
	}
	q := Percentiles(h, 50, 99)
	return Quantiles{N: h.TotalCount(), P50us: q[0], P99us: q[1], Maxus: h.Max()}
}
