package file

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// One table per object of the format. To add a key, add its row; to support a
// later key, replace its later text by a setter.

// Limits that protect the machine from a slip of the finger.
const (
	maxClients = 5_000_000
	maxRooms   = 10_000_000
	maxJoin    = 10_000
	maxRate    = 10_000_000.0 // per second
	maxPhase   = 7 * 24 * time.Hour
	maxTotal   = 30 * 24 * time.Hour
	maxWait    = time.Hour
	maxSize    = 64 << 20
)

// MinSize is the least size of a stream's data: the JSON object that carries
// the stamp, {"$b":"<32 characters>","p":""}, with nothing to fill it up.
const MinSize = 48

// around is the largest overhead of a packet over its data, in bytes.
const around = 1_024

// maxBuiltIn is the largest data that the built-in server takes without max_payload: its default of
// 1 000 000 bytes.
const maxBuiltIn = 1_000_000 - around

var (
	fanouts        = []string{"naive", "serial", "writers", "sharded", "batched"}
	transports     = []string{"websocket", "polling", "upgrade", WebTransport, UpgradeWebTransport, "plain-websocket", "sse", "short-polling"}
	baselines      = transports[5:] // without Socket.IO
	parsers        = []string{"json", "msgpack"}
	formats        = []string{"html", "json", "hlog", "svg", "png", "pdf", "csv", "md", "junit", "openmetrics"}
	defaultFormats = formats[:5]
	reservedEvents = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
	upgradeHeaders = []string{"connection", "content-length", "host", "transfer-encoding", "upgrade"}

	orders     = []string{"interleaved", "blocked", "shuffled"}
	picks      = []string{PickSequential, PickRandom, PickUnique}
	shapes     = []string{"linear", "poisson", "burst"}
	operations = []string{OpEcho, OpRoom, OpAll, OpPeers, OpEmit}
	pers       = []string{"client", "group", "room"}
	receivers  = []string{"all", "others", "self", "none"}
	endings    = []string{"clean", "drop", "stall"}
	// names in a query that the protocol uses itself
	engineKeys = []string{"EIO", "transport", "sid", "t", "b64", "j"}

	reListen     = regexp.MustCompile(`:\d{1,5}$`)
	reEnginePath = regexp.MustCompile(`^/[^\s?#]*$`)
	reAddress    = regexp.MustCompile(`^((https?|wss?)://[^/?#\s]+/?|unix:.+)$`)

	reScenario = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	reGroup    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	rePhase    = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	reToken    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

const notYet = "remove it"

var specTable = object[Spec]{
	what: "the scenario",
	def:  "", about: "A load test of a Socket.IO service: its clients, their messages, and the checks.",
	shape: form{"allOf": []form{{"not": form{"required": []string{"server", "target"}}}, {"not": form{"required": []string{"server", "targets"}}}, {"not": form{"required": []string{"target", "targets"}}}}},
	advice: map[string]string{
		"scenarios": "a file holds one scenario", "config": "there is no such level: write its keys here",
		"duration": "give the length in phases: [{name: hold, for: 1m}]", "checks": "did you mean `slo` (or `valid`)?",
		"ensure": "did you mean `slo`?", "thresholds": "did you mean `slo`?", "clients": "did you mean `groups`?", "users": "did you mean `groups`?",
		// words of other tools
		"vus": "write groups: {people: {count: 10}}", "stages": "write phases: [{name: ramp, for: 10s, clients: 0%..100%}, {name: hold, for: 1m}]",
		"iterations": "how often each client goes through its steps is repeat: of a flow", "arrivalRate": "write groups: {people: {arrive: 5/s, life: 1m}}",
		"host": "write target: {url: ...}", "baseUrl": "write target: {url: ...}", "variables": "did you mean `vars`?", "payload": "write data: {users: {csv: users.csv}}",
		"spawn_rate": "write connect: {rate: 10/s} in each group", "rampUp": "write phases: [{name: ramp, for: 10s, clients: 0%..100%}, {name: hold, for: 1m}]",
		"run_time": "give the length in phases: [{name: hold, for: 1m}]", "assertions": "did you mean `slo`?",
		"environments": "give each run its own: --target URL and --set NAME=VALUE", "tags": "remove it: the labels of metrics are group, op, event, transport and phase",
		"processor": "a scenario holds no code: draws, data files and captured values stand in templates", "plugins": "remove it: report: {formats: [...]}, --metrics and --otlp write results for other programs",
		"url": "write target: {url: ...}", "send": "a stream belongs to a group: groups: {name: {count: 1, send: [...]}}",
	},
	fields: []field[Spec]{
		{key: "version", about: "of the format", is: form{"enum": []any{1, "1"}}, required: "write version: 1", set: func(d *decoder, n *node, s *Spec) {
			s.Version = read(d, n, "version", parseCount, func(v int) *flaw {
				if v != 1 {
					return &flaw{fmt.Sprintf("version %d of the format is unknown", v), "write version: 1"}
				}
				return nil
			})
		}},
		{key: "name", about: "a short name like chat-rooms", is: like(reScenario), required: "write name: and a short name like chat-rooms", set: func(d *decoder, n *node, s *Spec) {
			s.Name = d.string(n, "name", matches(reScenario, "a scenario's name", "use a-z, 0-9 and -, at most 63, starting with a letter or digit"))
		}},
		{key: "about", about: "a sentence or two", is: aText, set: func(d *decoder, n *node, s *Spec) {
			s.About = strings.Join(strings.Fields(printable(d.string(n, "about", nil))), " ")
		}},
		{key: "seed", about: "every random choice derives from it", is: anyOf(form{"type": "integer", "minimum": 0}, form{"type": "string", "pattern": `^\d+$`}, aVariable), def: 1, set: func(d *decoder, n *node, s *Spec) { s.Seed = read(d, n, "seed", parseSeed, nil) }},
		{key: "server", is: ref("server"), set: func(d *decoder, n *node, s *Spec) {
			s.Server = decoded(d, n, &serverTable)
		}},
		{key: "target", is: ref("target"), set: func(d *decoder, n *node, s *Spec) {
			s.Target = decoded(d, n, &targetTable)
		}},
		{key: "targets", about: "several nodes of one service: a list of addresses, or a mapping", is: anyOf(atLeastOne(setOf(like(reAddress))), ref("several_targets")), set: func(d *decoder, n *node, s *Spec) {
			setSeveral(d, n, s)
		}},
		{key: "vars", about: "values to use as ${name} and to override by --set name=value", is: mapOf(ourNames, aText), set: func(*decoder, *node, *Spec) {}}, // read before everything else
		{key: "matrix", is: ref("matrix"), set: func(*decoder, *node, *Spec) {}},                                                                               // as well
		{key: "counters", about: "numbers that each client counts for itself, with their first values, to use as ${counter.NAME}", is: mapOf(form{"pattern": reName.String()}, aCount), set: setCounters},
		{key: "data", about: "data files that give each client a row, to use as ${NAME.COLUMN}", is: mapOf(ourNames, ref("feeder")), set: setData},
		{key: "audiences", about: "audiences by key: clients with the same value form one audience, such as user: ${users.id}", is: mapOf(ourNames, aText), set: setKeyed},
		{key: "contract", is: ref("contract"), set: func(d *decoder, _ *node, s *Spec) { s.Contract = d.contract }},                                                     // streams name its operations: it is read first
		{key: "network", about: "between clients and targets, in all phases that say nothing else", is: ref("network_condition"), set: func(*decoder, *node, *Spec) {}}, // phases start from it: it is read first
		{key: "groups", about: "populations of clients, by name", is: atLeastOne(mapOf(form{"pattern": reGroup.String()}, ref("group"))), required: "write groups: {viewers: {count: 100}}", set: setGroups},
		{key: "phases", about: "phases in order; default: a ramp, 2s of warm-up, 30s that are recorded", is: atLeastOne(listOf(ref("phase"))), set: setPhases},
		{key: "slo", about: "checks of the server: a broken one fails the run", is: listOf(ref("check")), set: func(d *decoder, n *node, s *Spec) { s.SLO = d.checks(n, SLO) }},
		{key: "valid", about: "checks of the generator: a broken one makes the run invalid", is: atLeastOne(listOf(ref("check"))), set: func(d *decoder, n *node, s *Spec) {
			s.Valid = d.checks(n, Valid)
			if n.kind == list && len(n.items) == 0 {
				d.errs.add(n.at, "`valid` is empty: the generator would not be checked", "list conditions, or remove the key for the defaults")
			}
		}},
		{key: "search", is: ref("search"), set: setSearch},
		{key: "trace", about: "number of clients of each group whose packets are written to trace.txt", is: aCount, def: 0, set: func(d *decoder, n *node, s *Spec) { s.Trace = d.count(n, "trace", 0, 1000) }},
		{key: "report", is: ref("report"), set: func(d *decoder, n *node, s *Spec) { reportTable.decode(d, n, &s.Report) }},
	},
}

var serverTable = object[Server]{
	what: "the server",
	def:  "server", about: "Start the built-in server for the run, on this machine.",
	advice: map[string]string{"queue": "did you mean `queue_bytes`?", "port": "did you mean `listen`? Write it like 127.0.0.1:3000"},
	lone:   alone,
	fresh: func() Server {
		return Server{Listen: "127.0.0.1:0", Fanout: "batched", App: "bench", Parser: "json", Nodes: 1, Spread: SpreadRoundRobin}
	},
	fields: []field[Server]{
		{key: "listen", about: "where it listens", is: like(reListen), def: "127.0.0.1:0", set: func(d *decoder, n *node, s *Server) {
			s.Listen = d.string(n, "listen", func(v string) *flaw {
				if !reListen.MatchString(v) {
					return wrong(v, "listen address", "write it like 127.0.0.1:3000, or 127.0.0.1:0 for any port")
				}
				return nil
			})
		}},
		{key: "fanout", about: "how a broadcast reaches its receivers", is: oneOf(fanouts...), def: "batched", set: func(d *decoder, n *node, s *Server) { s.Fanout = d.oneOf(n, "fan-out strategy", fanouts) }},
		timeOption("ping_interval", time.Millisecond, maxWait),
		timeOption("ping_timeout", time.Millisecond, maxWait),
		timeOption("write_timeout", time.Millisecond, 24*time.Hour),
		{key: "gomaxprocs", about: "how many cores the server may use; default: all", is: aCount, set: func(d *decoder, n *node, s *Server) { s.GOMAXPROCS = d.count(n, "gomaxprocs", 1, 1024) }},
		{key: "nodes", about: "number of servers to start, each as a process; clients are spread over them", is: aCount, def: 1, set: func(d *decoder, n *node, s *Server) { s.Nodes = d.count(n, "nodes", 1, maxTargets) }},
		{key: "adapter", about: "what connects the nodes: redis, redis+sharded, redis+streams, nats or nats+jetstream, started for the run; or the URL of a running broker; default: none", is: like(reAdapter), set: func(d *decoder, n *node, s *Server) {
			s.Adapter = d.string(n, "adapter", checkAdapter)
			if s.Adapter == "none" {
				s.Adapter = ""
			}
		}},
		{key: "spread", about: "how clients are spread over several nodes, see targets", is: oneOf(spreads...), def: SpreadRoundRobin, set: func(d *decoder, n *node, s *Server) {
			s.Spread = d.oneOf(n, "spread", spreads)
		}},
		{key: "behind", about: "the proxy in front of the nodes, to which the clients connect: nginx or haproxy, which must be installed, with sticky sessions by a cookie; default: none", is: oneOf(append([]string{"none"}, proxies...)...), def: "none", set: func(d *decoder, n *node, s *Server) {
			if s.Behind = d.oneOf(n, "proxy", append([]string{"none"}, proxies...)); s.Behind == "none" {
				s.Behind = ""
			}
		}},
		{key: "compression", about: "whether it compresses messages of websockets that offer it (permessage-deflate), see compression of groups", is: aBool, def: false, set: func(d *decoder, n *node, s *Server) {
			if d.bool(n, "compression") {
				s.Options = append(s.Options, ServerOption{deflateFlag, "true"})
			}
		}},
		timeOption("recovery", time.Second, 24*time.Hour),
		sizeOption("queue_bytes", 1<<10, 1<<30),
		sizeOption("max_payload", MinSize, 1<<30),
		{key: "slow", about: "what happens to a client whose queue is full", is: oneOf("disconnect"), def: "disconnect", set: func(d *decoder, n *node, _ *Server) {
			read(d, n, "slow", func(text string) (string, *flaw) {
				if text == "drop" || text == "block" {
					return "", &flaw{fmt.Sprintf("the built-in server does not %s: it drops volatile messages of a slow client, and disconnects a client whose queue is full", text), "write slow: disconnect, and queue_bytes: for the size of the queue"}
				}
				return text, checkWord(text, "way to treat slow readers", []string{"disconnect"})
			}, nil)
		}},
	},
}

var targetTable = object[Target]{
	what: "the target",
	def:  "target", about: "The server under test, when it is not the built-in one. It must offer the events of the built-in bench application, or contract: names its own.",
	advice: map[string]string{"host": "write url: http://host:port", "port": "write url: http://host:port", "address": "did you mean `url`?", "namespace": "it belongs to a group, below groups: and its name"},
	lone:   "url",
	fresh: func() Target {
		return Target{Path: "/socket.io/", Engine: Engine4, Protocol: SocketIO, Ping: defaultPing}
	},
	fields: []field[Target]{
		{key: "url", about: "its address: http://host:port, or unix:/path/of.sock", is: like(reAddress), required: "write url: http://host:port", set: func(d *decoder, n *node, t *Target) {
			t.URL = d.string(n, "url", checkURL)
		}},
		{key: "path", about: "its Engine.IO path", is: like(reEnginePath), def: "/socket.io/", set: func(d *decoder, n *node, t *Target) {
			t.Path = d.string(n, "path", matches(reEnginePath, "an Engine.IO path", "write it like /socket.io/"))
		}},
		{key: "protocol", about: "what it speaks: websocket, frames of its own form over a plain websocket; sse, server-sent events and HTTP", is: oneOf(protocols...), def: SocketIO, set: func(d *decoder, n *node, t *Target) { t.Protocol = d.oneOf(n, "protocol", protocols) }},
		{key: "subprotocol", about: "one, or several, that clients of a plain websocket offer", is: anyOf(aText, setOf(aText)), set: func(d *decoder, n *node, t *Target) {
			t.Subprotocols = d.strings(n, "subprotocol", matches(reToken, "a subprotocol", "use letters, digits, . and -"))
		}},
		{key: "ping", about: "how often clients of a plain websocket send a ping frame, and how long its pong may take; default 25s", is: aDuration, set: func(d *decoder, n *node, t *Target) {
			t.Ping = d.duration(n, "ping", time.Millisecond, 24*time.Hour)
		}},
		{key: "engine", about: "revision of Engine.IO that the groups speak: 3 for a server of Socket.IO 2", is: anEngine, def: 4, set: func(d *decoder, n *node, t *Target) { t.Engine = d.engine(n) }},
		{key: "webtransport", about: "host:port of its HTTP/3, over UDP, for transport: webtransport; default: as in url", is: like(reHostPort), set: func(d *decoder, n *node, t *Target) {
			t.WebTransport = d.string(n, "webtransport", matches(reHostPort, "an address of UDP", "write it like example.com:443 or [::1]:443"))
		}},
		{key: "tls", is: ref("tls"), set: func(d *decoder, n *node, t *Target) {
			t.TLS = decoded(d, n, &tlsTable)
		}},
		{key: "sample", is: ref("sample"), set: func(d *decoder, n *node, t *Target) {
			t.Sample = decoded(d, n, &sampleTable)
		}},
	},
	done: func(d *decoder, n *node, t *Target) {
		if t.Protocol != SocketIO && n.get("path") == nil {
			t.Path = "/"
		}
		for _, key := range []string{"subprotocol", "ping"} {
			if v := n.get(key); v != nil && t.Protocol != WebSocket {
				d.errs.add(v.at, fmt.Sprintf("`%s` belongs to plain websockets, and the target speaks %s", key, t.Protocol), "write protocol: websocket, or remove it")
			}
		}
		if v := n.get("engine"); v != nil && t.Protocol != SocketIO {
			d.errs.add(v.at, fmt.Sprintf("`engine` belongs to Socket.IO, and the target speaks %s", t.Protocol), "remove it")
		}
	},
}

var tlsTable = object[TLS]{
	what: "tls",
	def:  "tls", about: "How to verify the target.",
	fresh: func() TLS { return TLS{Resume: true} },
	fields: []field[TLS]{
		{key: "insecure", about: "accept any certificate", is: aBool, def: false, set: func(d *decoder, n *node, t *TLS) { t.Insecure = d.bool(n, "insecure") }},
		{key: "ca", about: "a PEM file of its certificate authority, beside the scenario or in the working directory", is: aText, set: func(d *decoder, n *node, t *TLS) { t.CA = d.string(n, "ca", notEmpty("ca", "name a PEM file")) }},
		{key: "server_name", about: "the host of its certificate", is: aText, set: func(d *decoder, n *node, t *TLS) {
			t.ServerName = d.string(n, "server_name", notEmpty("server_name", "name the host of the certificate"))
		}},
		{key: "hash", about: "the SHA-256 hash of the only certificate to accept, or several, in hex or base64: valid for at most 14 days, as browsers demand", is: anyOf(like(reHash), setOf(like(reHash))), set: func(d *decoder, n *node, t *TLS) {
			for _, s := range d.strings(n, "hash", checkHash) {
				sum, _ := parseHash(s)
				t.Hashes = append(t.Hashes, sum)
			}
		}},
		{key: "resume", about: "false has each connection make a full handshake; otherwise a client resumes the TLS session of its connection before, as browsers do", is: aBool, def: true, set: func(d *decoder, n *node, t *TLS) { t.Resume = d.bool(n, "resume") }},
	},
	done: func(d *decoder, n *node, t *TLS) {
		for _, key := range []string{"insecure", "ca", "server_name"} {
			if v := n.get(key); v != nil && len(t.Hashes) > 0 {
				d.errs.add(v.at, fmt.Sprintf("`%s` has no meaning beside hash, which says all about the certificate", key), "remove one of them")
			}
		}
	},
}

var phaseTable = object[Phase]{
	what: "phase",
	def:  "phase", about: "A stretch of the run.",
	advice: map[string]string{
		"duration": "did you mean `for`?", "users": "did you mean `clients`?", "vus": "did you mean `clients`?", "target": "did you mean `clients`? It is a share of the groups' counts, such as 50%, or a ramp 0%..100%",
		"arrivalRate": "did you mean `load`? How many clients come is arrive: of a group, and clients: of a phase a share of it", "rampTo": "write a ramp: clients: 0%..100%, or load:", "pause": "write a phase without clients: {name: pause, for: 10s, clients: 0%}",
		"slo": "a check names its phase: p99(delivery) < 1s in hold",
	},
	fresh: func() Phase { return Phase{Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}} },
	fields: []field[Phase]{
		{key: "name", about: "for checks and charts", is: like(rePhase), required: "write name: hold", set: func(d *decoder, n *node, p *Phase) {
			p.Name = d.string(n, "name", matches(rePhase, "a phase's name", "use a-z, 0-9, _ and -, starting with a letter"))
		}},
		{key: "for", about: "length of the phase", is: aDuration, required: "write for: 30s", set: func(d *decoder, n *node, p *Phase) {
			p.For = d.duration(n, "for", time.Millisecond, maxPhase)
		}},
		{key: "record", about: "whether the phase counts in the summary and the checks", is: aBool, def: true, set: func(d *decoder, n *node, p *Phase) { p.Record = d.bool(n, "record") }},
		{key: "clients", about: "share of each group's count", is: aRamp, def: "100%", set: func(d *decoder, n *node, p *Phase) { p.Clients = d.ramp(n, "clients", 1) }},
		{key: "load", about: "share of each stream's rate", is: aRamp, def: "100%", set: func(d *decoder, n *node, p *Phase) { p.Load = d.ramp(n, "load", 100) }},
		{key: "network", is: ref("network_condition"), set: func(d *decoder, n *node, p *Phase) { p.Network = d.condition }}, // a fault starts from it: it is read first
		{key: "fault", is: ref("fault"), set: func(d *decoder, n *node, p *Phase) {
			p.Fault = decoded(d, n, &faultTable)
		}},
	},
	done: func(d *decoder, n *node, p *Phase) {
		if p.Fault != nil { // whose time is compared with the phase's, which may be written after it
			p.checkWithin(d, n.get("fault"))
		}
	},
}

