package metric

import (
	"slices"
	"strings"
)

// An ErrorKind says at what something went wrong.
type ErrorKind string

// The kinds of errors.
const (
	ErrBefore    ErrorKind = "before"
	ErrAgain     ErrorKind = "again"
	ErrConnect   ErrorKind = "connect"
	ErrUpgrade   ErrorKind = "upgrade"
	ErrDrop      ErrorKind = "drop"
	ErrReconnect ErrorKind = "reconnect"
	ErrPeer      ErrorKind = "peer"
	ErrSend      ErrorKind = "send"
	ErrAck       ErrorKind = "ack"
	ErrDelivery  ErrorKind = "delivery"
	ErrStamp     ErrorKind = "stamp"
	ErrMove      ErrorKind = "move"
	ErrStep      ErrorKind = "step"
	ErrReact     ErrorKind = "react"
	ErrFault     ErrorKind = "fault"
	ErrVolatile  ErrorKind = "volatile"
	ErrAway      ErrorKind = "away"
	ErrWaiting   ErrorKind = "waiting"
	ErrAgent     ErrorKind = "agent"
	ErrIgnored   ErrorKind = "ignored"
)

// Error classes that the runner itself assigns. Other classes come from client.DialError and
// client.CloseError.
const (
	HowOther        = "other"
	HowTimeout      = "timeout"      // no answer within the limit
	HowDropped      = "dropped"      // the connection ended before the answer
	HowPeer         = "peer"         // no other client was there to send it to
	HowUnconnected  = "unconnected"  // no connection to send on
	HowBackpressure = "backpressure" // the target did not read the earlier messages
	// an echo brought something else back, or an answer lacks a value that it should have
	HowMismatch   = "mismatch"
	HowUnexpected = "unexpected" // it was not asked for, or was for others
	HowUnknown    = "unknown"    // no such message was sent
	HowStale      = "stale"      // one more copy, long after all had the message
	HowOverdue    = "overdue"    // it counts as lost: the ledger had to close its message before
	HowInvalid    = "invalid"    // damaged
	// its stamp is intact, but the bytes after it differ from the bytes sent
	HowChanged   = "changed"
	HowPlaces    = "places"   // the group had no place left for an arrival
	HowJoin      = "join"     // a room did not acknowledge the join, or refused it
	HowPorts     = "ports"    // no local port was left
	HowFiles     = "files"    // no file descriptor was left
	HowLimit     = "limit"    // a message was larger than the generator takes
	HowNever     = "never"    // the client had not come back at the end
	HowCapture   = "capture"  // the answer lacks a value that the step asks for
	HowStatus    = "status"   // an HTTP status that the step does not expect
	HowHTTP      = "http"     // no HTTP answer
	HowSend      = "send"     // it could not be written
	HowContract  = "contract" // the contract has no such call
	HowEmit      = "emit"
	HowAck       = "ack"
	HowOvertaken = "overtaken" // the fault before was not over
	HowStop      = "stop"      // the server did not stop
	HowBefore    = "before"    // the requests before its connection were not answered
	// its turn to connect had not come: too many others were connecting
	HowTurn = "turn"
	HowAway = "away" // its sender had lost its connection
	// too much was held for senders that had lost their connection, or waited in the channel to a
	// peer
	HowFull    = "full"
	HowLate    = "late"    // the phases were over before the generator came to it
	HowSkipped = "skipped" // the network was busy, and the message may be left out
	HowLost    = "lost"    // it ended, was cut off, or did not answer
	// the stages of a data channel
	HowSignalling = "signalling"
	HowICE        = "ice"
	HowDTLS       = "dtls"
	HowChannel    = "channel"
	HowOpen       = "open"
	HowRefused    = "refused" // the server did not carry an event of the signalling out
)

