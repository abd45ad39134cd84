package file

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The tables of a group and of its parts.

var groupTable = object[Group]{
	what: "group",
	def:  "group", about: "Clients that behave alike.",
	shape: with(requireOne("oneOf", "count", "arrive"), "dependentRequired", form{"arrive": []string{"life"}}),
	advice: map[string]string{
		"on": "did you mean `react`? YAML 1.1 reads on as true", "clients": "did you mean `count`?", "users": "did you mean `count`?", "vus": "did you mean `count`?", "arrivalRate": "did you mean `arrive`?",
		"weight": "give each group its own count, or arrive", "think": "a flow has pauses: flow: [{emit: [event]}, {think: 2s}]", "wait_time": "a flow has pauses: flow: [{emit: [event]}, {think: 2s}]", "iterations": "did you mean `flow`? It has repeat:", "steps": "did you mean `flow`?", "scenario": "did you mean `flow`?", "sends": "did you mean `send`?", "ns": "did you mean `namespace`?",
		// options of the official client
		"extraHeaders": "did you mean `headers`?", "reconnection": "did you mean `reconnect`?", "reconnectionDelay": "write reconnect: {min: ...}", "reconnectionDelayMax": "write reconnect: {max: ...}", "randomizationFactor": "write reconnect: {jitter: 50%}", "reconnectionAttempts": "remove it: clients go on trying", "forceNew": "remove it: each client has a connection of its own", "upgrade": "write transport: upgrade, or transport: websocket",
		"timeout": "write connect: {timeout: 10s}", "ackTimeout": "a stream says so: send: [{op: ..., ack: 2s}]", "withCredentials": "remove it: cookies are kept for each client", "rejectUnauthorized": "write target: {tls: {insecure: true}}",
		"token": "write auth: {token: ...}, or query: or headers:", "emit": "write send: [{op: ..., rate: ...}], or flow: [{emit: [event, ...]}]", "login": "did you mean `before`?",
	},
	lone: "count",
	fresh: func() Group {
		return Group{
			Namespace: "/", Parser: "json", Poll: time.Second, Transport: []Share{{"websocket", 1}}, Connect: connectTable.start(), Course: Course{Times: 1},
		}
	},
	fields: []field[Group]{
		{key: "count", about: "how many there are at clients: 100%", is: aCount, set: func(d *decoder, n *node, g *Group) { g.Count = d.count(n, "count", 0, maxClients) }},
		{key: "arrive", about: "instead of count: new clients per second; each stays as long as life says", is: aRate, set: func(d *decoder, n *node, g *Group) { g.Arrive = d.rate(n, "arrive", 1e6) }},
		{key: "life", about: "how long a client stays; with count, a client that leaves is replaced", is: aLength, set: func(d *decoder, n *node, g *Group) { g.Life = d.lengths(n, "life") }},
		{key: "connect", is: ref("connect"), set: func(d *decoder, n *node, g *Group) { connectTable.decode(d, n, &g.Connect) }},
		{key: "transport", about: "one transport for all clients, or shares: {websocket: 95%, polling: 5%}", is: anyOf(ref("transport"), atLeastOne(mapOf(form{"enum": transports}, aShare))), set: setTransport},
		{key: "place", about: "labels that an agent of a fleet must have to be given clients of the group: {zone: a}; without a fleet it says nothing", is: atLeastOne(mapOf(form{"pattern": reLabel.String()}, aText)), set: setPlace},
		{key: "parser", about: "how packets are encoded; must match the parser of the server", is: oneOf(parsers...), def: "json", set: func(d *decoder, n *node, g *Group) { g.Parser = d.oneOf(n, "parser", parsers) }},
		{key: "compression", about: "whether websockets offer to compress messages (permessage-deflate), as browsers do", is: aBool, def: false, set: func(d *decoder, n *node, g *Group) { g.Compression = d.bool(n, "compression") }},
		{key: "engine", about: "revision of Engine.IO: 3 speaks as clients of Socket.IO 2 do; default: as target says, or 4", is: anEngine, set: func(d *decoder, n *node, g *Group) { g.Engine = d.engine(n) }},
		{key: "poll", about: "between two requests of transport: short-polling", is: aDuration, def: "1s", set: func(d *decoder, n *node, g *Group) { g.Poll = d.duration(n, "poll", time.Millisecond, maxWait) }},
		{key: "namespace", about: "such as /chat, or /tenants/${users.tenant}, or a list of namespaces on one connection; none: bare Engine.IO", is: aNamespace, def: "/", set: setNamespaces},
		{key: "auth", about: "sent when joining the namespace; ${client.index} is the client's number", is: form{"type": "object"}, set: func(d *decoder, n *node, g *Group) {
			if d.isDict(n, "auth") {
				g.Auth = jsonTemplate(d, n, d.of(clientScope))
			}
		}},
		{key: "query", about: "added to the connecting requests; ${client.index} is the client's number", is: mapOf(form{"not": form{"enum": append([]string{""}, engineKeys...)}}, aText), set: func(d *decoder, n *node, g *Group) {
			g.Query = d.namedTemplates(n, "query", func(name string) *flaw {
				if name == "" || slices.Contains(engineKeys, name) {
					return &flaw{fmt.Sprintf("the query key %q belongs to the protocol", name), "choose another"}
				}
				return nil
			})
		}},
		{key: "headers", about: "added to the connecting requests; ${client.index} is the client's number", is: mapOf(form{"pattern": reToken.String()}, aText), set: func(d *decoder, n *node, g *Group) { g.Headers = d.namedTemplates(n, "headers", checkHeader) }},
		{key: "before", about: "requests that each client makes before it connects, such as a login: a list of steps, or {steps: [...], once: true, again: refused}", is: anyOf(atLeastOne(listOf(ref("step"))), ref("before")), set: setBefore},
		{key: "data", about: "data files whose rows the clients take, also where none of their templates names the file", is: anyOf(aText, setOf(aText)), set: func(d *decoder, n *node, g *Group) {
			g.Data = d.strings(n, "data", func(s string) *flaw { return checkWord(s, "data file", d.vars.feeders) })
		}},
		{key: "rooms", is: ref("rooms"), set: func(d *decoder, n *node, g *Group) {
			g.Rooms = decoded(d, n, &roomsTable)
		}},
		{key: "peers", is: ref("peers"), set: func(d *decoder, n *node, g *Group) {
			g.Peers = decoded(d, n, &peersTable)
		}},
		{key: "reconnect", is: ref("reconnect"), set: func(d *decoder, n *node, g *Group) {
			g.Reconnect = decoded(d, n, &reconnectTable)
		}},
		{key: "read", is: ref("read"), set: func(d *decoder, n *node, g *Group) {
			g.Read = decoded(d, n, &readTable)
		}},
		{key: "send", about: "what the clients send; without it they only listen", is: listOf(ref("stream")), set: setStreams},
		{key: "flow", about: "steps that each client takes once, in order; each step waits for the answer to the previous one. A list of steps, or {steps: [...], repeat: forever, start: PHASE}", is: anyOf(atLeastOne(listOf(ref("step"))), ref("flow")), set: setFlow},
		{key: "react", about: "what clients do when they receive an event, by its name", is: mapOf(nil, ref("reaction")), set: setReact},
	},
	done: func(d *decoder, n *node, g *Group) {
		checkPopulation(d, n, g)
		checkWire(d, n, g)
		checkPeers(d, n, g)
		for i, s := range g.Send {
			item := n.get("send").items[i]
			if g.Rooms == nil && n.get("rooms") == nil && s.NeedsRoom() && s.Replay == nil {
				d.errs.add(at(item, "op"), s.needsRooms(), "add rooms: {of: 10, join: 1} to the group "+g.Name)
			}
		}
	},
}

