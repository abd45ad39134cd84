package ledger

import "slices"

// A Sum adds up rows of a stream that come from several ledgers, or bit by bit. One goroutine at a
// time.
type Sum struct {
	t      table
	folded int // rows of seconds before it have been added up
}

// Add adds a row.
func (s *Sum) Add(r *Row) { s.t.row(r.key()).Add(r.Ledger) }

// Pack puts the rows out of the way when there are many: those of a day take megabytes.
func (s *Sum) Pack() { s.t.pack() }

// Fold adds up the rows of the seconds before one, as SoFar does for old ones. It is not for a sum
// that is packed.
func (s *Sum) Fold(before int) {
	if before >= s.folded+foldEvery {
		s.folded = before
		s.t.fold(before)
	}
}

// Rows returns all rows, each key once, in the order of CompareRows. The caller owns them.
func (s *Sum) Rows() []Row {
	rows := s.t.unpack()
	slices.SortFunc(rows, CompareRows)
	return rows
}

// Unsorted returns the rows that are not packed. They are valid until the next call.
func (s *Sum) Unsorted() []Row { return s.t.rows }
