package draft

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An operation is what has been concluded of an event.
type operation struct {
	*event
	op      string // its name in the contract; "" for joins and leaves
	room    int    // place of the text that names the room; -1: none
	payload int    // place of the text that is the payload; -1: none
	to      string
	others  bool
	deliver string
	acked   bool
	doubt   string // what a reader must look at
}

var (
	reJoin  = regexp.MustCompile(`(?i)join|subscribe|enter`)
	reLeave = regexp.MustCompile(`(?i)leave|unsubscribe|exit|part$`)
	reRoom  = regexp.MustCompile(`(?i)room|channel|conversation|topic|group|thread`)
)

// A conclusion is what has been concluded of all traffic.
type conclusion struct {
	join, leave *operation // nil: none was seen
	ops         []*operation
	of          []*operation // by place of the event
	rooms       map[int32]bool
}

// conclude finds out what the events do. All pending messages are settled.
func (o *Observer) conclude() *conclusion {
	for _, m := range o.pending {
		o.settle(m)
	}
	o.pending = nil
	c := &conclusion{rooms: map[int32]bool{}}
	for _, e := range o.events {
		c.of = append(c.of, &operation{event: e, room: -1, payload: -1, acked: e.asked > 0 && e.answered*10 >= e.asked*9})
	}
	c.findRooms(o)
	taken := map[string]bool{"emit": true}
	for i, op := range c.of {
		if op == c.join || op == c.leave {
			continue
		}
		op.op = unique(slug(op.name, "send"), taken)
		c.roomOf(o, op, i)
		op.payloadOf()
		op.audience(len(o.clients))
		c.ops = append(c.ops, op)
	}
	return c
}

// openings are the events that clients send once and first when they have just come, and that come
// out nowhere: a greeting, or the opening of a document.
func (o *Observer) openings(c *conclusion) (list []*operation) {
	for _, op := range c.ops {
		if op.to == "none" && op.room < 0 && op.n == len(op.clients) {
			list = append(list, op)
		}
	}
	for before := -1; before != len(list); {
		before = len(list)
		begun := map[int32]bool{}
		for _, r := range o.rows {
			if r.event < 0 || c.of[r.event] == c.join {
				continue
			}
			at, cl := slices.Index(list, c.of[r.event]), o.clients[r.client]
			switch {
			case at < 0:
				begun[r.client] = true
			case begun[r.client] || o.began.Add(r.at).Sub(cl.opened) > opensWithin:
				list = slices.Delete(list, at, at+1)
			}
		}
	}
	return list
}

// opensWithin is the time in which a client that has come has sent its openings.
const opensWithin = 2 * time.Second

// findRooms finds the events by which clients join and leave rooms: such a name, and a text.
func (c *conclusion) findRooms(o *Observer) {
	for i, op := range c.of {
		at := op.roomText()
		if at < 0 || reLeave.MatchString(op.name) || !reJoin.MatchString(op.name) {
			continue
		}
		op.room, c.join = at, op
		for _, r := range o.rows {
			if r.event == int32(i) && r.words[at] >= 0 {
				c.rooms[r.words[at]] = true
			}
		}
		break
	}
	for _, op := range c.of {
		if at := op.roomText(); at >= 0 && c.join != nil && op.namespace == c.join.namespace && reLeave.MatchString(op.name) {
			op.room, c.leave = at, op
			return
		}
	}
}

