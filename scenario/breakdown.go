package scenario

import (
	"strconv"

	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// parts fills in the accounts of kinds of receivers, of volatile messages, and of rooms by size.
func (f *findings) parts() {
	byClass, byDecile := make([]result.Ledger, len(f.e.Classes)), make([]result.Ledger, record.Deciles)
	f.e.EachRow(func(x *record.Series, r *ledger.Row) {
		switch {
		case !f.e.Recorded(r.Phase):
			return
		case x.Volatile && !x.Slow:
			add(&f.cell.Volatile, r.Deliveries())
		case x.Slow:
			add(&f.cell.Slow, r.Deliveries())
		default:
			byDecile[r.Decile].Add(r.Deliveries())
		}
		if r.Class != ledger.Everybody && !x.Volatile {
			byClass[r.Class].Add(r.Ledger)
		}
	})
	f.receivers(byClass)
	f.rooms(byDecile)
	f.operations()
}

// operations fills in the account of each operation, where there are several.
func (f *findings) operations() {
	type key struct {
		op, event string
		volatile  bool
	}
	var list []result.ByOperation
	at := map[key]int{}
	for i := range f.e.Streams {
		s := &f.e.Streams[i]
		if k := (key{s.Op, s.Event, s.Volatile}); at[k] == 0 {
			list = append(list, result.ByOperation{Op: s.Op, Event: s.Event, Volatile: s.Volatile})
			at[k] = len(list)
		}
	}
	if len(list) < 2 {
		return
	}
	f.e.EachRow(func(x *record.Series, r *ledger.Row) {
		if f.e.Recorded(r.Phase) && !x.Slow {
			list[at[key{x.Op, x.Event, x.Volatile}]-1].Ledger.Add(r.Deliveries())
		}
	})
	unexpected := metric.Error(metric.ErrDelivery, metric.HowUnexpected)
	for i := range f.e.Errors {
		if r := &f.e.Errors[i]; r.Class == unexpected && r.Stream >= 0 {
			s := &f.e.Streams[r.Stream]
			list[at[key{s.Op, s.Event, s.Volatile}]-1].Unexpected += r.N
		}
	}
	for i := range list {
		o := &list[i]
		o.Delivery = f.latency(metric.Delivery, map[string]string{metric.LabelOp: o.Op, metric.LabelEvent: o.Event})
	}
	f.cell.ByOperation = list
}

// add adds to an account that is there only when it has something to say.
func add(to **result.Ledger, l result.Ledger) {
	if *to == nil {
		*to = &result.Ledger{}
	}
	(*to).Add(l)
}

// receivers fills in what each kind of clients received, where there are several.
func (f *findings) receivers(accounts []result.Ledger) {
	kinds, sums := []judge.Class{}, []result.Ledger{} // of all targets together
	for i, c := range f.e.Classes {
		c.Node = 0
		at := indexIn(&kinds, c)
		if at == len(sums) {
			sums = append(sums, result.Ledger{})
		}
		sums[at].Add(accounts[i])
	}
	if len(kinds) < 2 {
		return
	}
	for i, c := range kinds {
		labels := map[string]string{metric.LabelGroup: c.Group, metric.LabelTransport: c.Transport, metric.LabelRead: readLabel(c.Slow)}
		part := result.Receivers{Group: c.Group, Transport: c.Transport, Slow: c.Slow, Ledger: sums[i]}
		part.Delivery = f.latency(metric.Delivery, labels)
		if part.Ledger.Expected > 0 || part.Delivery != nil {
			f.cell.Receivers = append(f.cell.Receivers, part)
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
func (f *findings) rooms(accounts []result.Ledger) {
	tenths := make([]result.Rooms, record.Deciles)
	for _, a := range f.t.kinds.audiences {
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
		labels := map[string]string{metric.LabelRoomDecile: strconv.Itoa(i)}
		r.Delivery, r.Last = f.latency(metric.Delivery, labels), f.latency(metric.FanoutLast, labels)
		f.cell.Rooms = append(f.cell.Rooms, *r)
	}
}
