package result

import (
	"maps"
	"slices"
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
	Format   int       `json:"format"`                            // see the constant Format; Write sets it
	Scenario string    `json:"scenario"`                          // the scenario's name
	About    string    `json:"about,omitempty"`                   // the scenario's own one-line description
	Verdict  Verdict   `json:"verdict" words:"pass|fail|invalid"` // the worst of the cells' verdicts
	Seed     uint64    `json:"seed"`                              // the seed of every random choice
	Started  time.Time `json:"started"`                           // wall clock, RFC 3339
	Throng   string    `json:"throng"`                            // version of the program that measured

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
	Verdict Verdict   `json:"verdict" words:"pass|fail|invalid"`
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

// ParamList lists the parameters of a cell as "fanout=serial", in the order of their names.
func ParamList(params map[string]string) []string {
	list := make([]string, 0, len(params)+1) // with room for the trial's number
	for _, name := range slices.Sorted(maps.Keys(params)) {
		list = append(list, name+"="+params[name])
	}
	return list
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
	Moved   int `json:"moved,omitempty"` // times that a client changed rooms
	// SlowDropped counts the clients that read slowly and were dropped; Dropped is without them.
	SlowDropped int `json:"slow_dropped,omitempty"`
}

// Rates of the recorded phases, per second.
type Rates struct {
	OfferedPerS float64 `json:"offered_per_s"` // messages the schedule called for
	// messages sent, with volatile ones that were left out
	AchievedPerS   float64 `json:"achieved_per_s"`
	DeliveriesPerS float64 `json:"deliveries_per_s"` // messages received, all receivers together
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

// FaultAct is a command or a request of the scenario's author, by which a fault acted on the
// service.
type FaultAct struct {
	Phase string `json:"phase"`
	Kind  string `json:"kind" words:"run|http|rolling"`
	// the command line, or the method and the URL; without secrets
	Text   string  `json:"text"`
	Node   string  `json:"node,omitempty"` // the target that it was for, of a rolling fault
	StartS float64 `json:"start_s"`        // since the cell's start
	EndS   float64 `json:"end_s"`
	Code   int     `json:"code"` // exit code or HTTP status; -1: none
	// the beginning of the output or of the answer, in one line; without secrets
	Output string `json:"output,omitempty"`
	Error  string `json:"error,omitempty"` // why it counts as failed, which makes the cell invalid; "": it does not
}
