package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// cluster connects the namespaces of several servers as a message broker does: what goes between
// them are bytes, in the manner of the official cluster adapters. It holds that such an adapter can
// be written against the interface alone.
type cluster struct {
	mu    sync.Mutex // held while a broadcast is delivered everywhere
	nodes []*node

	log      []letter // broadcasts, for those who come back; their numbers from 1 are the offsets
	sessions map[string]server.Session
}

// node is the adapter of one namespace of one server.
type node struct {
	server.Adapter // of the server's own sockets
	ns             *server.Namespace
	cluster        *cluster
	closed         bool
}

// letter is what the servers send each other. Arguments are in MessagePack, whatever the clients
// speak.
type letter struct {
	Kind            string
	Rooms, Except   []string
	Volatile, Plain bool
	Event           string
	Args            []byte
	Timeout         time.Duration
	Change          server.Change
	Offset, Session string
}

// remote is a socket as it is listed to other servers.
type remote struct {
	ID        string
	Handshake *server.Handshake
	Rooms     []string
	Data      any
}

// join is server.Options.Adapter.
func (c *cluster) join(ns *server.Namespace, local server.Adapter) server.Adapter {
	n := &node{Adapter: local, ns: ns, cluster: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n
}

// others calls f with each other server's node and with a letter that has been bytes on its way.
func (n *node) others(l letter, f func(*node, letter)) {
	b, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	for _, other := range n.peers() {
		var received letter
		if err := json.Unmarshal(b, &received); err != nil {
			panic(err)
		}
		f(other, received)
	}
}

func (n *node) peers() []*node {
	var all []*node
	for _, other := range n.cluster.nodes {
		if other != n && other.ns.Name() == n.ns.Name() && !other.closed {
			all = append(all, other)
		}
	}
	return all
}

func (n *node) letter(kind string, to server.Target, m server.Message) (letter, error) {
	args, _, err := m.Encode(n.ns, socketio.MessagePack)
	volatile, compress := to.Flags()
	return letter{
		Kind: kind, Rooms: to.Rooms(), Except: to.Excluded(), Volatile: volatile, Plain: !compress, Event: m.Event(), Args: args,
	}, err
}

// target is the audience of a letter on this server.
func (n *node) target(l letter) server.Target {
	t := n.ns.Local()
	for _, room := range l.Rooms {
		t = t.To(room)
	}
	for _, room := range l.Except {
		t = t.Except(room)
	}
	if l.Volatile {
		t = t.Volatile()
	}
	return t.Compress(!l.Plain)
}

func (n *node) message(l letter) server.Message {
	m, err := n.ns.Relay(l.Event, socketio.MessagePack, l.Args, nil)
	if err != nil {
		panic(err)
	}
	if l.Offset != "" {
		m = m.WithOffset(l.Offset)
	}
	return m
}

func (n *node) Broadcast(to server.Target, m server.Message) error {
	l, err := n.letter("broadcast", to, m)
	if err != nil {
		return err
	}
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	if to.IsLocal() {
		return n.Adapter.Broadcast(to, m.WithOffset(fmt.Sprint(len(n.cluster.log))))
	}
	if n.cluster.sessions != nil && !l.Volatile {
		l.Offset = fmt.Sprint(len(n.cluster.log) + 1)
		n.cluster.log = append(n.cluster.log, l)
		m = m.WithOffset(l.Offset)
	}
	n.others(l, func(other *node, l letter) { _ = other.Adapter.Broadcast(other.target(l), other.message(l)) })
	return n.Adapter.Broadcast(to, m)
}

func (n *node) Ask(to server.Target, m server.Message, acks *server.Acks) error {
	l, err := n.letter("ask", to, m)
	if err != nil {
		return err
	}
	l.Timeout = acks.Timeout()
	acks.ExpectServers(len(n.peers()))
	n.others(l, func(other *node, l letter) {
		_ = other.target(l).Ask(other.message(l), l.Timeout, acks.ExpectFromServer, func(a server.Answer) {
			args, attachments := a.Event.Raw()
			acks.Answer(server.NewAnswer(a.Event.Parser(), slices.Clone(args), attachments))
		})
	})
	return n.Adapter.Ask(to, m, acks)
}

func (n *node) Fetch(ctx context.Context, to server.Target) ([]server.RemoteSocket, error) {
	all, err := n.Adapter.Fetch(ctx, to)
	n.others(letter{Rooms: to.Rooms(), Except: to.Excluded()}, func(other *node, l letter) {
		there, _ := other.Adapter.Fetch(ctx, other.target(l))
		for _, s := range there {
			b, err := json.Marshal(remote{s.ID, s.Handshake, s.Rooms, s.Data})
			if err != nil {
				panic(err)
			}
			var r remote
			if err := json.Unmarshal(b, &r); err != nil {
				panic(err)
			}
			all = append(all, server.RemoteSocket{Target: n.ns.To(r.ID), ID: r.ID, Handshake: r.Handshake, Rooms: r.Rooms, Data: r.Data})
		}
	})
	return all, err
}

func (n *node) Apply(to server.Target, c server.Change) error {
	n.others(letter{Rooms: to.Rooms(), Except: to.Excluded(), Change: c}, func(other *node, l letter) {
		_ = other.Adapter.Apply(other.target(l), l.Change)
	})
	return n.Adapter.Apply(to, c)
}

func (n *node) ServerSideEmit(m server.Message, acks *server.Acks) error {
	args, _, err := m.Encode(n.ns, socketio.MessagePack)
	if err != nil {
		return err
	}
	var reply func([]byte, [][]byte)
	if acks != nil {
		acks.ExpectAnswers(len(n.peers()))
		reply = func(args []byte, attachments [][]byte) {
			acks.Answer(server.NewAnswer(socketio.MessagePack, slices.Clone(args), attachments))
		}
	}
	n.others(letter{Event: m.Event(), Args: args}, func(other *node, l letter) {
		other.ns.ServerEvent(l.Event, socketio.MessagePack, l.Args, nil, reply)
	})
	return nil
}

func (n *node) Close() error {
	n.cluster.mu.Lock()
	n.closed = true
	n.cluster.mu.Unlock()
	return n.Adapter.Close()
}

// memorable is a node that lets clients come back to any server.
type memorable struct{ *node }

func (n memorable) Save(s server.Session) {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	n.cluster.sessions[s.Private] = s
}

func (n memorable) Restore(pid, offset string) *server.Session {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	s, known := n.cluster.sessions[pid]
	delete(n.cluster.sessions, pid)
	if !known {
		return nil
	}
	s.Offset = offset
	return &s
}

// After implements server.Recoverer: a broadcast has been delivered everywhere when it returns.
func (n memorable) After(func()) bool { return false }

// Moving implements server.Recoverer.
func (n memorable) Moving(string, string, func() []string) {}

func (n memorable) Enter(s *server.Session, join func([]server.Message, string)) bool {
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	if s.Private == "" {
		join(nil, fmt.Sprint(len(n.cluster.log)))
		return true
	}
	seen := 0
	if _, err := fmt.Sscan(s.Offset, &seen); err != nil && s.Offset != "" {
		return false
	}
	in := func(rooms []string) bool {
		return slices.ContainsFunc(rooms, func(room string) bool { return room == s.ID || slices.Contains(s.Rooms, room) })
	}
	var missed []server.Message
	for _, l := range n.cluster.log[seen:] {
		if (len(l.Rooms) == 0 || in(l.Rooms)) && !in(l.Except) {
			missed = append(missed, n.message(l))
		}
	}
	join(missed, s.Offset)
	return true
}

// clustered starts servers that form a cluster.
func clustered(t *testing.T, count int, opts server.Options) ([]*server.Server, []string) {
	t.Helper()
	c := &cluster{}
	opts.Adapter = c.join
	if opts.Recovery != nil {
		c.sessions = map[string]server.Session{}
		opts.Adapter = func(ns *server.Namespace, local server.Adapter) server.Adapter {
			return memorable{c.join(ns, local).(*node)}
		}
	}
	var all []*server.Server
	var bases []string
	for range count {
		srv, err := server.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, srv)
		srv.On("join", func(s *server.Socket, e *server.Event) error {
			var room string
			if err := e.Bind(&room); err != nil {
				return err
			}
			s.Join(room)
			return e.Ack()
		})
		srv.On("others", func(s *server.Socket, _ *server.Event) error { return s.Broadcast().Emit("from", s.ID()) })
		bases = append(bases, serve(t, srv))
	}
	return all, bases
}

func (w *wire) join(room string) {
	w.t.Helper()
	w.send(fmt.Sprintf(`420["join",%q]`, room))
	w.expect(`430[]`)
}
