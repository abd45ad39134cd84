package scenario

import (
	"slices"
	"sort"
)

// spans is a set of numbers as ranges: in order, with a gap between each and the next. A server
// that answers none of a client's calls makes one range of their ids.
type spans []span

// A span has the numbers from the first to below the second.
type span struct{ from, to uint64 }

// find is the place of the first range that ends beyond n.
func (s spans) find(n uint64) int {
	return sort.Search(len(s), func(i int) bool { return s[i].to > n })
}

// add puts n into the set.
func (s *spans) add(n uint64) {
	list := *s
	i := list.find(n)
	if i < len(list) && list[i].from <= n {
		return
	}
	after, before := i > 0 && list[i-1].to == n, i < len(list) && list[i].from == n+1
	switch {
	case after && before:
		list[i-1].to = list[i].to
		*s = slices.Delete(list, i, i+1)
	case after:
		list[i-1].to++
	case before:
		list[i].from--
	default:
		*s = slices.Insert(list, i, span{n, n + 1})
	}
}

// take takes n out of the set, and reports whether it was there.
func (s *spans) take(n uint64) bool {
	list := *s
	i := list.find(n)
	if i == len(list) || list[i].from > n {
		return false
	}
	switch x := &list[i]; {
	case x.to-x.from == 1:
		*s = slices.Delete(list, i, i+1)
	case n == x.from:
		x.from++
	case n == x.to-1:
		x.to--
	default:
		rest := span{n + 1, x.to}
		x.to = n
		*s = slices.Insert(list, i+1, rest)
	}
	return true
}