// checkPopulation checks how many clients there are: a count, or arrivals
// that leave again.
func checkPopulation(d *decoder, n *node, g *Group) {
	count, arrive, life := n.get("count"), n.get("arrive"), n.get("life")
	switch {
	case count == nil && arrive == nil:
		for _, e := range n.keys {
			if Suggest(e.key, []string{"count"}) != "" || e.key == "clients" {
				return // reported as the unknown key that it is
			}
		}
		d.errs.add(n.at, "a group has no `count`", "write count: 100")
	case count != nil && arrive != nil:
		d.errs.add(arrive.at, "a group has a count or arrivals, not both", "remove one")
	case arrive != nil && life == nil:
		d.errs.add(arrive.at, "clients that arrive must leave again", "say how long they stay, such as life: exp(6m)")
	case arrive != nil && n.get("connect") != nil && n.get("connect").get("rate") != nil:
		d.errs.add(at(n.get("connect"), "rate"), "arrive is already the connect rate", "remove rate")
	case arrive != nil && g.Connect.Shape == "burst":
		d.errs.add(at(n.get("connect"), "shape"), "arrivals cannot come all at once", "write shape: linear or poisson")
	case life != nil && count != nil && !g.Life.IsZero() && g.Connect.Rate > 0 && g.Connect.Shape != "burst":
		if need := float64(g.Count) / g.Life.Mean(); need > g.Connect.Rate {
			d.errs.add(life.at, fmt.Sprintf("replacing the clients that leave takes %.0f connections a second, and connect.rate allows %s", math.Ceil(need), trimmed(g.Connect.Rate)), "raise connect.rate, or lengthen life")
		}
	}
}

