package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/wire"
)

// node is the adapter of one namespace of one server.
type node struct {
	server.Adapter // of the server's own sockets
	ns             *server.Namespace
	cluster        *Cluster
	id             string
	link           link
	returned       func(*wire.Message) // takes such messages; or nil

	mu       sync.Mutex
	requests map[string]*request
	closed   bool

	events chan func() // handlers of the application, one at a time
}

// link is how the messages of one namespace travel. Its methods do not wait for the network, but
// count.
type link interface {
	// open subscribes.
	open()
	// send publishes a message; an answer goes to the node that asked.
	send(m *wire.Message, asker string)
	// parser is the encoding that the arguments of a kind of message need. JSON with attachments
	// becomes MessagePack if binary is true, and else JSON without them.
	parser(k wire.Kind) (p socketio.Parser, binary bool)
	// count returns how many other nodes there are.
	count(ctx context.Context) (int, error)
	// largest is about how many bytes of sockets one answer may list; 0: any number.
	largest() int
	close()
}

// request is a question to other nodes, of which answers come.
type request struct {
	acks   *server.Acks
	listed chan struct{} // takes one of each node that has listed all of its sockets; or nil
	list   []wire.Socket // so far; the node's lock guards it
}

// maxEvents is how many events of other servers may wait for the application.
const maxEvents = 1024

func newNode(c *Cluster, ns *server.Namespace, local server.Adapter) *node {
	n := &node{
		Adapter: local, ns: ns, cluster: c, id: newID(),
		requests: map[string]*request{}, events: make(chan func(), maxEvents),
	}
	go n.handle()
	return n
}

// handle calls the application, so that no handler of it holds up what comes from the broker. It
// returns after Close, which does not wait for it: the handler that is at work may be what closes
// the server.
func (n *node) handle() {
	for f := range n.events {
		f()
	}
}

// message makes a message of an event. An error means that it cannot be encoded.
func (n *node) message(kind wire.Kind, to server.Target, m server.Message) (*wire.Message, error) {
	w := n.request(kind, to)
	w.Event = m.Event()
	return w, n.encode(w, func(p socketio.Parser) ([]byte, [][]byte, error) { return m.Encode(n.ns, p) })
}

// encode sets the arguments of w.
func (n *node) encode(w *wire.Message, encode func(socketio.Parser) ([]byte, [][]byte, error)) error {
	parser, binary := n.link.parser(w.Kind)
	args, attachments, err := encode(parser)
	if err == nil && len(attachments) > 0 {
		parser = socketio.MessagePack
		if args, _, err = encode(parser); err == nil && !binary {
			parser = socketio.JSON
			args, err = socketio.MessagePack.AppendJSON(nil, args)
		}
	}
	w.Args, w.Parser = args, parser
	return err
}

// request makes a message about an audience.
func (n *node) request(kind wire.Kind, to server.Target) *wire.Message {
	volatile, compress := to.Flags()
	return &wire.Message{
		Kind: kind, From: n.id, Namespace: n.ns.Name(),
		To: wire.Audience{Rooms: to.Rooms(), Except: to.Excluded(), Volatile: volatile, NoCompress: !compress},
	}
}

// Broadcast implements server.Adapter: the sockets of this server get the message first.
func (n *node) Broadcast(to server.Target, m server.Message) error {
	w, err := n.message(wire.Broadcast, to, m)
	if err != nil {
		return err
	}
	if err := n.Adapter.Broadcast(to, m); err != nil {
		return err
	}
	n.link.send(w, "")
	return nil
}

// Ask implements server.Adapter.
func (n *node) Ask(to server.Target, m server.Message, acks *server.Acks) error {
	w, err := n.message(wire.Ask, to, m)
	if err != nil {
		return err
	}
	w.To.Timeout = acks.Timeout()
	w.Request = n.question(acks)
	acks.ExpectUnknown(1)
	if err := n.Adapter.Ask(to, m, acks); err != nil {
		n.forget(w.Request)
		return err
	}
	n.link.send(w, "")
	go n.expect(w.Request, acks, acks.ExpectServers)
	return nil
}

// expect announces how many other nodes answer a question, as soon as that is known. If it cannot
// be found out in time, one answer counts as missing.
func (n *node) expect(id string, acks *server.Acks, announce func(int)) {
	ctx, cancel := context.WithTimeout(context.Background(), acks.Timeout())
	defer cancel()
	others, err := n.link.count(ctx)
	for err != nil && n.waits(ctx, id) {
		others, err = n.link.count(ctx)
	}
	switch {
	case err == nil:
		announce(others)
		acks.ExpectUnknown(-1)
	case ctx.Err() != nil: // else nobody waits any more
		n.cluster.logError(n.ns.Name(), err)
	}
}

