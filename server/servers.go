package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// ServerSideEmit sends an event to the other servers that serve the namespace, where the function
// of OnServerEvent gets it. The names connect, connection and new_namespace are reserved. Arguments
// are encoded as by Target.Emit. On a server that is alone it goes nowhere.
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	return n.serverSideEmit(nil, event, args)
}

// ServerSideEmitWithAck is ServerSideEmit for an event that wants an answer of each server. It
// calls done once: when all have answered, or when the timeout has passed, or this server has shut
// down. done runs on a goroutine of the server and must not block.
func (n *Namespace) ServerSideEmitWithAck(timeout time.Duration, done func(Answers), event string, args ...any) error {
	notNil("ServerSideEmitWithAck", done != nil)
	acks := newAcks(n.server, timeout, done)
	if err := n.serverSideEmit(acks, event, args); err != nil {
		acks.expire(false)
		return err
	}
	acks.sent()
	return nil
}

func (n *Namespace) serverSideEmit(acks *Acks, event string, args []any) error {
	switch event {
	case "connect", "connection", "new_namespace":
		return fmt.Errorf("server: event name %q is reserved between servers", event)
	}
	for _, one := range n.concrete() {
		if err := one.adapter.ServerSideEmit(Message{m: message{event: event, args: args}}, acks); err != nil {
			return err
		}
	}
	return nil
}

// OnServerEvent sets the function that gets an event of other servers, in place of an earlier one.
// Its answer, if the other server wants one, is Event.Ack. An error is logged.
func (n *Namespace) OnServerEvent(event string, f func(e *Event) error) {
	notNil("OnServerEvent", f != nil)
	n.change(func(all *handlers) {
		servers := maps.Clone(all.servers)
		if servers == nil {
			servers = map[string]func(*Event) error{}
		}
		servers[event] = f
		all.servers = servers
	})
}

// ServerEvent is for adapters: it passes an event of another server to the function that is set for
// it. args and attachments are in the encoding of p and must not change afterwards. reply takes the
// answer in the same encoding, at most once and from any goroutine; it is nil if none is wanted.
func (n *Namespace) ServerEvent(event string, p socketio.Parser, args []byte, attachments [][]byte, reply func(args []byte, attachments [][]byte)) {
	f := n.handlers.Load().servers[event]
	if f == nil {
		return
	}
	e := &Event{
		name: []byte(event), args: args, attachments: attachments, wantsAck: reply != nil, remoteOrigin: &remoteOrigin{p, reply},
	}
	_ = n.server.guard(func() {
		if failed := f(e); failed != nil {
			n.server.logs.write(&n.logged, slog.LevelWarn, "server event handler failed", "namespace", n.name, "event", clip(event), "error", clip(failed.Error()))
		}
	})
}

// RemoteSocket is a socket of this server or another one, as Target.Fetch lists it. Its methods
// reach the socket wherever it is.
type RemoteSocket struct {
	Target
	ID        string
	Handshake *Handshake
	Auth      json.RawMessage // see Socket.AuthRaw
	Rooms     []string        // without the one that it has by its id
	Data      any             // of a socket elsewhere, as the adapter brings it
	Socket    *Socket         // nil if it is on another server
}

// Fetch lists the sockets of t on all servers, in no order. It waits for the other servers, until
// ctx ends; with an error it returns what it has. It reads the Data of sockets: an application that
// fetches sets it once, in middleware or OnConnect, and keeps what changes later behind a pointer
// with a lock.
func (t Target) Fetch(ctx context.Context) ([]RemoteSocket, error) {
	t = t.audienceOnly()
	var all []RemoteSocket
	for _, n := range t.ns.concrete() {
		t.ns = n
		some, err := t.adapter().Fetch(ctx, t)
		all = append(all, some...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}
