package result

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/regular"
)

// LogWriter writes the histograms of one cell second by second, one file per metric, in the
// HdrHistogram log format (V2 encoding), as HistogramLogAnalyzer, the HdrHistogram plotter and
// hdrhistogram-go's log reader take it. It is for one goroutine.
//
// Each interval is in the file when Flush returns, whatever ends the process after that.
//
// Values are microseconds. The Interval_Max column, which readers ignore, is in seconds.
type LogWriter struct {
	dir, prefix string
	start       time.Time
	files       map[string]*logFile // by metric
	taken       map[string]bool     // names of files
	encoder     encoder             // of a level at which packing takes no part of a second that counts
	line        []byte              // that was written last
}

type logFile struct {
	f   *os.File
	buf *bufio.Writer
}

// NewLogWriter returns a writer for the files dir/METRIC.hlog, or dir/CELL.METRIC.hlog when cell is
// not empty. start is the wall clock at the cell's beginning. It creates nothing yet: a file begins
// with its metric's first interval.
func NewLogWriter(dir, cell string, start time.Time) *LogWriter {
	if cell != "" {
		cell += "."
	}
	return &LogWriter{dir: dir, prefix: cell, start: start, files: map[string]*logFile{}, taken: map[string]bool{}, encoder: encoder{level: zlib.DefaultCompression}}
}

// CellName is the name of the cell at place i of n (0 <= i < n), for files and headings: "" for an
// only cell, else cell-01, cell-02, ...
func CellName(i, n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf("cell-%02d", i+1)
}

// Interval appends what h recorded between two moments since the cell's start. Readers that are not
// told otherwise, as HistogramLogProcessor, take the intervals without a tag only. Empty intervals
// may be written: they show in the log that nothing arrived. The times and the tag inside h play no
// part; h is not kept.
func (w *LogWriter) Interval(metric, tag string, from, to time.Duration, h *hdrhistogram.Histogram) error {
	lf := w.files[metric]
	if lf == nil {
		var err error
		if lf, err = w.create(metric); err != nil {
			return fmt.Errorf("write histogram log: %w", err)
		}
		w.files[metric] = lf
	}
	b := w.line[:0]
	if tag != "" {
		b = fmt.Appendf(b, "Tag=%s,", strings.Map(tagSafe, tag))
	}
	base, begin, end := w.start.UnixMilli(), w.start.Add(from).UnixMilli(), w.start.Add(to).UnixMilli()
	// the difference is of two numbers of seconds, as in the logs of hdrhistogram-go
	began, ended := float64(begin-base)/1e3, float64(end-base)/1e3
	b = fmt.Appendf(b, "%f,%f,%f,", began, ended-began, float64(h.Max())/1e6)
	b, err := w.encoder.append(b, h)
	if err == nil {
		w.line = append(b, '\n')
		_, err = lf.buf.Write(w.line)
	}
	if err != nil {
		return fmt.Errorf("write histogram log of %s: %w", metric, err)
	}
	return nil
}

func (w *LogWriter) create(metric string) (*logFile, error) {
	name := w.prefix + fileSafe(metric)
	// delivery{op=a} and delivery(op=a) must not share a file
	for base, n := name, 2; w.taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	w.taken[name] = true
	f, err := os.Create(filepath.Join(w.dir, name+".hlog"))
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriter(f)
	log := hdrhistogram.NewHistogramLogWriter(buf)
	base := w.start.UnixMilli()
	log.SetBaseTime(base)
	// hdrhistogram-go's own header lines cut the time to whole seconds, and readers would place
	// every interval up to a second early.
	seconds := fmt.Sprintf("Time: %.3f (seconds since epoch)", float64(base)/1e3)
	err = errors.Join(
		log.OutputComment("[Metric: "+strings.Map(printable, metric)+"; values in microseconds, Interval_Max in seconds]"),
		log.OutputLogFormatVersion(),
		log.OutputComment("[Start"+seconds+", "+w.start.UTC().Format(time.RFC3339)+"]"),
		log.OutputComment("[Base"+seconds+"]"),
		log.OutputLegend(),
	)
	if err != nil {
		_ = f.Close() // the write's error is the one to report
		return nil, err
	}
	return &logFile{f: f, buf: buf}, nil
}

// Flush passes everything written so far to the system.
func (w *LogWriter) Flush() error {
	for metric, lf := range w.files {
		if err := lf.buf.Flush(); err != nil {
			return fmt.Errorf("write histogram log of %s: %w", metric, err)
		}
	}
	return nil
}

