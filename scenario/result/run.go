package result

import (
	"math"
	"time"
)

// Format is the version of result.json that this package writes, and the newest it reads.
const Format = 1

// FileName is the name of a result inside its directory.
const FileName = "result.json"

// Verdict is the outcome of a run or of one of its cells.
type Verdict string

// The three verdicts. Invalid outranks Fail, which outranks Pass: a generator that was not fit to
// judge says nothing about the server.
const (
	Pass Verdict = "pass" // every check held
	Fail Verdict = "fail" // a service-level check broke
	// a `valid:` rule broke: no number of this run speaks about the server
	Invalid Verdict = "invalid"
)

// Worst returns the verdict that outranks the other: invalid over fail over pass. Anything unknown,
// the empty verdict of an unfinished cell included, counts as invalid.
func Worst(a, b Verdict) Verdict {
	if rank(b) > rank(a) {
		a = b
	}
	if rank(a) == 2 {
		return Invalid
	}
	return a
}

func rank(v Verdict) int {
	switch v {
	case Pass:
		return 0
	case Fail:
		return 1
	default:
		return 2
	}
}

// Run is everything that one execution of a scenario file measured.
type Run struct {
	Format   int       `json:"format"`          // see the constant Format; Write sets it
	Scenario string    `json:"scenario"`        // the scenario's name
	About    string    `json:"about,omitempty"` // the scenario's own one-line description
	Verdict  Verdict   `json:"verdict"`         // the worst of the cells' verdicts
	Seed     uint64    `json:"seed"`            // the seed of every random choice
	Started  time.Time `json:"started"`         // wall clock, RFC 3339
	Throng   string    `json:"throng"`          // version of the program that measured

	// Quick is the share of its clients and lengths that the scenario was scaled down to; 0: it was
	// not.
	Quick float64 `json:"quick,omitempty"`
	// Resumed says when the run was gone on with after it had been interrupted or killed, in order
	// of time.
	Resumed []time.Time `json:"resumed,omitempty"`

	// Env describes the machine of the generator; the keys are Environment's. A runner may add its
	// own.
	Env map[string]string `json:"env"`
	// Command is the command line that repeats the run, one argument an element.
	Command []string `json:"command,omitempty"`
	// Interrupted means that the run was stopped before its end; the following fields cover the
	// time until then.
	Interrupted bool `json:"interrupted,omitempty"`

	Capacity *Capacity `json:"capacity,omitempty"` // result of a search, whose trials are the cells
	Cells    []Cell    `json:"cells"`              // in the order they ran
	Warnings []string  `json:"warnings,omitempty"` // concern the whole run
}

