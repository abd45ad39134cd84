package scenario

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Limits on reading a target's metrics.
const (
	maxFamilies    = 64
	maxExposition  = 8 << 20 // bytes
	maxRedirects   = 3       // to other paths of the same server
	scrapeTime     = 5 * time.Second
	scrapePatience = 3 // failures in a row, before the first success, until it is given up
)

// The families that every Prometheus client library offers for its process.
const (
	familyCPU = "process_cpu_seconds_total"
	familyRSS = "process_resident_memory_bytes"

	familyFiles      = "process_open_fds"
	familyGoroutines = "go_goroutines" // of servers in Go
)

// A family is a counter or gauge, its labels summed up.
type family struct {
	counter bool
	value   float64
}

// A scraper reads the metrics of a target in the text format of Prometheus (version 0.0.4). Its
// goroutine runs from start to the end of the trial.
type scraper struct {
	url    string
	every  time.Duration
	client *http.Client

	mu    sync.Mutex
	order []string // families, as they came first
	last  map[string]family
	times int   // successes
	err   error // the last failure
	fails int
}

// newScraper returns nil when the file names no metrics.
func newScraper(s *file.Spec, opt Options) *scraper {
	from := s.MetricsURL()
	if from == "" {
		return nil
	}
	client := &http.Client{Transport: &http.Transport{DialContext: opt.link}, CheckRedirect: sameServer}
	return &scraper{url: from, every: s.Target.Sample.Every, client: client, last: map[string]family{}}
}

// sameServer follows redirects to other paths, as from /metrics to /metrics/, and none that has
// this process ask another server.
func sameServer(next *http.Request, before []*http.Request) error {
	if u := before[0].URL; next.URL.Scheme != u.Scheme || next.URL.Host != u.Host || len(before) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// run reads until ctx ends.
func (s *scraper) run(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for s.read(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// read reads once. It reports whether to go on.
func (s *scraper) read(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, scrapeTime)
	defer cancel()
	got, order, err := s.scrape(limited)
	if ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.err = err
		s.fails++
		return s.times > 0 || s.fails < scrapePatience
	}
	s.times++
	for _, name := range order {
		if _, known := s.last[name]; !known && len(s.order) < maxFamilies {
			s.order = append(s.order, name)
		}
	}
	s.last = got
	return true
}

func (s *scraper) scrape(ctx context.Context) (map[string]family, []string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		if to, err := res.Location(); err == nil {
			return nil, nil, fmt.Errorf("%s leads to %s (HTTP status %d), which is not followed; write that address in prometheus: if it is meant", address.Hide(s.url), address.Hide(to.String()), res.StatusCode)
		}
		return nil, nil, fmt.Errorf("%s answered with HTTP status %d", address.Hide(s.url), res.StatusCode)
	}
	body := &io.LimitedReader{R: res.Body, N: maxExposition + 1}
	got, order, err := parseMetrics(body)
	if body.N == 0 { // the last line may be half a number
		return nil, nil, fmt.Errorf("%s answered with more than %s; name an address that offers fewer metrics", address.Hide(s.url), metric.FormatBytes(maxExposition))
	}
	return got, order, err
}

// parseMetrics reads counters and gauges. Histograms and summaries are left out: their
// parts say little when they are added up.
func parseMetrics(r io.Reader) (got map[string]family, order []string, err error) {
	got = map[string]family{}
	kinds := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if rest, isType := strings.CutPrefix(line, "# TYPE "); isType {
			name, kind, _ := strings.Cut(rest, " ")
			kinds[name] = strings.TrimSpace(kind)
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := sampleOf(line)
		kind := kinds[name]
		if !ok || kind != "counter" && kind != "gauge" && kind != "untyped" {
			continue
		}
		f, known := got[name]
		if !known {
			order = append(order, name)
		}
		f.counter = kind == "counter"
		f.value += value
		got[name] = f
	}
	if err := lines.Err(); err != nil {
		return nil, nil, err
	}
	if len(got) == 0 {
		return nil, nil, errors.New("the answer holds no counters or gauges in the text format of Prometheus")
	}
	return got, order, nil
}

// sampleOf reads NAME{LABELS} VALUE [TIME].
func sampleOf(line string) (name string, value float64, ok bool) {
	rest := ""
	if open := strings.IndexByte(line, '{'); open >= 0 {
		end := strings.LastIndexByte(line, '}') // labels may hold any text in quotes
		if end < open {
			return "", 0, false
		}
		name, rest = line[:open], line[end+1:]
	} else {
		name, rest, _ = strings.Cut(line, " ")
	}
	words := strings.Fields(rest)
	if len(words) == 0 {
		return "", 0, false
	}
	v, err := strconv.ParseFloat(words[0], 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return "", 0, false
	}
	return strings.TrimSpace(name), v, true
}

// usage is the CPU time and memory of the target's process, by its own metrics.
func (s *scraper) usage() usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	cpu, ok := s.last[familyCPU]
	rss, ok2 := s.last[familyRSS]
	return usage{
		cpu: time.Duration(cpu.value * 1e9), rss: int64(rss.value), ok: ok && ok2,
		goroutines: int64(s.last[familyGoroutines].value), files: int64(s.last[familyFiles].value),
	}
}

// sample adds a second to the series.
func (s *scraper) sample(to map[string]*result.TargetMetric, seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.order {
		f, there := s.last[name]
		m := to[name]
		if m == nil {
			if !there {
				continue
			}
			m = &result.TargetMetric{Kind: "gauge"}
			if f.counter {
				m.Kind = "counter"
			}
			to[name] = m
		}
		for len(m.Values) < seconds-1 {
			// it is there from now on: before, it was as it is found
			m.Values = append(m.Values, f.value)
		}
		m.Values = append(m.Values, f.value)
	}
}

// trouble is why there are no metrics, or not all of them; "" when all is well.
func (s *scraper) trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err == nil:
		return ""
	case s.times == 0:
		return fmt.Sprintf("the target's metrics could not be read: %v", s.err)
	}
	return fmt.Sprintf("the target's metrics could not be read %d of %d times, the last time because of: %v", s.fails, s.fails+s.times, s.err)
}
