package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/command"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

// Options say how to run a scenario file. The zero value of every field but Start
// means its default; Start is needed unless there is another target.
type Options struct {
	// Target is the URL of a server to use instead of the file's server.
	Target string
	// Path is the Engine.IO path on Target; "" = /socket.io/.
	Path string
	// Serve starts the target of a trial, at the URL that the file or Target names, and returns
	// when it accepts connections; the trial stops it. What the endpoint leaves out is as without
	// Serve. nil: the target runs already.
	Serve func(ctx context.Context) (*Endpoint, error)
	// Start starts the built-in server as a process of its own and returns when it
	// accepts connections. Each trial starts one and stops it.
	Start func(ctx context.Context, s *file.Server) (*Endpoint, error)
	// Progress is called some four times a second during a trial, on one goroutine, and
	// once at the end of each. It must not block. nil = no progress.
	Progress func(Progress)
	// Second is called when a second of a trial's timeline has ended, on the goroutine of Progress
	// and before it, with the samples recorded in that second by metric: every phase, in
	// microseconds. Both are valid during the call only; it must not block. May be nil.
	Second func(s *result.Second, latency map[string]*hdrhistogram.Histogram)
	// Trial is called when a trial begins, before its server starts. The returned function is
	// called when the trial's load is over and its clients are still connected, or when the trial
	// has failed before. May be nil.
	Trial func(c *file.Cell) (loaded func())
	// TraceDir is an existing directory for the trace that a file asks for; "" = none is written.
	TraceDir string
	// HistogramDir is an existing directory for the histogram logs; "" = none are written.
	HistogramDir string
	// JournalDir is an existing directory in which each trial is kept when it ends
	// (result.JournalName), so that a run which is killed loses no other; "" = none is. The journal
	// begins, and takes the place of a result that is there, when the first target has been found
	// ready. It stays there.
	JournalDir string
	// Begin is called before the journal is begun. May be nil.
	Begin func()
	// Earlier is an earlier part of the run, to go on with: trials of it that are valid stay and
	// are not made again. nil = none.
	Earlier *result.Run
	// AllowRun lets the commands of the scenario's faults be executed (file.Spec.Commands). Without
	// it a scenario that has some is refused: a file may come from a stranger.
	AllowRun bool
	// Version and Command are noted in the result; "" = the version in the binary.
	Version string
	Command []string
	// Fleet runs the clients; nil: they are in this process.
	Fleet Fleet

	// of commands; nil = as processes
	execute func(ctx context.Context, words []string) command.Result
	// tests put other connections here
	dial    dialer
	network bool // dial is the client's own
	tables  map[string]*file.Table
	logs    map[string]*file.Log
	journal *runJournal
	budget  int64         // of the ledger; 0 = ledgerBudget
	holds   bounds        // limits of held operations; zero = maxHeld
	second  time.Duration // how long the collector's second takes; 0 = 1 s
	// sleep is the pacer's; nil = machine.Sleep, which no clock of a test can see.
	sleep func(d time.Duration)
	seat  *seat // in a fleet; nil: this process has all clients
	// link connects the HTTP clients; nil = over the network.
	link func(ctx context.Context, network, address string) (net.Conn, error)
}

// Endpoint is a running server.
type Endpoint struct {
	URL  string
	Path string // "" = /socket.io/
	PID  int    // to sample its CPU and memory; 0: not of this machine, or unknown
	// Goroutines is how many the process has, 0 for unknown; any goroutine may call it. nil: never
	// known.
	Goroutines func() int64
	// Nodes are the servers of a cluster, of which URL and PID are those of the first one, or URL
	// that of a proxy; nil: it is one server. PIDs change with a restart.
	Nodes []Node
	// Broker is the process that connects the nodes, if it was started for them; 0: none.
	Broker int
	// Proxied: URL is that of a proxy in front of the nodes, and clients know no other.
	Proxied bool
	// Stop ends the server; nil: nothing to stop.
	Stop func(ctx context.Context) error
	// Done is closed when the server has ended by itself; a value sent before is the
	// reason. nil: not known.
	Done <-chan error
}

// Node is one server of a cluster.
type Node struct {
	URL string
	PID func() int
	// Goroutines is as of [Endpoint].
	Goroutines func() int64
	// Restart ends the process and starts another at the same address.
	Restart func(ctx context.Context) error
}