var reportTable = object[Report]{
	what: "the report",
	def:  "report", about: "What the run writes, and where.",
	lone:  "dir",
	fresh: func() Report { return Report{Formats: slices.Clone(defaultFormats), Interval: time.Second} },
	fields: []field[Report]{
		{key: "dir", about: "folder; default out/NAME-TIME", is: aText, set: func(d *decoder, n *node, r *Report) { r.Dir = d.string(n, "dir", aLabel("dir", "name a folder")) }},
		{key: "formats", about: "formats to write; default html, json, hlog, svg, png; the other formats are added to these when none of these is named", is: anyOf(ref("format"), setOf(ref("format"))), set: func(d *decoder, n *node, r *Report) {
			r.Formats = d.strings(n, "formats", func(s string) *flaw {
				if meant := meantFormat[s]; meant != "" {
					return &flaw{fmt.Sprintf("unknown report format %q", s), fmt.Sprintf("did you mean `%s`?", meant)}
				}
				return checkWord(s, "report format", formats)
			})
			// A file for another program comes in addition; the default ones are left out by naming
			// some of them.
			if !slices.ContainsFunc(r.Formats, func(s string) bool { return slices.Contains(defaultFormats, s) }) {
				r.Formats = append(slices.Clone(defaultFormats), r.Formats...)
			}
		}},
		{key: "figure_width", about: "of the figures' files, for papers: 84mm, 8.4cm, 3.3in, 238pt or 600px", is: aText, set: func(d *decoder, n *node, r *Report) {
			r.FigureWidth = read(d, n, "figure_width", parseFigureWidth, nil)
		}},
		{key: "interval", about: "of the timeline", is: aDuration, def: "1s", set: func(d *decoder, n *node, r *Report) {
			r.Interval = d.onlySecond(n, "interval")
		}},
		{key: "baseline", about: "a result to compare with after the run: its folder, or its result.json; it may not exist yet", is: aText, set: func(d *decoder, n *node, r *Report) {
			r.Baseline = d.string(n, "baseline", aLabel("baseline", "name a result to compare with"))
		}},
		{key: "keep_raw", later: notYet},
	},
}