// roomText is the place of the text that may name a room; -1: none.
func (op *operation) roomText() int {
	if op.odd || len(op.texts) == 0 {
		return -1
	}
	at := slices.IndexFunc(op.texts, func(t *text) bool { return reRoom.MatchString(lastKey(t.path)) })
	if at < 0 && len(op.texts) == 1 {
		at = 0
	}
	if at < 0 || op.texts[at].long || secret(op.name, op.texts[at].path, nil) {
		return -1
	}
	return at
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// roomOf finds the text of an event that names a room which clients have joined.
func (c *conclusion) roomOf(o *Observer, op *operation, place int) {
	if len(c.rooms) == 0 || op.odd {
		return
	}
	for at := range op.texts {
		n, known := 0, 0
		for _, r := range o.rows {
			if r.event == int32(place) {
				n++
				if r.words[at] >= 0 && c.rooms[r.words[at]] {
					known++
				}
			}
		}
		if known*20 >= n*19 {
			op.room = at
			return
		}
	}
}

// payloadOf finds the text that is the payload: of those that came out again about as often as any,
// the longest, and an address only where nothing else did. Beside what a person wrote an id of the
// client's may come back with every message, or the address of the sender's picture.
func (op *operation) payloadOf() {
	if op.odd {
		return
	}
	most := 0
	for i := range op.texts {
		if op.mayBePayload(i) {
			most = max(most, op.texts[i].hits)
		}
	}
	for i, t := range op.texts {
		if most == 0 || !op.mayBePayload(i) || t.hits*10 < most*9 {
			continue
		}
		if op.payload < 0 || t.plainer(op.texts[op.payload], op.n) {
			op.payload = i
		}
	}
}

// plainer reports whether a text is the likelier payload of n messages than another.
func (t *text) plainer(than *text, n int) bool {
	if is, was := t.addresses == n, than.addresses == n; is != was {
		return was
	}
	return t.bytes > than.bytes
}

// mayBePayload reports whether a text of the event is none that names its room, or says the same in
// every message.
func (op *operation) mayBePayload(i int) bool {
	return i != op.room && (op.varies[op.texts[i].path] || op.n == 1)
}

// audience finds out who received the messages.
func (op *operation) audience(clients int) {
	op.to = "none"
	if op.payload < 0 || op.matched == 0 {
		switch {
		case op.odd:
			op.doubt = "its arguments have several forms, or keys that may be secret: they are drafted from the first message, without what they hold"
		case len(op.delivered) == 0 && op.room >= 0:
			op.doubt = "no text of it came out again: if clients receive something for it, put \"${payload}\" or \"${stamp}\" into emit and say who in to:"
		}
		return
	}
	self, others := op.toSelf*2 >= op.matched, op.toOthers*2 >= op.matched
	op.deliver = most(op.delivered)
	switch {
	case op.room >= 0:
		op.to, op.others = "room", !self
	case others && op.reach < 0.6*float64(op.toOthers):
		op.to, op.deliver, op.payload = "none", "", -1
		op.doubt = "it reached single clients: say which in to:, and put \"${payload}\" into emit"
	case others && self:
		op.to = "all"
	case others:
		op.to = "others"
	case clients < 2:
		op.to, op.doubt = "self", "only one client was seen: say all where every client receives it"
	default:
		op.to = "self"
	}
}

// most is the name with the largest count; "" when it is no clear majority.
func most(counts map[string]int) string {
	all, best := 0, ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all += counts[name]
		if best == "" || counts[name] > counts[best] {
			best = name
		}
	}
	if counts[best]*5 < all*4 {
		return ""
	}
	return best
}

// slug makes a name of the scenario out of a text.
func slug(s, otherwise string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	return cmp.Or(strings.TrimSuffix(b.String(), "-"), otherwise)
}

func unique(name string, taken map[string]bool) string {
	out := name
	for n := 2; taken[out]; n++ {
		out = name + strconv.Itoa(n)
	}
	taken[out] = true
	return out
}

// A population is the clients that do the same.
type population struct {
	name    string
	ids     []int32
	count   int // of them, the most that were there at once: who comes back is another one
	spaces  []string
	seconds float64 // that they were connected, together
	ops     []*operation
}

const maxPopulations = 4