// Progress is the state of a run at one moment, for showing it. Numbers are since the
// trial's start unless said otherwise.
type Progress struct {
	Cell, Cells int               // place of this trial, from 1, and how many there are
	Params      map[string]string // of the matrix; do not change
	Trial       int               // from 1
	Phase       string            // "drain" after the last one; "" before the first and between trials
	PhaseIndex  int               // place of Phase, from 0
	Phases      int
	PhaseShare  float64       // how much of the phase has passed, 0..1
	Elapsed     time.Duration // since the trial's start
	Total       time.Duration // of the phases
	Recording   bool
	Plan        []result.Phase // every phase as planned; do not change
	Left        time.Duration  // of the whole run as planned, cooldowns included

	Asked, Held, Failed, Dropped int // clients
	// operations; a volatile one that was skipped counts as sent
	Offered, Sent int64
	// of the others: those that wait for their sender to be back, and those that were dropped
	HeldBack, GivenUp int64
	Received          int64   // deliveries, late ones included
	DeliveriesPerS    float64 // in the last full second
	Lost              int64   // missing so far past their late limit
	Duplicate         int64
	Errors            int64
	// of the messages whose late limit has passed, in all phases
	Ledger result.Ledger

	Seconds int           // full seconds so far
	Second  result.Second // the last one; do not change its map

	// of Metric so far: recorded phases, or before the first of them everything
	P50, P99 time.Duration
	Metric   string        // "delivery", or "ack" when nothing expects deliveries; "" = no samples yet
	LagP99   time.Duration // of the last second
	// of the generator in the last second, share of the cores that it may use
	CPU        float64
	ServerCPU  float64 // likewise
	Done       bool    // the trial has ended; Verdict and Reason are set
	Verdict    result.Verdict
	Reason     string
	LastErrors []string // the last kinds of errors seen, at most three

	// Checks are the file's rules as they stood at the end of the last full second; NoData
	// means that there is nothing to judge by yet. The last Progress of a trial has the
	// final ones. Do not change.
	Checks []result.Check
	// Classes are the errors by class, the most frequent first; refreshed once a second. Do not
	// change.
	Classes []ErrorClass
}

// ErrorClass counts the errors of one kind.
type ErrorClass struct {
	Class string // connect.refused, ack.timeout, ...
	N     int64
	Text  string // message of the first; may be empty
}

// LimitError means that this machine cannot run the scenario.
type LimitError = machine.Shortage

// CommandError says that a scenario executes commands of its author's on this machine, and that the
// caller has not allowed that (Options.AllowRun).
type CommandError struct {
	Commands []string // see file.Spec.Commands
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("the scenario executes commands on this machine: %s; read them, and add --allow-run if you trust the file", strings.Join(e.Commands, "; "))
}

// Run executes every trial of a file in order, one after another, and returns their measurements.
// The error is a *LimitError or a *CommandError before anything starts, a *TargetError when a
// server cannot be reached, the error of Options.Start, or an error of writing the histogram logs.
//
// When ctx ends, the trial in progress is cut short and counts as invalid, with its measurements so
// far; later trials are skipped, and Run returns within two seconds with Interrupted set and no
// error. After an error the trials before it are returned with it.
//
// While it runs, Run raises GOMAXPROCS by one for the thread that paces and by one for each that
// reads for the clients, and the soft limit of file descriptors to the hard one, and sets GOGC=50
// unless the environment variable GOGC is set. Only one Run at a time makes sense in a process:
// they would measure each other.
//
// No secret of the file (file.Secrets) appears in the result, the error or the arguments of the
// functions in Options.
func Run(ctx context.Context, f *file.File, opt Options) (*result.Run, error) {
	run, err := runCells(ctx, f, opt)
	if err != nil && f.Spec.Secrets != nil {
		err = &maskedError{err, f.Spec.Secrets.Mask(err.Error())}
	}
	return run, err
}

// A maskedError has no secret in its text.
type maskedError struct {
	error
	text string
}

func (e *maskedError) Error() string { return e.text }

func (e *maskedError) Unwrap() error { return e.error }

