package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// The files of a profiled process: its processor time from beginning to end, and
// its heap at one moment.
const (
	cpuFile  = ".cpu.pprof"
	heapFile = ".heap.pprof"
)

// heapTime is how long the built-in server may take to write its heap profile.
const heapTime = 30 * time.Second

// A profiler takes profiles of the trials of one run: of this process, which is
// the generator, and of the built-in server if there is one.
type profiler struct {
	dir, name string
	stderr    io.Writer
	trials    int
	cpu       *os.File

	mu      sync.Mutex // a fault restarts servers while the trial goes on
	stem    string     // common prefix of the paths of this trial's files
	servers int        // that this trial has started
	// has the server at an address write its heap profile: of those that were there, the last
	ask map[string]func() error
}

// note reports an error. The run continues, because it is worth more than its profiles.
func (p *profiler) note(err error) {
	if err != nil {
		_, _ = fmt.Fprintf(p.stderr, "throng: --profile: %v\n", err)
	}
}

// begin begins a trial, and returns a function that ends the profiles of its load.
func (p *profiler) begin(c *file.Cell) (loaded func()) {
	p.trials++
	stem := fmt.Sprintf("%s-%d", p.name, p.trials)
	for _, param := range result.ParamList(c.Spec.Params) {
		stem += "-" + param
	}
	stem = filepath.Join(p.dir, strings.Map(inFileName, stem))
	p.mu.Lock()
	p.stem, p.servers, p.ask = stem, 0, map[string]func() error{}
	p.mu.Unlock()
	var err error
	if p.cpu, err = os.Create(stem + "-generator" + cpuFile); err == nil {
		err = pprof.StartCPUProfile(p.cpu)
	}
	p.note(err)
	return p.loaded
}

func (p *profiler) loaded() {
	pprof.StopCPUProfile()
	if p.cpu != nil {
		p.note(p.cpu.Close())
	}
	p.mu.Lock()
	stem, asks := p.stem, maps.Clone(p.ask)
	p.mu.Unlock()
	p.note(writeHeap(stem + "-generator" + heapFile))
	for _, ask := range asks {
		p.note(ask())
	}
}

// server returns where the next server of this trial writes its profiles: there may be several
// nodes, and a fault may start more.
func (p *profiler) server() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	stem := p.stem + "-server"
	if p.servers++; p.servers > 1 {
		stem += fmt.Sprintf("-%d", p.servers)
	}
	return stem
}

// inFileName leaves of a parameter what can stand in the name of a file
// everywhere.
func inFileName(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_.=%", r):
		return r
	}
	return '_'
}

// attach has the profiles of a run taken.
func (p *profiler) attach(opt *scenario.Options) {
	opt.Trial = p.begin
	opt.Start = func(ctx context.Context, s *file.Server) (*scenario.Endpoint, error) {
		return startNodesBy(ctx, s, p.start)
	}
}

// start runs a server that writes profiles.
func (p *profiler) start(ctx context.Context, s *file.Server) (*scenario.Endpoint, error) {
	stem := p.server()
	ep, tell, err := startServer(ctx, "", s, "--profile", stem)
	if err == nil {
		p.mu.Lock()
		p.ask[ep.URL] = func() error { return askHeap(tell, stem+heapFile) }
		p.mu.Unlock()
	}
	return ep, err
}

// askHeap has the built-in server write its heap profile, and waits until it has.
func askHeap(tell io.Writer, name string) error {
	if _, err := io.WriteString(tell, "heap\n"); err != nil {
		return fmt.Errorf("asking the server for its heap: %w", err)
	}
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(heapTime)
	for {
		if _, err := os.Stat(name); err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-late:
			return errors.New("the server did not write its heap profile in time")
		}
	}
}

// writeHeap writes a heap profile as of now. The file is there when it is whole.
func writeHeap(name string) error {
	runtime.GC() // the profile is as of the last collection
	f, err := os.Create(name + ".part")
	if err != nil {
		return err
	}
	err = errors.Join(pprof.WriteHeapProfile(f), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// observing is how `throng serve` lets itself be watched: profiles and metrics at
// addresses of their own, and profiles in files.
type observing struct {
	pprof, metrics, stem string
	// names under which the addresses on localhost may be reached, beside that
	hosts []string
}

func (o *observing) register(f *pflag.FlagSet) {
	f.StringVar(&o.metrics, "metrics", "", "address to offer Prometheus metrics on, such as :9090 (loopback interface only) or 0.0.0.0:9090")
	f.StringVar(&o.pprof, "pprof", "", "address to offer net/http/pprof on, such as :6060 (loopback interface only)")
	f.StringVar(&o.stem, "profile", "", "write profiles to files with this prefix: of the processor until the end (.cpu.pprof), of the heap at the end (.heap.pprof)")
}

// offer serves the requested profiles until ctx ends, and returns a function that waits for its
// end.
func (o *observing) offer(ctx context.Context, show func() http.Handler, stderr io.Writer) (wait func(), err error) {
	profiled, err := profiles(ctx, o.pprof, o.hosts, stderr)
	if err != nil {
		return nil, err
	}
	scraped, err := offerMetrics(ctx, show, o.metrics, o.hosts, stderr)
	if err != nil {
		profiled()
		return nil, err
	}
	return func() { scraped(); profiled() }, nil
}

// take begins the profiles of --profile. Each line of in triggers a heap profile; without any line
// the end does. To see the end of in, a caller must read rest instead. The returned function ends
// the profiles.
func (o *observing) take(in io.Reader) (rest io.Reader, end func() error, err error) {
	stem := o.stem
	if stem == "" {
		return in, func() error { return nil }, nil
	}
	cpu, err := os.Create(stem + cpuFile)
	if err == nil {
		err = pprof.StartCPUProfile(cpu)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--profile %s: %w", stem, err)
	}
	asked := &onLine{from: bufio.NewReader(in), do: func() error { return writeHeap(stem + heapFile) }}
	return asked, func() error {
		pprof.StopCPUProfile()
		err := cpu.Close()
		if _, missing := os.Stat(stem + heapFile); missing != nil {
			err = errors.Join(err, writeHeap(stem+heapFile))
		}
		if err != nil {
			return fmt.Errorf("--profile %s: %w", stem, err)
		}
		return nil
	}, nil
}

// onLine is a reader that does something for each line that passes.
type onLine struct {
	from *bufio.Reader
	do   func() error
}

func (r *onLine) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	for range strings.Count(string(b[:n]), "\n") {
		if failed := r.do(); failed != nil {
			return n, failed
		}
	}
	return n, err
}
