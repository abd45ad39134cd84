// Package metric defines the measurements of a run in one place: the table of metrics with their
// units, labels and order, the statistics that a check may take of them, the classes of errors, and
// how amounts are written.
//
// A new metric is a row of [Table] and the code that records it. The grammar of checks, the JSON
// Schema, the manual's table and the order of tables in reports follow from the row.
package metric

import (
	"slices"
	"strings"
)

// The names of the metrics that code asks for.
const (
	Delivery     = "delivery"
	FanoutFirst  = "fanout.first"
	FanoutLast   = "fanout.last"
	FanoutSpread = "fanout.spread"
	Ack          = "ack"
	AckService   = "ack.service"
	RTT          = "rtt"
	Gap          = "gap"
	Jitter       = "jitter"

	Before           = "before"
	Connect          = "connect"
	ConnectAttempt   = "connect.attempt"
	ConnectTCP       = "connect.tcp"
	ConnectTLS       = "connect.tls"
	ConnectResumed   = "connect.resumed"
	ConnectQUIC      = "connect.quic"
	ConnectOpen      = "connect.open"
	ConnectNamespace = "connect.namespace"
	ConnectUpgrade   = "connect.upgrade"
	Reconnect        = "reconnect"

	ReconnectAttempt   = "reconnect.attempt"
	ReconnectTCP       = "reconnect.tcp"
	ReconnectTLS       = "reconnect.tls"
	ReconnectQUIC      = "reconnect.quic"
	ReconnectOpen      = "reconnect.open"
	ReconnectNamespace = "reconnect.namespace"
	ReconnectUpgrade   = "reconnect.upgrade"

	Channel           = "channel"
	ChannelSignalling = "channel.signalling"
	ChannelICE        = "channel.ice"
	ChannelDTLS       = "channel.dtls"
	ChannelOpen       = "channel.open"

	EventFirst  = "event.first"
	EventGap    = "event.gap"
	EventJitter = "event.jitter"

	Step       = "step"
	Flow       = "flow"
	Lag        = "lag"
	LagReceive = "lag.receive"

	CPU                = "cpu"
	RSS                = "rss"
	ServerCPU          = "server.cpu"
	ServerRSS          = "server.rss"
	ServerRSSPerClient = "server.rss_per_client"
	Goroutines         = "goroutines"
	Files              = "files"
	ServerGoroutines   = "server.goroutines"
	ServerFiles        = "server.files"

	Rate      = "rate"
	Recovered = "recovered"
)

// The units of values.
const (
	Seconds   = "s"
	Share     = "share" // 1 is 100 %
	Bytes     = "B"
	PerSecond = "/s"
	Count     = "" // a plain number
)

// The labels of a metric's samples.
const (
	LabelGroup      = "group" // of the client that measures: of a delivery the receiver
	LabelFrom       = "from"  // the group of the sender
	LabelOp         = "op"
	LabelEvent      = "event"
	LabelTransport  = "transport"
	LabelRoomDecile = "room_decile"
	LabelRead       = "read"
	// true: the receiver had been away since the message was sent, and was recovered
	LabelReplayed = "replayed"
	LabelCross    = "cross" // true: sender and receiver were connected to different targets
	LabelNode     = "node"  // the place among the targets of the receiver's, from 0
	LabelPhase    = "phase" // every metric has it
)

// Labels are all labels, in the order in which lists name them.
var Labels = []string{LabelGroup, LabelFrom, LabelOp, LabelEvent, LabelTransport, LabelRoomDecile, LabelRead, LabelReplayed, LabelCross, LabelNode, LabelPhase}

// A Kind is the kind of data behind a metric.
type Kind int

// The kinds of metrics.
const (
	Latency Kind = iota // a histogram of times
	Sampled             // a value that is read once a second
	Derived             // a quotient of counts
)

// A Need is a part of a scenario that produces samples of a metric; a check of the metric requires
// it.
type Need int

