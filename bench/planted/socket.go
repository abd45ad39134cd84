package planted

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
)

// A socket is a session in one namespace.
type socket struct {
	sess      *session
	namespace string
	id, pid   string
	rooms     map[string]bool
	began     int // length of the history when it was new
}

// handle does what a packet asks for. The lock is held.
func (sess *session) handle(p *socketio.Packet) error {
	namespace := string(p.Namespace)
	sock := sess.sockets[namespace]
	switch {
	case p.Type == socketio.Connect:
		return sess.connect(namespace, p.Data)
	case sock == nil:
		return errors.New("planted: a packet for a namespace that was not joined")
	case p.Type == socketio.Disconnect:
		sess.s.leave(sock, false)
		delete(sess.sockets, namespace)
		return nil
	case p.Type == socketio.Event, p.Type == socketio.BinaryEvent:
		return sock.event(p)
	}
	return nil
}

// connect answers CONNECT, for a recovered client after what it has missed.
func (sess *session) connect(namespace string, auth []byte) error {
	s := sess.s
	if s.fault(Silent, sess.number) != nil {
		s.plant(Silent, sess.number, sess.number)
		return nil
	}
	sock := &socket{sess: sess, namespace: namespace, id: s.id("i"), rooms: map[string]bool{}, began: len(s.history)}
	if s.opt.Recovery && s.opt.Parser == socketio.JSON {
		sock.pid = s.id("p")
		sock.recover(auth)
	}
	sess.sockets[namespace] = sock
	s.order = append(s.order, sock)
	answer := map[string]string{"sid": sock.id}
	if sock.pid != "" {
		answer["pid"] = sock.pid
	}
	b, err := s.opt.Parser.AppendConnect(nil, namespace, answer)
	if err != nil {
		return err
	}
	sess.enqueue(item{packets: sock.packets(b, nil)})
	return nil
}

// packets are what carries a Socket.IO packet.
func (sock *socket) packets(b []byte, attachments [][]byte) []engineio.Packet {
	out := []engineio.Packet{{Type: engineio.Message, Binary: sock.sess.s.opt.Parser.IsBinary(), Data: b}}
	for _, a := range attachments {
		out = append(out, engineio.Packet{Type: engineio.Message, Binary: true, Data: a})
	}
	return out
}

// leave takes a socket out. One whose connection broke may be recovered. The lock is held.
func (s *Server) leave(sock *socket, broke bool) {
	if i := slices.Index(s.order, sock); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
	if broke && sock.pid != "" {
		s.away[sock.pid] = &memory{id: sock.id, rooms: sock.rooms, began: sock.began, ended: len(s.history)}
	}
}

// A call is an event of a client, taken apart. It owns its bytes.
type call struct {
	sock        *socket
	list        [][]byte // arguments, raw
	args        []byte   // the whole list
	attachments [][]byte
	id          uint64
	asks        bool
}

// event does what the benchmark contract says of an event.
func (sock *socket) event(p *socketio.Packet) error {
	parser := sock.sess.s.opt.Parser
	name, args, err := parser.SplitEvent(bytes.Clone(p.Data))
	if err != nil {
		return err
	}
	c := &call{sock: sock, args: args, id: p.ID, asks: p.HasID}
	for _, a := range p.Binary {
		c.attachments = append(c.attachments, bytes.Clone(a))
	}
	for rest := args; len(rest) > 0; {
		var arg []byte
		arg, rest = parser.NextArg(rest)
		c.list = append(c.list, arg)
	}
	least := map[string]int{"join": 1, "leave": 1, "room": 3, "all": 2}
	if len(c.list) < least[string(name)] {
		return fmt.Errorf("planted: %s with %d arguments", name, len(c.list))
	}
	switch string(name) {
	case "join", "leave":
		return c.move(string(name) == "join")
	case "room":
		var room string
		if err := parser.Bind(c.list[0], nil, &room); err != nil {
			return err
		}
		return c.cast(room, c.list[1:])
	case "all":
		return c.cast("", c.list)
	case "echo":
		return c.echo()
	}
	return nil // an event that nobody listens to is not answered
}

func (c *call) move(join bool) error {
	var room string
	if err := c.sock.sess.s.opt.Parser.Bind(c.list[0], nil, &room); err != nil {
		return err
	}
	if join {
		c.sock.rooms[room] = true
	} else {
		delete(c.sock.rooms, room)
	}
	if c.asks {
		c.sock.ack(c.id, nil, nil)
	}
	return nil
}

func (sock *socket) ack(id uint64, args []byte, attachments [][]byte) {
	b := sock.sess.s.opt.Parser.AppendRawAck(nil, sock.namespace, id, args, len(attachments))
	sock.sess.enqueue(item{packets: sock.packets(b, attachments)})
}

