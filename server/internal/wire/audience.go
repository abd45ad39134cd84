package wire

import "slices"

// Meant reports whether a socket with an id and rooms belongs to the audience.
func (to *Audience) Meant(id string, rooms []string) bool {
	in := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return name == id || slices.Contains(rooms, name) })
	}
	return (len(to.Rooms) == 0 || in(to.Rooms)) && !in(to.Except)
}

// Names reports whether the audience depends on a room.
func (to *Audience) Names(room string) bool {
	return slices.Contains(to.Rooms, room) || slices.Contains(to.Except, room)
}
