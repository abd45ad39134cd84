package fanout

// Handle is a member's place in one hub. Add makes it; it belongs to that hub.
type Handle struct {
	id     string
	member Member
}

// ID returns the id that the member was added with.
func (h *Handle) ID() string { return h.id }

// Member returns the member.
func (h *Handle) Member() Member { return h.member }