// countAgain is how long after a failure the other nodes are counted again, for a question that
// waits for their number: a Redis Cluster may be replacing a master.
const countAgain = 100 * time.Millisecond

// waits lets countAgain pass, and reports whether a question still waits for answers then.
func (n *node) waits(ctx context.Context, id string) bool {
	select {
	case <-time.After(countAgain):
	case <-ctx.Done():
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests[id] != nil && !n.closed
}

// question registers a question that wants answers, until they are there or its time is over, and
// returns its id.
func (n *node) question(acks *server.Acks) string {
	id := n.open(&request{acks: acks})
	acks.OnEnd(func(missing int) {
		n.forget(id)
		if missing > 0 {
			n.cluster.timeouts.Add(1)
		}
	})
	return id
}

// open registers a request for answers until it is forgotten, and returns its id.
func (n *node) open(r *request) string {
	id := newID()
	n.mu.Lock()
	n.requests[id] = r
	n.mu.Unlock()
	return id
}

func (n *node) forget(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.requests, id)
}

// Fetch implements server.Adapter.
func (n *node) Fetch(ctx context.Context, to server.Target) ([]server.RemoteSocket, error) {
	all, err := n.Adapter.Fetch(ctx, to)
	if err != nil {
		return all, err
	}
	patience := n.cluster.opts.RequestTimeout
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	counting, counted := context.WithTimeout(ctx, patience/2) // the rest is for the answers
	others, uncounted := n.link.count(counting)
	counted()
	if others == 0 {
		return all, uncounted
	}
	r := &request{listed: make(chan struct{}, others)}
	w := n.request(wire.Fetch, to)
	w.Request = n.open(r)
	n.link.send(w, "")
	for i := 0; i < others && err == nil; i++ {
		select {
		case <-r.listed:
		case <-ctx.Done():
			n.cluster.timeouts.Add(1)
			err = fmt.Errorf("adapter: %d of %d other servers answered in time; see Options.RequestTimeout", i, others)
		}
	}
	n.forget(w.Request) // its list does not grow any more
	for _, s := range r.list {
		all = append(all, n.remote(s))
	}
	if err == nil {
		err = uncounted
	}
	return all, err
}

// remote is a socket of another server.
func (n *node) remote(s wire.Socket) server.RemoteSocket {
	r := server.RemoteSocket{Target: n.ns.To(s.ID), ID: s.ID, Handshake: new(server.Handshake)}
	r.Rooms = slices.DeleteFunc(slices.Clone(s.Rooms), func(room string) bool { return room == s.ID })
	_ = json.Unmarshal(s.Handshake, r.Handshake) // of a malformed one, nothing
	var auth struct {
		Auth json.RawMessage `json:"auth"`
	}
	if json.Unmarshal(s.Handshake, &auth) == nil {
		r.Auth = auth.Auth
	}
	if s.Data != nil {
		_ = json.Unmarshal(s.Data, &r.Data)
	}
	return r
}

// Apply implements server.Adapter: the sockets of this server are changed first.
func (n *node) Apply(to server.Target, c server.Change) error {
	if err := n.Adapter.Apply(to, c); err != nil {
		return err
	}
	for _, change := range []struct {
		kind wire.Kind
		wire.Message
		wanted bool
	}{
		{wire.Join, wire.Message{Names: c.Join}, len(c.Join) > 0},
		{wire.Leave, wire.Message{Names: c.Leave}, len(c.Leave) > 0},
		{wire.Disconnect, wire.Message{HangUp: c.HangUp}, c.Disconnect},
	} {
		if change.wanted {
			w := n.request(change.kind, to)
			w.Names, w.HangUp = change.Names, change.HangUp
			n.link.send(w, "")
		}
	}
	return nil
}

// ServerSideEmit implements server.Adapter.
func (n *node) ServerSideEmit(m server.Message, acks *server.Acks) error {
	w := &wire.Message{Kind: wire.ServerEvent, From: n.id, Namespace: n.ns.Name(), Event: m.Event()}
	if err := n.encode(w, func(p socketio.Parser) ([]byte, [][]byte, error) { return m.Encode(n.ns, p) }); err != nil {
		return err
	}
	if acks != nil {
		w.Request = n.question(acks)
		acks.ExpectUnknown(1)
		go n.expect(w.Request, acks, acks.ExpectAnswers)
	}
	n.link.send(w, "")
	return nil
}

// Close implements server.Adapter.
func (n *node) Close() error {
	n.link.close()
	n.mu.Lock()
	closed := n.closed
	n.closed = true
	if !closed {
		close(n.events)
	}
	n.mu.Unlock()
	return n.Adapter.Close()
}
