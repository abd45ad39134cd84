package judge

import (
	"fmt"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A neverSent is a rule on operations of which none was sent.
type neverSent struct {
	check   result.Check
	targets bool // the target had not kept the connections: it fails
}

// nothingSent are the rules on operations of which none was sent, if they are broken: those of all
// streams, or else those of one stream. The rules on latencies and losses say nothing of them, and
// achieved(rate) is the file's to leave out. A few operations of one stream may be left out by
// chance.
func (e *Evidence) nothingSent() (out []neverSent) {
	all := e.Messages("")
	if all.Due > 0 && all.Sent == 0 {
		return []neverSent{e.unsentRule("", all.Due, func(int) bool { return true })}
	}
	for i := range e.Streams {
		s := &e.Streams[i]
		own := e.messages("", func(x *Stream) bool { return x == s })
		if own.Due <= undecidedFew || own.Sent > 0 {
			continue
		}
		what := metric.LabelOp + "=" + s.Op
		if s.Event != "" {
			what = metric.LabelEvent + "=" + s.Event
		}
		label := "{" + what + "," + metric.LabelGroup + "=" + s.Group + "}" // others may send that
		out = append(out, e.unsentRule(label, own.Due, func(stream int) bool { return stream == i }))
	}
	return out
}

func (e *Evidence) unsentRule(label string, due int64, of func(stream int) bool) neverSent {
	inTime, alone, own := e.operationsTooLate("") == 0, false, false
	for i := range e.Errors {
		r := &e.Errors[i]
		own = own || r.Class.Own()
		alone = alone || r.Class == metric.Error(metric.ErrSend, metric.HowPeer) && e.Recorded(r.Phase) && of(r.Stream)
	}
	why := e.unsent()
	switch {
	case alone:
		why = "no other client was there to send them to"
	case own || !inTime:
		why = "the generator came too late to them, or had no port or file left"
	case len(e.Faults) > 0:
		why = "no recorded phase is long enough for what its fault breaks"
	}
	return neverSent{
		result.Check{
			Text: "operations sent" + label + " > 0", Op: ">", Kind: result.KindValid,
			Note: fmt.Sprintf("%s were due, and nothing was measured: %s", metric.FormatCount(due), why),
		},
		inTime && !alone && !own && len(e.Faults) == 0,
	}
}
