package scenario

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
)

// A fakeServer offers the benchmark contract to fakeConns in memory, and does to chosen
// messages what a broken server would.
type fakeServer struct {
	// mangle may change the deliveries of one broadcast to one receiver. nil: each once,
	// at once. n counts the broadcasts.
	mangle func(n int, receiver *fakeConn, packet []byte) []fakePacket
	// refuse decides about a connection; nil: all are welcome.
	refuse func(i int) error
	// upgrade says why a connection stays with polling; nil: none does.
	upgrade func(i int) error
	// mute leaves calls of an event unanswered.
	mute map[string]bool
	// send overrides what Send does; handled says that it did.
	send func(c *fakeConn, packet []byte) (handled bool, err error)

	// unread is how long messages wait in the clients' sockets; 0: arrival times are unknown.
	unread time.Duration

	// busy says that a connection has something waiting; nil: never.
	busy func(c *fakeConn) bool
	// behind says that a connection has something that it has not passed on; nil: never.
	behind func(c *fakeConn) bool

	// recovery is what the server recovers of clients that come back; nil: nothing.
	recovery *fakeRecovery

	closedVanished atomic.Int64
	mu             sync.Mutex
	conns          []*fakeConn
	dials          int
	casts          int
}

// A fakePacket arrives after a delay; zero delay: in order, at once.
type fakePacket struct {
	text   []byte
	after  time.Duration
	offset int // in its session; 0: none
}

type fakeConn struct {
	s       *fakeServer
	i       int
	cfg     *client.Config
	rooms   map[string]bool
	session client.Session
	kept    *fakeSession // of a server that recovers
	stalled atomic.Int64
	unsent  atomic.Int64 // see conn
	in      chan fakePacket
	done    chan struct{}
	once    sync.Once
	why     string
	cause   error // beside why; set before the end
	late    sync.WaitGroup
}

func (s *fakeServer) dial(_ context.Context, cfg *client.Config) (dialed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.dials
	s.dials++
	if s.refuse != nil {
		if err := s.refuse(i); err != nil {
			return dialed{}, err
		}
	}
	if cfg.Joining != nil {
		cfg.Joining(client.Handshake{Sent: true, Namespace: "/", Data: cfg.Auth, At: client.Now()})
		cfg.Joining(client.Handshake{Namespace: "/", Data: []byte(`{"sid":"s","pid":"secret"}`), At: client.Now()})
	}
	c := &fakeConn{s: s, i: i, cfg: cfg, rooms: map[string]bool{}, in: make(chan fakePacket, 1<<14), done: make(chan struct{})}
	s.conns = append(s.conns, c)
	recovered := false
	if s.recovery != nil {
		recovered = s.recovery.welcome(c)
	}
	var stays error
	if s.upgrade != nil {
		stays = s.upgrade(i)
	}
	return dialed{conn: c, sids: c.sids(), upgrade: stays, recovered: recovered, timings: client.Timings{TCP: time.Microsecond, Open: time.Microsecond, Namespace: time.Microsecond}}, nil
}

