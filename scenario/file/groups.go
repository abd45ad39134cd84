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

// The tables of a group and of what stands in it.

var groupTable = object[Group]{
	what:   "group",
	advice: map[string]string{"on": "did you mean `react`? YAML 1.1 reads on as true", "clients": "did you mean `count`?", "sends": "did you mean `send`?", "ns": "did you mean `namespace`?"},
	fields: []field[Group]{
		{key: "count", set: func(d *decoder, n *node, g *Group) { g.Count = d.count(n, "count", 0, maxClients) }},
		{key: "arrive", set: func(d *decoder, n *node, g *Group) { g.Arrive = d.rate(n, "arrive", 1e6) }},
		{key: "life", set: func(d *decoder, n *node, g *Group) { g.Life = d.lengths(n, "life") }},
		{key: "connect", set: func(d *decoder, n *node, g *Group) { connectTable.decode(d, n, &g.Connect) }},
		{key: "transport", set: setTransport},
		{key: "parser", set: func(d *decoder, n *node, g *Group) { g.Parser = d.oneOf(n, "parser", parsers, nil) }},
		{key: "poll", set: func(d *decoder, n *node, g *Group) { g.Poll = d.duration(n, "poll", time.Millisecond, maxWait) }},
		{key: "namespace", set: setNamespaces},
		{key: "auth", set: func(d *decoder, n *node, g *Group) {
			if d.isDict(n, "auth") {
				g.Auth = jsonTemplate(d, n, clientScope)
			}
		}},
		{key: "query", set: func(d *decoder, n *node, g *Group) {
			g.Query = d.namedTemplates(n, "query", func(name string) *flaw {
				if name == "" || slices.Contains([]string{"EIO", "transport", "sid", "t", "b64", "j"}, name) {
					return &flaw{fmt.Sprintf("the query key %q belongs to the protocol", name), "choose another"}
				}
				return nil
			})
		}},
		{key: "headers", set: func(d *decoder, n *node, g *Group) { g.Headers = d.namedTemplates(n, "headers", checkHeader) }},
		{key: "rooms", set: func(d *decoder, n *node, g *Group) {
			g.Rooms = &Rooms{Prefix: "r", Join: 1}
			roomsTable.decode(d, n, g.Rooms)
		}},
		{key: "reconnect", set: func(d *decoder, n *node, g *Group) {
			g.Reconnect = &Reconnect{Min: time.Second, Max: 5 * time.Second, Jitter: 0.5}
			reconnectTable.decode(d, n, g.Reconnect)
		}},
		{key: "read", set: func(d *decoder, n *node, g *Group) {
			g.Read = &Read{Share: 1}
			readTable.decode(d, n, g.Read)
		}},
		{key: "send", set: setStreams},
		{key: "flow", set: setFlow},
		{key: "react", set: setReact},
	},
	done: func(d *decoder, n *node, g *Group) {
		checkPopulation(d, n, g)
		checkWire(d, n, g)
		for i, s := range g.Send {
			item := n.get("send").items[i]
			if g.Rooms == nil && n.get("rooms") == nil && s.Op == OpRoom {
				d.errs.add(at(item, "op"), "a room stream needs rooms to send to", "add rooms: {of: 10, join: 1} to the group "+g.Name)
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
		d.errs.add(at(n.get("connect"), "rate"), "arrive is the connect rate already", "remove rate")
	case arrive != nil && g.Connect.Shape == "burst":
		d.errs.add(at(n.get("connect"), "shape"), "arrivals cannot come all at once", "write shape: linear or poisson")
	case life != nil && count != nil && !g.Life.IsZero() && g.Connect.Rate > 0 && g.Connect.Shape != "burst":
		if need := float64(g.Count) / g.Life.Mean(); need > g.Connect.Rate {
			d.errs.add(life.at, fmt.Sprintf("replacing those who leave takes %.0f connections a second, and connect.rate allows %s", math.Ceil(need), trimmed(g.Connect.Rate)), "raise connect.rate, or lengthen life")
		}
	}
}

var reconnectTable = object[Reconnect]{
	what: "reconnect",
	fields: []field[Reconnect]{
		{key: "min", set: func(d *decoder, n *node, r *Reconnect) { r.Min = d.duration(n, "min", time.Millisecond, maxWait) }},
		{key: "max", set: func(d *decoder, n *node, r *Reconnect) { r.Max = d.duration(n, "max", time.Millisecond, maxWait) }},
		{key: "jitter", set: func(d *decoder, n *node, r *Reconnect) {
			r.Jitter = d.share(n, "jitter")
		}},
		{key: "recover", set: func(d *decoder, n *node, r *Reconnect) { r.Recover = d.bool(n, "recover") }},
	},
	done: func(d *decoder, n *node, r *Reconnect) {
		if r.Max < r.Min {
			d.errs.add(at(n, "max"), fmt.Sprintf("max %s is below min %s", formatDuration(r.Max), formatDuration(r.Min)), "raise max or lower min")
		}
	},
}

var connectTable = object[Connect]{
	what: "connect",
	fields: []field[Connect]{
		{key: "rate", set: func(d *decoder, n *node, c *Connect) { c.Rate = d.rate(n, "the connect rate", 1e6) }},
		{key: "shape", set: func(d *decoder, n *node, c *Connect) {
			c.Shape = d.oneOf(n, "connect shape", []string{"linear", "poisson", "burst"}, nil)
		}},
		{key: "timeout", set: func(d *decoder, n *node, c *Connect) {
			c.Timeout = d.duration(n, "timeout", time.Millisecond, maxWait)
		}},
		{key: "from", set: func(d *decoder, n *node, c *Connect) { c.From = d.strings(n, "from", checkAddr) }},
	},
}

var roomsTable = object[Rooms]{
	what: "rooms",
	fields: []field[Rooms]{
		{key: "of", required: "write of: 100", set: func(d *decoder, n *node, r *Rooms) { r.Of = d.count(n, "of", 1, maxRooms) }},
		{key: "prefix", set: func(d *decoder, n *node, r *Rooms) {
			r.Prefix = d.string(n, "prefix", func(s string) *flaw {
				if len(s) > 64 || strings.ContainsFunc(s, breaksLine) {
					return wrong(s, "prefix of room names", "use at most 64 printable characters")
				}
				return nil
			})
		}},
		{key: "join", set: func(d *decoder, n *node, r *Rooms) { d.roomJoins(n, r) }},
		{key: "size", set: func(d *decoder, n *node, r *Rooms) { r.Size = d.roomSize(n) }},
		{key: "move", set: func(d *decoder, n *node, r *Rooms) { r.Move = d.lengths(n, "move") }},
	},
	done: func(d *decoder, n *node, r *Rooms) {
		if r.Of > 0 && r.Join > r.Of {
			d.errs.add(at(n, "join"), fmt.Sprintf("each client joins %d different rooms of %d", r.Join, r.Of), "lower join or raise of")
		}
		if r.Of > 0 && r.Join >= r.Of && n.get("move") != nil {
			d.errs.add(at(n, "move"), "clients that are in every room have none to move to", "raise of, or remove move")
		}
	},
}

var streamTable = object[Stream]{
	what:   "stream",
	advice: map[string]string{"to": "write op: room with rooms: in the group, or op: all", "interval": "did you mean `rate`? An interval of 100ms is rate: 10/s", "every": "did you mean `rate`? An interval of 100ms is rate: 10/s", "timeout": "did you mean `ack`?"},
	fields: []field[Stream]{
		{key: "op", required: "write op: echo, room, all or emit", set: func(d *decoder, n *node, s *Stream) {
			s.Op = d.oneOf(n, "operation", []string{OpEcho, OpRoom, OpAll, OpEmit}, nil)
		}},
		{key: "event", set: func(d *decoder, n *node, s *Stream) { s.Event = d.string(n, "event", checkEvent) }},
		{key: "rate", required: "write rate: 1/s", set: func(d *decoder, n *node, s *Stream) { s.Rate = d.rate(n, "rate", maxRate) }},
		{key: "per", set: func(d *decoder, n *node, s *Stream) {
			s.Per = d.oneOf(n, "per", []string{"client", "group", "room"}, nil)
		}},
		{key: "arrival", set: func(d *decoder, n *node, s *Stream) {
			s.Arrival = d.string(n, "arrival", checkArrival)
			if m := reBurst.FindStringSubmatch(s.Arrival); m != nil {
				s.Arrival = "burst"
				s.Burst, _ = strconv.Atoi(m[1]) // the check has read it
			}
		}},
		{key: "size", set: func(d *decoder, n *node, s *Stream) { d.sizes(n, s) }},
		{key: "data", set: func(*decoder, *node, *Stream) {}}, // what it may name depends on the operation: see finishStream
		{key: "binary", set: func(d *decoder, n *node, s *Stream) { s.Binary = d.bool(n, "binary") }},
		{key: "namespace", set: func(d *decoder, n *node, s *Stream) { d.string(n, "namespace", checkNamespace) }}, // resolved by the group
		{key: "volatile", set: func(d *decoder, n *node, s *Stream) { s.Volatile = d.bool(n, "volatile") }},
		{key: "ack", set: func(d *decoder, n *node, s *Stream) { s.Ack = d.duration(n, "ack", time.Millisecond, maxWait) }},
		{key: "expect", set: func(d *decoder, n *node, s *Stream) {
			s.Expect = d.oneOf(n, "expect", []string{"all", "others", "self", "none"}, nil)
		}},
		{key: "late", set: func(d *decoder, n *node, s *Stream) { s.Late = d.duration(n, "late", time.Millisecond, maxWait) }},
		{key: "scale", set: func(d *decoder, n *node, s *Stream) { s.Scale = d.bool(n, "scale") }},
	},
	done: finishStream,
}

// reBurst is a burst of so many.
var reBurst = regexp.MustCompile(`^burst\((\d+)\)$`)

func checkArrival(s string) *flaw {
	m := reBurst.FindStringSubmatch(s)
	if m == nil {
		return checkWord(s, "arrival", []string{"constant", "poisson", "burst", "burst(8)"}, nil)
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
	if data := n.get("data"); data != nil && !data.null {
		sc := dataScope
		if s.Op == OpRoom {
			sc = roomDataScope
		}
		s.Data = jsonTemplate(d, data, sc)
	}
	event, per, expects := "msg", "client", []string{"all", "others", "none"}
	switch s.Op {
	case OpEcho:
		event, expects = "echo", []string{"self", "none"}
		if s.Ack > 0 {
			expects = []string{"none"} // the acknowledgement is the answer: nothing else comes back
		}
	case OpAll:
		per = "group"
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
	if s.Volatile && s.Ack > 0 {
		d.errs.add(at(n, "volatile"), "a volatile message may be dropped, and nobody would acknowledge it", "remove ack or volatile")
	}
	if s.Per == "room" && s.Op != "" && s.Op != OpRoom {
		d.errs.add(at(n, "per"), fmt.Sprintf("per: room needs op: room, not op: %s", s.Op), "write per: client or per: group")
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
		g := Group{
			Name: e.key, Namespace: "/", Parser: "json", Poll: time.Second, Transport: []Share{{"websocket", 1}},
			Connect: Connect{Rate: 1000, Shape: "linear", Timeout: 10 * time.Second},
		}
		if !reGroup.MatchString(e.key) {
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for a group", clip(e.key)), "use a-z, 0-9 and _, starting with a letter")
		}
		if e.val.null {
			d.errs.add(e.at, fmt.Sprintf("the group %s has no value", clip(e.key)), "write count: 100 under it")
			continue
		}
		d.group = e.key
		groupTable.decode(d, e.val, &g)
		d.group = ""
		d.places["group "+e.key] = e.val
		s.Groups = append(s.Groups, g)
	}
}

func setTransport(d *decoder, n *node, g *Group) {
	if n.kind != dict {
		g.Transport = []Share{{d.oneOf(n, "transport", transports, laterTransports), 1}}
		return
	}
	g.Transport = nil
	sum, before := 0.0, d.errs.hits
	for _, e := range n.keys {
		if f := checkWord(e.key, "transport", transports, laterTransports); f != nil {
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
		s := Stream{Arrival: "constant", Size: 128, Late: 5 * time.Second, Scale: true}
		streamTable.decode(d, item, &s)
		g.Send = append(g.Send, s)
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
	return d.fieldsIn(n, what, check, clientScope)
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
			d.errs.add(e.val.at, fmt.Sprintf("%s must be a single value, not %s", clip(e.key), e.val.describe()), "")
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
