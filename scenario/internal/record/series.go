package record

import (
	"strconv"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
)

// A Series is one metric of one kind of client or message. The labels of checks select series.
type Series struct {
	Metric string
	// of the client that measured: of a delivery the receiver; of a fan-out the sender
	Group     string
	From      string // of the sender, for a delivery
	Op, Event string // "" outside streams
	Transport string // of the client that measured; "" where several take part
	Decile    int    // of the room, by size; 0: none
	Slow      bool   // the client reads slowly
	AllSlow   bool   // as does its whole group
	Volatile  bool   // the stream is
	Replayed  bool   // the receiver had been away since the message was sent, and was recovered
	// 1 and the place of the target, among several, of the client that measured; 0: there is one
	Node   int
	Cross  string // with several targets, of a delivery: whether the sender was connected to another one, "true" or "false"
	Hidden bool   // not a metric of its own: a point of the receiver curve
}

// Has reports whether the series carries a label.
func (s *Series) Has(label, value string) bool {
	switch label {
	case metric.LabelGroup:
		return s.Group == value
	case metric.LabelFrom:
		return s.From == value
	case metric.LabelOp:
		return s.Op == value
	case metric.LabelEvent:
		return s.Event == value
	case metric.LabelTransport:
		return s.Transport == value
	case metric.LabelRoomDecile:
		return strconv.Itoa(s.Decile) == value
	case metric.LabelRead:
		return s.Slow == (value == "slow")
	case metric.LabelReplayed:
		return strconv.FormatBool(s.Replayed) == value
	case metric.LabelNode:
		return s.Node > 0 && strconv.Itoa(s.Node-1) == value
	case metric.LabelCross:
		return s.Cross == value
	}
	return false
}

// Chosen reports whether labels choose the series. Slow readers are left out unless they are
// asked for: by read=slow, or by the name of a group that has no others. So are the broadcasts of
// volatile messages, which need not reach everybody, unless their messages are named.
func (s *Series) Chosen(labels map[string]string) bool {
	for label, value := range labels {
		if !s.Has(label, value) {
			return false
		}
	}
	if s.Volatile && fanout[s.Metric] && !file.NamesMessages(labels) {
		return false
	}
	return !s.Slow || labels[metric.LabelRead] == "slow" || s.AllSlow && labels[metric.LabelGroup] != ""
}

// fanout are the metrics that say when a message was at all of its receivers.
var fanout = map[string]bool{metric.FanoutFirst: true, metric.FanoutLast: true, metric.FanoutSpread: true}

// Counted reports whether labels select the series where losses are counted. Losing a volatile
// message is not a failure, so those losses count only where the messages are named.
func (s *Series) Counted(labels map[string]string) bool {
	return s.Chosen(labels) && (!s.Volatile || file.NamesMessages(labels))
}

// Interval is the name of the series in the timeline and the logs.
func (s *Series) Interval() string {
	if s.Slow {
		return s.Metric + metric.SlowSuffix
	}
	return s.Metric
}

// Deciles is the number of places in a table by decile: ten, and one for rooms that are
// all alike.
const Deciles = 11
