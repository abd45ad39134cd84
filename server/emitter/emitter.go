// Package emitter sends events to the clients of a cluster from a process that is no server: a job,
// a web application, a script. It publishes what the servers of the cluster listen to, see package
// adapter; on redis:// its messages are those of @socket.io/redis-emitter, on
// redis+streams:// those of @socket.io/redis-streams-emitter.
//
//	e, err := emitter.Open("redis://localhost:6379", emitter.Options{})
//	err = e.To("room1").Emit(ctx, "news", map[string]any{"id": 7})
//
// An emitter gets no answers: nothing is acknowledged, and nothing is listed. All methods are safe
// for concurrent use.
package emitter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/bus"
	"github.com/throng-io/throng/server/internal/wire"
)

// Options say which cluster is meant.
type Options struct {
	// Prefix is that of the servers, see adapter.Options. Default: "socket.io".
	Prefix string
	// Stream, Streams and StreamLength are those of the servers on redis+streams. Defaults: Prefix,
	// 1 and 10 000.
	Stream                string
	Streams, StreamLength int
}

// Emitter is a connection to a broker, and stands for all clients of the main namespace.
type Emitter struct {
	Target
	send *sender
}

// Open connects to the broker at an address, see adapter.Open, or fails. An embedded NATS server is
// reached as nats://.
func Open(address string, o Options) (*Emitter, error) {
	at, err := o.parse(address)
	if err != nil {
		return nil, err
	}
	o.Prefix = cmp.Or(o.Prefix, "socket.io")
	o.Stream = cmp.Or(o.Stream, o.Prefix)
	o.StreamLength = cmp.Or(o.StreamLength, 10_000)
	options := bus.Options{MaxQueue: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
	s := &sender{
		form: at.Form, log: at.Log, prefix: o.Prefix, classic: wire.Classic{Prefix: o.Prefix}, cluster: wire.Cluster{Prefix: o.Prefix},
		streams: wire.Streams{Name: o.Stream, Count: o.Streams}, length: o.StreamLength,
	}
	if at.Form == bus.OnNATS {
		s.Sender, err = bus.OpenNATS(at, options)
	} else {
		s.Sender, err = bus.OpenRedis(at, options)
	}
	if err != nil {
		return nil, fmt.Errorf("emitter: %w", err)
	}
	return &Emitter{Target{send: s, namespace: "/"}, s}, nil
}

// Check returns the error that Open has for an address or for options, without connecting to the
// broker.
func Check(address string, o Options) error {
	_, err := o.parse(address)
	return err
}

func (o *Options) parse(address string) (bus.Address, error) {
	at, err := bus.Parse(address)
	if err == nil {
		err = at.CheckStreams(o.Stream, o.Streams)
	}
	if err != nil {
		return at, fmt.Errorf("emitter: %w", err)
	}
	if at.Embedded {
		return at, errors.New("emitter: nats+embedded:// would start another broker: write nats:// or nats+jetstream:// for the one that a server has started")
	}
	if o.Streams < 0 || o.StreamLength < 0 {
		return at, errors.New("emitter: Streams or StreamLength is negative; use a positive number, or 0 for the default")
	}
	return at, nil
}

// Close disconnects from the broker.
func (e *Emitter) Close() error { return e.send.Close() }

// Of stands for all clients of a namespace. A name without leading slash gets one.
func (e *Emitter) Of(namespace string) Target {
	if !strings.HasPrefix(namespace, "/") {
		namespace = "/" + namespace
	}
	return Target{send: e.send, namespace: namespace}
}

// Target is a set of clients. It is a value: its methods return another one and leave it as it was.
type Target struct {
	send      *sender
	namespace string
	to        wire.Audience
}

// To adds the clients of a room; the id of a socket is a room of its own. Without one all clients
// are meant.
func (t Target) To(room string) Target {
	t.to.Rooms = append(slices.Clone(t.to.Rooms), room)
	return t
}

// Except takes the clients of a room out.
func (t Target) Except(room string) Target {
	t.to.Except = append(slices.Clone(t.to.Except), room)
	return t
}

// Volatile lets messages be dropped for clients that cannot take them at once.
func (t Target) Volatile() Target {
	t.to.Volatile = true
	return t
}

// Compress says whether messages may be compressed on their way. They may, if nothing is said.
func (t Target) Compress(on bool) Target {
	t.to.NoCompress = !on
	return t
}

// Emit sends an event. Arguments are encoded by the rules of encoding/json; []byte values, at any
// depth, travel as binary. It returns when the broker has the message. An error means that it has
// not, or that an argument cannot be encoded.
func (t Target) Emit(ctx context.Context, event string, args ...any) error {
	if socketio.Reserved(event) {
		return fmt.Errorf("emitter: event name %q is reserved by the protocol", event)
	}
	m := wire.Message{Kind: wire.Broadcast, Event: event}
	if err := t.encode(&m, args); err != nil {
		return err
	}
	return t.publish(ctx, &m)
}

// ServerSideEmit sends an event to all servers of the namespace; see
// server.Namespace.OnServerEvent. The audience of t does not matter.
func (t Target) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	m := wire.Message{Kind: wire.ServerEvent, Event: event}
	if err := t.encode(&m, args); err != nil {
		return err
	}
	return t.publish(ctx, &m)
}