// phase reads a phase, and before the rest its network.
func (d *decoder) phase(n *node, s *Spec) *Phase {
	d.condition = s.Network
	if own := n.get("network"); own != nil && !own.null {
		d.condition = d.network(own, &conditionTable, s.Network)
	}
	return decoded(d, n, &phaseTable)
}

func setPhases(d *decoder, n *node, s *Spec) {
	if !d.isList(n, "phases") {
		return
	}
	if len(n.items) == 0 {
		d.errs.add(n.at, "`phases` is empty", "list at least one, such as {name: hold, for: 30s}; without the key there are a ramp, 2s to warm up and 30s of load")
		return
	}
	s.Phases = nil
	for _, item := range n.items {
		p := *d.phase(item, s)
		if p.Name != "" && slices.ContainsFunc(s.Phases, func(q Phase) bool { return q.Name == p.Name }) {
			d.errs.add(item.get("name").at, fmt.Sprintf("two phases are named %s", p.Name), "rename one")
		}
		s.Phases = append(s.Phases, p)
	}
	if !slices.ContainsFunc(s.Phases, func(p Phase) bool { return p.Record }) {
		d.errs.add(n.at, "no phase is recorded, so that the run would have no numbers", "leave record: false out of one")
	}
}

func (d *decoder) ramp(n *node, what string, highest float64) Ramp {
	return read(d, n, what, parseRamp, func(r Ramp) *flaw {
		if r.From > highest || r.To > highest {
			return &flaw{fmt.Sprintf("%s goes over %g%%", what, highest*100), fmt.Sprintf("write 0%% to %g%%", highest*100)}
		}
		return nil
	})
}