// populations groups the clients by their namespaces, by their protocol and by what they send.
func (o *Observer) populations(c *conclusion) []*population {
	by := map[string]*population{}
	var list []*population
	for _, cl := range o.clients {
		if len(cl.spaces) == 0 {
			continue
		}
		p := &population{spaces: cl.spaces}
		names := slices.Clone(cl.spaces)
		if cl.engine3 {
			names = append(names, "\x00\x00")
		}
		for _, op := range c.ops {
			if op.clients[cl.id] > 0 {
				p.ops = append(p.ops, op)
				names = append(names, "\x00"+op.op)
			}
		}
		key := strings.Join(names, " ")
		if by[key] == nil {
			by[key] = p
			list = append(list, p)
		}
		by[key].ids = append(by[key].ids, cl.id)
	}
	slices.SortStableFunc(list, func(a, b *population) int { return len(b.ids) - len(a.ids) })
	for len(list) > maxPopulations {
		last := list[len(list)-1]
		list = list[:len(list)-1]
		list[nearest(list, last)].merge(last)
	}
	taken := map[string]bool{}
	for _, p := range list {
		name := "clients"
		if len(p.ops) == 0 {
			name = "listeners"
		}
		p.name = unique(name, taken)
		for _, id := range p.ids {
			cl := o.clients[id]
			until := cl.closed
			if until.IsZero() {
				until = o.last
			}
			p.seconds += math.Max(1, until.Sub(cl.opened).Seconds())
		}
		p.count = o.together(p.ids)
	}
	return list
}

// together is how many of some clients were there at once.
func (o *Observer) together(ids []int32) (most int) {
	type change struct {
		at   time.Time
		come int
	}
	var all []change
	for _, id := range ids {
		cl := o.clients[id]
		all = append(all, change{cl.opened, 1})
		if !cl.closed.IsZero() {
			all = append(all, change{cl.closed, -1})
		}
	}
	slices.SortFunc(all, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), a.come-b.come) })
	n := 0
	for _, ch := range all {
		n += ch.come
		most = max(most, n)
	}
	return most
}

// nearest is the population with the most in common.
func nearest(list []*population, p *population) int {
	best, at := -1, 0
	for i, other := range list {
		n := 0
		for _, op := range p.ops {
			if slices.Contains(other.ops, op) {
				n++
			}
		}
		if n > best {
			best, at = n, i
		}
	}
	return at
}

func (p *population) merge(q *population) {
	p.ids = append(p.ids, q.ids...)
	for _, s := range q.spaces {
		if !slices.Contains(p.spaces, s) {
			p.spaces = append(slices.Clone(p.spaces), s)
		}
	}
	for _, op := range q.ops {
		if !slices.Contains(p.ops, op) {
			p.ops = append(p.ops, op)
		}
	}
}

// perClient is how often a client of the population sends an operation.
func (p *population) perClient(op *operation) float64 {
	n := 0
	for _, id := range p.ids {
		n += op.clients[id]
	}
	return float64(n) / math.Max(1, p.seconds)
}

// rate writes a number per second.
func rate(perSecond float64) string {
	for _, unit := range []struct {
		name    string
		seconds float64
	}{{"s", 1}, {"m", 60}, {"h", 3600}} {
		if v := perSecond * unit.seconds; v >= 1 || unit.name == "h" {
			return number(math.Max(v, 0.01)) + "/" + unit.name
		}
	}
	return "1/h"
}

// number writes three digits that count.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(v))))
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// minPayload is what the stamp takes.
const minPayload = 32

// size fits the sizes of the payload: one size, or a distribution.
func (o *Observer) size(c *conclusion, op *operation) string {
	n, sum, squares, low, high := 0, 0.0, 0.0, math.MaxInt, 0
	for _, r := range o.rows {
		if r.event < 0 || c.of[r.event] != op {
			continue
		}
		v := max(int(r.sizes[op.payload]), minPayload)
		l := math.Log(float64(v))
		n, sum, squares, low, high = n+1, sum+l, squares+l*l, min(low, v), max(high, v)
	}
	if n == 0 || low == high {
		return strconv.Itoa(max(high, minPayload)) + "B"
	}
	mean := sum / float64(n)
	deviation := math.Min(4, math.Sqrt(math.Max(0, squares/float64(n)-mean*mean)))
	return "lognormal(" + strconv.Itoa(int(math.Round(math.Exp(mean)))) + "B " + number(math.Max(0.01, deviation)) + ")"
}
