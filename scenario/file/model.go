package file

import "time"

// Spec is one scenario with every variable substituted and every default
// filled in. It is shared between the trials of a cell: read it, do not
// change it.
type Spec struct {
	Version  int       // always 1
	Name     string    // [a-z0-9-], at most 63 characters
	About    string    // one or two sentences in one line, may be empty
	Seed     uint64    // every random choice derives from it; default 1
	Target   *Target   // a foreign server; nil when Server is set
	Server   *Server   // the built-in server; nil when Target is set
	Counters []Counter // in file order
	Data     []Feeder  // data files, in file order
	// what a foreign server can do; nil: as in the built-in bench application
	Contract  *Contract
	Audiences []Keyed // by key, in file order
	// between clients and targets, in phases that say nothing else; nil: nothing is said of it
	Network *Network
	Groups  []Group // in file order, at least one
	// in order, at least one; default: ramp (5s, or what connecting takes), warm (2s), hold (30s,
	// recorded)
	Phases []Phase
	SLO    []Check // may be empty
	// never empty; default p99(lag) < 25ms, max(cpu) < 90%, achieved(rate) > 99%
	Valid  []Check
	Search *Search // what `throng capacity` raises; nil: nothing
	Report Report  // what to write, and where
	Quick  float64 // scaled down to that share by File.Quicken; 0: as written
	Trace  int     // so many clients of each group have all their packets written down
	// the values that the templates name and that must not be written; nil: none
	Secrets *Secrets
	Params  map[string]string // the matrix values of this cell as written; nil without a matrix
	// ParamNames are the words that the file has for those values, by axis; nil when it has none.
	ParamNames map[string]string
}

// Target is a foreign server, found by its address.
type Target struct {
	// of the first node: http, https, ws or wss, without the Engine.IO path; or unix: and the path
	// of a socket
	URL  string
	Path string // default "/socket.io/"

	Protocol     string   // SocketIO (default), WebSocket or SSE
	Subprotocols []string // that clients of a plain websocket offer
	// of such a client: between two ping frames, and how long a pong may take; default 25s
	Ping time.Duration

	Engine int // revision of Engine.IO: Engine4 (default) or Engine3, for groups that name none
	// host:port of HTTP/3; "" = of the URL
	WebTransport string
	TLS          *TLS // nil: the system's rules
	Sample       *Sample
	// Several are the addresses of all nodes of targets:, in file order; nil: URL alone.
	Several []string
	Spread  string // over Several: SpreadRoundRobin, SpreadFirst or SpreadByGroup; "" without
}

// TLS says how to verify a target.
type TLS struct {
	Insecure   bool   // accept any certificate
	CA         string // a PEM file, found as data files are; "" = the system's roots
	ServerName string // "" = the host of the URL
	// SHA-256 of the certificates to accept, and no others; nil: the rules above
	Hashes [][32]byte
	// a connection resumes the session of TLS that its client had on the one before; default true
	Resume bool
}

// Server is the built-in server, started for the run.
type Server struct {
	Listen     string // default "127.0.0.1:0"
	Fanout     string // default "batched"
	GOMAXPROCS int    // 0: Go's default
	// in the order of the file; options not listed have the server's default
	Options []ServerOption
	App     string // bench, or engine for bare Engine.IO; what the groups speak decides
	Parser  string // json or msgpack; likewise
	Nodes   int    // how many servers; default 1
	Adapter string // connects them: a kind of broker that is started for the run, or its URL; "": none
	Spread  string // of clients over several nodes, as of Target
	Behind  string // the proxy that is started in front of them; "": clients connect to the nodes
	// a group speaks WebTransport, which is served over UDP at the same port, with a certificate of
	// its own
	WebTransport bool
}

// Brokers lists the brokers that the runner starts for a run itself.
var Brokers = []string{"redis", "redis+sharded", "redis+streams", "nats", "nats+jetstream"}

// proxies lists the programs that the runner starts in front of nodes.
var proxies = []string{"nginx", "haproxy"}