// onlySecond reads the interval of a measurement, of which this version knows
// one.
func (d *decoder) onlySecond(n *node, what string) time.Duration {
	return read(d, n, what, parseDuration, func(v time.Duration) *flaw {
		if v != time.Second {
			return &flaw{what + ": " + formatDuration(v) + " is not supported by this version yet", "write 1s, or remove it"}
		}
		return nil
	})
}

func matches(re *regexp.Regexp, what, hint string) func(string) *flaw {
	return func(s string) *flaw {
		if !re.MatchString(s) {
			return &flaw{fmt.Sprintf("%q is not %s", clip(s), what), hint}
		}
		return nil
	}
}

func notEmpty(what, hint string) func(string) *flaw {
	return func(s string) *flaw {
		if strings.TrimSpace(s) == "" {
			return &flaw{what + " is empty", hint}
		}
		return nil
	}
}

// aLabel is notEmpty for what the terminal, tables and figures show.
func aLabel(what, hint string) func(string) *flaw {
	return func(s string) *flaw {
		if strings.ContainsFunc(s, breaksLine) {
			return &flaw{what + " holds a control character", "write it on one line"}
		}
		return notEmpty(what, hint)(s)
	}
}

func checkAddr(s string) *flaw {
	if _, err := netip.ParseAddr(s); err != nil {
		return wrong(s, "local address", "write it like 127.0.0.2")
	}
	return nil
}