// answer acknowledges a call as its number says.
func (c *call) answer(args []byte, attachments [][]byte) {
	if !c.asks {
		return
	}
	s, n := c.sock.sess.s, 0
	if c.sock.sess.number > 0 {
		s.log.Calls++
		n = s.log.Calls
	}
	if s.fault(Unanswered, n) != nil {
		s.plant(Unanswered, n, c.sock.sess.number)
		return
	}
	c.sock.ack(c.id, args, attachments)
	if s.fault(AnsweredTwice, n) != nil {
		s.plant(AnsweredTwice, n, c.sock.sess.number)
		c.sock.ack(c.id, args, attachments)
	}
}

// echo answers with the arguments or, where no answer is asked for, sends them back.
func (c *call) echo() error {
	if c.asks {
		c.answer(c.args, c.attachments)
		return nil
	}
	e := event{from: c.sock.sess.number, namespace: c.sock.namespace, name: "echo", args: c.args, attachments: c.attachments}
	c.sock.sess.s.deliver(&e, []*socket{c.sock}, nil)
	return nil
}

// cast sends an event to the sockets of a room, or of the namespace; args are the event's name, its
// data, and whether the sender is left out.
func (c *call) cast(room string, args [][]byte) error {
	s := c.sock.sess.s
	e := event{from: c.sock.sess.number, namespace: c.sock.namespace, room: room, args: args[1], attachments: c.attachments}
	if err := s.opt.Parser.Bind(args[0], nil, &e.name); err != nil {
		return err
	}
	others := false
	if len(args) > 2 {
		if err := s.opt.Parser.Bind(args[2], nil, &others); err != nil {
			return err
		}
	}
	if others {
		e.except = c.sock.id
	}
	if s.opt.Recovery && s.opt.Parser == socketio.JSON {
		e.number = len(s.history) + 1
		e.args = append(bytes.Clone(e.args), fmt.Sprintf(`,"%d"`, e.number)...)
		s.history = append(s.history, e)
	}
	var to, strangers []*socket
	for _, o := range s.order {
		switch {
		case o.namespace != e.namespace:
		case e.isFor(o.id, o.rooms):
			to = append(to, o)
		default:
			strangers = append(strangers, o)
		}
	}
	s.deliver(&e, to, strangers)
	c.answer(nil, nil)
	return nil
}

// An event is one message on its way.
type event struct {
	from        int // number of the sender's connection
	namespace   string
	room        string // "": the namespace
	except      string // id of the socket that does not get it
	name        string
	args        []byte
	attachments [][]byte
	number      int // in the history, from 1
}

func (e *event) isFor(id string, rooms map[string]bool) bool {
	return id != e.except && (e.room == "" || rooms[e.room])
}

func (e *event) packets(to *socket) []engineio.Packet {
	b := to.sess.s.opt.Parser.AppendRawEvent(nil, e.namespace, 0, false, e.name, e.args, len(e.attachments))
	return to.packets(b, e.attachments)
}

// deliver sends a message, with the mistakes that are planted in it.
func (s *Server) deliver(e *event, to, strangers []*socket) {
	n, now := 0, time.Now()
	if e.from > 0 {
		s.log.Messages++
		s.log.Deliveries += len(to)
		n = s.log.Messages
	}
	if f := s.fault(Stall, n); f != nil {
		s.plant(Stall, n, 0)
		s.stalled = now.Add(f.For)
	}
	whole := item{since: now, timed: n > 0}
	if f := s.fault(Delay, n); f != nil {
		whole.plant = s.plant(Delay, n, 0)
		whole.at = now.Add(f.For)
	}
	if len(strangers) > 0 && s.fault(Stranger, n) != nil {
		o := strangers[n%len(strangers)]
		s.plant(Stranger, n, o.sess.number)
		o.sess.enqueue(item{packets: e.packets(o)})
	}
	for i, o := range to {
		it := whole
		it.packets = e.packets(o)
		if !s.harm(e, o, it, n, i == n%len(to)) {
			o.sess.send(e.from, it)
		}
	}
}

// harm does to the message of one receiver what a fault says; false: none hits it. chosen is true
// for one of the receivers.
func (s *Server) harm(e *event, o *socket, it item, n int, chosen bool) bool {
	for _, k := range []Kind{Loss, Duplicate, Swap, Corrupt, Garble, Shorten, Misname, Late, Cut} {
		f := s.fault(k, n)
		if f == nil || !chosen && !f.All {
			continue
		}
		if _, waits := o.sess.swaps[e.from]; waits && k == Swap {
			continue // one swap at a time
		}
		p := s.plant(k, n, o.sess.number)
		switch k {
		case Duplicate:
			o.sess.send(e.from, it)
			o.sess.send(e.from, it)
		case Swap:
			it.plant, it.at = p, it.since.Add(cmp.Or(f.For, swapTime))
			o.sess.swaps[e.from] = it
			o.sess.nudge()
		case Corrupt, Garble, Shorten, Misname:
			bad := *e
			if !bad.damage(k) {
				s.unplant(p)
				return false
			}
			it.packets = bad.packets(o)
			o.sess.send(e.from, it)
		case Late:
			it.plant, it.at = p, it.since.Add(f.For)
			o.sess.later = append(o.sess.later, it)
			o.sess.nudge()
		case Cut:
			o.sess.end(true)
		}
		return true
	}
	return false
}