// Cell is one trial of one combination of the matrix.
type Cell struct {
	// the values of the matrix axes; empty without a matrix
	Params map[string]string `json:"params"`
	// 1, 2, ... among the trials of the same params
	Trial int `json:"trial"`
	// wall clock at the beginning of its timeline
	Started time.Time `json:"started,omitzero"`
	Verdict Verdict   `json:"verdict"` //
	// why the verdict is not pass, in one clause
	Reason string `json:"reason,omitempty"`
	// length of the recorded phases, the divisor of rates
	Seconds float64 `json:"seconds"`

	// ParamNames are the words that the scenario has for values of its axes, by axis; axes without
	// are left out.
	ParamNames map[string]string `json:"param_names,omitempty"`
	// Repeated says that the trial was invalid and was repeated: the later cell of the same Params
	// and Trial counts instead.
	Repeated bool `json:"repeated,omitempty"`
	// Interrupted says that the trial was stopped before its end. It is invalid: its numbers are
	// true as far as they go, and of no whole trial.
	Interrupted bool `json:"interrupted,omitempty"`

	// Growing says how the time to deliver or to acknowledge still grew at the end, under a
	// constant load: "p50(delivery) grew from 10 ms to 170 ms within hold". "": it did not, as far
	// as can be told. A search takes such a level to break.
	Growing string `json:"growing,omitempty"`

	// Settings are the parameters in force that could differ between two results besides the
	// params: "transport", "fanout", "payload_bytes" and whatever else the runner knows. The report
	// names the first two in its opening sentence.
	Settings map[string]string `json:"settings,omitempty"`

	Clients Clients `json:"clients"`
	// without slow readers and volatile messages, which have their own
	Ledger Ledger `json:"ledger"`
	Rates  Rates  `json:"rates"`
	// of all streams, those that are not in the ledger and volatile ones too
	Messages Operations `json:"operations,omitzero"`
	// by metric: delivery, ack, ack.service, connect, fanout.last, ...
	Latency   map[string]*Latency      `json:"latency"`
	Server    Server                   `json:"server"`
	Generator Generator                `json:"generator"`
	Wire      map[string]*Wire         `json:"wire,omitempty"`           // by transport
	Target    map[string]*TargetMetric `json:"target_metrics,omitempty"` // by name
	// by class: connect.refused, ack.timeout, ...
	Errors map[string]int64 `json:"errors"`
	// events without a stamp, by the names that the contract delivers messages with
	Unstamped map[string]int64 `json:"unstamped,omitempty"`
	Checks    []Check          `json:"checks"`
	// what to know before believing the numbers, the most important first
	Warnings []string `json:"warnings"`
	// explain the numbers without questioning them
	Notes []string `json:"notes,omitempty"`

	Loss *Loss `json:"loss,omitempty"` // nil: nothing was expected
	// by kind of client, when there are several
	Receivers []Receivers `json:"receivers,omitempty"`
	// by operation, when there are several
	ByOperation []ByOperation `json:"by_operation,omitempty"`
	// of the clients that read slowly; nil: none do
	Slow *Ledger `json:"ledger_slow,omitempty"`
	// of volatile messages, which may be dropped; nil: none were sent
	Volatile   *Ledger     `json:"ledger_volatile,omitempty"`
	Reconnects *Reconnects `json:"reconnects,omitempty"` // nil: no client lost its connection
	Peers      *Peers      `json:"peers,omitempty"`      // nil: no client opens data channels
	// by tenths of the rooms, when they differ in size; smallest first
	Rooms []Rooms `json:"rooms,omitempty"`

	Acts []FaultAct `json:"fault_acts,omitempty"` // of the scenario's faults, in order of time
	// what lay between clients and target, packet by packet; nil: no network of packets did
	Network *Network `json:"network,omitempty"`
	// Nodes are the targets, where the scenario has several; nil: it has one.
	Nodes *Nodes `json:"nodes,omitempty"`
	// Agents are the processes that ran the clients; nil: the clients were in one process.
	Agents []Agent `json:"agents,omitempty"`

	Trends   []Trend      `json:"trends,omitempty"`         // nil: the recorded phases are too short
	Phases   []Phase      `json:"phases,omitempty"`         // in order of time
	Timeline []Second     `json:"timeline,omitempty"`       // one a second, recorded phases or not
	Curve    []CurvePoint `json:"receiver_curve,omitempty"` // in order of rank

	// nil in results of versions that did not keep it
	Evidence *Evidence `json:"evidence,omitempty"`
}

// Of a run that compares two builds, AxisBuild is the axis with the values BuildBase and BuildHead;
// the setting SettingBuild of a cell says what was run there: a URL, a command or a path.
const (
	AxisBuild    = "build"
	BuildBase    = "base"
	BuildHead    = "head"
	SettingBuild = "build"
)

// Clients counts simulated clients.
type Clients struct {
	Asked   int `json:"asked"`   // told to connect
	Held    int `json:"held"`    // connected at the end of the recorded phases
	Failed  int `json:"failed"`  // never got through the handshake
	Dropped int `json:"dropped"` // connected, then closed by anything but the plan
	// Waiting counts those that were still connecting at the end; Errors has them by stage, as
	// waiting.tcp, waiting.tls, waiting.open (the Engine.IO handshake), waiting.namespace,
	// waiting.upgrade, waiting.join (of rooms) and waiting.turn.
	Waiting int `json:"waiting,omitempty"`
	// SlowDropped counts those among the clients that read slowly, which are not in Dropped.
	Moved       int `json:"moved,omitempty"` // times that a client changed rooms
	SlowDropped int `json:"slow_dropped,omitempty"`
}

// Ledger accounts for every delivery of the recorded phases: Expected = Received + Late + Lost +
// Undecided, duplicates and disorder apart.
type Ledger struct {
	// messages that the schedule asked of clients that were there, or away for a while: Sent + Held
	// + Dropped
	Due int64 `json:"due"`
	// of those, still waiting at the end for their sender to be back
	Held int64 `json:"held"`
	// of those, not sent at all: no connection, or the sender was away and they were not kept
	Dropped   int64 `json:"dropped"`
	Sent      int64 `json:"sent"`      // messages emitted by clients
	Expected  int64 `json:"expected"`  // deliveries that the membership of rooms called for
	Received  int64 `json:"received"`  // of those, arrived within the stream's `late:` limit
	Lost      int64 `json:"lost"`      // of those, never arrived
	Duplicate int64 `json:"duplicate"` // arrived once more
	Disorder  int64 `json:"disorder"`  // arrived after a later message of the same sender
	Late      int64 `json:"late"`      // of those, arrived after that limit
	Undecided int64 `json:"undecided"` // the membership was changing: neither owed nor lost
}

