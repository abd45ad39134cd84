package judge

import (
	"strconv"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// EachRow visits every row of the ledger with its labels.
func (e *Evidence) EachRow(visit func(x *record.Series, r *ledger.Row)) {
	for i := range e.Ledger {
		e.rowsOf(i, visit)
	}
}

// rowsOf visits the rows of a stream.
func (e *Evidence) rowsOf(stream int, visit func(x *record.Series, r *ledger.Row)) {
	s, rows := &e.Streams[stream], e.Ledger[stream]
	for j := range rows {
		r := &rows[j]
		x := record.Series{Metric: metric.Delivery, Op: s.Op, Event: s.Event, Volatile: s.Volatile, Decile: r.Decile, Replayed: r.Replayed}
		if r.Class == ledger.Everybody {
			x.Group = s.Group // the sender's
		} else {
			x.From = s.Group
			x = e.Classes[r.Class].Label(x)
			if x.Node > 0 {
				x.Cross = strconv.FormatBool(x.Node-1 != r.From)
			}
		}
		visit(&x, r)
	}
}

// Account sums the rows that labels select in a phase, or in all recorded phases when phase is "".
func (e *Evidence) Account(labels map[string]string, phase string) result.Ledger {
	return e.account(labels, phase, anyTime)
}

func (e *Evidence) account(labels map[string]string, phase string, in stretch) (sum result.Ledger) {
	set := e.phases(Scope{Phase: phase})
	e.EachRow(func(x *record.Series, r *ledger.Row) {
		if set.has(r.Phase) && in.has(r.Second) && x.Counted(labels) {
			sum.Add(r.Deliveries())
		}
	})
	return sum
}

// Everything adds up all phases, recorded or not.
func (e *Evidence) Everything() (sum result.Ledger) {
	e.EachRow(func(x *record.Series, r *ledger.Row) {
		if x.Counted(nil) {
			sum.Add(r.Deliveries())
		}
	})
	return sum
}

// Arrived is how many deliveries came in the recorded phases, to slow readers too.
func (e *Evidence) Arrived() (n int64) {
	e.EachRow(func(_ *record.Series, r *ledger.Row) {
		if e.Recorded(r.Phase) {
			n += r.Received + r.Late
		}
	})
	return n
}
