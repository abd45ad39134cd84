package file

import "fmt"

// checkMessage holds the size and the data of a stream's messages against
// what measuring them takes.
func (d *decoder) checkMessage(n *node, s *Stream) {
	counted := s.Expect != "none" || s.Op == OpEcho || s.ExpectsBack() // the answer to an echo has the stamp too
	size, data := n.get("size"), n.get("data")
	if counted && size != nil && s.Size > 0 && s.Size < MinSize {
		if v, ok := d.scalar(size, "size"); ok {
			d.bad(v, &flaw{fmt.Sprintf("size %dB is too small for the stamp that measures the message", s.Size), fmt.Sprintf("write at least %dB, or expect: none", MinSize)})
		}
	}
	if data == nil {
		return
	}
	if size != nil && !s.Data.Has(HolePayload) {
		d.errs.add(size.at, "data defines the whole message, so size has no effect", "remove size, or write \"${payload}\" where so many bytes belong")
	}
	if counted && data.kind != dict && !s.Data.Has(HolePayload) {
		d.errs.add(data.at, "data is "+data.describe()+": there is no place for the stamp that measures the message", "write a mapping, put \"${payload}\" into it, or write expect: none")
	}
}