// Add adds another account to l.
func (l *Ledger) Add(o Ledger) {
	l.Due += o.Due
	l.Sent += o.Sent
	l.Held += o.Held
	l.Dropped += o.Dropped
	l.Expected += o.Expected
	l.Received += o.Received
	l.Lost += o.Lost
	l.Duplicate += o.Duplicate
	l.Disorder += o.Disorder
	l.Late += o.Late
	l.Undecided += o.Undecided
}

// Loss is the share of the deliveries expected in the recorded phases that were lost or late: at
// least the known ones, at most these and all undecided ones.
type Loss struct {
	Least      int64   `json:"least"`
	Most       int64   `json:"most"`
	LeastShare float64 `json:"least_share"` // 0..1 of the expected deliveries
	MostShare  float64 `json:"most_share"`
}

// Loss is the interval of a ledger; nil when nothing was expected.
func (l *Ledger) Loss() *Loss {
	if l.Expected == 0 {
		return nil
	}
	least, most := l.Lost+l.Late, l.Lost+l.Late+l.Undecided
	of := float64(l.Expected)
	return &Loss{Least: least, Most: most, LeastShare: float64(least) / of, MostShare: float64(most) / of}
}

// Receivers is what one kind of clients received in the recorded phases. In its ledger Sent is the
// number of messages that were for any of them.
type Receivers struct {
	Group     string `json:"group"`
	Transport string `json:"transport"`
	// clients that read slowly, whose losses are counted here alone
	Slow     bool     `json:"slow,omitempty"`
	Ledger   Ledger   `json:"ledger"`
	Delivery *Latency `json:"delivery,omitempty"` // nil: nothing came
}

// ByOperation is the account of an operation's messages in the recorded phases, those to slow
// readers aside.
type ByOperation struct {
	Op       string `json:"op"`
	Event    string `json:"event,omitempty"`
	Volatile bool   `json:"volatile,omitempty"` // may be dropped
	Ledger   Ledger `json:"ledger"`
	// Unexpected counts its deliveries to clients outside of their audience.
	Unexpected int64    `json:"unexpected"`
	Delivery   *Latency `json:"delivery,omitempty"` // nil: nothing came
}

// Rooms counts the deliveries to the members of a tenth of the rooms, by the rooms' sizes.
type Rooms struct {
	Decile     int      `json:"decile"` // 1, the smallest tenth of the rooms, to 10
	Rooms      int      `json:"rooms"`  // how many they are
	MembersMin float64  `json:"members_min"`
	Members    float64  `json:"members_mean"` // planned members per room
	MembersMax float64  `json:"members_max"`
	Ledger     Ledger   `json:"ledger"`
	Delivery   *Latency `json:"delivery,omitempty"`    // nil: nothing came
	Last       *Latency `json:"fanout_last,omitempty"` // until a message was at its last receiver
}

// Peers counts what went between clients by data channels, and what should have: all phases, a
// channel at both of its ends, a message at each receiver.
type Peers struct {
	Open     int64 `json:"open"`     // channels that opened
	Fallback int64 `json:"fallback"` // channels that did not open, or broke
	Direct   int64 `json:"direct"`   // messages that came by a channel
	Relayed  int64 `json:"relayed"`  // messages that came by the server instead
	// planned members of a room whose members open channels to each other, over all such rooms
	Members float64 `json:"members_mean,omitempty"`
}

// Reconnects summarizes how clients reconnected, in the recorded phases, after losing a connection
// that they did not close. A time is 0 when so large a share never reconnected.
type Reconnects struct {
	Lost      int64 `json:"lost"`      // connections
	Back      int64 `json:"back"`      // of those, made again
	Recover   bool  `json:"recover"`   // clients asked to be the sockets they had been
	Recovered int64 `json:"recovered"` // of those that came back, and were
	// until half of the clients were back, from when each lost its connection
	P50us  int64 `json:"p50_us,omitempty"`
	P95us  int64 `json:"p95_us,omitempty"`  // until 95 % were
	P999us int64 `json:"p999_us,omitempty"` // until 99.9 % were

	Faults []FaultReturns `json:"faults,omitempty"` // by fault, in order of time
}