// ErrorKinds is the table of the kinds. Do not change it.
var ErrorKinds = []struct {
	Kind ErrorKind
	// counts in phases that are not recorded too: a ramp tests connecting and staying connected
	Always bool
	Benign bool     // is no failure
	Hows   []string // all that there are; nil: the words come from the client or the server
	Labels []string // by which a check may choose
	About  string
}{
	{
		Kind: ErrBefore, Always: true, Hows: []string{HowTimeout, HowCapture, HowMismatch, HowStatus, HowHTTP, HowPorts, HowFiles, HowOther},
		Labels: ofGroups, About: "a request before a client's connection failed",
	},
	{Kind: ErrConnect, Always: true, Labels: ofGroups, About: "a client could not connect"},
	{Kind: ErrUpgrade, Always: true, Labels: ofGroups, About: "a client stayed with polling"},
	{Kind: ErrDrop, Always: true, Labels: ofGroups, About: "a connection ended without being planned"},
	{Kind: ErrReconnect, Always: true, Labels: ofGroups, About: "a client could not connect again"},
	{
		Kind: ErrPeer, Always: true, Hows: []string{HowSignalling, HowICE, HowDTLS, HowChannel, HowOpen, HowRefused, HowFull, HowBackpressure, HowOther},
		Labels: ofGroups, About: "a data channel to a peer did not open, by the stage in which it failed, or broke (open), and messages go by the server then; or a message was not sent to one of the peers, since too much waited in the channel to it (full) or for the server (backpressure)",
	},
	{Kind: ErrSend, Hows: []string{HowUnconnected, HowBackpressure, HowFull, HowPeer, HowLate, HowStatus, HowHTTP, HowPorts, HowFiles, HowOther}, Labels: ofStreams, About: "a message that was due could not be sent"},
	{Kind: ErrAck, Hows: []string{HowTimeout, HowDropped, HowUnexpected, HowMismatch, HowStatus, HowHTTP, HowPorts, HowFiles}, Labels: ofStreams, About: "an acknowledgement did not come, came twice, or was wrong"},
	{Kind: ErrDelivery, Hows: []string{HowUnexpected, HowUnknown, HowStale, HowOverdue}, Labels: ofStreams, About: "a message was delivered to a client outside its audience, or again long after all had it (stale)"},
	{Kind: ErrStamp, Hows: []string{HowInvalid, HowChanged}, Labels: ofStreams, About: "a message arrived damaged"},
	{Kind: ErrMove, Hows: []string{HowTimeout, HowMismatch, HowStatus, HowHTTP, HowPorts, HowFiles}, Labels: ofGroups, About: "a client could not change rooms"},
	{
		Kind: ErrStep, Hows: []string{HowTimeout, HowDropped, HowUnconnected, HowCapture, HowMismatch, HowStatus, HowHTTP, HowPorts, HowFiles, HowSend, HowContract, HowOther},
		Labels: ofGroups, About: "a step of a flow failed",
	},
	{Kind: ErrReact, Hows: []string{HowAck, HowEmit}, Labels: ofGroups, About: "a reaction could not be sent"},
	{Kind: ErrFault, Always: true, Hows: []string{HowOvertaken, HowStop}, About: "a fault of the scenario did not go as planned"},
	{Kind: ErrAgent, Always: true, Hows: []string{HowLost}, About: "an agent of the fleet was lost, and its clients with it"},
	{Kind: ErrVolatile, Benign: true, About: "a volatile message was left out"},
	{Kind: ErrAway, Benign: true, About: "a message of a stream with away: drop was due while its sender was away"},
	{Kind: ErrAgain, Always: true, Benign: true, About: "the target refused a client, which made the requests before its connection again"},
	{
		Kind: ErrIgnored, Benign: true, Hows: []string{string(ErrAck), string(ErrMove), string(ErrStep)},
		About: "in a run with faults, how many of ack.timeout, of move.timeout, and of the steps join and leave in step.timeout were never answered although a later call of their connection was",
	},
	{Kind: ErrWaiting, Always: true, Benign: true, About: "a client was still connecting at the end, at this stage"},
}

// ErrorNames lists the names that a check of errors may use, in order: kinds, and classes where all
// of a kind are known.
func ErrorNames() (out []string) {
	for i := range ErrorKinds {
		k := &ErrorKinds[i]
		if k.Benign {
			continue
		}
		out = append(out, string(k.Kind))
		for _, how := range k.Hows {
			out = append(out, Error(k.Kind, how).String())
		}
	}
	return out
}

// OfErrors reports whether a check of errors may name a kind, such as connect, or a class, such as
// connect.refused.
func OfErrors(name string) bool {
	c := ParseErrorClass(name)
	i := kindAt(c.Kind)
	if i < 0 || c.Benign() || strings.HasSuffix(name, ".") {
		return false
	}
	if _, is := Of(name); is && c.How != "" && c.How != "tls" && c.How != "quic" {
		return false // a stage of connecting: no other class is named like one
	}
	return c.How == "" || ErrorKinds[i].Hows == nil || slices.Contains(ErrorKinds[i].Hows, c.How)
}

// An ErrorClass names the failed operation and the cause. Slow: the client reads slowly, so its
// losses are intended.
type ErrorClass struct {
	Kind ErrorKind
	How  string
	Slow bool
}

// Error makes the class of an error at a client that reads at normal speed.
func Error(kind ErrorKind, how string) ErrorClass { return ErrorClass{Kind: kind, How: how} }

// Ignored is the class of the calls of a kind that were never answered although a later one of
// their connection was. They are timeouts of that kind besides.
func Ignored(kind ErrorKind) ErrorClass { return Error(ErrIgnored, string(kind)) }

const slowPrefix = "slow."

// String is the class as results have it: connect.refused, or slow.drop.ping_timeout.
func (c ErrorClass) String() string {
	s := string(c.Kind) + "." + c.How
	if c.Slow {
		return slowPrefix + s
	}
	return s
}

// ParseErrorClass reads what String has written.
func ParseErrorClass(s string) ErrorClass {
	rest, slow := strings.CutPrefix(s, slowPrefix)
	kind, how, _ := strings.Cut(rest, ".")
	return ErrorClass{Kind: ErrorKind(kind), How: how, Slow: slow}
}

// In reports whether a check's name covers the class: a kind, a class, or "" for all.
func (c ErrorClass) In(name string) bool {
	return name == "" || name == string(c.Kind) || name == string(c.Kind)+"."+c.How
}

// Always reports whether the class counts in phases that are not recorded too.
func (c ErrorClass) Always() bool {
	i := kindAt(c.Kind)
	return i >= 0 && ErrorKinds[i].Always && !c.Slow
}

// Benign reports whether the class is no failure.
func (c ErrorClass) Benign() bool {
	i := kindAt(c.Kind)
	return c.Slow || i >= 0 && ErrorKinds[i].Benign
}

// Own reports whether the class is of the generator and says nothing about the target: no port or
// no file descriptor was left for a connection of any purpose, a message was larger than it takes,
// it was too far behind its schedule to connect a client or to send a message, or an agent of its
// fleet was lost.
func (c ErrorClass) Own() bool {
	switch c.How {
	case HowPorts, HowFiles:
		return true
	case HowLimit:
		return c.Kind == ErrConnect || c.Kind == ErrReconnect || c.Kind == ErrDrop
	case HowLate:
		return c.Kind == ErrConnect || c.Kind == ErrReconnect || c.Kind == ErrSend
	}
	return c.Kind == ErrAgent
}

func kindAt(k ErrorKind) int {
	for i := range ErrorKinds {
		if ErrorKinds[i].Kind == k {
			return i
		}
	}
	return -1
}
