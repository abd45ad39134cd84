package fanout

import (
	"maps"
	"slices"
	"sync"
)

// Audience selects the receivers of a message. It is a value and costs no allocation while Rooms
// and Except hold a few names each.
type Audience struct {
	Rooms  Set     // members of any of these rooms, each once; empty means everyone
	Except Set     // but no member of one of these
	Skip   *Handle // and not this member, usually the sender; may be nil
}

const (
	// inSet is how many names a Set holds without allocating.
	inSet = 3
	// indexedNames is how many further ones a Set has before it looks them up instead of going
	// through them.
	indexedNames = 16
)

// Set is a set of room names. A member's id is a name too: the room of that member alone. A Set is
// a value; With leaves its receiver as it was, and takes the same time however many names there
// are. It may be used by several goroutines at once.
type Set struct {
	few   [inSet]string
	n     int
	more  []string
	grown *growth // of more; nil while that is empty
}

// growth is shared by a Set and the sets that have grown out of it, one name after the other: all
// of them have their more in one array, each up to its own length. A set that grows out of one that
// is not the longest gets an array of its own.
type growth struct {
	mu    sync.Mutex
	used  int            // the length of the longest more
	place map[string]int // in the array; nil below indexedNames
}

// With returns the set with one name more.
func (s Set) With(name string) Set {
	for i := range s.n {
		if s.few[i] == name {
			return s
		}
	}
	if s.n < inSet {
		s.few[s.n] = name
		s.n++
		return s
	}
	if s.grown == nil {
		s.grown = &growth{}
	}
	s.grown.mu.Lock()
	defer s.grown.mu.Unlock()
	if s.grown.has(s.more, name) {
		return s
	}
	if len(s.more) < s.grown.used { // another set has grown out of this one
		s.grown, s.more = s.grown.upTo(len(s.more)), slices.Clone(s.more)
	}
	s.more = append(s.more, name)
	s.grown.add(s.more)
	return s
}

// has reports whether name is in names; the lock is held.
func (g *growth) has(names []string, name string) bool {
	if g.place == nil {
		return slices.Contains(names, name)
	}
	at, known := g.place[name]
	return known && at < len(names)
}

// upTo returns a copy for the first names alone.
func (g *growth) upTo(length int) *growth {
	c := &growth{used: length, place: maps.Clone(g.place)}
	maps.DeleteFunc(c.place, func(_ string, at int) bool { return at >= length })
	return c
}

// add notes the last of names; the lock is held.
func (g *growth) add(names []string) {
	last := len(names) - 1
	g.used = len(names)
	switch {
	case g.place != nil:
		g.place[names[last]] = last
	case len(names) == indexedNames:
		g.place = make(map[string]int, 2*indexedNames)
		for at, name := range names {
			g.place[name] = at
		}
	}
}

// Len counts the names.
func (s *Set) Len() int { return s.n + len(s.more) }

// Bytes estimates the memory of the names.
func (s *Set) Bytes() (n int) {
	const header = 16 // of a string
	for i := range s.Len() {
		n += header + len(s.At(i))
	}
	return n
}

// At returns name i, from 0 to Len-1.
func (s *Set) At(i int) string {
	if i < s.n {
		return s.few[i]
	}
	return s.more[i-s.n]
}
