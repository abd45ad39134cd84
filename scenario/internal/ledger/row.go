package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// A Row is the account of the messages due in one second of one phase, for one class of receivers:
// Sent counts the messages for any of them. All messages are counted in a row of their own, of
// class Everybody, since one may be for receivers of several classes.
//
// In a fleet each agent has the rows of its own receivers, in which Sent counts the messages of its
// own clients: for receivers wherever they are. So rows of equal keys add up to those of one
// process.
type Row struct {
	Phase, Second int
	Class         int
	From          int  // the sender's Node
	Decile        int  // of the room
	Replayed      bool // deliveries owed to recovered receivers after their absence
	// Cut marks lost deliveries that the end of a connection explains: of a message that reached
	// nobody and whose sender's connection ended before the server was heard again, or to a
	// receiver whose membership ended while the message was on its way.
	Cut bool
	result.Ledger
}

// Everybody is the class of the rows that count messages.
const Everybody = -1

// Decile is the size decile of the message's room; 0: none.
func (s *Slot) Decile() int {
	if s.Audience == nil {
		return 0
	}
	return s.Audience.Decile
}

// node is the sender's; 0 of a message that has no sender yet.
func (s *Slot) node() int {
	if s.From == nil {
		return 0
	}
	return s.From.Node
}

// A table is rows, each once but for those that are packed.
type table struct {
	rows   []Row
	at     map[rowKey]int
	packed packed
}

type rowKey struct {
	phase, second, class, decile, from int
	replayed, cut                      bool
}

func (r *Row) key() rowKey {
	return rowKey{r.Phase, r.Second, r.Class, r.Decile, r.From, r.Replayed, r.Cut}
}

func (k *rowKey) empty() Row {
	return Row{Phase: k.phase, Second: k.second, Class: k.class, From: k.from, Decile: k.decile, Replayed: k.replayed, Cut: k.cut}
}

func keyOf(s *Slot, class int, replayed bool) rowKey {
	return rowKey{phase: int(s.Phase), second: int(s.Due / int64(time.Second)), class: class, decile: s.Decile(), from: s.node(), replayed: replayed}
}

// entry finds or makes the row for a message and a class.
func (t *table) entry(s *Slot, class int, replayed bool) *result.Ledger {
	return t.row(keyOf(s, class, replayed))
}

func (t *table) row(k rowKey) *result.Ledger {
	i, known := t.at[k]
	if !known {
		if t.at == nil {
			t.at = map[rowKey]int{}
		}
		i = len(t.rows)
		t.at[k] = i
		t.rows = append(t.rows, k.empty())
	}
	return &t.rows[i].Ledger
}

// add adds the rows of another table.
func (t *table) add(rows []Row) {
	for i := range rows {
		r := &rows[i]
		t.row(r.key()).Add(r.Ledger)
	}
}

// most is how many rows a table has before it packs them.
const most = 1024

// pack puts the rows out of the way when there are many: hardly a message is closed that counts in
// an old one, and unpack adds up those that are there twice after that.
func (t *table) pack() {
	if len(t.rows) <= most {
		return
	}
	for i := range t.rows {
		t.packed.add(&t.rows[i])
	}
	t.rows = t.rows[:0]
	clear(t.at)
}

// unpack returns all rows, each key once.
func (t *table) unpack() []Row {
	var once table
	t.packed.each(func(r *Row) { once.row(r.key()).Add(r.Ledger) })
	once.add(t.rows)
	return once.rows
}

// merged returns the rows, each key once, in order of the time when the messages were due. Rows of
// one second stay as they are.
func (t *table) merged() []Row {
	rows := t.unpack()
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.Phase, b.Phase))
	})
	return rows
}

// fold adds up the rows of the seconds before one, in each phase, where all deliveries came once,
// in time and in order. Such a sum has the second of its first row.
func (t *table) fold(before int) {
	sums := map[rowKey]int{}
	rest := t.rows[:0]
	t.at = map[rowKey]int{}
	for i := range t.rows {
		r := t.rows[i]
		if r.Second < before && r.Lost+r.Late+r.Duplicate+r.Disorder == 0 {
			k := r.key()
			k.second = 0
			if to, known := sums[k]; known {
				rest[to].Add(r.Ledger)
				continue
			}
			sums[k] = len(rest)
		}
		if r.Second >= before {
			t.at[r.key()] = len(rest)
		}
		rest = append(rest, r)
	}
	t.rows = rest
}

// CompareRows orders rows by the time when their messages were due, and then by what they are of.
func CompareRows(a, b Row) int {
	order := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Class, b.Class), cmp.Compare(a.From, b.From),
		cmp.Compare(a.Decile, b.Decile), order(a.Replayed, b.Replayed), order(a.Cut, b.Cut))
}

// Deliveries returns the row without its messages, except for the row of Everybody, which counts
// them.
func (r *Row) Deliveries() result.Ledger {
	l := r.Ledger
	if r.Class != Everybody {
		l.Sent = 0
	}
	l.Due = l.Sent + l.Held + l.Dropped
	return l
}
