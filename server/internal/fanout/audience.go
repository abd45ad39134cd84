package fanout

import "slices"

// Audience selects the receivers of a message. It is a value and costs no allocation while Rooms
// and Except hold a few names each.
type Audience struct {
	Rooms  Set     // members of any of these rooms, each once; empty means everyone
	Except Set     // but no member of one of these
	Skip   *Handle // and not this member, usually the sender; may be nil
}

// inSet is how many names a Set holds without allocating.
const inSet = 3

// Set is a small set of room names. A member's id is a name too: the room of that member alone. A
// Set is a value; With leaves its receiver as it was.
type Set struct {
	few  [inSet]string
	n    int
	more []string
}

// With returns the set with one name more.
func (s Set) With(name string) Set {
	for i := range s.n {
		if s.few[i] == name {
			return s
		}
	}
	if slices.Contains(s.more, name) {
		return s
	}
	if s.n < inSet {
		s.few[s.n] = name
		s.n++
		return s
	}
	// Clipped, because two sets may have grown out of the same one.
	s.more = append(slices.Clip(s.more), name)
	return s
}

// Len counts the names.
func (s *Set) Len() int { return s.n + len(s.more) }

// At returns name i, from 0 to Len-1.
func (s *Set) At(i int) string {
	if i < s.n {
		return s.few[i]
	}
	return s.more[i-s.n]
}