var reconnectTable = object[Reconnect]{
	what: "reconnect",
	def:  "reconnect", about: "Clients that lose their connection come back.",
	lone:  alone,
	fresh: func() Reconnect { return Reconnect{Min: time.Second, Max: 5 * time.Second, Jitter: 0.5} },
	fields: []field[Reconnect]{
		{key: "min", about: "shortest wait before connecting again", is: aDuration, def: "1s", set: func(d *decoder, n *node, r *Reconnect) { r.Min = d.duration(n, "min", time.Millisecond, maxWait) }},
		{key: "max", about: "longest wait, after several failures", is: aDuration, def: "5s", set: func(d *decoder, n *node, r *Reconnect) { r.Max = d.duration(n, "max", time.Millisecond, maxWait) }},
		{key: "jitter", about: "random part of a wait, as a share of it", is: aShare, def: "50%", set: func(d *decoder, n *node, r *Reconnect) {
			r.Jitter = d.share(n, "jitter")
		}},
		{key: "refused", about: "go on also after a middleware of the server has refused the client; the official client gives up then", is: aBool, def: false, set: func(d *decoder, n *node, r *Reconnect) { r.Refused = d.bool(n, "refused") }},
		{key: "recover", about: "ask to come back as the same socket, with its rooms and missed messages", is: aBool, def: false, set: func(d *decoder, n *node, r *Reconnect) { r.Recover = d.bool(n, "recover") }},
	},
	done: func(d *decoder, n *node, r *Reconnect) {
		if r.Max < r.Min {
			d.errs.add(at(n, "max"), fmt.Sprintf("max %s is below min %s", formatDuration(r.Max), formatDuration(r.Min)), "raise max or lower min")
		}
	},
}

var connectTable = object[Connect]{
	what: "connect",
	def:  "connect", about: "How the clients connect.",
	lone:  "rate",
	fresh: func() Connect { return Connect{Rate: 1000, Shape: "linear", Timeout: 10 * time.Second} },
	fields: []field[Connect]{
		{key: "rate", about: "at most so many", is: aRate, def: "1k/s", set: func(d *decoder, n *node, c *Connect) { c.Rate = d.rate(n, "the connect rate", 1e6) }},
		{key: "shape", about: "evenly, at random, or all at once", is: oneOf(shapes...), def: "linear", set: func(d *decoder, n *node, c *Connect) {
			c.Shape = d.oneOf(n, "connect shape", shapes)
		}},
		{key: "timeout", about: "to connect and join the namespace", is: aDuration, def: "10s", set: func(d *decoder, n *node, c *Connect) {
			c.Timeout = d.duration(n, "timeout", time.Millisecond, maxWait)
		}},
		{key: "from", about: "local addresses to connect from, in turn: each has the system's range of ports to itself", is: anyOf(aText, setOf(aText)), set: func(d *decoder, n *node, c *Connect) { c.From = d.strings(n, "from", checkAddr) }},
	},
}