// header is the first value of one that the client sends.
func (c *fakeConn) header(name string) string {
	if v := c.cfg.Header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (c *fakeConn) Run(h client.Handler) error {
	defer c.late.Wait()
	for {
		select {
		case <-c.done:
			c.s.drop(c)
			return &client.CloseError{Reason: c.why, Cause: c.cause}
		case p := <-c.in:
			if wait := time.Duration(c.stalled.Load()) - client.Now(); wait > 0 {
				time.Sleep(wait)
			}
			var pk socketio.Packet
			if err := pk.Parse(p.text); err != nil {
				return &client.CloseError{Reason: client.ParseError, Cause: err}
			}
			m := client.Message{At: client.Now(), Args: pk.Data, Space: c.space(string(pk.Namespace))}
			if c.s.unread > 0 {
				m.From, m.Until = m.At, m.At
				time.Sleep(c.s.unread)
				m.At = client.Now()
			}
			if pk.Type == socketio.Ack {
				m.ID, m.HasID = pk.ID, true
				m.Args = bytes.TrimSuffix(bytes.TrimPrefix(pk.Data, []byte("[")), []byte("]"))
				h.Ack(&m)
				continue
			}
			name, args, err := socketio.SplitEvent(pk.Data)
			if err != nil {
				return &client.CloseError{Reason: client.ParseError, Cause: err}
			}
			if p.offset > 0 {
				c.session.Offset = strconv.Itoa(p.offset)
			}
			m.Name, m.Args, m.ID, m.HasID = name, args, pk.ID, pk.HasID
			h.Event(&m)
		}
	}
}

// spaces are the namespaces that the client has joined.
func (c *fakeConn) spaces() []string { return append([]string{c.cfg.Namespace}, c.cfg.More...) }

// sids are its socket ids, by namespace.
func (c *fakeConn) sids() (out []string) {
	for _, name := range c.spaces() {
		out = append(out, fmt.Sprintf("%d in %s", c.i, name))
	}
	return out
}

// user is who the client says that it is.
func (c *fakeConn) user() string {
	var auth struct{ User string }
	_ = json.Unmarshal(c.cfg.Auth, &auth)
	return auth.User
}

// space is the number of a namespace among them.
func (c *fakeConn) space(namespace string) int {
	return max(0, slices.Index(c.spaces(), cmp.Or(namespace, "/")))
}

func (c *fakeConn) end(why string) {
	c.once.Do(func() {
		c.why = why
		close(c.done)
	})
}

func (c *fakeConn) Close() error {
	c.end(client.ClientDisconnect)
	return nil
}

func (c *fakeConn) Busy() bool { return c.s.busy != nil && c.s.busy(c) }

func (c *fakeConn) Unread() bool { return c.s.behind != nil && c.s.behind(c) }

// Vanish ends the client's side; the server does not know, and goes on to deliver.
func (c *fakeConn) Vanish() { c.end(client.TransportClose) }

func (c *fakeConn) CloseVanished() { c.s.closedVanished.Add(1) }

func (c *fakeConn) Stall(d time.Duration) { c.stalled.Store(int64(client.Now() + d)) }

func (c *fakeConn) Session() client.Session { return c.session }

func (c *fakeConn) Cut() { c.end(client.TransportClose) }

func (c *fakeConn) SendBinary([]byte, ...[]byte) error { return errors.New("the fake speaks JSON") }

func (c *fakeConn) Bytes() (in, out uint64) { return 10, 20 }

func (c *fakeConn) Unsent() time.Duration { return time.Duration(c.unsent.Load()) }

// Heard is 0: the fake takes all that it is sent.
func (c *fakeConn) Heard() time.Duration { return 0 }

func (s *fakeServer) drop(c *fakeConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.conns {
		if o == c {
			s.conns = append(s.conns[:i], s.conns[i+1:]...)
			return
		}
	}
}

// deliver puts a packet into the client's inbox, after its delay.
func (c *fakeConn) deliver(p fakePacket) {
	if p.after <= 0 {
		c.in <- p
		return
	}
	c.late.Go(func() {
		t := time.NewTimer(p.after)
		defer t.Stop()
		select {
		case <-t.C:
			c.in <- p
		case <-c.done:
		}
	})
}

func (c *fakeConn) Send(packet []byte) error {
	select {
	case <-c.done:
		return client.ErrClosed
	default:
	}
	if c.s.send != nil {
		if handled, err := c.s.send(c, packet); handled {
			return err
		}
	}
	var p socketio.Packet
	if err := p.Parse(append([]byte(nil), packet...)); err != nil {
		return fmt.Errorf("the runner wrote a bad packet %q: %w", packet, err)
	}
	name, args, err := socketio.SplitEvent(p.Data)
	if err != nil {
		return err
	}
	var list [][]byte
	for rest := args; len(rest) > 0; {
		var arg []byte
		arg, rest = socketio.NextArg(rest)
		list = append(list, arg)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	reply := []byte("[]")
	switch string(name) {
	case "join":
		c.rooms[string(list[0])] = true
	case "leave":
		delete(c.rooms, string(list[0]))
	case "room":
		c.s.cast(c, list[1:], func(o *fakeConn) bool { return o.rooms[string(list[0])] })
	case "all":
		c.s.cast(c, list, func(*fakeConn) bool { return true })
	case "echo":
		reply = append(append([]byte{'['}, args...), ']')
		if !p.HasID {
			c.deliver(fakePacket{text: append(append([]byte(`2["echo",`), args...), ']')})
		}
	default:
		return errors.New("no such event: " + string(name))
	}
	if p.HasID && !c.s.mute[string(name)] {
		c.deliver(fakePacket{text: append(strconv.AppendUint([]byte{'3'}, p.ID, 10), reply...)})
	}
	return nil
}

// cast delivers an event to some; args are the event, the data, and whether the sender is left out.
func (s *fakeServer) cast(from *fakeConn, args [][]byte, to func(*fakeConn) bool) {
	text := append(append(append(append([]byte(`2[`), args[0]...), ','), args[1]...), ']')
	others := len(args) > 2 && string(args[2]) == "true"
	volatile := len(args) > 3 && string(args[3]) == "true"
	owed := func(o *fakeConn) bool { return to(o) && (o != from || !others) }
	n := s.casts
	s.casts++
	if s.recovery != nil && !volatile {
		s.recovery.miss(s, text, owed)
	}
	for _, o := range s.conns {
		if !owed(o) {
			continue
		}
		out := []fakePacket{{text: text}}
		if o.kept != nil && !volatile {
			out[0] = o.kept.keep(text)
		}
		if s.mangle != nil {
			out = s.mangle(n, o, text)
		}
		for _, p := range out {
			o.deliver(p)
		}
	}
}

var errRefused = errors.New("connection refused")

// replaceAll puts texts in the place of others.
func replaceAll(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }

// linkTo returns a dialer that connects HTTP clients to an in-memory handler. It accepts only the
// host name "web".
func linkTo(h http.Handler) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		switch address {
		case "web:80":
		case "full:80":
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
		default:
			return nil, errRefused
		}
		ours, its := net.Pipe()
		_ = http.Serve(&listener{its}, h) // returns at once; what it has accepted ends with our end
		return ours, nil
	}
}

// A listener accepts one connection.
type listener struct{ conn net.Conn }

func (l *listener) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *listener) Close() error   { return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