func runCells(ctx context.Context, f *file.File, opt Options) (*result.Run, error) {
	opt.complete()
	defer limitGarbage()()
	cells := f.Cells()
	machine.RaiseFiles()
	err := possible(cells, opt)
	if err != nil {
		return nil, err
	}
	if opt.tables, err = f.Data(); err != nil {
		return nil, err
	}
	if opt.logs, err = f.Logs(); err != nil {
		return nil, err
	}
	if opt.execute == nil {
		commands := &command.Set{}
		defer commands.Close()
		opt.execute = commands.Run
	}
	for _, c := range cells {
		if lines := c.Spec.Commands(); len(lines) > 0 && !opt.AllowRun {
			return nil, &CommandError{Commands: lines}
		}
		for _, p := range c.Spec.Phases {
			if p.Fault != nil && p.Fault.Restart && opt.Target != "" {
				return nil, fmt.Errorf("the phase %s restarts the built-in server and cannot restart %s; leave the target out, or use fault: {drop: 100%%}", p.Name, opt.Target)
			}
		}
	}
	run := newRun(f, opt)
	planned := plannedTrials(cells)
	left := cells
	if opt.Earlier != nil {
		left = resume(run, opt.Earlier, cells)
	}
	opt.journal = &runJournal{opt: &opt, run: run, planned: planned}
	defer opt.journal.close()
	err = runTrials(ctx, run, f, left, len(run.Cells)+len(left), opt)
	if err == nil {
		err = repeatInvalid(ctx, run, f, cells, opt)
	}
	run.Settle(planned)
	if err != nil {
		return run, err
	}
	cut := slices.ContainsFunc(run.Cells, func(c result.Cell) bool { return c.Interrupted })
	missing := len(run.Missing(planned))
	if ctx.Err() != nil && (cut || missing > 0) {
		run.Interrupted, run.Verdict = true, result.Invalid
		text := fmt.Sprintf("interrupted: %d of %d trials ran", len(cells)-missing, len(cells))
		if cut {
			text = fmt.Sprintf("interrupted: %d of %d trials ran, the last one cut short", min(len(cells)-missing+1, len(cells)), len(cells))
		}
		run.Warnings = append(run.Warnings, text)
	}
	return run, nil
}

// possible says why trials cannot be run here.
func possible(cells []file.Cell, opt Options) error {
	if err := networkPossible(cells, opt.Fleet != nil); err != nil {
		return err
	}
	if opt.Fleet == nil {
		if short := machine.Shortages(cells, machine.ReadLimits()); len(short) > 0 {
			return short[0]
		}
		return nil
	}
	for i := range cells { // each agent looks at its own machine
		if err := notOnFleets(cells[i].Spec); err != nil {
			return err
		}
	}
	return nil
}

// newRun is a result without trials.
func newRun(f *file.File, opt Options) *result.Run {
	run := &result.Run{
		Format: result.Format, Scenario: f.Spec.Name, About: f.Spec.About, Verdict: result.Pass, Seed: f.Spec.Seed, Quick: f.Spec.Quick,
		Started: time.Now(), Throng: cmp.Or(opt.Version, result.Version()), Env: result.Environment(), Command: opt.Command,
	}
	if len(f.LeftOut) > 0 {
		run.Warnings = append(run.Warnings, "left out, as the target is not the built-in server: "+strings.Join(f.LeftOut, "; "))
	}
	return run
}

