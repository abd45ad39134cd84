package scenario

import (
	"strconv"

	"github.com/throng-io/throng/scenario/metric"
)

// A series is one metric of one kind of client or message: what the labels of
// checks choose from.
type series struct {
	metric    string
	group     string // of the client that measured: of a delivery the receiver; of a fan-out the sender
	from      string // of the sender, for a delivery
	op, event string // "" for what belongs to no stream
	transport string // of the client that measured; "" where several take part
	decile    int    // of the room, by size; 0: none
	slow      bool   // the client reads slowly
	allSlow   bool   // as does its whole group
	volatile  bool   // the stream is
	hidden    bool   // not a metric of its own: a point of the receiver curve
}

// has reports whether the series carries a label.
func (s *series) has(label, value string) bool {
	switch label {
	case metric.LabelGroup:
		return s.group == value
	case metric.LabelFrom:
		return s.from == value
	case metric.LabelOp:
		return s.op == value
	case metric.LabelEvent:
		return s.event == value
	case metric.LabelTransport:
		return s.transport == value
	case metric.LabelRoomDecile:
		return strconv.Itoa(s.decile) == value
	case metric.LabelRead:
		return s.slow == (value == "slow")
	}
	return false
}

// chosen reports whether labels choose the series. Slow readers are left out unless they are
// asked for: by read=slow, or by the name of a group that has no others.
func (s *series) chosen(labels map[string]string) bool {
	for label, value := range labels {
		if !s.has(label, value) {
			return false
		}
	}
	return !s.slow || labels[metric.LabelRead] == "slow" || s.allSlow && labels[metric.LabelGroup] != ""
}

// counted reports whether labels choose the series where losses are counted. Those of
// volatile messages are no failures, so they count only where the event is named.
func (s *series) counted(labels map[string]string) bool {
	return s.chosen(labels) && (!s.volatile || labels[metric.LabelEvent] != "")
}

// interval is the name of the series in the timeline and the logs.
func (s *series) interval() string {
	if s.slow {
		return s.metric + metric.SlowSuffix
	}
	return s.metric
}

// deciles is the number of places in a table by decile: ten, and one for rooms that are
// all alike.
const deciles = 11