// The needs of metrics.
const (
	NeedsNothing   Need = iota
	NeedsDelivery       // a stream that is delivered to clients
	NeedsBroadcast      // likewise, to others than its sender
	NeedsPeriodic       // likewise, at a fixed period from each source
	NeedsAck            // a stream that asks for acknowledgements
	NeedsReconnect      // a group whose clients connect again
	NeedsRecovery       // likewise, as the sockets that they were
	NeedsBefore         // a group whose clients make requests before they connect
	NeedsPeers          // a group whose clients open data channels
	NeedsEvents         // a target of server-sent events
	NeedsFlow           // a group with a flow
	NeedsSteps          // a group with either
	// a server whose process can be read: the built-in one, or a target with sample
	NeedsSample
)

// A Metric is one row of the table.
type Metric struct {
	Name   string
	Kind   Kind
	Unit   string
	Labels []string // besides the phase
	Needs  Need
	Always bool   // counts in phases that are not recorded too: a ramp tests connecting
	About  string // a phrase for the manual
}

var (
	ofReceivers = []string{LabelGroup, LabelFrom, LabelOp, LabelEvent, LabelTransport, LabelRoomDecile, LabelRead, LabelReplayed, LabelCross, LabelNode}
	ofArrivals  = []string{LabelGroup, LabelFrom, LabelOp, LabelEvent, LabelTransport, LabelRead}
	ofSenders   = []string{LabelGroup, LabelOp, LabelEvent, LabelTransport, LabelRead}
	ofFanouts   = []string{LabelGroup, LabelOp, LabelEvent, LabelRoomDecile}
	ofClients   = []string{LabelGroup, LabelTransport}
	ofSteps     = []string{LabelGroup, LabelOp, LabelEvent, LabelTransport}
	ofStreams   = []string{LabelGroup, LabelOp, LabelEvent}
	ofGroups    = []string{LabelGroup}
)