// FaultReturns summarizes the reconnections of the clients that lost their connection in one phase
// with a fault. Times count from each client's loss; in a restart, from the beginning of the
// restart.
type FaultReturns struct {
	Phase string `json:"phase"`
	Lost  int64  `json:"lost"` // connections
	Back  int64  `json:"back"` // of those, made again
	// of those that came back as the sockets they had been
	Recovered int64 `json:"recovered"`
	// how long each was away; those that never came back until the end
	Away *Latency `json:"away,omitempty"`
}

// After is the time, in microseconds, until a share (0..1) of the connections lost was made again;
// ok is false when so many never were, or the histogram is missing.
func (f *FaultReturns) After(share float64) (us int64, ok bool) {
	if f.Away == nil || f.Away.N+f.Away.Never == 0 || float64(f.Back) < math.Ceil(share*float64(f.Lost)-1e-9) {
		return 0, false
	}
	all, err := f.Away.Samples()
	if err != nil {
		return 0, false
	}
	us, beyond := all.Percentile(share * 100)
	return us, !beyond
}

// Operations counts the scheduled messages of the recorded phases by outcome: Due = Sent + Held +
// Dropped. Messages stay due while their sender reconnects; none are due from a client that has not
// yet connected, or that the plan has disconnected.
type Operations struct {
	Due  int64 `json:"due"`
	Sent int64 `json:"sent"` // at once, or when their sender was back
	Held int64 `json:"held"` // still waiting at the end for their sender to be back
	// never sent, for a reason that is in Errors: send.*, away.*, volatile.* or ack.timeout
	Dropped int64 `json:"dropped"`
}

// Add adds another account to o.
func (o *Operations) Add(p Operations) {
	o.Due += p.Due
	o.Sent += p.Sent
	o.Held += p.Held
	o.Dropped += p.Dropped
}

// Rates of the recorded phases, per second.
type Rates struct {
	OfferedPerS float64 `json:"offered_per_s"` // messages the schedule called for
	// messages sent, with volatile ones that were left out
	AchievedPerS   float64 `json:"achieved_per_s"`
	DeliveriesPerS float64 `json:"deliveries_per_s"` // messages received, all receivers together
}

// Server is the resource use of the server under test, as the operating system reports it. A zero
// CPU or memory means that it could not be read.
type Server struct {
	Target string `json:"target,omitempty"` // URL
	// our own server, started for this run
	BuiltIn     bool `json:"built_in,omitempty"`
	SameMachine bool `json:"same_machine,omitempty"` // shared the generator's cores
	// CPU seconds, user and system, of the recorded phases
	CPUs float64 `json:"cpu_s"` // of all nodes of the built-in server
	// of the broker between them, if it was started for the run
	BrokerCPUs   float64 `json:"broker_cpu_s,omitempty"`
	RSSPeakBytes int64   `json:"rss_peak_bytes"`
	// growth from no clients to all of them, per client
	RSSPerClientBytes int64   `json:"rss_per_client_bytes"`
	DeliveriesPerCPUs float64 `json:"deliveries_per_cpu_s"` // deliveries per CPU second
	BytesOut          int64   `json:"bytes_out"`            // 0 when the server was not asked
	BytesIn           int64   `json:"bytes_in"`
}

// Generator is the load generator's report on itself: whether its measurements can be trusted.
type Generator struct {
	CPUs float64 `json:"cpu_s"` // CPU seconds of the recorded phases
	// highest second, as a share 0..1 of the cores that it may use
	CPUMax float64 `json:"cpu_max,omitempty"`
	// as a share 0..1 of the cores that it may use
	CPUMean      float64  `json:"cpu_mean,omitempty"`
	RSSPeakBytes int64    `json:"rss_peak_bytes"` //
	LagP99us     int64    `json:"lag_p99_us"`     // actual minus scheduled send
	Lag          *Latency `json:"lag,omitempty"`  // the whole distribution of it
	// how long messages waited in the sockets until they were read
	LagReceive   *Latency `json:"lag_receive,omitempty"`
	GCPauseMaxus int64    `json:"gc_pause_max_us"` //
	BytesIn      int64    `json:"bytes_in"`        //
	BytesOut     int64    `json:"bytes_out"`       //
	// latency samples below zero or above an hour, recorded at the limit
	Clamped int64 `json:"clamped,omitempty"`
}