// Group is a population of clients that behave alike.
type Group struct {
	Name string
	// clients at clients: 100%; with Arrive, more than are ever there at once
	Count int
	// new clients per second at clients: 100%; 0: Count says how many there are
	Arrive float64
	// seconds that a client stays; zero: to the end. With Arrive 0 another takes its place
	Life      Dist
	Transport []Share           // at least one; the shares sum to 1
	Connect   Connect           // how they arrive
	Place     map[string]string // labels that an agent must have to be given its clients; nil: any
	// the data files whose rows its clients take, also where their templates name none
	Data      []string
	Namespace string   // default "/"; NoNamespace: bare Engine.IO; with Own the text of the file
	Own       Template // the namespace of each client; zero: all have the same
	More      []string // further namespaces on the same connection
	Parser    string   // json (default) or msgpack
	// websockets offer to compress messages; whether they are is the server's to say
	Compression bool
	Engine      int           // revision of Engine.IO: Engine4 or Engine3; 0: Engine4
	Poll        time.Duration // between two requests of short-polling; default 1s
	Auth        Template      // JSON object; zero: none
	Query       []Field       // in file order
	Headers     []Field       // in file order
	Rooms       *Rooms        // nil: none
	Peers       *Peers        // nil: clients open no data channels
	Before      *Before       // what each client does before it connects; nil: nothing
	Reconnect   *Reconnect    // nil: clients do not reconnect
	Read        *Read         // nil: as fast as they can
	Send        []Stream      // may be empty: listeners
	Flow        []Step        // what each client does in order, once, from when it is held
	Course      Course        // when they begin, and how often they are taken
	Captured    []string      // the names that steps of Before and of the flow give values to
	React       []Reaction    // to events of the server
}

// Peers makes clients open data channels of WebRTC to the others in their room.
type Peers struct {
	Timeout time.Duration // for the channel to one peer; default 5s
	Blocked float64       // 0..1 of the clients, which nobody can reach; default 0
}

// Reconnect says when clients connect again after their connection ended
// without their doing: the algorithm of the official client. The attempt
// number n, from 0, is made after Min·2ⁿ, moved by a random part of Jitter
// times that either way, and at most after Max.
type Reconnect struct {
	Min    time.Duration // default 1s
	Max    time.Duration // default 5s
	Jitter float64       // 0..1; default 0.5
	// also after a middleware of the server has refused the client, which ends an official client's
	// attempts
	Refused bool
	// request connection state recovery: the same socket, its rooms and the missed messages
	Recover bool
}

// Read makes clients slow consumers. Unread messages queue in the network and then in the server.
type Read struct {
	Rate  float64       // bytes per second at most; 0: no limit
	Stall time.Duration // they stop reading for that long; 0: never
	Every time.Duration // from one stall's start to the next; 0: one stall, when they have joined
	Share float64       // 0..1 of the group's clients; default 1
}

// NoNamespace says that a group speaks bare Engine.IO.
const NoNamespace = "none"

// Spaces are the namespaces of the group in order; none for bare Engine.IO.
func (g *Group) Spaces() []string {
	if g.Namespace == NoNamespace {
		return nil
	}
	return append([]string{g.Namespace}, g.More...)
}

// Share is a part of a group that uses one transport.
type Share struct {
	Name  string  // websocket, polling or upgrade
	Share float64 // 0..1
}

// Connect says how a group's clients connect.
type Connect struct {
	Rate    float64       // connections per second at most; default 1000
	Shape   string        // linear (default), poisson or burst (all at once, Rate unused)
	Timeout time.Duration // to open the transport and join the namespace; default 10s
	From    []string      // local addresses to connect from, in turn; empty: the system's choice
}

// Field is a named value of a query or header.
type Field struct {
	Name  string
	Value Template
}

// Rooms says which rooms the clients of a group join. Rooms are named
// Prefix followed by a number from 0 to Of-1; groups with the same prefix in
// the same namespace share them.
type Rooms struct {
	Of     int    // number of rooms
	Prefix string // default "r"
	// number of different rooms that each client joins; default 1; the mean when they are drawn
	Join  int
	Joins Dist // rooms that each client joins, drawn for each; zero: all join Join
	// how the sizes of rooms compare; of Kind zipf, with the exponent A, or as drawn; zero: all
	// alike
	Size    Dist
	Names   []string  // of rooms of a replayed log, instead of Prefix and a number; nil: none
	Members [][]int32 // the rooms of each client, of a replayed log; nil: drawn
	Move    Dist      // seconds until a client leaves one of its rooms for another; zero: never
}

// The operations of a stream without a contract, and OpEmit.
const (
	OpEcho = "echo" // to the server and back to the sender
	OpRoom = "room" // to the members of one of the sender's rooms
	OpAll  = "all"  // to every client in the namespace
	// to the others in the sender's room, by the data channels of its group
	OpPeers = "peers"
	OpEmit  = "emit" // any event of the server's own, with unknown effect
)

// The treatment of messages that are due while their sender is away.
const (
	AwayHold = "hold" // they are sent when it is back
	AwayDrop = "drop" // they are not sent
)

