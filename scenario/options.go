package scenario

import (
	"context"
	"net"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

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
	// Yardstick times a fixed piece of work meanwhile (result.Generator.WorkUS), which takes 2 % of
	// a processor: by it CPU times of one trial can be compared with those of another on a machine
	// that is not always equally fast. Not in a fleet.
	Yardstick bool
	// Version and Command are noted in the result; "" = the version in the binary.
	Version string
	Command []string
	// Fleet runs the clients; nil: they are in this process.
	Fleet Fleet
	// Here says that the agents of Fleet are processes of this machine, which share its memory and
	// its ports.
	Here bool

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
	role  *fleetRole // in a fleet; nil: this process has all clients
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