var roomsTable = object[Rooms]{
	what: "rooms",
	def:  "rooms", about: "The rooms that the clients join.",
	lone:  "of",
	fresh: func() Rooms { return Rooms{Prefix: "r", Join: 1} },
	fields: []field[Rooms]{
		{key: "of", about: "how many rooms there are", is: aCount, required: "write of: 100", set: func(d *decoder, n *node, r *Rooms) { r.Of = d.count(n, "of", 1, maxRooms) }},
		{key: "prefix", about: "of their names", is: aText, def: "r", set: func(d *decoder, n *node, r *Rooms) {
			r.Prefix = d.string(n, "prefix", func(s string) *flaw {
				if len(s) > 64 || strings.ContainsFunc(s, breaksLine) {
					return wrong(s, "prefix of room names", "use at most 64 printable characters")
				}
				return nil
			})
		}},
		{key: "join", about: "number of different rooms that each client joins", is: anyOf(aCount, aDistributionOfNumbers), def: 1, set: func(d *decoder, n *node, r *Rooms) { d.roomJoins(n, r) }},
		{key: "size", about: "distribution of the room sizes: zipf(1.07), uniform(5,50), ...; default: equal sizes", is: aRanking, set: func(d *decoder, n *node, r *Rooms) { r.Size = d.roomSize(n) }},
		{key: "move", about: "how long until a client leaves one of its rooms for another: 2m, exp(2m); default: never", is: aLength, set: func(d *decoder, n *node, r *Rooms) { r.Move = d.lengths(n, "move") }},
	},
	done: func(d *decoder, n *node, r *Rooms) {
		if r.Of > 0 && r.Join > r.Of {
			d.errs.add(at(n, "join"), fmt.Sprintf("each client joins %d different rooms of %d", r.Join, r.Of), "lower join or raise of")
		}
		if r.Of > 0 && r.Join >= r.Of && n.get("move") != nil {
			d.errs.add(at(n, "move"), "each client is in every room, so it has no other room to move to", "raise of, or remove move")
		}
	},
}

