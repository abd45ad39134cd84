package result

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histograms are of all kinds that come: empty, with one count, with zeros between, at the ends,
// with large counts, and random ones.
func histograms() (all []*hdrhistogram.Histogram) {
	with := func(pairs ...int64) {
		h := NewHistogram()
		for i := 0; i < len(pairs); i += 2 {
			_ = h.RecordValues(pairs[i], pairs[i+1])
		}
		all = append(all, h)
	}
	longest := MaxLatency.Microseconds()
	with()
	with(0, 1)
	with(1, 1)
	with(0, 1, 2, 1)
	with(0, 1, 3, 1, 4, 2)
	with(longest, 1)
	with(0, 5, longest, 1)
	with(70, 63, 71, 64, 72, 65, 100, 8191, 101, 8192, 102, 1<<40)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		h := NewHistogram()
		for range 1 << (n / 4) {
			_ = h.RecordValues(random.Int64N(1<<random.IntN(31))+random.Int64N(2), 1+random.Int64N(1<<random.IntN(20)))
		}
		all = append(all, h)
	}
	return all
}

// The text is byte for byte that of the library, which reads it back, whatever the encoder has
// packed before.
func TestPackedIsAsTheLibraryPacks(t *testing.T) {
	e := &encoder{level: zlib.BestCompression}
	for i, h := range histograms() {
		want, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.append([]byte("before "), h)
		if err != nil || string(got) != "before "+string(want) {
			t.Fatalf("histogram %d: %v\n%s\n%s", i, err, got, want)
		}
		back, err := hdrhistogram.Decode(want)
		if err != nil || !back.Equals(h) {
			t.Fatalf("histogram %d is read back as another one: %v", i, err)
		}
		if again := packed(back); again != string(want) {
			t.Fatalf("histogram %d, read back: %s, want %s", i, again, want)
		}
	}
}

// The lines of a log are those of the library but for how hard the histograms are compressed.
func TestLogIsAsTheLibraryWritesIt(t *testing.T) {
	dir, start := t.TempDir(), time.Unix(1_700_000_000, 123_456_789)
	w := NewLogWriter(dir, "", start)
	var want bytes.Buffer
	lib := hdrhistogram.NewHistogramLogWriter(&want)
	lib.SetBaseTime(start.UnixMilli())
	for i, h := range histograms() {
		from := time.Duration(i) * 1_000_700_000
		to, tag := from+time.Duration(999+i)*time.Millisecond, ""
		if i%3 == 1 {
			tag = fmt.Sprint("warm-", i)
		}
		if err := w.Interval("ack", tag, from, to, h); err != nil {
			t.Fatal(err)
		}
		h.SetStartTimeMs(start.Add(from).UnixMilli())
		h.SetEndTimeMs(start.Add(to).UnixMilli())
		h.SetTag(tag)
		if err := lib.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ack.hlog"))
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(text), "\"Interval_Compressed_Histogram\"\n")
	ours, its := strings.Split(got, "\n"), strings.Split(want.String(), "\n")
	if len(ours) != len(its) || len(got) > want.Len()*21/20 {
		t.Fatalf("%d lines of %d bytes, want %d of %d", len(ours), len(got), len(its), want.Len())
	}
	for i, h := range histograms() {
		at := strings.LastIndexByte(its[i], ',') + 1
		if head, _ := strings.CutSuffix(ours[i][:min(at, len(ours[i]))], its[i][:at]); head != "" {
			t.Errorf("line %d is %s, want %s", i, ours[i], its[i])
		}
		back, err := hdrhistogram.Decode([]byte(ours[i][at:]))
		if err != nil || !back.Equals(h) {
			t.Errorf("line %d, %s, is of another histogram: %v", i, ours[i], err)
		}
	}
}

// An interval in which nothing came makes no garbage, and another one little more than the copy of its
// counts.
func TestPackingMakesLittleGarbage(t *testing.T) {
	e, full := &encoder{level: zlib.DefaultCompression}, NewHistogram()
	for v := range int64(1000) {
		_ = full.RecordValues(v*v, 1+v%3)
	}
	for name, of := range map[string]struct {
		h    *hdrhistogram.Histogram
		most float64
	}{"empty": {NewHistogram(), 0}, "full": {full, 3}} {
		b, err := e.append(nil, of.h)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if b, err = e.append(b[:0], of.h); err != nil {
				t.Fatal(err)
			}
		}); n > of.most {
			t.Errorf("%s: %v allocations, want %v at most", name, n, of.most)
		}
	}
}