// Check is one rule of the scenario with its finding. Value and Limit are in the metric's base
// unit: seconds, bytes, messages per second, a share 0..1, or a plain count.
type Check struct {
	Text  string  `json:"check"` // as in the scenario: p99(delivery) < 100ms
	Value float64 `json:"value"` // 0 when NoData
	Pass  bool    `json:"pass"`  //
	Kind  string  `json:"kind"`  // "slo" decides between pass and fail, "valid" whether the run counts
	// details of the value: the window that broke it, the missing evidence
	Note  string  `json:"note,omitempty"`
	Unit  string  `json:"unit,omitempty"`  // of Value and Limit: "s", "bytes", "/s", "share" or "" for a count
	Limit float64 `json:"limit,omitempty"` //

	Stat   string            `json:"stat,omitempty"`   // p99
	Metric string            `json:"metric,omitempty"` // delivery
	Labels map[string]string `json:"labels,omitempty"` // op=room
	Op     string            `json:"op,omitempty"`     // <, <=, ==, >=, >
	OverS  float64           `json:"over_s,omitempty"` // length of the windows; 0: the whole run
	Phase  string            `json:"phase,omitempty"`  // "": all recorded phases
	NoData bool              `json:"no_data,omitempty"`
	// Beyond says that the true value is more than Value, which is how long was waited for what
	// never came: it meets no upper limit.
	Beyond bool `json:"beyond,omitempty"`
	// Undecided means that there were too few samples to decide the check: it is neither met nor
	// broken. Note says how many are needed.
	Undecided bool `json:"undecided,omitempty"`
	// Unsaved means that a saved result, which is judged again, lacks what the check is about.
	Unsaved bool `json:"unsaved,omitempty"`
	// AtMost is the loss if all undecided deliveries were lost; 0: none is undecided.
	AtMost float64 `json:"at_most,omitempty"`
	// Optional says that the check is reported and decides nothing.
	Optional bool `json:"optional,omitempty"`
}

// Meets reports whether a value, in the unit of Limit, holds to the check. NaN, for nothing
// measured, never does. When the check is Beyond, it is for a value that is more than the one
// given.
func (c *Check) Meets(value float64) bool {
	if c.Beyond {
		return (c.Op == ">" || c.Op == ">=") && value >= c.Limit
	}
	switch c.Op {
	case "<":
		return value < c.Limit
	case "<=":
		return value <= c.Limit
	case ">":
		return value > c.Limit
	case ">=":
		return value >= c.Limit
	case "==":
		return value == c.Limit
	}
	return false
}

// Kinds of checks.
const (
	KindSLO   = "slo"
	KindValid = "valid"
)

// Phase is a stretch of the cell's timeline.
type Phase struct {
	Name   string  `json:"name"`
	StartS float64 `json:"start_s"` // since the cell's start
	EndS   float64 `json:"end_s"`
	Record bool    `json:"record"` // false: on the timeline, not in any summary
	// Fault is the fault injected at the beginning of the phase: "drop", "restart", "run", "http",
	// "rolling", "network" or another; "" for none.
	Fault string `json:"fault,omitempty"`
}

// FaultAct is a command or a request of the scenario's author, by which a fault acted on the
// service.
type FaultAct struct {
	Phase string `json:"phase"`
	Kind  string `json:"kind"` // run, http or rolling
	// the command line, or the method and the URL; without secrets
	Text   string  `json:"text"`
	Node   string  `json:"node,omitempty"` // the target that it was for, of a rolling fault
	StartS float64 `json:"start_s"`        // since the cell's start
	EndS   float64 `json:"end_s"`          //
	Code   int     `json:"code"`           // exit code or HTTP status; -1: none
	// the beginning of the output or of the answer, in one line; without secrets
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"` // why it counts as failed, which makes the cell invalid; "": it does not
}

// Network is what a network of packets between clients and target did, and what it took. Packets
// are those of IP, acknowledgements of TCP and packets sent again among them.
type Network struct {
	Rows []NetworkRow `json:"rows"`  // first those of the way up, each way in order of the phases
	CPUS float64      `json:"cpu_s"` // seconds of CPU that passing them on took
	// packets that the kernel dropped since they were not passed on soon enough, which makes the
	// cell invalid
	Missed int64 `json:"missed"`
	// datagrams that the relay to the target dropped, which came faster than it read; likewise
	RelayDropped int64 `json:"relay_dropped,omitempty"`
}