var streamTable = object[Stream]{
	what: "stream",
	def:  "stream", about: "A schedule of messages; latency counts from the scheduled time.",
	shape: form{"oneOf": []form{
		with(form{"required": []string{"op", "rate"}}, "not", requireOne("anyOf", "replay", "speed", "clients")),
		with(form{"required": []string{"replay"}}, "not", requireOne("anyOf", "rate", "per", "arrival")),
	}},
	advice: map[string]string{
		"to": "write op: room with rooms: in the group, or op: all", "interval": "did you mean `rate`? An interval of 100ms is rate: 10/s", "every": "did you mean `rate`? An interval of 100ms is rate: 10/s", "timeout": "did you mean `ack`?",
		"emit": "write op: emit, event: and the name, and data: and its argument; or name it in contract: {operations: ...} and write op: with that name", "name": "did you mean `event`?", "payload": "did you mean `data`?", "message": "did you mean `data`?", "body": "did you mean `data`?", "room": "write op: room, with rooms: in the group", "broadcast": "write op: all",
	},
	fresh: func() Stream {
		return Stream{Arrival: "constant", Size: 128, Late: 5 * time.Second, Scale: true, Away: AwayHold}
	},
	fields: []field[Stream]{
		{key: "op", about: "an operation of the contract; without a contract echo: to the sender, room: to the members of one of its rooms, all: to the whole namespace, peers: to the others in its room by data channels (key peers of the group); emit: any event of the server's own", is: anyOf(form{"enum": operations}, form{"type": "string", "pattern": reOperation.String()}, aVariable), required: "write op: echo, room, all, peers or emit", unless: "replay", set: func(d *decoder, n *node, s *Stream) { d.streamOp(n, s) }},
		{key: "peer", about: "how the receiver of a message is chosen, for operations with a peer; default: random", is: anyOf(oneOf(peerPicks...), ref("peer")), set: setPeer},
		{key: "event", about: "name of the event; default: echo for op: echo, else msg", is: anEvent, set: func(d *decoder, n *node, s *Stream) { s.Event = d.string(n, "event", checkEvent) }},
		{key: "rate", about: "messages at load: 100%, per client, group or room (key per)", is: aRate, required: "write rate: 1/s", unless: "replay", set: func(d *decoder, n *node, s *Stream) { s.Rate = d.rate(n, "rate", maxRate) }},
		{key: "per", about: "what the rate is for: each client, the whole group, or each room; default: group where a whole namespace receives the message, else client", is: oneOf(pers...), set: func(d *decoder, n *node, s *Stream) {
			s.Per = d.oneOf(n, "per", pers)
		}},
		{key: "replay", about: "a recorded log whose messages are sent at their recorded times, instead of rate: CSV with the columns time, user, room, event, size or body", is: aText, set: setReplay},
		{key: "speed", about: "of a replay: 2x is twice as fast as recorded; default 1x", is: likeText(`^\s*` + plain + `\s*x\s*$`), set: setSpeed},
		{key: "clients", about: "of a replay; by user (default): each client sends what one user of the log sent; in turn: connected clients take turns", is: oneOf(byUser, inTurn), set: func(d *decoder, n *node, _ *Stream) {
			d.oneOf(n, "way to choose clients", []string{byUser, inTurn})
		}},
		{key: "arrival", about: "evenly, at random, or all in the same moment; burst(8): each client, room or group sends eight at once", is: anyOf(form{"enum": []string{"constant", "poisson", "burst"}}, form{"type": "string", "pattern": reBurst.String()}, aVariable), def: "constant", set: func(d *decoder, n *node, s *Stream) {
			s.Arrival = d.string(n, "arrival", checkArrival)
			if m := reBurst.FindStringSubmatch(s.Arrival); m != nil {
				s.Arrival = "burst"
				s.Burst, _ = strconv.Atoi(m[1]) // the check has read it
			}
		}},
		{key: "size", about: "size of the data; at least 48B, except with expect: none", is: anyOf(aSize, aDistribution), def: "128B", set: func(d *decoder, n *node, s *Stream) { d.sizes(n, s) }},
		// what it may name depends on the operation: see finishStream
		{key: "data", about: "the message instead of an object of that size; ${payload} is one", is: anything, set: func(*decoder, *node, *Stream) {}},
		{key: "binary", about: "the payload is binary instead of an object", is: aBool, def: false, set: func(d *decoder, n *node, s *Stream) { s.Binary = d.bool(n, "binary") }},
		// resolved by the group
		{key: "namespace", about: "one of the group's namespaces; default: the first", is: aText, set: func(d *decoder, n *node, s *Stream) { d.string(n, "namespace", checkNamespace) }},
		{key: "volatile", about: "the server may drop the messages: losses are counted separately and are not failures", is: aBool, def: false, set: func(d *decoder, n *node, s *Stream) { s.Volatile = d.bool(n, "volatile") }},
		{key: "away", about: "messages that are due while their sender is disconnected: hold sends them when it is back; drop drops them, as volatile messages are", is: oneOf(aways...), def: AwayHold, set: func(d *decoder, n *node, s *Stream) {
			s.Away = d.oneOf(n, "word", aways)
		}},
		{key: "ack", about: "ask for an acknowledgement and wait this long for it", is: aDuration, set: func(d *decoder, n *node, s *Stream) { s.Ack = d.duration(n, "ack", time.Millisecond, maxWait) }},
		{key: "match", about: "values that must stand at these paths of the acknowledgement, such as $.ok: true; else it is an error. ${payload} is what was sent, ${seq} the number of the message", is: aMatch, set: func(d *decoder, n *node, s *Stream) { s.Match = d.matches(n, d.of(matchScope)) }},
		{key: "expect", about: "clients that should receive it", is: oneOf(receivers...), set: func(d *decoder, n *node, s *Stream) {
			s.Expect = d.oneOf(n, "expect", receivers)
		}},
		{key: "late", about: "a delivery later than this is late", is: aDuration, def: "5s", set: func(d *decoder, n *node, s *Stream) { s.Late = d.duration(n, "late", time.Millisecond, maxWait) }},
		{key: "scale", about: "false keeps the rate while a phase scales the load", is: aBool, def: true, set: func(d *decoder, n *node, s *Stream) { s.Scale = d.bool(n, "scale") }},
	},
	done: finishStream,
}

var aways = []string{AwayHold, AwayDrop}

// reBurst is a burst of so many.
var reBurst = regexp.MustCompile(`^burst\((\d+)\)$`)

