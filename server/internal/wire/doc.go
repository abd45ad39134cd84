// Package wire is what the nodes of a cluster send each other, in the forms of the official
// adapters. Bytes go in and bytes come out; the package does no I/O.
//
// A [Message] says what is meant. Two dialects write and read it: [Classic], the form of
// @socket.io/redis-adapter 8 and of @socket.io/redis-emitter 5, and [Cluster], which the adapters
// for sharded pub/sub and for streams share, and ours for NATS. Arguments of events stay in the
// encoding in which they are (JSON or MessagePack): a node passes them on without building values.
//
// A process that may publish to the broker controls all clients of the cluster. Decoding checks
// types and bounds nevertheless: a malformed message is an error, and its receiver counts and drops
// it.
package wire

import (
	"errors"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// Kind says what a message asks or answers.
type Kind byte

// The kinds. Requests name the answers that they expect.
const (
	Broadcast Kind = iota + 1 // an event for the sockets of an audience
	// the same, answered by one ClientCount of each node and an Answer of each socket
	Ask
	ClientCount // how many sockets will answer an Ask
	Answer      // what one socket answered
	Join        // the sockets of an audience enter Names
	Leave       // the sockets of an audience leave Names
	Disconnect  // the sockets of an audience are disconnected
	// the sockets of an audience are listed, answered by one Sockets of each node
	Fetch
	Sockets // the answer to Fetch
	// an event for the servers, answered by one ServerAnswer of each if Request is set
	ServerEvent
	ServerAnswer // what one server answered
	ListRooms    // classic alone: the rooms of a node are listed, answered by Rooms
	Rooms        // the answer to ListRooms
	// classic alone, from old nodes: the ids of an audience, answered by IDs
	ListIDs
	IDs              // the answer to ListIDs
	InitialHeartbeat // a node has joined; the others answer with Heartbeat
	Heartbeat        // a node is there
	AdapterClose     // a node leaves
	// classic alone: the answer to a Join, Leave or Disconnect of an old node
	ClassicDone
	// of servers of this package alone: a client has come back to another server; Names are the
	// incarnations (Session.Incarnation) of its socket before
	Returned
)

// Message is one message between nodes. Which fields count depends on its Kind.
type Message struct {
	Kind      Kind
	From      string // id of the node that sent it; "" or Emitter for a process that is no node
	Namespace string
	Request   string // id that an answer carries as well; "" where no answer is wanted

	To     Audience
	Names  []string // rooms to enter or leave, rooms or ids listed
	HangUp bool     // Disconnect: the whole connection is closed

	Event string
	// Args are the arguments of the event, or the one value of an answer, in the form of
	// socketio.Parser.AppendArgs. They never have attachments: an event with binary values is in
	// MessagePack.
	Args   []byte
	Parser socketio.Parser

	Count int      // Owes
	List  []Socket // Sockets
	More  bool     // Sockets: not the last part of the answer; between servers of this package
}

// Audience is a set of sockets and how they are sent to.
type Audience struct {
	Rooms, Except []string
	Volatile      bool
	NoCompress    bool // not worth compressing
	Timeout       time.Duration
}

// Socket is a socket as it is listed to other nodes.
type Socket struct {
	ID        string
	Handshake []byte // JSON
	Rooms     []string
	Data      []byte // JSON; nil: none
}

// Emitter is the From of a process that emits and is no node.
const Emitter = "emitter"

// ErrKind is the error of a message of a type that is not known here.
var ErrKind = errors.New("message is of no known type")

var (
	errForm  = errors.New("message is not well-formed")
	errEvent = errors.New("message has no event")
)