// Close writes out and closes every file. The writer must not be used again. It is an error when a
// file, or its directory, was removed meanwhile.
func (w *LogWriter) Close() error {
	var errs []error
	var gone []string
	for _, lf := range w.files {
		errs = append(errs, lf.buf.Flush())
		if !regular.InPlace(lf.f) {
			gone = append(gone, lf.f.Name())
		}
		errs = append(errs, lf.f.Close())
	}
	clear(w.files)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write histogram log: %w", err)
	}
	if len(gone) > 0 {
		return fmt.Errorf("the histogram logs of the trial are lost: %d files, such as %s, were removed or replaced while it ran; leave the directory alone during a run", len(gone), slices.Min(gone))
	}
	return nil
}

// fileSafe makes a metric with labels, like delivery{op=room}, a file name.
func fileSafe(metric string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, metric)
	return strings.Trim(s, "._")
}

func printable(r rune) rune {
	if r < ' ' {
		return '_'
	}
	return r
}

// tagSafe replaces the characters of a tag that separate the fields of a line.
func tagSafe(r rune) rune {
	if r <= ' ' || r == ',' || r == '|' {
		return '_'
	}
	return r
}

// An Interval is one interval of a metric's log.
type Interval struct {
	From, To time.Duration // since the cell's start
	Tag      string        // of the phase that the samples were due in, when it was not recorded
	packed   string        // a histogram takes 190 kB, and a log has one for each second
}

// Histogram unpacks the interval's histogram, which the caller owns.
func (x *Interval) Histogram() *hdrhistogram.Histogram {
	h, err := hdrhistogram.Decode([]byte(x.packed))
	if err != nil {
		return NewHistogram() // the zero value; ReadLog has unpacked all others
	}
	return h
}

// ReadLog reads what a LogWriter has written of a metric: dir/METRIC.hlog, or dir/CELL.METRIC.hlog
// when cell is not empty. start is the wall clock at the cell's beginning, as its result has it;
// when it is zero, the first interval begins the cell. The error is fs.ErrNotExist when there is no
// such file.
func ReadLog(dir, cell, metric string, start time.Time) ([]Interval, error) {
	if cell != "" {
		cell += "."
	}
	name := filepath.Join(dir, cell+fileSafe(metric)+".hlog")
	f, err := regular.Open(name, maxFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Interval
	base := 0.0 // seconds of the wall clock from which the intervals count
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 0, 1<<16), maxHDR)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if text, is := strings.CutPrefix(line, "#[BaseTime: "); is {
			text, _, _ = strings.Cut(text, " ")
			if base, err = strconv.ParseFloat(text, 64); err != nil {
				return nil, fmt.Errorf("%s:%d: the base time %q is not a number", name, n, Short(text, MaxText))
			}
		}
		if line == "" || line[0] == '#' || line[0] == '"' {
			continue
		}
		x, err := parseInterval(line, base)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if start.IsZero() {
			start = time.UnixMilli(x.From.Milliseconds())
		}
		since := time.Duration(start.UnixNano())
		x.From, x.To = x.From-since, x.To-since
		out = append(out, x)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// parseInterval reads "[Tag=NAME,]OFFSET,LENGTH,MAX,HISTOGRAM". The times of what it returns count
// from 1970.
func parseInterval(line string, base float64) (x Interval, err error) {
	if rest, tagged := strings.CutPrefix(line, "Tag="); tagged {
		x.Tag, line, _ = strings.Cut(rest, ",")
	}
	fields := strings.SplitN(line, ",", 4)
	if len(fields) < 4 {
		return x, errors.New("it is not an interval of a histogram log")
	}
	offset, err1 := strconv.ParseFloat(fields[0], 64)
	length, err2 := strconv.ParseFloat(fields[1], 64)
	const longest = 4e9 // seconds since 1970, until 2096; two of them are a time.Duration, and NaN is none
	if err := errors.Join(err1, err2); err != nil || !(math.Abs(offset+base) <= longest && math.Abs(length) <= longest) {
		return x, errors.New("it is not an interval of a histogram log")
	}
	if err := ourShape(fields[3]); err != nil {
		return x, fmt.Errorf("unpack histogram: %w", err)
	}
	if _, err := hdrhistogram.Decode([]byte(fields[3])); err != nil {
		return x, fmt.Errorf("unpack histogram: %w", err)
	}
	x.packed = fields[3]
	x.From = time.Duration(math.Round((base+offset)*1e3)) * time.Millisecond
	x.To = x.From + time.Duration(math.Round(length*1e3))*time.Millisecond
	return x, nil
}