func checkArrival(s string) *flaw {
	m := reBurst.FindStringSubmatch(s)
	if m == nil {
		return checkWord(s, "arrival", []string{"constant", "poisson", "burst", "burst(8)"})
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < 1 || n > maxBurst {
		return wrong(s, "arrival", fmt.Sprintf("write burst(1) to burst(%d)", maxBurst))
	}
	return nil
}

// maxBurst is how many messages of one source may be due at once.
const maxBurst = 100_000

// finishStream fills in the defaults that depend on the operation and checks
// what the operation allows.
func finishStream(d *decoder, n *node, s *Stream) {
	finishReplay(d, n, s)
	if data := n.get("data"); data != nil && !data.null && s.Operation == nil {
		sc := dataScope
		if s.Op == OpRoom {
			sc = roomDataScope
		}
		if d.framed() {
			s.Data = d.frame(data, d.of(sc))
		} else {
			s.Data = jsonTemplate(d, data, d.of(sc))
		}
	}
	if s.Operation != nil {
		d.finishCall(n, s)
		finishSchedule(d, n, s)
		return
	}
	s.finishPeer(d, n)
	s.To.Kind = map[string]string{OpEcho: ToSelf, OpRoom: ToRoom, OpPeers: ToRoom, OpAll: ToAll, OpEmit: ToNone}[s.Op]
	event, per, expects := "msg", "client", []string{"all", "others", "none"}
	switch s.Op {
	case OpEcho:
		event, expects = "echo", []string{"self", "none"}
		if s.Ack > 0 {
			expects = []string{"none"} // the acknowledgement is the answer: nothing else comes back
		}
	case OpAll:
		per = "group"
	case OpPeers:
		expects = []string{"others"}
		d.checkToPeers(n, s)
	case OpEmit:
		expects = []string{"none"}
	}
	if s.Event == "" {
		s.Event = event
	}
	if s.Per == "" {
		s.Per = per
	}
	if s.Op != "" && s.Expect != "" && !slices.Contains(expects, s.Expect) {
		d.errs.add(at(n, "expect"), fmt.Sprintf("op: %s%s cannot expect: %s", s.Op, map[bool]string{true: " with ack:"}[s.Op == OpEcho && s.Ack > 0], s.Expect), "write "+strings.Join(expects, " or "))
	}
	if s.Expect == "" {
		s.Expect = expects[0]
	}
	d.checkMessage(n, s)
	finishSchedule(d, n, s)
}

// finishSchedule checks what streams with and without a contract have in common.
func finishSchedule(d *decoder, n *node, s *Stream) {
	if m := n.get("match"); m != nil && s.Ack == 0 {
		d.errs.add(m.at, "the stream asks for no acknowledgement, so there is nothing to match", "add ack: 2s")
	}
	checkBack(d, n, s)
	if s.Volatile && s.Ack > 0 {
		d.errs.add(at(n, "volatile"), "a volatile message may be dropped, and is then never acknowledged", "remove ack or volatile")
	}
	if s.Per == "room" && s.Op != "" && !s.NeedsRoom() {
		d.errs.add(at(n, "per"), fmt.Sprintf("per: room needs an operation that goes to a room, and op: %s does not", s.Op), "write per: client or per: group")
	}
}

// checkBack refuses a match with the payload where the acknowledgement cannot bring it back.
func checkBack(d *decoder, n *node, s *Stream) {
	o := s.Operation
	switch {
	case !s.ExpectsBack():
	case s.Binary:
		d.errs.add(at(n, "match"), "the payload is binary, and match compares texts", "remove ${payload} from match, or binary")
	case o != nil && o.Emit.Has(HoleStamp):
		d.errs.add(at(n, "match"), fmt.Sprintf("the payload of `%s` has no stamp to know it by: ${stamp} stands in a place of its own", o.Name), "remove ${payload} from match")
	case o != nil && !o.Emit.Has(HolePayload):
		d.errs.add(at(n, "match"), fmt.Sprintf("`%s` sends no ${payload} that its acknowledgement could bring back", o.Name), "put it into its emit")
	case s.Op == OpEmit && !s.Data.IsZero() && !s.Data.Has(HolePayload):
		d.errs.add(at(n, "match"), "data has no ${payload} that the acknowledgement could bring back", "put it into data")
	}
}

// at is where a key of a mapping has its value, or the mapping when the key
// is not there.
func at(n *node, key string) place {
	if v := n.get(key); v != nil {
		return v.at
	}
	return n.at
}

func setGroups(d *decoder, n *node, s *Spec) {
	if !d.isDict(n, "groups") {
		return
	}
	if len(n.keys) == 0 {
		d.errs.add(n.at, "`groups` is empty: nobody would connect", "write groups: {viewers: {count: 100}}")
	}
	for _, e := range n.keys {
		if home := d.homes[e.key]; home != "" && e.val.kind == list {
			d.errs.add(e.at, fmt.Sprintf("`%s` stands among the groups", clip(e.key)), home)
			continue
		}
		g := groupTable.start()
		g.Name = e.key
		if !reGroup.MatchString(e.key) {
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for a group", clip(e.key)), "use a-z, 0-9 and _, starting with a letter")
		}
		if e.val.null {
			d.errs.add(e.at, fmt.Sprintf("the group %s has no value", clip(e.key)), "write count: 100 under it")
			continue
		}
		d.group, d.captured = e.key, d.beforeNames(e.val)
		g.Captured = d.captured
		groupTable.decode(d, e.val, &g)
		d.group, d.captured = "", nil
		d.places["group "+e.key] = e.val
		s.Groups = append(s.Groups, g)
	}
}

func setPlace(d *decoder, n *node, g *Group) {
	if !d.isDict(n, "place") {
		return
	}
	if len(n.keys) == 0 {
		d.errs.add(n.at, "place names no label", "write place: {zone: a}, as agents are started with --label zone=a")
	}
	for _, e := range n.keys {
		if !reLabel.MatchString(e.key) {
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for a label", clip(e.key)), "use letters, digits, _, . and -")
		}
		put(&g.Place, e.key, d.string(e.val, "label "+e.key, notEmpty("label "+e.key, "write a value such as a")))
	}
}

var reLabel = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func setTransport(d *decoder, n *node, g *Group) {
	if n.kind == list {
		d.errs.add(n.at, "transport is one transport, or shares of several, not a list", "write transport: upgrade to begin with polling, as browsers do, or shares such as {websocket: 90%, polling: 10%}")
		return
	}
	if n.kind != dict {
		g.Transport = []Share{{d.oneOf(n, "transport", transports), 1}}
		return
	}
	g.Transport = nil
	sum, before := 0.0, d.errs.hits
	for _, e := range n.keys {
		if f := checkWord(e.key, "transport", transports); f != nil {
			d.errs.add(e.at, f.msg, f.hint)
		}
		share := read(d, e.val, "share", parsePercent, nil)
		sum += share
		g.Transport = append(g.Transport, Share{e.key, share})
	}
	if d.errs.hits == before && (sum < 1-1e-9 || sum > 1+1e-9) {
		d.errs.add(n.at, fmt.Sprintf("the shares of the transports sum to %s%%", strconv.FormatFloat(sum*100, 'g', 10, 64)), "make them 100%")
	}
}

func setStreams(d *decoder, n *node, g *Group) {
	if !d.isList(n, "send") {
		return
	}
	for _, item := range n.items {
		g.Send = append(g.Send, *decoded(d, item, &streamTable))
	}
}

func checkEvent(s string) *flaw {
	switch {
	case s == "" || len(s) > 128 || strings.ContainsFunc(s, breaksLine):
		return wrong(s, "event name", "use 1 to 128 printable characters")
	case slices.Contains(reservedEvents, s):
		return &flaw{fmt.Sprintf("the event name `%s` is reserved by Socket.IO", s), "choose another"}
	}
	return nil
}

func checkHeader(name string) *flaw {
	lower := strings.ToLower(name)
	switch {
	case !reToken.MatchString(name):
		return &flaw{fmt.Sprintf("%q is not the name of a header", clip(name)), "use letters, digits and -"}
	case slices.Contains(upgradeHeaders, lower) || strings.HasPrefix(lower, "sec-websocket-"):
		return &flaw{fmt.Sprintf("the header %s belongs to the connection", name), "remove it"}
	}
	return nil
}

func (d *decoder) namedTemplates(n *node, what string, check func(string) *flaw) []Field {
	return d.fieldsIn(n, what, check, d.of(clientScope))
}

func (d *decoder) fieldsIn(n *node, what string, check func(string) *flaw, sc *scope) []Field {
	if !d.isDict(n, what) {
		return nil
	}
	var out []Field
	for _, e := range n.keys {
		if f := check(e.key); f != nil {
			d.errs.add(e.at, f.msg, f.hint)
		}
		if e.val.kind != scalar || e.val.null {
			d.errs.add(e.val.at, fmt.Sprintf("%s must be a single value, not %s", clip(e.key), e.val.describe()), e.val.single())
			continue
		}
		v, ok := d.expand(e.val, sc)
		if !ok {
			continue
		}
		for _, part := range v.parts {
			if strings.ContainsFunc(part, breaksLine) {
				d.bad(v, &flaw{clip(e.key) + " holds a control character", "write it on one line"})
			}
		}
		out = append(out, Field{e.key, textTemplate(v)})
	}
	return out
}
