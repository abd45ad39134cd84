package peer

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/throng-io/throng/protocol/socketio"
)

// Config says which room a Mesh joins, and how. Room and Emit are mandatory; the zero value of
// every other field means its default.
type Config struct {
	Room string
	// Emit sends an event to the server; []byte arguments are binary. It must not wait for the
	// network, and may be called from any goroutine. Over is one.
	Emit   func(event string, args ...any) error
	Parser socketio.Parser // of the client's connection

	// Message gets each message of a peer. Calls for messages of one peer that went the same way
	// follow each other; all others may overlap.
	Message func(m Message)
	// Peer hears of each change of a peer's state, one call at a time, on a goroutine of the Mesh.
	Peer func(p Peer)
	// Settled is called once, on the same goroutine: when the server has listed the peers of the
	// room and none of them is Connecting any more, or with the *Refusal of the join.
	Settled func(err error)
	// Refused hears of what else the server did not carry out.
	Refused func(r *Refusal)

	// Timeout is how long the channel to a peer may take to open, from the moment when the Mesh
	// hears of the peer. Default 10 s.
	Timeout time.Duration
	// After calls f on a goroutine of its own when d has passed, unless stop is called before.
	// Default time.AfterFunc; a program that may be paused can have the clock stand still
	// meanwhile.
	After func(d time.Duration, f func()) (stop func())
	// MaxMessage is the most bytes of a message in either direction. Default 16 MiB.
	MaxMessage int
	// MaxQueue is how many bytes of messages may wait in the channel to a peer, beside one message
	// of any size. Default 1 MiB.
	MaxQueue int

	// Servers are those for STUN and TURN. Default: none, so that peers meet by their own
	// addresses.
	Servers []webrtc.ICEServer
	// Loopback restricts candidates to 127.0.0.1, for peers on one machine.
	Loopback bool
	// Hidden leaves no candidate, so that no peer can reach this one: all messages are relayed.
	Hidden bool
	// Settings changes further settings of the stack, candidate filters for one. Default: none.
	Settings func(s *webrtc.SettingEngine)
}

func (c Config) withDefaults() (Config, error) {
	if c.Room == "" || c.Emit == nil {
		return c, errors.New("peer: Config.Room or Config.Emit is missing; set both")
	}
	if c.Timeout < 0 || c.MaxMessage < 0 || int64(c.MaxMessage) > 1<<32-1 || c.MaxQueue < 0 {
		return c, fmt.Errorf("peer: Timeout %v, MaxMessage %d or MaxQueue %d is out of range; use 0 for the default", c.Timeout, c.MaxMessage, c.MaxQueue)
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.After == nil {
		c.After = func(d time.Duration, f func()) func() {
			timer := time.AfterFunc(d, f)
			return func() { timer.Stop() }
		}
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 16 << 20
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 1 << 20
	}
	if c.Message == nil {
		c.Message = func(Message) {}
	}
	if c.Peer == nil {
		c.Peer = func(Peer) {}
	}
	if c.Settled == nil {
		c.Settled = func(error) {}
	}
	if c.Refused == nil {
		c.Refused = func(*Refusal) {}
	}
	return c, nil
}

// api is the stack with the settings of a Config.
func (c *Config) api() *webrtc.API {
	var s webrtc.SettingEngine
	s.DetachDataChannels()
	s.SetSCTPMaxMessageSize(maxFrame)
	s.DisableMediaEngineCopy(true)
	s.DisableActiveTCP(true)
	if c.Hidden {
		s.SetIPFilter(func(net.IP) bool { return false })
		s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	} else if c.Loopback {
		s.SetIncludeLoopbackCandidate(true)
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
		s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
		s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	}
	if c.Settings != nil {
		c.Settings(&s)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&webrtc.MediaEngine{}))
}

// A Sender is what Over needs of a client: *client.Client is one.
type Sender interface {
	Send(packet []byte) error
	SendBinary(packet []byte, attachments ...[]byte) error
}

// Over returns a Config.Emit for a client in its first namespace, which is given if it is not "/".
func Over(c Sender, parser socketio.Parser, namespace string) func(event string, args ...any) error {
	return func(event string, args ...any) error {
		packet, attachments, err := parser.AppendEvent(nil, namespace, 0, false, event, args...)
		switch {
		case err != nil:
			return err
		case parser.IsBinary():
			return c.SendBinary(nil, packet)
		case len(attachments) > 0:
			return c.SendBinary(packet, attachments...)
		}
		return c.Send(packet)
	}
}

// A Way is how a message travels.
type Way byte

// The ways.
const (
	Direct  Way = iota // by the data channel
	Relayed            // by the server
)

// String returns "direct" or "relayed".
func (w Way) String() string { return [...]string{"direct", "relayed"}[w] }

// A Message of a peer.
type Message struct {
	From   string
	Data   []byte // valid during the call
	Binary bool   // else Data is UTF-8
	Way    Way
	At     time.Duration // when it was read, on the clock of client.Now
}

// A State of a peer.
type State byte

// The states: from Connecting a peer becomes one of the others, from Open Fallback or Gone.
const (
	Connecting State = iota // messages are relayed until the channel is open
	Open                    // messages go by the channel
	Fallback                // the channel did not open, or broke: messages are relayed
	Gone                    // it has left the room
)

// String returns the state in lower case.
func (s State) String() string { return [...]string{"connecting", "open", "fallback", "gone"}[s] }

// A Peer is another client in the room.
type Peer struct {
	ID      string
	State   State
	Timings Timings // of the stages that are passed
	Err     *Error  // of Fallback
}

// The stages of a connection, in their order.
const (
	StageSignalling = "signalling" // offer and answer go through the server
	StageICE        = "ice"        // a pair of addresses is found that works
	StageDTLS       = "dtls"       // keys are agreed upon
	StageChannel    = "channel"    // the association and its channel open
	StageOpen       = "open"       // it was open, and broke
)

// Timings are the durations of the stages; 0: not passed. The first begins when the Mesh hears of
// the peer.
type Timings struct {
	Signalling, ICE, DTLS, Channel time.Duration
}

// Setup is all of them together, once the channel is open.
func (t Timings) Setup() time.Duration { return t.Signalling + t.ICE + t.DTLS + t.Channel }

// An Error says why messages to a peer are relayed.
type Error struct {
	Stage string // the one in which it happened
	Err   error
}

func (e *Error) Error() string {
	return "the connection failed in the stage " + e.Stage + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Refusal is an event that the server did not carry out; see package server/signalling.
type Refusal struct {
	Event, Room, To, Code, Reason string
}

func (r *Refusal) Error() string { return r.Event + " was refused (" + r.Code + "): " + r.Reason }

// ErrEnded is the cause of a Fallback when the peer has closed the channel itself, as it does
// before it leaves.
var ErrEnded = errors.New("the peer has closed the channel")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("peer: the mesh is closed")

// ErrNoPeer is returned for a message to a peer that is not in the room.
var ErrNoPeer = errors.New("peer: no such peer is in the room")

// ErrQueueFull is returned for a message that goes directly, when more than Config.MaxQueue waits
// for the network. Nothing of it was sent.
var ErrQueueFull = errors.New("peer: the queue of the channel is full")