// Table is every metric, in the order in which reports show them. Do not change it.
var Table = []Metric{
	{Name: Delivery, Unit: Seconds, Labels: ofReceivers, Needs: NeedsDelivery, About: "from when a message was due until a receiver had it"},
	{Name: FanoutLast, Unit: Seconds, Labels: ofFanouts, Needs: NeedsBroadcast, About: "until the last receiver of a broadcast had it"},
	{Name: FanoutFirst, Unit: Seconds, Labels: ofFanouts, Needs: NeedsBroadcast, About: "until the first receiver of a broadcast had it"},
	{Name: FanoutSpread, Unit: Seconds, Labels: ofFanouts, Needs: NeedsBroadcast, About: "from the first receiver of a broadcast to the last"},
	{Name: Ack, Unit: Seconds, Labels: ofSenders, Needs: NeedsAck, About: "from when a message was due until its acknowledgement"},
	{Name: AckService, Unit: Seconds, Labels: ofSenders, Needs: NeedsAck, About: "from when a message was written until its acknowledgement"},
	{Name: RTT, Unit: Seconds, Labels: ofClients, About: "a round trip of the heartbeat"},
	{Name: Before, Unit: Seconds, Labels: ofClients, Needs: NeedsBefore, Always: true, About: "from when a client was due until the requests before its connection were answered, through all attempts"},
	{Name: Connect, Unit: Seconds, Labels: ofClients, Always: true, About: "from when a client was due until its namespace was connected, through all attempts, without the requests before"},
	{Name: ConnectAttempt, Unit: Seconds, Labels: ofClients, Always: true, About: "one attempt to connect, until the namespace was connected"},
	{Name: ConnectTCP, Unit: Seconds, Labels: ofClients, Always: true, About: "the TCP handshake"},
	{Name: ConnectTLS, Unit: Seconds, Labels: ofClients, Always: true, About: "the TLS handshake"},
	{Name: ConnectResumed, Unit: Seconds, Labels: ofClients, Always: true, About: "a TLS handshake that resumed the session of an earlier connection, also of a client that lost that one"},
	{Name: ConnectQUIC, Unit: Seconds, Labels: ofClients, Always: true, About: "the handshake of QUIC, TLS included"},
	{Name: ConnectOpen, Unit: Seconds, Labels: ofClients, Always: true, About: "the Engine.IO handshake"},
	{Name: ConnectNamespace, Unit: Seconds, Labels: ofClients, Always: true, About: "until the namespace was connected"},
	{Name: ConnectUpgrade, Unit: Seconds, Labels: ofClients, Always: true, About: "the upgrade from polling to websocket or WebTransport"},
	{Name: Reconnect, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "from a lost connection until the client was back in its rooms"},
	{Name: ReconnectAttempt, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "one attempt to connect again, until the namespace was connected"},
	{Name: ReconnectTCP, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "the TCP handshake of a client that came back"},
	{Name: ReconnectTLS, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "its TLS handshake"},
	{Name: ReconnectQUIC, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "its handshake of QUIC, TLS included"},
	{Name: ReconnectOpen, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "its Engine.IO handshake"},
	{Name: ReconnectNamespace, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "until its namespace was connected"},
	{Name: ReconnectUpgrade, Unit: Seconds, Labels: ofClients, Needs: NeedsReconnect, Always: true, About: "its upgrade from polling to websocket or WebTransport"},
	{Name: Channel, Unit: Seconds, Labels: ofClients, Needs: NeedsPeers, Always: true, About: "from when a client heard of a peer until the data channel to it was open: the four stages that follow"},
	{Name: ChannelSignalling, Unit: Seconds, Labels: ofClients, Needs: NeedsPeers, Always: true, About: "until offer and answer had gone through the server"},
	{Name: ChannelICE, Unit: Seconds, Labels: ofClients, Needs: NeedsPeers, Always: true, About: "until a pair of addresses was found that works"},
	{Name: ChannelDTLS, Unit: Seconds, Labels: ofClients, Needs: NeedsPeers, Always: true, About: "the DTLS handshake"},
	{Name: ChannelOpen, Unit: Seconds, Labels: ofClients, Needs: NeedsPeers, Always: true, About: "until the SCTP association and its channel were open"},
	{Name: Gap, Unit: Seconds, Labels: ofArrivals, Needs: NeedsPeriodic, About: "by how much the time between two messages of one source differs from its period"},
	{Name: Jitter, Unit: Seconds, Labels: ofArrivals, Needs: NeedsPeriodic, About: "by how much two successive gaps between messages of one source differ (after RFC 3550, 6.4.1)"},
	{Name: EventFirst, Unit: Seconds, Labels: ofClients, Needs: NeedsEvents, About: "from when a stream of server-sent events was asked for until its first event"},
	{Name: EventGap, Unit: Seconds, Labels: ofClients, Needs: NeedsEvents, About: "the time between two events of a stream"},
	{Name: EventJitter, Unit: Seconds, Labels: ofClients, Needs: NeedsEvents, About: "by how much two successive gaps between events of a stream differ"},
	{Name: Step, Unit: Seconds, Labels: ofSteps, Needs: NeedsSteps, About: "one step of a flow, or of the requests before a connection"},
	{Name: Flow, Unit: Seconds, Labels: ofClients, Needs: NeedsFlow, About: "all steps of a flow, once through"},
	{Name: Lag, Unit: Seconds, Labels: ofStreams, About: "how late the generator itself sent, or found that it could not"},
	{Name: LagReceive, Unit: Seconds, Labels: ofClients, About: "how long messages waited in the sockets until the generator read them"},

	{Name: CPU, Kind: Sampled, Unit: Share, About: "the generator's share of the cores that it may use"},
	{Name: RSS, Kind: Sampled, Unit: Bytes, About: "the generator's memory"},
	{Name: Goroutines, Kind: Sampled, Unit: Count, About: "the generator's goroutines"},
	{Name: Files, Kind: Sampled, Unit: Count, About: "the generator's open files, connections among them"},
	{Name: ServerCPU, Kind: Sampled, Unit: Share, Needs: NeedsSample, About: "the server's share of the cores that it may use"},
	{Name: ServerRSS, Kind: Sampled, Unit: Bytes, Needs: NeedsSample, About: "the server's memory"},
	{Name: ServerGoroutines, Kind: Sampled, Unit: Count, Needs: NeedsSample, About: "the server's goroutines; of a target, where `sample` offers `go_goroutines`"},
	{Name: ServerFiles, Kind: Sampled, Unit: Count, Needs: NeedsSample, About: "the server's open files, connections among them"},
	{Name: ServerRSSPerClient, Kind: Sampled, Unit: Bytes, Needs: NeedsSample, About: "the server's memory per client, above its memory before the first client"},

	{Name: Rate, Kind: Derived, Unit: PerSecond, About: "operations sent, as a share of the operations that were due"},
	{Name: Recovered, Kind: Derived, Unit: Share, Labels: ofGroups, Needs: NeedsRecovery, About: "share of the clients with a lost connection that came back as the same socket"},
}

