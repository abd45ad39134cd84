package scenario

import "github.com/throng-io/throng/scenario/internal/judge"

// The orders of a controller.
const (
	orderStop  = iota // the phases are cut short
	orderClose        // all agents have drained: close the ledger
	orderLost         // an agent is gone
	orders
)

// An order is what a controller tells its agents.
type order struct {
	kind   int
	ending int   // of orderStop: a judge.Ending
	at     int64 // of orderClose: the moment that the ledgers are closed at
	agent  int   // of orderLost
}

func (o *order) code(c *coder) {
	c.place(&o.kind)
	c.place(&o.ending)
	c.int(&o.at)
	c.place(&o.agent)
}

// encode returns the bytes of an order.
func (o *order) encode() []byte {
	c := &coder{}
	o.code(c)
	return c.b
}

// readOrder is the order of those bytes.
func readOrder(b []byte) (o order, err error) {
	c := &coder{b: b, reading: true}
	o.code(c)
	if o.kind < 0 || o.kind >= orders || o.ending < 0 || o.ending > int(judge.Aborted) {
		c.fail()
	}
	return o, c.finish()
}
