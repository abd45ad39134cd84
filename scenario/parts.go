package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// receiving gives a row of a stream's account the labels of what it counts.
func (t *trial) receiving(stream int, r *ledger.Row) record.Series {
	s := t.streams[stream]
	x := record.Series{Metric: metric.Delivery, Op: s.spec.Op, Event: s.spec.Event, Volatile: s.spec.Volatile, Decile: r.Decile}
	if r.Class == ledger.Everybody {
		x.Group = s.group.spec.Name // who sends
		return x
	}
	x.From = s.group.spec.Name
	return t.label(x, r.Class)
}

// account adds up what labels choose.
func (f *findings) account(labels map[string]string, phase string, in seconds) (sum result.Ledger) {
	sc := scope{phase: phase}
	f.each(func(x *record.Series, r *ledger.Row) {
		if x.Counted(labels) && f.t.phaseIn(&sc, r.Phase) && in.has(r.Second) {
			sum.Add(r.Deliveries())
		}
	})
	return sum
}

// everything adds up all phases, recorded or not.
func (f *findings) everything() (sum result.Ledger) {
	f.each(func(x *record.Series, r *ledger.Row) {
		if x.Counted(nil) {
			sum.Add(r.Deliveries())
		}
	})
	return sum
}

// each visits every row with its labels.
func (f *findings) each(visit func(x *record.Series, r *ledger.Row)) {
	for i, rows := range f.rows {
		for j := range rows {
			x := f.t.receiving(i, &rows[j])
			visit(&x, &rows[j])
		}
	}
}

// arrived is how many deliveries came in the recorded phases, to slow readers too.
func (f *findings) arrived() (n int64) {
	f.each(func(_ *record.Series, r *ledger.Row) {
		if f.t.phaseIn(&scope{}, r.Phase) {
			n += r.Received + r.Late
		}
	})
	return n
}

// parts fills in the accounts of kinds of receivers, of volatile messages, and of rooms by size.
func (f *findings) parts(cell *result.Cell) {
	byClass, byDecile := make([]result.Ledger, len(f.t.classes)), make([]result.Ledger, record.Deciles)
	f.each(func(x *record.Series, r *ledger.Row) {
		switch {
		case !f.t.phaseIn(&scope{}, r.Phase):
			return
		case x.Volatile && !x.Slow:
			add(&cell.Volatile, r.Deliveries())
		case x.Slow:
			add(&cell.Slow, r.Deliveries())
		default:
			byDecile[r.Decile].Add(r.Deliveries())
		}
		if r.Class != ledger.Everybody && !x.Volatile {
			byClass[r.Class].Add(r.Ledger)
		}
	})
	if len(f.t.classes) > 1 {
		f.receivers(cell, byClass)
	}
	f.rooms(cell, byDecile)
}

// add adds to an account that is there only when it has something to say.
func add(to **result.Ledger, l result.Ledger) {
	if *to == nil {
		*to = &result.Ledger{}
	}
	(*to).Add(l)
}

// receivers fills in what each kind of clients received.
func (f *findings) receivers(cell *result.Cell, accounts []result.Ledger) {
	for i, c := range f.t.classes {
		x := f.t.label(record.Series{}, i)
		labels := map[string]string{"group": x.Group, "transport": x.Transport, "read": readLabel(c.slow)}
		part := result.Receivers{Group: x.Group, Transport: x.Transport, Slow: c.slow, Ledger: accounts[i]}
		if h := f.c.total(scope{metric: metric.Delivery, labels: labels}); h != nil {
			part.Delivery = result.FromHistogram(h)
		}
		if part.Ledger.Expected > 0 || part.Delivery != nil {
			cell.Receivers = append(cell.Receivers, part)
		}
	}
}

func readLabel(slow bool) string {
	if slow {
		return "slow"
	}
	return "normal"
}

// rooms fills in the rooms by size, where they differ.
func (f *findings) rooms(cell *result.Cell, accounts []result.Ledger) {
	tenths := make([]result.Rooms, record.Deciles)
	for _, a := range f.t.audiences {
		if a.Decile == 0 {
			continue
		}
		r := &tenths[a.Decile]
		if r.Rooms == 0 || a.Planned < r.MembersMin {
			r.MembersMin = a.Planned
		}
		r.MembersMax = max(r.MembersMax, a.Planned)
		r.Members += (a.Planned - r.Members) / float64(r.Rooms+1)
		r.Rooms++
	}
	for i := 1; i < record.Deciles; i++ {
		r := &tenths[i]
		if r.Rooms == 0 {
			continue
		}
		r.Decile, r.Ledger = i, accounts[i]
		labels := map[string]string{"room_decile": strconv.Itoa(i)}
		if h := f.c.total(scope{metric: metric.Delivery, labels: labels}); h != nil {
			r.Delivery = result.FromHistogram(h)
		}
		if h := f.c.total(scope{metric: metric.FanoutLast, labels: labels}); h != nil {
			r.Last = result.FromHistogram(h)
		}
		cell.Rooms = append(cell.Rooms, *r)
	}
}

// slowReasons lists why the connections of slow readers ended.
func slowReasons(cell *result.Cell) string {
	var out []string
	for class, n := range cell.Errors {
		if c := metric.ParseErrorClass(class); c.Slow && c.Kind == metric.ErrDrop {
			out = append(out, fmt.Sprintf("%s %d", c.How, n))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
