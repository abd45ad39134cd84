package transport

import (
	"bytes"
	"io"
	"sync"

	"github.com/throng-io/throng/server/internal/budget"
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

// budgetReader reads a body and takes what it holds from a budget.
type budgetReader struct {
	from   io.Reader
	budget *budget.Budget
	held   int
}

// Read implements io.Reader.
func (m *budgetReader) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	if n > 0 {
		if !m.budget.Take(n) {
			return 0, errPartial
		}
		m.held += n
	}
	return n, err
}

// release gives back what has been taken.
func (m *budgetReader) release() {
	m.budget.Give(m.held)
	m.from, m.held = nil, 0
}