// Stream is an open-model schedule of messages; latency counts from the
// scheduled time.
type Stream struct {
	Op string // OpEcho, OpRoom, OpAll or OpEmit, or an operation of the contract
	// Operation is what the contract says of Op; nil: the events of the built-in bench application,
	// or OpEmit.
	Operation *Operation
	To        Audience // who should receive it; Expect says whether the sender does too
	Event     string   // default "msg"; for an echo "echo"; of an operation, the event that it sends
	Rate      float64  // messages per second at load 100%, per what Per says
	// client (default), group (default where a whole namespace receives it) or room
	Per string
	// constant (default): a fixed period and a random start; poisson: exponential gaps; burst: all
	// in the same moment, once a period, or a second of it at once with Per group; recorded: as
	// Replay says
	Arrival string
	// of a burst: how many of each client, room or group are due at once, the clients and rooms at
	// different times; 0: as Arrival says
	Burst int
	// bytes of the JSON data object; default 128, at least MinSize unless nothing is expected; the
	// mean when they are drawn
	Size  int
	Sizes Dist // bytes, drawn for each message with Dist.Bytes; zero: all have Size
	// a recorded log that says when messages are due, instead of Rate; then Rate is the mean, 0
	// until File.Logs; nil: none
	Replay *Replay
	Rows   []string // of a replay: the events of the log that are messages of the stream
	// of a replay: the log has the sizes of the messages; false until File.Logs
	Logged bool
	Data   Template      // JSON instead of the data object; zero: an object of Size bytes
	Ack    time.Duration // how long to wait for an acknowledgement; 0: none is asked for
	Match  []Match       // values that each acknowledgement must have
	// the namespace it sends to: 0 for the group's Namespace, then More in order
	Space  int
	Binary bool // the payload is a binary attachment of Size bytes instead of an object
	// expected receivers: all (default for room and all), others, self (default for an echo without
	// Ack) or none (always for an echo with Ack: the acknowledgement is the answer)
	Expect string
	Late   time.Duration // a delivery later than this is late; default 5s
	// treatment of messages due while the sender reconnects: AwayHold (default) or AwayDrop;
	// volatile ones are dropped
	Away     string
	Volatile bool // may be dropped: losses are counted separately and are not failures
	Scale    bool // whether a phase's load scales the rate; default true

	Peer  *Peer    // how peers are picked; nil: messages have none
	Peers []string // the groups that they are of
}

// Phase is a stretch of a run.
type Phase struct {
	Name    string
	For     time.Duration
	Record  bool     // whether the phase counts in the summary and the checks; default true
	Clients Ramp     // share of each group's count; default 100%
	Load    Ramp     // share of each stream's rate; default 100%
	Network *Network // between clients and targets; nil: as for the whole run
	Fault   *Fault   // nil: none
}

// Ramp goes linearly from one share to another over a phase: 0.5 is 50 %.
type Ramp struct {
	From, To float64
}

// Report selects the files that a run writes.
type Report struct {
	Dir string // "": the command's default
	// of html json hlog svg png pdf csv md junit openmetrics; the first five where the file names
	// none of them
	Formats     []string
	FigureWidth float64       // of the figures' files in points; 0: for screens
	Interval    time.Duration // of the timeline; 1s
	Baseline    string        // a result or its folder, as the file names it, to compare with; "" = none
}

// File is a parsed scenario file: its cells and how to run them.
type File struct {
	Name     string        // as given to Parse
	Spec     *Spec         // of the first cell
	Axes     []Axis        // in file order; empty without a matrix
	Repeat   int           // trials of each cell; default 1
	Order    string        // interleaved (default), blocked or shuffled
	Cooldown time.Duration // between two trials; default 0
	LeftOut  []string      // what a file read by Foreign does without, in words; nil: nothing

	cells []Cell
	text  string // to read again at another level of a search
	how   reading
	trial *searchTrial // of a search; nil: it is none
	quick float64      // as Quicken was called; 0: it was not
	// where the files of a Packed were written, by their paths; nil: they are where the paths say
	unpacked map[string]string
}

// Axis is one dimension of a matrix.
type Axis struct {
	Name   string
	Values []string // as written
}

// Cell is one trial of one combination of the matrix.
type Cell struct {
	Spec  *Spec
	Trial int // from 1
}

// Cells returns the trials in the order to run them. Without a matrix there
// is one.
func (f *File) Cells() []Cell { return append([]Cell(nil), f.cells...) }