// Of returns the row of a metric; ok is false when there is none.
func Of(name string) (m Metric, ok bool) {
	i := slices.IndexFunc(Table, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return Table[i], true
}

// Names lists the metrics of some kinds, in order; of all kinds when none is given.
func Names(kinds ...Kind) []string {
	var out []string
	for _, m := range Table {
		if len(kinds) == 0 || slices.Contains(kinds, m.Kind) {
			out = append(out, m.Name)
		}
	}
	return out
}

// Has reports whether samples of the metric carry a label.
func (m *Metric) Has(label string) bool {
	return label == LabelPhase || slices.Contains(m.Labels, label)
}

// Always reports whether a metric counts in phases that are not recorded too.
func Always(name string) bool {
	m, _ := Of(name)
	return m.Always
}

// SlowSuffix is appended to the name of a metric for the samples of slow readers.
const SlowSuffix = ".slow"

// NetSuffix is appended to the name of a metric for its latencies without the generator's own
// lateness. Such series accompany the metric's own and are not metrics themselves.
const NetSuffix = ".net"

// IsNet reports whether a name has the NetSuffix.
func IsNet(name string) bool { return strings.HasSuffix(name, NetSuffix) }

// Sends reports whether the generator's lateness in sending is in the samples of a metric.
func Sends(name string) bool {
	return name == Delivery || name == Ack || name == FanoutFirst || name == FanoutLast || name == Gap || name == Jitter
}

// HasNet reports whether it is known of each sample how late the generator itself was: how late it
// sent, or how late it began to connect and read the answers. The metric has a series with
// NetSuffix then.
func HasNet(name string) bool {
	return name == Delivery || name == Ack || name == Connect || name == ConnectAttempt
}

// OfGenerator reports whether a metric is of latencies of the generator, not of the target.
func OfGenerator(name string) bool { return name == Lag || name == LagReceive }

// OfStep is the name under which a result keeps the latency of one step of flows.
func OfStep(name string) string { return Step + "." + name }

// Order compares the names of metrics by the table. Names outside the table, such as step.NAME,
// follow in alphabetical order.
func Order(a, b string) int {
	i, j := place(a), place(b)
	if i != j {
		return i - j
	}
	return strings.Compare(a, b)
}

func place(name string) int {
	i := slices.IndexFunc(Table, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return len(Table)
	}
	return i
}

// OneWay reports whether a metric is of the time from one client to another, which may be on
// machines with different clocks.
func OneWay(name string) bool {
	name = strings.TrimSuffix(name, SlowSuffix)
	return name == Delivery || name == FanoutFirst || name == FanoutLast
}
