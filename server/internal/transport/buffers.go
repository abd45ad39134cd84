package transport

import (
	"bytes"
	"sync"
)

// messages are buffers for inbound messages, taken when a message begins and given back when it has
// been handled, so that an idle connection keeps none.
var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keptMessage bounds the buffers that go back to the pool.
const keptMessage = 64 << 10

func newBuffer() *bytes.Buffer { return messages.Get().(*bytes.Buffer) }

// freeBuffer gives a buffer back, if there is one.
func freeBuffer(b **bytes.Buffer) {
	if *b != nil && (*b).Cap() <= keptMessage {
		(*b).Reset()
		messages.Put(*b)
	}
	*b = nil
}