// NetworkRow is one phase and direction of a network.
type NetworkRow struct {
	Phase     string `json:"phase"`
	Direction string `json:"direction"` // up: from the clients; or down
	Packets   int64  `json:"packets"`   // that were sent into it
	Bytes     int64  `json:"bytes"`     // of them, with their headers
	Lost      int64  `json:"lost"`      // by the loss that was asked for
	Full      int64  `json:"full"`      // dropped by the queue before a client's rate
	Outage    int64  `json:"outage"`    // dropped while their client had no network
	Stale     int64  `json:"stale"`     // to addresses that their clients no longer have
	Overtook  int64  `json:"overtook"`
	Overflow  int64  `json:"overflow"`          // dropped for want of memory, which makes the cell invalid
	Outages   int64  `json:"outages,omitempty"` // of clients, that began
	Moves     int64  `json:"moves,omitempty"`   // of clients to another address
	// what was asked of the way to the first target; a rate is of each client's own line in bytes
	// per second, with the headers of IP, and 0 where there is none
	AskedUs      int64   `json:"asked_us"` // the delay, without jitter
	JitterUs     int64   `json:"asked_jitter_us,omitempty"`
	AskedLoss    float64 `json:"asked_loss"`              // 0..1
	AskedReorder float64 `json:"asked_reorder,omitempty"` // 0..1
	AskedRate    int64   `json:"asked_rate,omitempty"`
	AskedOutageS float64 `json:"asked_outage_s,omitempty"` // the length of each
	// the rate of the lines while packets waited for it; 0: no packet waited for another
	Rate float64 `json:"rate,omitempty"`
	// of packets of its own that the network sends through its delays all the time: from before
	// they were sent until the kernel of the other side had them, and what of it nobody had asked
	// for
	Probes     int64 `json:"probes"`
	DelayP50us int64 `json:"delay_p50_us"`
	DelayP99us int64 `json:"delay_p99_us"`
	AddedP50us int64 `json:"added_p50_us"`
	AddedP99us int64 `json:"added_p99_us"`
}

// Second is one second of a cell's timeline. Counts are of this second, client numbers are the
// state at its end.
type Second struct {
	T      float64 `json:"t"`      // start of the second, in seconds since the cell's start
	Asked  int     `json:"asked"`  // clients that the schedule had told to connect by now
	Open   int     `json:"open"`   // transports open by now
	Held   int     `json:"held"`   // clients connected to their namespace by now
	Failed int     `json:"failed"` // connects that failed in this second

	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
	Lost     int64 `json:"lost"`
	Errors   int64 `json:"errors"`

	// by metric; absent when nothing was recorded
	Latency map[string]Quantiles `json:"latency,omitempty"`

	LagP99us int64 `json:"lag_p99_us"`
	// of the generator, share 0..1 of the cores that it may use
	CPU float64 `json:"cpu"`
	// of the server, share 0..1 of the cores that it may use
	ServerCPU      float64 `json:"server_cpu"`
	RSSBytes       int64   `json:"rss_bytes"` // of the generator
	ServerRSSBytes int64   `json:"server_rss_bytes"`
	GCPauseMaxus   int64   `json:"gc_pause_max_us"` // of the generator
	// goroutines, and open files with connections among them; 0: unknown
	Goroutines       int64 `json:"goroutines,omitempty"`
	Files            int64 `json:"files,omitempty"`
	ServerGoroutines int64 `json:"server_goroutines,omitempty"`
	ServerFiles      int64 `json:"server_files,omitempty"`
}

// Quantiles summarise one metric in one second.
type Quantiles struct {
	N     int64 `json:"n"`
	P50us int64 `json:"p50_us"`
	P99us int64 `json:"p99_us"`
	Maxus int64 `json:"max_us"`
	// Heat is the distribution in steps of a fifth, of delivery and ack only: see HeatOf.
	Heat string `json:"heat,omitempty"`
}

// CurvePoint says when a share of the receivers had a broadcast, measured from the moment it was
// due.
type CurvePoint struct {
	Rank  float64 `json:"rank"`   // share 0..1 of the receivers reached
	P50us int64   `json:"p50_us"` // in the median broadcast
	P99us int64   `json:"p99_us"` // in the 99th percentile of broadcasts
	N     int64   `json:"n"`      // broadcasts
}