// send queues a message and, behind it, what was held for the sender's next one.
func (sess *session) send(from int, it item) {
	sess.enqueue(it)
	if held, ok := sess.swaps[from]; ok {
		delete(sess.swaps, from)
		held.at = it.at
		sess.enqueue(held)
	}
}

// damage changes the message so that it stays well-formed: another byte of the stamp at the head of
// the payload, another last letter of the filler, less filler, or another event. It reports whether
// there is something to change.
func (e *event) damage(k Kind) bool {
	switch k {
	case Misname:
		e.name = "not " + e.name
		return true
	case Shorten:
		return e.shorten()
	}
	head := k == Garble
	target, binary := &e.args, len(e.attachments) > 0
	if binary {
		e.attachments = slices.Clone(e.attachments)
		target = &e.attachments[0]
	}
	b := bytes.Clone(*target)
	*target = b
	switch {
	case head && binary:
		if len(b) <= 12 {
			return false
		}
		b[12] ^= 1
		return true
	case head:
		// The runner writes {"$b":"stamp","p":"filler"}; in both parsers the stamp begins a few
		// bytes behind its key.
		at := bytes.Index(b, []byte("$b")) + 16
		if at < 16 || at >= len(b) {
			return false
		}
		if b[at]++; b[at] < '0' || b[at] > '9' && b[at] < 'A' || b[at] > 'z' {
			b[at] = '0'
		}
		return true
	case binary:
		b[len(b)-1] ^= 1
		return true
	}
	end := len(b)
	if e.number > 0 {
		end = bytes.LastIndexByte(b, ',') // behind it is the offset
	}
	for i := end - 1; i >= 0; i-- {
		if 'a' <= b[i] && b[i] < 'z' {
			b[i]++
			return true
		}
	}
	return false
}

// shorten takes eight bytes out of the filler.
func (e *event) shorten() bool {
	const n = 8
	if len(e.attachments) > 0 {
		e.attachments = slices.Clone(e.attachments)
		b := e.attachments[0]
		e.attachments[0] = b[:max(0, len(b)-n)]
		return len(b) >= n
	}
	filler := bytes.Repeat([]byte{'x'}, n)
	at := bytes.LastIndex(e.args, filler)
	if at < 0 {
		return false
	}
	b := slices.Delete(bytes.Clone(e.args), at, at+n)
	// In MessagePack a text of up to 255 bytes begins with a byte that says how many it has.
	if text := bytes.LastIndex(b[:at], []byte("\xa1p\xd9")); text >= 0 {
		b[text+3] -= n
	}
	e.args = b
	return true
}

// A memory is what is known of a socket whose connection broke.
type memory struct {
	id           string
	rooms        map[string]bool
	began, ended int // length of the history
}

// recover makes the socket the one that its client says it was, and sends what it missed.
func (sock *socket) recover(auth []byte) {
	var was struct{ PID, Offset string }
	if json.Unmarshal(auth, &was) != nil || was.Offset == "" {
		return
	}
	s := sock.sess.s
	m := s.away[was.PID]
	var offset int
	if _, err := fmt.Sscan(was.Offset, &offset); err != nil || m == nil || offset < 1 || offset > len(s.history) {
		return
	}
	delete(s.away, was.PID)
	sock.id, sock.pid, sock.rooms, sock.began = m.id, was.PID, m.rooms, m.began
	s.log.Recoveries++
	n := s.log.Recoveries
	had, missed := s.owed(sock, m.began, offset), s.owed(sock, offset, len(s.history))
	s.log.Replayed += len(missed)
	s.log.Deliveries += len(s.owed(sock, m.ended, len(s.history)))
	number := sock.sess.number
	if s.fault(RoomsForgotten, n) != nil {
		s.plant(RoomsForgotten, n, number)
		sock.rooms = map[string]bool{}
	}
	switch {
	case s.fault(ReplayNothing, n) != nil:
		s.plant(ReplayNothing, n, number)
		missed = nil
	case s.fault(ReplayAll, n) != nil:
		s.plant(ReplayAll, n, number)
		s.log.Repeated += len(had)
		missed = append(had, missed...)
	case s.fault(ReplayReverse, n) != nil:
		s.plant(ReplayReverse, n, number)
		slices.Reverse(missed)
		s.log.Overtaken += overtaken(missed)
	}
	for _, e := range missed {
		sock.sess.enqueue(item{packets: e.packets(sock)})
	}
}

// owed lists the messages of a part of the history that are for a socket.
func (s *Server) owed(sock *socket, after, until int) (out []*event) {
	for i := after; i < until; i++ {
		if e := &s.history[i]; e.namespace == sock.namespace && e.isFor(sock.id, sock.rooms) {
			out = append(out, e)
		}
	}
	return out
}

// overtaken counts the messages that stand behind a later one of the same sender.
func overtaken(events []*event) (n int) {
	last := map[int]int{}
	for _, e := range events {
		if e.number < last[e.from] {
			n++
		}
		last[e.from] = max(last[e.from], e.number)
	}
	return n
}
