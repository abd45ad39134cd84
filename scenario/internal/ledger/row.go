package ledger

import (
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

// A table is rows, each once.
type table struct {
	rows []Row
	at   map[rowKey]int
}

type rowKey struct {
	phase, second, class, decile, from int
	replayed                           bool
}

// entry finds or makes the row for a message and a class.
func (t *table) entry(s *Slot, class int, replayed bool) *result.Ledger {
	k := rowKey{int(s.Phase), int(s.Due / int64(time.Second)), class, s.Decile(), s.node(), replayed}
	return t.row(k)
}

func (t *table) row(k rowKey) *result.Ledger {
	i, known := t.at[k]
	if !known {
		if t.at == nil {
			t.at = map[rowKey]int{}
		}
		i = len(t.rows)
		t.at[k] = i
		t.rows = append(t.rows, Row{Phase: k.phase, Second: k.second, Class: k.class, From: k.from, Decile: k.decile, Replayed: k.replayed})
	}
	return &t.rows[i].Ledger
}

// add adds the rows of another table.
func (t *table) add(rows []Row) {
	for i := range rows {
		r := &rows[i]
		t.row(rowKey{r.Phase, r.Second, r.Class, r.Decile, r.From, r.Replayed}).Add(r.Ledger)
	}
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
