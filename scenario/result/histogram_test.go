package result

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func TestRecordClampsAndSays(t *testing.T) {
	h := NewHistogram()
	for _, c := range []struct {
		d       time.Duration
		clamped bool
	}{{-time.Nanosecond, true}, {0, false}, {time.Hour, false}, {time.Hour + 1, true}, {1 << 62, true}} {
		if got := Record(h, c.d); got != c.clamped {
			t.Errorf("Record(%v) = %v", c.d, got)
		}
	}
	if h.TotalCount() != 5 {
		t.Errorf("%d of 5 values were kept", h.TotalCount())
	}
	if h.Min() != 0 || !h.ValuesAreEquivalent(h.Max(), time.Hour.Microseconds()) {
		t.Errorf("range %d..%d", h.Min(), h.Max())
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	h := NewHistogram()
	if n := testing.AllocsPerRun(100, func() { Record(h, 1234*time.Microsecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLatencyRoundTrip(t *testing.T) {
	h := NewHistogram()
	for i := range 20000 {
		Record(h, time.Duration(i*i)*time.Microsecond)
	}
	l := FromHistogram(h)
	back, err := l.Histogram()
	if err != nil {
		t.Fatal(err)
	}
	if !back.Equals(h) {
		t.Error("the histogram came back different")
	}
	if l.N != 20000 || l.P50us != Percentile(h, 50) || l.P999us != Percentile(h, 99.9) || l.Maxus != h.Max() || l.Minus != 0 {
		t.Errorf("summary %+v", l)
	}
	if l.P50us > l.P90us || l.P90us > l.P99us || l.P99us > l.P999us || l.P999us > l.Maxus {
		t.Errorf("percentiles out of order: %+v", l)
	}
}

func TestLatencyOfNothing(t *testing.T) {
	for _, l := range []*Latency{nil, {}, FromHistogram(nil), FromHistogram(NewHistogram())} {
		h, err := l.Histogram()
		if err != nil || h.TotalCount() != 0 {
			t.Errorf("%+v: %v, %v", l, h, err)
		}
	}
	if QuantilesOf(nil) != (Quantiles{}) || QuantilesOf(NewHistogram()) != (Quantiles{}) {
		t.Error("quantiles of nothing")
	}
}

func TestLatencyDamaged(t *testing.T) {
	if _, err := (&Latency{N: 1}).Histogram(); !errors.Is(err, ErrNoHistogram) {
		t.Errorf("without histogram: %v", err)
	}
	h := NewHistogram()
	Record(h, time.Second)
	l := FromHistogram(h)
	l.N = 2
	if _, err := l.Histogram(); err == nil || !strings.Contains(err.Error(), "1 samples, the summary says 2") {
		t.Errorf("wrong count: %v", err)
	}
	for _, hdr := range []string{"AAAA", "not base64!", l.HDR[:len(l.HDR)/2]} {
		if _, err := (&Latency{N: 1, HDR: hdr}).Histogram(); err == nil {
			t.Errorf("%q was taken", hdr)
		}
	}
}

func TestMergeIsTheHistogramOfAll(t *testing.T) {
	all, parts := NewHistogram(), []*Latency{nil}
	for part := range 3 {
		h := NewHistogram()
		for i := range 1000 {
			d := time.Duration((part+1)*i) * time.Millisecond
			Record(h, d)
			Record(all, d)
		}
		l := FromHistogram(h)
		l.Clamped = int64(part)
		parts = append(parts, l)
	}
	got, err := Merge(parts...)
	if err != nil {
		t.Fatal(err)
	}
	want := FromHistogram(all)
	want.Clamped = 3
	if *got != *want {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	if _, err := Merge(parts[1], &Latency{N: 5}); !errors.Is(err, ErrNoHistogram) {
		t.Errorf("a part without histogram: %v", err)
	}
}

func TestLogReadsBack(t *testing.T) {
	dir := t.TempDir()
	start := time.UnixMilli(1772366400750)
	w := NewLogWriter(dir, CellName(0, 3), start)
	h := NewHistogram()
	var want []int64
	for s := range 5 {
		h.Reset()
		for i := range s * 100 { // the first second is empty
			Record(h, time.Duration(i+1)*time.Millisecond)
		}
		want = append(want, h.TotalCount())
		if err := w.Interval("delivery{op=room}", "", time.Duration(s)*time.Second, time.Duration(s+1)*time.Second, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Interval("delivery(op=room)", "", 0, time.Second, h); err != nil { // another metric, the same letters
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	if !slices.Equal(names, []string{"cell-01.delivery_op_room-2.hlog", "cell-01.delivery_op_room.hlog"}) {
		t.Errorf("files %v", names)
	}
	f, err := os.Open(filepath.Join(dir, "cell-01.delivery_op_room.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := hdrhistogram.NewHistogramLogReader(f)
	for s, n := range want {
		got, err := r.NextIntervalHistogram()
		if err != nil || got == nil {
			t.Fatalf("second %d: %v, %v", s, got, err)
		}
		if got.TotalCount() != n {
			t.Errorf("second %d holds %d values, want %d", s, got.TotalCount(), n)
		}
		if at := start.UnixMilli() + int64(s)*1000; abs(got.StartTimeMs()-at) > 1 || abs(got.EndTimeMs()-at-1000) > 1 {
			t.Errorf("second %d is at %d..%d, want %d", s, got.StartTimeMs(), got.EndTimeMs(), at)
		}
		if n > 0 && !got.ValuesAreEquivalent(got.Max(), n*1000) {
			t.Errorf("second %d: max %d µs, want %d", s, got.Max(), n*1000)
		}
	}
	if got, err := r.NextIntervalHistogram(); got != nil || err != nil {
		t.Errorf("after the end: %v, %v", got, err)
	}
}

// ReadLog reads back what was written, with tags and times to the millisecond, and refuses text
// that is not a log.
func TestReadLog(t *testing.T) {
	dir := t.TempDir()
	start := time.UnixMilli(1772366400750)
	w := NewLogWriter(dir, "cell-02", start)
	h := NewHistogram()
	tags := []string{"", "", "warm up, slowly"}
	for s := range 3 {
		h.Reset()
		for range s {
			Record(h, time.Duration(s)*time.Millisecond)
		}
		if err := w.Interval("ack.service", tags[s], time.Duration(s)*time.Second, time.Duration(s+1)*time.Second, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "cell-02.ack.service.hlog")
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "#[StartTime: 1772366400.750 (") || !strings.Contains(string(text), "#[BaseTime: 1772366400.750 (") {
		t.Errorf("the headers lack the time to the millisecond: %v\n%.300s", err, text)
	}
	for _, from := range []time.Time{start, {}} { // of the result, and of an old one, which has none
		got, err := ReadLog(dir, "cell-02", "ack.service", from)
		if err != nil || len(got) != 3 {
			t.Fatalf("%d intervals, %v", len(got), err)
		}
		for s, x := range got {
			if want := []string{"", "", "warm_up__slowly"}[s]; x.Tag != want {
				t.Errorf("interval %d is tagged %q, want %q", s, x.Tag, want)
			}
			if x.From != time.Duration(s)*time.Second || x.To-x.From != time.Second || x.Histogram().TotalCount() != int64(s) {
				t.Errorf("interval %d: %v to %v, %d samples", s, x.From, x.To, x.Histogram().TotalCount())
			}
		}
	}
	if _, err := ReadLog(dir, "", "ack.service", start); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log that is not there: %v", err)
	}
	for text, want := range map[string]string{
		"1,2\n":                  ":1: it is not an interval",
		"\n#x\na,b,c,d\n":        ":3: it is not an interval",
		"1,1,1,HISTFAAAAA\n":     ":1: unpack histogram",
		"1e300,1,1,x\n":          ":1: it is not an interval",
		"NaN,1,1,x\n":            ":1: it is not an interval",
		"1e10,1,1,x\n":           ":1: it is not an interval", // no time.Duration
		"#[BaseTime: x (sec)]\n": "is not a number",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLog(dir, "cell-02", "ack.service", start); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// A log of an hour is read in little memory: its histograms stay packed until they are needed.
func TestReadLogIsSmall(t *testing.T) {
	dir := t.TempDir()
	w := NewLogWriter(dir, "", time.Unix(1, 0))
	h := NewHistogram()
	Record(h, time.Millisecond)
	const seconds = 500
	for s := range seconds {
		if err := w.Interval("ack", "", time.Duration(s)*time.Second, time.Duration(s+1)*time.Second, h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	log, err := ReadLog(dir, "", "ack", time.Unix(1, 0))
	if err != nil || len(log) != seconds || log[seconds-1].Histogram().TotalCount() != 1 {
		t.Fatalf("%d intervals, %v", len(log), err)
	}
	if grown := int64(held() - before); grown > seconds*10_000 {
		t.Errorf("%d intervals take %d bytes", seconds, grown)
	}
	runtime.KeepAlive(log)
}

func abs(n int64) int64 { return max(n, -n) }

func TestLogNames(t *testing.T) {
	if got := CellName(0, 1); got != "" {
		t.Errorf("an only cell is named %q", got)
	}
	if got := CellName(11, 12); got != "cell-12" {
		t.Errorf("got %q", got)
	}
	w := NewLogWriter(t.TempDir(), "", time.Now())
	if err := w.Interval("ack.service", "", 0, time.Second, NewHistogram()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "ack.service.hlog")); err != nil {
		t.Error(err)
	}
	gone := NewLogWriter(filepath.Join(t.TempDir(), "missing"), "", time.Now())
	if err := gone.Interval("ack", "", 0, time.Second, NewHistogram()); err == nil || !strings.Contains(err.Error(), "write histogram log") {
		t.Errorf("missing directory: %v", err)
	}
}
