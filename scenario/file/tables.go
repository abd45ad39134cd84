package file

import (
	"fmt"
	"net/netip"
	"net/url"
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

// maxBuiltIn is the largest data that the built-in server takes: its
// maxPayload of 1 000 000 bytes less what the packet adds around the data.
const maxBuiltIn = 1_000_000 - 1_024

var (
	fanouts         = []string{"naive", "serial", "writers", "sharded", "batched"}
	transports      = []string{"websocket", "polling", "upgrade", "plain-websocket", "sse", "short-polling"}
	baselines       = transports[3:] // without Socket.IO
	laterTransports = []string{"webtransport"}
	parsers         = []string{"json", "msgpack"}
	formats         = []string{"html", "json", "hlog", "svg", "png", "pdf", "csv", "md", "junit", "openmetrics"}
	defaultFormats  = formats[:5]
	reservedEvents  = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
	upgradeHeaders  = []string{"connection", "content-length", "host", "transfer-encoding", "upgrade"}

	reScenario = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	reGroup    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	rePhase    = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	reToken    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

const notYet = "remove it"

var specTable = object[Spec]{
	what: "the scenario",
	advice: map[string]string{
		"scenarios": "a file holds one scenario", "config": "there is no such level: write its keys here",
		"duration": "give the length in phases: [{name: hold, for: 1m}]", "checks": "did you mean `slo` (or `valid`)?",
		"ensure": "did you mean `slo`?", "thresholds": "did you mean `slo`?", "clients": "did you mean `groups`?", "users": "did you mean `groups`?",
		"url": "write target: {url: ...}", "send": "a stream belongs to a group: groups: {name: {count: 1, send: [...]}}",
	},
	fields: []field[Spec]{
		{key: "version", required: "write version: 1", set: func(d *decoder, n *node, s *Spec) {
			s.Version = read(d, n, "version", parseCount, func(v int) *flaw {
				if v != 1 {
					return &flaw{fmt.Sprintf("version %d of the format is unknown", v), "write version: 1"}
				}
				return nil
			})
		}},
		{key: "name", required: "write name: and a short name like chat-rooms", set: func(d *decoder, n *node, s *Spec) {
			s.Name = d.string(n, "name", matches(reScenario, "a scenario's name", "use a-z, 0-9 and -, at most 63, starting with a letter or digit"))
		}},
		{key: "about", set: func(d *decoder, n *node, s *Spec) {
			s.About = strings.Join(strings.Fields(printable(d.string(n, "about", nil))), " ")
		}},
		{key: "seed", set: func(d *decoder, n *node, s *Spec) { s.Seed = read(d, n, "seed", parseSeed, nil) }},
		{key: "server", set: func(d *decoder, n *node, s *Spec) {
			s.Server = &Server{Listen: "127.0.0.1:0", Fanout: "batched", App: "bench", Parser: "json"}
			serverTable.decode(d, n, s.Server)
		}},
		{key: "target", set: func(d *decoder, n *node, s *Spec) {
			s.Target = &Target{Path: "/socket.io/"}
			targetTable.decode(d, n, s.Target)
		}},
		{key: "vars", set: func(*decoder, *node, *Spec) {}},   // read before everything else
		{key: "matrix", set: func(*decoder, *node, *Spec) {}}, // as well
		{key: "data", set: setData},
		{key: "contract", set: func(d *decoder, n *node, s *Spec) {
			s.Contract = &Contract{}
			contractTable.decode(d, n, s.Contract)
		}},
		{key: "groups", required: "write groups: {viewers: {count: 100}}", set: setGroups},
		{key: "phases", set: setPhases},
		{key: "slo", set: func(d *decoder, n *node, s *Spec) { s.SLO = d.checks(n, SLO) }},
		{key: "valid", set: func(d *decoder, n *node, s *Spec) {
			s.Valid = d.checks(n, Valid)
			if n.kind == list && len(n.items) == 0 {
				d.errs.add(n.at, "`valid` is empty: nothing would judge the generator", "list conditions, or remove the key for the defaults")
			}
		}},
		{key: "search", set: setSearch},
		{key: "trace", set: func(d *decoder, n *node, s *Spec) { s.Trace = d.count(n, "trace", 0, 1000) }},
		{key: "report", set: func(d *decoder, n *node, s *Spec) { reportTable.decode(d, n, &s.Report) }},
	},
}

var serverTable = object[Server]{
	what: "the server",
	fields: []field[Server]{
		{key: "listen", set: func(d *decoder, n *node, s *Server) {
			s.Listen = d.string(n, "listen", func(v string) *flaw {
				if i := strings.LastIndexByte(v, ':'); i < 0 || !regexp.MustCompile(`^\d{1,5}$`).MatchString(v[i+1:]) {
					return wrong(v, "listen address", "write it like 127.0.0.1:3000, or 127.0.0.1:0 for any port")
				}
				return nil
			})
		}},
		{key: "fanout", set: func(d *decoder, n *node, s *Server) { s.Fanout = d.oneOf(n, "fan-out strategy", fanouts, nil) }},
		{key: "ping_interval", set: func(d *decoder, n *node, s *Server) {
			s.PingInterval = d.duration(n, "ping_interval", time.Millisecond, maxWait)
		}},
		{key: "ping_timeout", set: func(d *decoder, n *node, s *Server) {
			s.PingTimeout = d.duration(n, "ping_timeout", time.Millisecond, maxWait)
		}},
		{key: "write_timeout", set: func(d *decoder, n *node, s *Server) {
			s.WriteTimeout = d.duration(n, "write_timeout", time.Millisecond, 24*time.Hour)
		}},
		{key: "gomaxprocs", set: func(d *decoder, n *node, s *Server) { s.GOMAXPROCS = d.count(n, "gomaxprocs", 1, 1024) }},
		{key: "compression", later: notYet},
		{key: "recovery", set: func(d *decoder, n *node, s *Server) {
			s.Recovery = d.duration(n, "recovery", time.Second, 24*time.Hour)
		}},
		{key: "queue", set: func(d *decoder, n *node, s *Server) { s.Queue = d.size(n, 1<<10, 1<<30) }},
		{key: "slow", set: func(d *decoder, n *node, _ *Server) {
			read(d, n, "slow", func(text string) (string, *flaw) {
				if text == "drop" || text == "block" {
					return "", &flaw{fmt.Sprintf("the built-in server does not %s: volatile messages are dropped for a slow client, and who has too many others waiting is disconnected", text), "write slow: disconnect, and queue: for how much may wait"}
				}
				return text, checkWord(text, "way to treat slow readers", []string{"disconnect"}, nil)
			}, nil)
		}},
	},
}

var targetTable = object[Target]{
	what: "the target",
	fields: []field[Target]{
		{key: "url", required: "write url: http://host:port", set: func(d *decoder, n *node, t *Target) {
			t.URL = d.string(n, "url", checkURL)
		}},
		{key: "path", set: func(d *decoder, n *node, t *Target) {
			t.Path = d.string(n, "path", matches(regexp.MustCompile(`^/[^\s?#]*$`), "an Engine.IO path", "write it like /socket.io/"))
		}},
		{key: "tls", set: func(d *decoder, n *node, t *Target) {
			t.TLS = &TLS{}
			tlsTable.decode(d, n, t.TLS)
		}},
		{key: "sample", set: func(d *decoder, n *node, t *Target) {
			t.Sample = &Sample{Every: time.Second}
			sampleTable.decode(d, n, t.Sample)
		}},
	},
}

var tlsTable = object[TLS]{
	what: "tls",
	fields: []field[TLS]{
		{key: "insecure", set: func(d *decoder, n *node, t *TLS) { t.Insecure = d.bool(n, "insecure") }},
		{key: "ca", set: func(d *decoder, n *node, t *TLS) { t.CA = d.string(n, "ca", notEmpty("ca", "name a PEM file")) }},
		{key: "server_name", set: func(d *decoder, n *node, t *TLS) {
			t.ServerName = d.string(n, "server_name", notEmpty("server_name", "name the host of the certificate"))
		}},
	},
}

var sampleTable = object[Sample]{
	what: "sample",
	fields: []field[Sample]{
		{key: "pid", set: func(d *decoder, n *node, s *Sample) { s.PID = d.count(n, "pid", 1, 1<<31-1) }},
		{key: "prometheus", set: func(d *decoder, n *node, s *Sample) {
			s.Prometheus = d.string(n, "prometheus", func(v string) *flaw {
				u, err := url.Parse(v)
				if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
					return &flaw{fmt.Sprintf("%q is not the address of metrics", clip(v)), "write it like http://host:9100/metrics"}
				}
				return nil
			})
		}},
		{key: "every", set: func(d *decoder, n *node, s *Sample) {
			s.Every = d.duration(n, "every", 100*time.Millisecond, time.Minute)
		}},
	},
	done: func(d *decoder, n *node, s *Sample) {
		if n.get("pid") == nil && n.get("prometheus") == nil {
			d.errs.add(n.at, "sample says nothing about where to read", "write pid: and a process of this machine, or prometheus: and a URL")
		}
	},
}

var phaseTable = object[Phase]{
	what:   "phase",
	advice: map[string]string{"duration": "did you mean `for`?", "arrivalRate": "did you mean `load`?", "users": "did you mean `clients`?"},
	fields: []field[Phase]{
		{key: "name", required: "write name: hold", set: func(d *decoder, n *node, p *Phase) {
			p.Name = d.string(n, "name", matches(rePhase, "a phase's name", "use a-z, 0-9, _ and -, starting with a letter"))
		}},
		{key: "for", required: "write for: 30s", set: func(d *decoder, n *node, p *Phase) {
			p.For = d.duration(n, "for", time.Millisecond, maxPhase)
		}},
		{key: "record", set: func(d *decoder, n *node, p *Phase) { p.Record = d.bool(n, "record") }},
		{key: "clients", set: func(d *decoder, n *node, p *Phase) { p.Clients = d.ramp(n, "clients", 1) }},
		{key: "load", set: func(d *decoder, n *node, p *Phase) { p.Load = d.ramp(n, "load", 100) }},
		{key: "fault", set: func(d *decoder, n *node, p *Phase) {
			p.Fault = &Fault{}
			faultTable.decode(d, n, p.Fault)
			if p.Fault.Within > p.For {
				d.errs.add(at(n, "within"), fmt.Sprintf("the drops take %s, the phase lasts %s", formatDuration(p.Fault.Within), formatDuration(p.For)), "lower within, or lengthen the phase")
			}
		}},
	},
}

var faultTable = object[Fault]{
	what: "fault",
	fields: []field[Fault]{
		{key: "drop", set: func(d *decoder, n *node, f *Fault) { f.Drop = d.share(n, "drop") }},
		{key: "within", set: func(d *decoder, n *node, f *Fault) { f.Within = d.duration(n, "within", 0, maxPhase) }},
		{key: "restart", set: func(d *decoder, n *node, f *Fault) { f.Restart = d.bool(n, "restart") }},
		{key: "stall", set: func(d *decoder, n *node, f *Fault) { f.Stall = d.share(n, "stall") }},
		{key: "half_open", set: func(d *decoder, n *node, f *Fault) { f.HalfOpen = d.share(n, "half_open") }},
	},
	done: func(d *decoder, n *node, f *Fault) {
		switch {
		case f.Restart && len(n.keys) > 1:
			d.errs.add(n.at, "a restart breaks every connection by itself", "remove the other keys")
		case len(n.keys) == 0 || len(n.keys) == 1 && n.get("within") != nil:
			d.errs.add(n.at, "the fault breaks nothing", "write drop: 100%, half_open: 5%, stall: 5% or restart: true")
		}
	},
}

var reportTable = object[Report]{
	what: "the report",
	fields: []field[Report]{
		{key: "dir", set: func(d *decoder, n *node, r *Report) { r.Dir = d.string(n, "dir", notEmpty("dir", "name a folder")) }},
		{key: "formats", set: func(d *decoder, n *node, r *Report) {
			r.Formats = d.strings(n, "formats", func(s string) *flaw { return checkWord(s, "report format", formats, nil) })
			// A file for another program comes in addition; the default ones are left out by naming some of them.
			if !slices.ContainsFunc(r.Formats, func(s string) bool { return slices.Contains(defaultFormats, s) }) {
				r.Formats = append(slices.Clone(defaultFormats), r.Formats...)
			}
		}},
		{key: "figure_width", set: func(d *decoder, n *node, r *Report) {
			r.FigureWidth = read(d, n, "figure_width", parseFigureWidth, nil)
		}},
		{key: "interval", set: func(d *decoder, n *node, r *Report) {
			r.Interval = d.onlySecond(n, "interval")
		}},
		{key: "baseline", set: func(d *decoder, n *node, r *Report) {
			r.Baseline = d.string(n, "baseline", notEmpty("baseline", "name a result to compare with"))
		}},
		{key: "keep_raw", later: notYet},
	},
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
		p := Phase{Record: true, Clients: Ramp{1, 1}, Load: Ramp{1, 1}}
		phaseTable.decode(d, item, &p)
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

func checkURL(s string) *flaw {
	if path, unix := strings.CutPrefix(s, "unix:"); unix && path != "" {
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme):
		return &flaw{fmt.Sprintf("%q is not the address of a server", clip(s)), "write it like http://host:port (or https, ws, wss), or unix:/path/of.sock"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return &flaw{fmt.Sprintf("%q holds more than an address", clip(s)), "put queries and credentials in the groups' query, headers or auth"}
	case strings.Trim(u.Path, "/") != "":
		return &flaw{fmt.Sprintf("%q holds a path", clip(s)), "put it in path:, and a namespace in the group's namespace:"}
	}
	return nil
}

func checkAddr(s string) *flaw {
	if _, err := netip.ParseAddr(s); err != nil {
		return wrong(s, "local address", "write it like 127.0.0.2")
	}
	return nil
}