// Join puts the clients of t into a room.
func (t Target) Join(ctx context.Context, room string) error {
	return t.publish(ctx, &wire.Message{Kind: wire.Join, Names: []string{room}})
}

// Leave takes the clients of t out of a room.
func (t Target) Leave(ctx context.Context, room string) error {
	return t.publish(ctx, &wire.Message{Kind: wire.Leave, Names: []string{room}})
}

// Disconnect disconnects the clients of t from the namespace, or with hangUp altogether.
func (t Target) Disconnect(ctx context.Context, hangUp bool) error {
	return t.publish(ctx, &wire.Message{Kind: wire.Disconnect, HangUp: hangUp})
}

// encode sets the arguments of m: as JSON where servers want it and there is nothing binary.
func (t Target) encode(m *wire.Message, args []any) (err error) {
	if t.send.form == bus.Classic && m.Kind == wire.Broadcast {
		m.Parser = socketio.MessagePack
		m.Args, _, err = m.Parser.AppendArgs(nil, nil, args...)
		return err
	}
	var attachments [][]byte
	if m.Args, attachments, err = m.Parser.AppendArgs(nil, nil, args...); err != nil || len(attachments) == 0 {
		return err
	}
	if t.send.form == bus.Classic {
		return errors.New("emitter: events between servers cannot hold binary values on redis://")
	}
	m.Parser = socketio.MessagePack
	m.Args, _, err = m.Parser.AppendArgs(nil, nil, args...)
	return err
}

func (t Target) publish(ctx context.Context, m *wire.Message) error {
	m.From, m.Namespace, m.To = wire.Emitter, t.namespace, t.to
	if err := t.send.Send(ctx, t.send.item(m)); err != nil {
		return fmt.Errorf("emitter: the broker did not take the message: %w", err)
	}
	return nil
}

// sender is a connection to a broker in one of the forms.
type sender struct {
	bus.Sender
	form    bus.Form
	log     bool // JetStream keeps broadcasts and changes of rooms
	prefix  string
	classic wire.Classic
	cluster wire.Cluster
	streams wire.Streams
	length  int
}

// item is a message as it is published. Beside classic pub/sub the channel for all is the one that
// every server has, in each mode of subscription.
func (s *sender) item(m *wire.Message) bus.Item {
	if s.form == bus.Classic {
		return bus.Item{Channel: s.classic.Channel(m), Payload: s.classic.Append(nil, m)}
	}
	if s.form == bus.Streams {
		return bus.Item{Channel: s.streams.Of(m.Namespace), Fields: s.cluster.AppendEntry(bus.Keep(s.length), m)}
	}
	i := bus.Item{Channel: s.cluster.Everyone(m.Namespace)}
	if m.Parser == socketio.MessagePack {
		i.Payload = s.cluster.AppendBinary(nil, m)
	} else {
		i.Payload = s.cluster.AppendText(nil, m)
	}
	if s.log && m.Kind != wire.ServerEvent {
		return bus.LogItem(s.prefix, m.Namespace, i.Payload)
	}
	return i
}