// runTrials runs cells one after another until ctx ends. n of them belong in the result.
func runTrials(ctx context.Context, run *result.Run, f *file.File, cells []file.Cell, n int, opt Options) error {
	for i, c := range cells {
		at := len(run.Cells)
		if at > 0 && !machine.Pause(ctx, f.Cooldown) {
			return nil
		}
		cell, err := runCell(ctx, f, &c, opt, place{at, n, planned(cells[i+1:], f.Cooldown)})
		if cell != nil {
			cell.Clean() // again: what ended after it may have added warnings
			run.Cells = append(run.Cells, *cell)
			opt.journal.add(&run.Cells[at])
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// complete puts the defaults where nothing is said.
func (opt *Options) complete() {
	if opt.dial == nil {
		opt.dial, opt.network = dialClient, true
	}
	if opt.sleep == nil {
		opt.sleep = machine.Sleep
	}
	if opt.second == 0 {
		opt.second = time.Second
	}
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
}

// heapRoom is the heap growth between collections, in percent of the live heap. Messages create no
// garbage, so collections stay rare; and the process reaches its final size in the first minute
// rather than the tenth, so that later growth shows a leak.
const heapRoom = 50

// limitGarbage applies heapRoom and returns a function that restores the previous value.
func limitGarbage() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	was := debug.SetGCPercent(heapRoom)
	return func() { debug.SetGCPercent(was) }
}

// A place is the position of a trial among all trials.
type place struct {
	i, n  int
	after time.Duration // what the trials after it take as planned
}

// planned is how long trials take, each after its cooldown.
func planned(cells []file.Cell, cooldown time.Duration) (sum time.Duration) {
	for _, c := range cells {
		sum += cooldown
		for _, p := range c.Spec.Phases {
			sum += p.For
		}
	}
	return sum
}

// stopGrace is how long a server may take to stop.
const stopGrace = 20 * time.Second

// runCell runs one trial against a server of its own, or against the target.
func runCell(ctx context.Context, f *file.File, c *file.Cell, opt Options, at place) (cell *result.Cell, err error) {
	loaded := func() {}
	if opt.Trial != nil {
		loaded = sync.OnceFunc(opt.Trial(c))
	}
	defer loaded()
	ep, builtIn, err := endpoint(ctx, c.Spec, opt)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil // interrupted while the server started: nothing was measured
		}
		return nil, err
	}
	if ep.Stop != nil {
		defer func() {
			sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace(ctx))
			defer cancel()
			if serr := ep.Stop(sctx); serr != nil && cell != nil {
				cell.Warnings = append(cell.Warnings, fmt.Sprintf("the server did not stop cleanly: %v", serr))
			}
		}()
	}
	conf, err := tlsConfig(c.Spec, builtIn)
	if err != nil {
		return nil, err
	}
	if opt.Fleet != nil {
		if opt.seat, err = controllerOf(c.Spec, opt.Fleet.Agents()); err != nil {
			return nil, err
		}
	}
	t := newTrial(c, ep, conf, opt, at)
	t.server.builtIn, t.life.loaded = builtIn, loaded
	defer t.udp.Close()
	defer t.http.close()
	if err := t.probe(ctx); err != nil { // of a fleet, each agent does
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, t.unreachable(err)
	}
	defer t.links.close()
	if err := t.startLinks(); err != nil {
		return nil, err
	}
	if opt.Fleet != nil {
		return t.conduct(ctx, f)
	}
	opt.journal.begin()
	if t.tracer, err = newTracer(t); err != nil {
		return nil, err
	}
	cell, err = t.run(ctx)
	if t.tracer != nil {
		if terr := t.tracer.close(); terr != nil && cell != nil {
			cell.Warnings = append(cell.Warnings, fmt.Sprintf("the trace is incomplete: %v", terr))
		}
	}
	return cell, err
}

// grace is how long to wait for a server's end: less when the user waits for ours.
func grace(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return 500 * time.Millisecond
	}
	return stopGrace
}

// A conn is one connected client as the runner uses it; *client.Client is one.
type conn interface {
	sender
	closing
	accounting
	Run(h client.Handler) error
	Stall(d time.Duration) // read nothing for a while
}

// An accounting is what is known of it when Run has returned.
type accounting interface {
	Session() client.Session // to come back with
	Bytes() (in, out uint64)
	// since when something given to it may not have reached the server; 0: nothing
	Unsent() time.Duration
	Heard() time.Duration // when the server's heartbeat came last; 0: there is none
}

// A closing is the ways in which it ends.
type closing interface {
	Close() error
	Cut()           // as a broken network does
	Vanish()        // without a word, with its connections left open
	CloseVanished() // close those
}

// A sender is its way out.
type sender interface {
	Send(packet []byte) error
	SendBinary(packet []byte, attachments ...[]byte) error
	Busy() bool // something sent before still waits for the network
}

// A dialed is the result of a dialer.
type dialed struct {
	conn
	timings   client.Timings
	upgrade   error    // why an upgrade that was asked for did not happen
	recovered bool     // it is the socket that it was before
	plainly   bool     // on a websocket whose offer to compress the server did not take
	sids      []string // socket ids, by namespace
}

type dialer func(ctx context.Context, cfg *client.Config) (dialed, error)

func dialClient(ctx context.Context, cfg *client.Config) (dialed, error) {
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return dialed{}, err
	}
	return dialed{conn: c, timings: c.Timings, upgrade: c.UpgradeErr, recovered: c.Recovered(), plainly: cfg.Compress && c.Uncompressed(), sids: c.SIDs()}, nil
}
