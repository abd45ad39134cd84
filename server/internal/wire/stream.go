package wire

import (
	"strconv"
	"unicode/utf16"
)

// Streams names the streams of @socket.io/redis-streams-adapter: its options streamName and
// streamCount.
type Streams struct {
	Name  string
	Count int
}

// All lists the streams. The reference writes namespaces whose hash is negative to streams that it
// never reads; they are in the list as well.
func (s Streams) All() []string {
	if s.Count <= 1 {
		return []string{s.Name}
	}
	var list []string
	for i := 1 - s.Count; i < s.Count; i++ {
		list = append(list, s.Name+"-"+strconv.Itoa(i))
	}
	return list
}

// Of is the stream of a namespace, by the hash of the reference.
func (s Streams) Of(ns string) string {
	if s.Count <= 1 {
		return s.Name
	}
	var hash int32
	for _, unit := range utf16.Encode([]rune(ns)) {
		hash = hash*31 + int32(unit)
	}
	return s.Name + "-" + strconv.Itoa(int(hash)%s.Count)
}
